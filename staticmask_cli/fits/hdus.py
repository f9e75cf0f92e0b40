"""Pixels that are read straight from the bytes of a file, without looking at its headers again.

astropy.io.fits, imported when it is first used.

Importing it takes longer than clipping several chips, and a run over exposures as telescopes
deliver them never needs it.

What the headers of HDUs say, whoever read them: astropy, or `PlainHeader`.

The HDUs of a FITS file that has nothing but plain headers, read without astropy.
"""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.cards import BLOCK, PlainHeader, UnusualError
from staticmask_cli.fits.layout import BoundedGzip, Content, Layout, layouts
from staticmask_cli.io.paths import is_remote, modified_at, open_file

__all__ = [
    "Header",
    "PlainHDU",
    "RawPixels",
    "fits",
    "header_float",
    "header_str",
    "is_uncompressed",
    "name_of",
    "plain_hdus",
    "raw_pixels",
    "shape_of",
    "stamp_of",
    "version_of",
]


class _Late:
    """A module that is imported when one of its names is first asked for."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        return getattr(import_module(self._name), name)


if TYPE_CHECKING:
    from astropy.io import fits
else:
    fits = _Late("astropy.io.fits")


Header: TypeAlias = "fits.Header | PlainHeader"

_LARGEST_VERSION = 2**31 - 1  # what a column of 4 bytes holds


def shape_of(hdu: Any) -> tuple[int, ...]:  # noqa: ANN401 - any image HDU
    """Shape of an image, also of one that is a single constant; nothing is read."""
    header, shape = hdu.header, getattr(hdu, "shape", ())  # a table has none
    if not shape and "PIXVALUE" in header:
        return (int(header.get("NPIX2", 0)), int(header.get("NPIX1", 0)))
    return tuple(shape)


def name_of(hdu: Any) -> str:  # noqa: ANN401 - any HDU
    """EXTNAME, in upper case."""
    return str(hdu.header.get("EXTNAME", "")).strip().upper()


def version_of(hdu: Any) -> int:  # noqa: ANN401 - any HDU
    """EXTVER, or 1; a ValueError says what is wrong with it."""
    version = hdu.header.get("EXTVER", 1)
    if isinstance(version, str | bool) or not abs(version) <= _LARGEST_VERSION:
        msg = f"EXTVER = {version!s:.40}: expected a whole number"
        raise ValueError(msg)
    return int(version)


def header_str(header: Header, key: str) -> str:
    """Value of a keyword as text without blanks around it; empty if there is none."""
    value = header.get(key, "")
    return str(value).strip() if isinstance(value, str | int) else ""


def header_float(header: Header, primary: Header, key: str) -> float:
    """Value of a numeric keyword, in the extension or else in the primary header; NaN if none."""
    for place in (header, primary):
        value = place.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return math.nan


_SPECIAL = ("ZIMAGE", "GROUPS")  # images in tables, and groups, which astropy knows
# What astropy looks at when it opens a file: it may refuse one with nonsense there.
_LOOKED_AT = (
    "EXTEND", "EXTNAME", "EXTVER", "EXTLEVEL", "BSCALE", "BZERO", "BLANK", "CHECKSUM", "DATASUM",
)
_LARGEST_HEADERS = 1 << 24  # bytes of all of them; those of HST and JWST have less than 1 MiB


@dataclass(frozen=True, slots=True)
class PlainHDU:
    """An HDU, with the attributes that one of astropy has.

    Attributes
    ----------
    header : PlainHeader
    shape : tuple of int
        ``(ny, nx)``, or whatever the header says; empty without an image, and for a table.
    start : int or None
        First byte of the data in the file; None where that is compressed.
    """

    header: PlainHeader
    shape: tuple[int, ...]
    start: int | None

    @property
    def size(self) -> int:
        """Bytes of its pixels."""
        width = abs(cast("int", self.header["BITPIX"])) // 8
        return width * math.prod(self.shape) if self.shape else 0


def plain_hdus(stream: Content, size: int) -> list[PlainHDU] | None:
    """Read the headers of a FITS file, and hold them against it, as `layouts` does.

    Parameters
    ----------
    stream : file object
        As `bounded` returns it; it is left at the start.
    size : int
        Bytes of the file as it is on disk.

    Returns
    -------
    list of PlainHDU, or None
        None if anything in a header is left to astropy.

    Raises
    ------
    LayoutError
        If something does not add up.
    """
    compressed = isinstance(stream, BoundedGzip)
    walk = layouts(stream, size)
    try:
        return [
            _hdu(PlainHeader(layout.header), None if compressed else layout.start)
            for layout in _readable(walk)
        ]
    except UnusualError:
        for _ in walk:  # to its end, as all claims are to be checked
            pass
        return None


def _readable(walk: Iterable[Layout]) -> Iterator[Layout]:
    """Yield layouts as long as each is that of an HDU, with its padding, and memory holds them."""
    room = _LARGEST_HEADERS
    for layout in walk:
        room -= len(layout.header)
        if room <= 0 or not layout.header or len(layout.header) % BLOCK:
            msg = "headers that are cut or too large, or something that is no HDU"
            raise UnusualError(msg)
        yield layout


def _hdu(header: PlainHeader, start: int | None) -> PlainHDU:
    kind = header.get("XTENSION", "IMAGE")
    if kind not in ("IMAGE", "BINTABLE") or any(header.get(key, False) for key in _SPECIAL):
        msg = f"an extension of the kind {kind}"
        raise UnusualError(msg)
    for key in _LOOKED_AT:
        header.get(key)  # which raises where it is unusual
    if kind == "IMAGE":
        naxis = cast("int", header["NAXIS"])
        axes = (cast("int", header[f"NAXIS{n}"]) for n in range(naxis, 0, -1))
        return PlainHDU(header, tuple(axes), start)
    if str(header.get("EXTNAME", "")).strip().upper() in ("SCI", "DQ"):
        msg = "a table where an image should be"
        raise UnusualError(msg)
    return PlainHDU(header, (), None)


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

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels, in the byte order of the machine."""
        return np.dtype(_DTYPES[self.bitpix])

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    def read(self, path: str, out: npt.NDArray[Any] | None = None) -> npt.NDArray[Any]:
        """Read the pixels, in the dtype of FITS and the byte order of the machine.

        Parameters
        ----------
        path : str
            The file.
        out : numpy.ndarray, optional
            Array of `size` pixels of `dtype` that takes them; a new one if None.

        Raises
        ------
        InputError
            If the file ends before the last of them.
        """
        pixels = np.empty(self.size, dtype=self.dtype) if out is None else out
        # What is far away is asked for once.
        step = self.size if is_remote(path) else min(_PIECE, self.size)
        raw = np.empty(step * self.dtype.itemsize, dtype=np.uint8)
        with open_file(path) as stream:
            stream.seek(self.offset)
            for start in range(0, self.size, step):
                some = pixels[start : start + step]
                piece = raw[: some.nbytes]
                if stream.readinto(piece.data) != piece.size:
                    msg = f"{path}: is cut: it became shorter while it was read"
                    raise InputError(msg)
                np.copyto(some, piece.view(self.dtype.newbyteorder(">")))
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
