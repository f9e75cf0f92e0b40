"""Pixels that are read straight from the bytes of a file, without looking at its headers again."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.io.paths import is_remote, modified_at, open_file
from staticmask_cli.late import fits
from staticmask_cli.plainhdus import PlainHDU
from staticmask_cli.stats.blocks import WORKSPACE

__all__ = ["RawPixels", "is_uncompressed", "raw_pixels", "stamp_of"]


_DTYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}  # by BITPIX
_PIECE = 1 << 18  # pixels, whose bytes are still in the cache when they are put in order


@dataclass(frozen=True, slots=True)
class RawPixels:
    """Where the pixels of an image are in a file, which is neither compressed nor scaled.

    Attributes
    ----------
    offset : int
        Of their first byte.
    shape : tuple of int
        ``(ny, nx)``, or whatever else the header says.
    bitpix : int
        Type of a pixel, as FITS has it.
    stamp : int or None
        When the file had been changed before this was read from it, in nanoseconds; None
        if nobody knows, and the header must be read again.
    """

    offset: int
    shape: tuple[int, ...]
    bitpix: int
    stamp: int | None

    def hold(self, path: str) -> bool:
        """Whether the file is still the one whose header told this."""
        return self.stamp is not None and self.stamp == stamp_of(path)

    def read(self, path: str, into: str | None = None) -> npt.NDArray[Any]:
        """Read the pixels, in the dtype of FITS and the byte order of the machine.

        Parameters
        ----------
        path : str
            The file.
        into : str, optional
            Name of the thread's memory that they may go to; they are valid until it is used
            again.

        Raises
        ------
        InputError
            If the file ends before the last of them.
        """
        dtype = np.dtype(_DTYPES[self.bitpix])
        size = math.prod(self.shape)
        pixels: npt.NDArray[Any] = (
            WORKSPACE.take(into, size, dtype.type) if into else np.empty(size, dtype=dtype)
        )
        step = size if is_remote(path) else _PIECE  # what is far away is asked for once
        with open_file(path) as stream:
            stream.seek(self.offset)
            for start in range(0, size, step):
                some = pixels[start : start + step]
                raw = WORKSPACE.take("raw", some.nbytes, np.uint8)
                if stream.readinto(raw.data) != raw.size:
                    msg = f"{path}: is cut: it became shorter while it was read"
                    raise InputError(msg)
                np.copyto(some, raw.view(dtype.newbyteorder(">")))
        return pixels.reshape(self.shape)


def stamp_of(path: str) -> int | None:
    """When a file was changed; to be asked before its headers are read. None if it is remote."""
    try:
        return None if is_remote(path) else modified_at(path)
    except OSError:
        return None


def raw_pixels(hdu: Any, path: str, stamp: int | None = None) -> RawPixels | None:  # noqa: ANN401
    """Say where the pixels of an image are, if the bytes of the file are the pixels.

    Parameters
    ----------
    hdu : image HDU
        Of a file that is open.
    path : str
        Of that file.
    stamp : int or None
        When that file had been changed before it was opened.
    """
    scaled = any(key in hdu.header for key in ("BSCALE", "BZERO", "BLANK"))
    if scaled or not hdu.size:
        return None
    if isinstance(hdu, PlainHDU):
        start = hdu.start
    elif isinstance(hdu, fits.CompImageHDU) or not is_uncompressed(path):
        return None
    else:
        start = hdu.fileinfo()["datLoc"]
    return None if start is None else RawPixels(start, hdu.shape, hdu.header["BITPIX"], stamp)


def is_uncompressed(path: str) -> bool:
    """Whether a file is FITS as it stands, so that its length means something."""
    with open_file(path) as stream:
        return bool(stream.read(6) == b"SIMPLE")
