"""Reading FITS files of strangers: opened read-only, and every fault one kind of error.

Whether a FITS file is what was written.
"""

import io
import math
import os
import struct
import warnings
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ExposureError, InputError, StaticMaskError
from staticmask_cli.fits.cards import UnusualError
from staticmask_cli.fits.hdus import (
    PlainHDU,
    fits,
    is_uncompressed,
    name_of,
    plain_hdus,
    raw_pixels,
    shape_of,
)
from staticmask_cli.fits.layout import Content, LayoutError, bounded, check_claims, largest_content
from staticmask_cli.io.paths import is_remote, open_file, size_of

__all__ = ["astropy_silenced", "check_extent", "checksums_of", "of_headers", "opened", "pixels_of"]

_FAILED, _ABSENT = 0, 2  # astropy's verdicts about a checksum


def checksums_of(hdus: Any) -> str:  # noqa: ANN401 - an HDUList
    """Judge CHECKSUM and DATASUM of all HDUs: ``right``, ``wrong`` or ``none``.

    To be asked before anything touches their data.
    """
    verdicts = [
        verdict for hdu in hdus for verdict in (_verified(hdu.verify_datasum),
                                                _verified(hdu.verify_checksum))
    ]
    if _FAILED in verdicts:
        return "wrong"
    return "none" if set(verdicts) == {_ABSENT} else "right"


def _verified(verify: Any) -> int:  # noqa: ANN401 - a method of an HDU
    try:
        return int(verify())
    except ValueError:  # the header's DATASUM is no number
        return _FAILED


Result = TypeVar("Result")

# What astropy raises on headers and files that are not what they claim to be.
_UNREADABLE = (
    OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError,
    ArithmeticError, AssertionError, MemoryError, RuntimeError, struct.error, zlib.error,
)


class _OfAstropy(type):
    """Makes a class that stands for astropy's own warnings, which need not be loaded for it."""

    def __subclasscheck__(cls, kind: type) -> bool:
        names = {f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__}
        return "astropy.utils.exceptions.AstropyWarning" in names


class _AstropyWarning(Warning, metaclass=_OfAstropy):
    """Any warning of astropy."""


