"""The signature: which chips share one mask, and what that mask is called."""

import re
from collections.abc import Mapping
from operator import index
from typing import Any, NamedTuple

from staticmask_cli.errors import ConfigError, ExposureError, described

__all__ = ["Signature", "as_signature", "grid_differences"]

# A header value becomes part of a file name; FITS strings can be far longer than that is wise.
_LONGEST_PART = 64
_LARGEST_NUMBER = 999_999


class Signature(NamedTuple):
    """Chips of equal signature share a detector grid, hence a mask.

    It compares and hashes as the plain tuple ``(detector, shape, number)``
    that the DrizzlePac documentation describes.

    Attributes
    ----------
    detector : str
        Instrument and detector, such as ``ACSWFC``, as the header has them.
    shape : tuple of int
        ``(NAXIS2, NAXIS1)``, that is numpy's ``(ny, nx)``.
    number : int
        Number of the chip, for most instruments the EXTVER of its SCI extension.
    """

    detector: str
    shape: tuple[int, int]
    number: int

    @property
    def filename(self) -> str:
        """Name of the mask, such as ``ACSWFC_2048x4096_1_staticMask.fits``.

        Headers are untrusted: only letters, digits, ``.``, ``+`` and ``-``
        of `detector` reach the name, and it starts with none of the last three.

        Raises
        ------
        ExposureError
            If nothing is left of `detector`, or it or `number` is absurd.
        """
        part = re.sub(r"[^A-Za-z0-9.+-]", "", self.detector).lstrip(".+-")
        if not part or len(part) > _LONGEST_PART:
            msg = (
                f"INSTRUME and DETECTOR make {self.detector[:80]!r}, which cannot name a mask: "
                f"expected 1 to {_LONGEST_PART} letters, digits, '.', '+' or '-'"
            )
            raise ExposureError(msg)
        if not 0 <= self.number <= _LARGEST_NUMBER:
            msg = (
                f"chip number {self.number!s:.20} of {part} cannot name a mask: "
                f"expected 0 to {_LARGEST_NUMBER}"
            )
            raise ExposureError(msg)
        ny, nx = self.shape
        return f"{part}_{ny}x{nx}_{self.number}_staticMask.fits"


def as_signature(value: Any) -> Signature:  # noqa: ANN401 - whatever a user gave
    """Return a `Signature`, or a tuple of the same items, with a tuple as its shape.

    Raises
    ------
    ConfigError
        If it is anything else.
    """
    try:
        detector, (ny, nx), number = value
        return Signature(detector, (index(ny), index(nx)), number)
    except (TypeError, ValueError) as error:
        msg = (f"signature = {described(value)}: expected a name, the shape of a chip and its "
               "number, such as Signature('CAMERA', (1024, 2048), 1)")
        raise ConfigError(msg) from error


def grid_differences(
    grid: Mapping[str, str | float], other: Mapping[str, str | float]
) -> str:
    """Describe how the detector pixels of two chips of equal signature differ.

    Parameters
    ----------
    grid, other : mapping of str to float
        The header keywords of the position on the detector and the binning, such as LTV1.

    Returns
    -------
    str
        Such as ``LTV1 = -100 and not 0``.  It is empty if they are the same pixels, or if nothing
        is known about one of them.

    Examples
    --------
    >>> grid_differences({"LTV1": -100.0, "LTV2": 0.0}, {"LTV1": 0.0, "LTV2": 0.0})
    'LTV1 = -100 and not 0'
    """
    if not grid or not other:
        return ""
    return ", ".join(
        f"{key} = {_text(grid.get(key))} and not {_text(other.get(key))}"
        for key in sorted(grid.keys() | other.keys()) if grid.get(key) != other.get(key)
    )


def _text(value: str | float | None) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)
