"""What is accepted as the file of a mask, and the errors about one that is not."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import (
    ExposureError,
    FaultError,
    InputError,
    Lines,
    StaticMaskError,
    is_of_system,
)
from staticmask_cli.fits.open import as_input_error, read_hdus

__all__ = ["bad_pixels_of", "each_read", "expected_mask", "is_mask"]

Result = TypeVar("Result")


def each_read(
    paths: Iterable[str], read: Callable[[str], Result]
) -> Iterator[tuple[str, Result]]:
    """Yield each path of a mask with what `read` returns for it.

    Raises
    ------
    InputError
        At the end, if `read` raised an error for any of the files.  The message names all of them.
    """
    problems = []
    for path in paths:
        try:
            result = read(path)
        except StaticMaskError as error:
            problems.append(error)
        else:
            yield path, result
    if problems:
        raise InputError(Lines.of(problems))


@contextmanager
def expected_mask(path: str) -> Iterator[None]:
    """Raise whatever is wrong with a mask file as an InputError that says what was expected."""
    try:
        with as_input_error(path):
            yield
    except InputError as error:
        msg = f"{error}; expected a mask that staticmask wrote"
        raise InputError(msg) from error


def is_mask(path: str, shape: tuple[int, int]) -> bool:
    """Whether a file is a static mask of this shape, ours or drizzlepac's: int16 in the primary."""
    try:
        with as_input_error(path):
            primary = read_hdus(path)[0]
            return primary.header["BITPIX"] == 16 and primary.shape == shape  # noqa: PLR2004
    except (InputError, ExposureError) as error:
        if is_of_system(error):
            raise
        return False


def bad_pixels_of(good: Any) -> npt.NDArray[np.bool_]:  # noqa: ANN401 - an array, or None
    """Return the bad pixels of a primary image, which must hold int16 0 and 1."""
    if good is None or good.ndim != 2 or good.dtype.kind != "i" or not good.size or (  # noqa: PLR2004
            good.min() < 0 or good.max() > 1):
        msg = "is not a static mask: its first image is not one of the int16 numbers 0 and 1"
        raise FaultError(msg)
    bad: npt.NDArray[np.bool_] = good == 0
    return bad