@contextmanager
def astropy_silenced() -> Iterator[None]:
    """Keep astropy's warnings from the user.

    Cards that break the standard are common and harmless here, and a cut file is
    found by other means.  Filters are global to the process, so this belongs
    around a whole run, not into its threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", _AstropyWarning)
        yield


def of_headers(path: str, look: Callable[[Sequence[Any]], Result]) -> Result:
    """Return what a function finds in the headers of a file; nothing else is read.

    Parameters
    ----------
    path : str
        Of the file.
    look : callable
        Takes the HDUs: `PlainHDU`, or those of astropy where anything that it asks for is
        left to that.  It may be called twice.

    Raises
    ------
    InputError, ExposureError
        As by `opened`; and what `look` raises.
    """
    with _content(path) as (content, size):
        hdus = plain_hdus(content, size)
        if hdus is not None:
            with suppress(UnusualError):
                return look(hdus)
        with _astropys(content) as others:
            return look(others)


@contextmanager
def opened(path: str, *, checked: bool = False) -> Iterator["fits.HDUList"]:
    """Open a FITS file for reading.

    Parameters
    ----------
    path : str
        Of the file.
    checked : bool
        Whether its headers were held against the file before; else they are now.

    Raises
    ------
    InputError
        If it is missing, no regular file, cut, not readable as FITS, or claims
        more than it holds, also where that shows only inside the block.
    ExposureError
        If it is a GEIS file.
    """
    with _content(path) as (content, size):
        if not checked:
            check_claims(content, size)
        with _astropys(content) as hdus:
            yield hdus


@contextmanager
def _content(path: str) -> Iterator[tuple[Content, int]]:
    """Open a file, inflate it if need be; and say what is wrong with it, also inside the block."""
    if not is_remote(path) and not os.path.isfile(path):  # a named pipe would block for ever
        found = "something that is not a file" if os.path.lexists(path) else "nothing"
        msg = f"{path}: expected a FITS file, found {found}"
        raise InputError(msg)
    try:
        # Closed here because astropy leaves it open after an error; never mapped into memory,
        # where a file that becomes shorter would kill the process.
        with open_file(path) as stream:
            _refuse_geis(stream.read(30), path)
            size = stream.seek(0, io.SEEK_END)
            stream.seek(0)
            yield bounded(stream, size), size
    except StaticMaskError:
        raise
    except LayoutError as error:
        verb = "" if str(error).startswith("is cut") else "cannot be read as FITS: "
        msg = f"{path}: {verb}{error}"
        raise InputError(msg) from error
    except _UNREADABLE as error:
        # Only astropy's first sentence: what follows is advice to programmers.
        words = getattr(error, "strerror", None) or str(error).partition(". ")[0]
        reason = words or type(error).__name__
        msg = f"{path}: cannot be read as FITS: {reason}"
        raise InputError(msg) from error


@contextmanager
def _astropys(content: Content) -> Iterator["fits.HDUList"]:
    """Have astropy read the headers; what it raises is among what counts as unreadable."""
    try:
        with (
            fits.open(content, mode="readonly", memmap=False, lazy_load_hdus=True) as hdus,
            np.errstate(over="raise"),  # offsets and scales that are nonsense
        ):
            yield hdus
    except fits.VerifyError as error:
        raise ValueError(*error.args) from error


def check_extent(hdu: Any, path: str) -> None:  # noqa: ANN401 - any HDU
    """Refuse an HDU that, as astropy understands it, claims more bytes than the file has.

    Raises
    ------
    InputError
        With the number of bytes that are claimed and that are there.
    """
    if isinstance(hdu, PlainHDU):
        return  # it is understood as it was checked
    size = size_of(path)
    compressed = isinstance(hdu, fits.CompImageHDU)
    shape = () if not hasattr(hdu, "shape") else hdu.shape
    pixels = math.prod(shape) * abs(hdu.header["BITPIX"]) // 8 if shape else 0
    start = 0 if compressed else hdu.fileinfo()["datLoc"]
    end = start + (pixels if compressed else max(pixels, hdu.size))
    most = size if is_uncompressed(path) and not compressed else largest_content(size)
    if end > most:
        name = name_of(hdu) or "PRIMARY"
        msg = f"{path}: is cut: {name} should end at byte {end}, the file ends at {most}"
        raise InputError(msg)


def pixels_of(hdu: Any, path: str) -> npt.NDArray[Any]:  # noqa: ANN401 - any image HDU
    """Read the pixels of an image, in the dtype and byte order of the file.

    An extension without data but with NPIX1, NPIX2 and PIXVALUE (HST's way of
    storing a constant) is a read-only view of that one value.

    Parameters
    ----------
    hdu : image HDU
        Of a file that is open.
    path : str
        Of that file.
    """
    check_extent(hdu, path)  # before a header's claim becomes the size of an array
    raw = raw_pixels(hdu, path)
    if raw is not None:
        return raw.read(path)
    try:
        data = hdu.data
    except _UNREADABLE:
        raise
    except Exception as error:  # what astropy's C code raises has no public name
        msg = str(error) or type(error).__name__
        raise ValueError(msg) from error
    if data is not None:
        return np.asarray(data)
    value = np.asarray(hdu.header.get("PIXVALUE", 0))
    if value.dtype.kind == "i":  # DQ flags are a bit pattern of this width
        value = value.astype(fits.BITPIX2DTYPE[hdu.header["BITPIX"]])
    return np.broadcast_to(value, shape_of(hdu))


def _refuse_geis(start: bytes, path: str) -> None:
    """Say what to do with the header part of a GEIS image, which looks a little like FITS."""
    if start.startswith(b"SIMPLE") and start.replace(b" ", b"")[:8] == b"SIMPLE=F":
        msg = f"{path}: is a GEIS image; convert it to FITS with readgeis of stsci.tools"
        raise ExposureError(msg)
