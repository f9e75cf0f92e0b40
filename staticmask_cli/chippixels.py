"""The pixels of a chip and its DQ flags."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy.typing as npt

from staticmask_cli.dqsource import DQSource
from staticmask_cli.errors import ExposureError
from staticmask_cli.exposure import Chip
from staticmask_cli.fits.open import opened, pixels_of
from staticmask_cli.stats.blocks import WORKSPACE

__all__ = ["read_pixels"]


def read_pixels(
    chip: Chip, *, reuse_memory: bool = False
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Read the SCI pixels of a chip, and its DQ flags where `chip` says they are.

    Parameters
    ----------
    chip : Chip
        Of an exposure that `read_exposure` has seen.
    reuse_memory : bool
        Whether both may lie in memory that the next call in the same thread uses again.

    Returns
    -------
    data : numpy.ndarray, shape (ny, nx)
        In the dtype and byte order of the file.
    flags : numpy.ndarray of integer, shape (ny, nx), or None
        None if `chip` has no DQ.

    Raises
    ------
    InputError
        If a file can no longer be read.
    ExposureError
        If DQ is not of the shape of SCI, or not of an integer type.
    """
    sources: dict[str, Chip | DQSource] = {"SCI": chip}
    if chip.dq is not None:
        sources["DQ"] = chip.dq
    arrays = dict(_arrays(sources, reuse_memory=reuse_memory))
    data, flags = arrays["SCI"], arrays.get("DQ")
    if flags is None or chip.dq is None:
        return data, None
    if flags.shape != chip.signature.shape or flags.dtype.kind not in "iu":
        msg = (
            f"{chip.label}: expected integer DQ flags of shape {chip.signature.shape}, "
            f"found {flags.dtype.name} of shape {flags.shape} in {chip.dq.path}"
        )
        raise ExposureError(msg)
    return data, flags


def _arrays(
    sources: Mapping[str, Chip | DQSource], *, reuse_memory: bool
) -> Iterator[tuple[str, npt.NDArray[Any]]]:
    """Read arrays by name: from where they are known to be, else as the headers say now."""
    elsewhere = {}
    for name, source in sources.items():
        if source.raw is not None and source.raw.hold(source.path):
            raw = source.raw
            out = WORKSPACE.take(name, raw.size, raw.dtype.type) if reuse_memory else None
            yield name, raw.read(source.path, out)
        else:
            elsewhere[name] = source
    for path in dict.fromkeys(source.path for source in elsewhere.values()):
        with opened(path, checked=True) as hdus:
            for name, source in elsewhere.items():
                if source.path == path:
                    yield name, pixels_of(hdus[source.extension], path)
