"""Reading FITS files of strangers: opened read-only, and every fault one kind of error."""

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from staticmask_cli.errors import ExposureError, InputError, StaticMaskError

__all__ = [
    "astropy_silenced",
    "check_extent",
    "name_of",
    "number_of",
    "opened",
    "pixels_of",
    "shape_of",
    "text_of",
    "version_of",
]

# What astropy raises on headers and files that are not what they claim to be.
_UNREADABLE = (
    OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError,
    OverflowError, MemoryError, fits.VerifyError,
)


@contextmanager
def astropy_silenced() -> Iterator[None]:
    """Keep astropy's warnings from the user.

    Cards that break the standard are common and harmless here, and a cut file is
    found by other means.  Filters are global to the process, so this belongs
    around a whole run, not into its threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


@contextmanager
def opened(path: str) -> Iterator[fits.HDUList]:
    """Open a FITS file for reading.

    Raises
    ------
    InputError
        If it is missing, no regular file, or not readable as FITS, also where
        that shows only inside the block.
    ExposureError
        If it is a GEIS file.
    """
    if not os.path.isfile(path):  # noqa: PTH113 - a named pipe would block for ever
        found = "something that is not a file" if os.path.lexists(path) else "nothing"
        msg = f"{path}: expected a FITS file, found {found}"
        raise InputError(msg)
    try:
        _refuse_geis(path)
        with fits.open(path, mode="readonly", memmap=False, lazy_load_hdus=True) as hdus:
            yield hdus
    except StaticMaskError:
        raise
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        msg = f"{path}: cannot be read as FITS: {reason}"
        raise InputError(msg) from error


def check_extent(hdu: Any, path: str) -> None:  # noqa: ANN401 - any HDU
    """Refuse a header that claims more bytes than the file has.

    Raises
    ------
    InputError
        With the number of bytes that are claimed and that are there.
    """
    if isinstance(hdu, fits.CompImageHDU):
        return
    with open(path, "rb") as stream:  # noqa: PTH123
        if stream.read(6) != b"SIMPLE":  # compressed as a whole: its length says nothing
            return
        size = stream.seek(0, os.SEEK_END)
    end = hdu.fileinfo()["datLoc"] + hdu.size
    if end > size:
        name = name_of(hdu) or "PRIMARY"
        msg = f"{path}: is cut: {name} should end at byte {end}, the file ends at {size}"
        raise InputError(msg)


def shape_of(hdu: Any) -> tuple[int, ...]:  # noqa: ANN401 - any image HDU
    """Shape of an image, also of one that is a single constant; nothing is read."""
    header = hdu.header
    if not hdu.shape and "PIXVALUE" in header:
        return (int(header.get("NPIX2", 0)), int(header.get("NPIX1", 0)))
    return tuple(hdu.shape)


def pixels_of(hdu: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - any image HDU
    """Read the pixels of an image, in the dtype and byte order of the file.

    An extension without data but with NPIX1, NPIX2 and PIXVALUE (HST's way of
    storing a constant) is a read-only view of that one value.
    """
    data = hdu.data
    if data is not None:
        return np.asarray(data)
    return np.broadcast_to(np.asarray(hdu.header.get("PIXVALUE", 0)), shape_of(hdu))


def name_of(hdu: Any) -> str:  # noqa: ANN401 - any HDU
    """EXTNAME, in upper case."""
    return str(hdu.header.get("EXTNAME", "")).strip().upper()


def version_of(hdu: Any) -> int:  # noqa: ANN401 - any HDU
    """EXTVER, or 1."""
    return int(hdu.header.get("EXTVER", 1))


def text_of(header: fits.Header, key: str) -> str:
    """Value of a keyword as text without blanks around it; empty if there is none."""
    value = header.get(key, "")
    return str(value).strip() if isinstance(value, str | int) else ""


def number_of(header: fits.Header, primary: fits.Header, key: str) -> float:
    """Value of a numeric keyword, in the extension or else in the primary header; NaN if none."""
    for place in (header, primary):
        value = place.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return math.nan


def _refuse_geis(path: str) -> None:
    """Say what to do with the header part of a GEIS image, which looks a little like FITS."""
    with open(path, "rb") as stream:  # noqa: PTH123
        start = stream.read(30)
    if start.startswith(b"SIMPLE") and start.replace(b" ", b"")[:8] == b"SIMPLE=F":
        msg = f"{path}: is a GEIS image; convert it to FITS with readgeis of stsci.tools"
        raise ExposureError(msg)
