"""The HDUs of a FITS file: their headers, and where their pixels are.

Files as telescopes deliver them are read without astropy.  A file with an HDU whose meaning
depends on more than the standard's plain rules is read by astropy whole: random groups, ASCII
tables, cards or bytes that the standard does not allow (and HIERARCH cards), nonsense in
keywords for which astropy may refuse a file, and anything that follows the last HDU.  This second
way is needed because each of these has rules of its own, some of which only astropy's code
defines.  Both ways make HDUs of the same type, `HDU`.
"""

import math
import zlib
from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, cast

from staticmask_cli.errors import FaultError, InputError
from staticmask_cli.fits.header import BLOCK, AnyHeader, Header, UnusualError, Value, fits
from staticmask_cli.fits.inflate import Content, Inflated, largest_content
from staticmask_cli.fits.layout import Layout, layouts
from staticmask_cli.fits.pixels import RawPixels, Stamp
from staticmask_cli.fits.tile_header import image_header

__all__ = ["HDU", "first_plain_hdus", "hdu_of_astropy", "plain_hdus"]

_LARGEST_VERSION = 2**31 - 1  # what a column of 4 bytes holds
_LARGEST_HEADERS = 1 << 24  # bytes of all of a file; those of HST and JWST have less than 1 MiB
_SCALING = ("BSCALE", "BZERO", "BLANK")
_SPECIAL = ("ZIMAGE", "GROUPS")  # images in tables, and random groups
# What astropy evaluates when it opens a file, which it may refuse for nonsense there.
_EVALUATED = (
    "XTENSION", *_SPECIAL, "BITPIX", "NAXIS", "EXTEND", "EXTNAME", "EXTVER", "EXTLEVEL",
    *_SCALING, "CHECKSUM", "DATASUM",
)


class HDU(NamedTuple):
    """An HDU of a FITS file.

    Attributes
    ----------
    header : Header or astropy.io.fits.Header
        The header; that of the image, if an image is compressed in tiles.
    kind : str
        ``IMAGE``, also for the primary HDU; ``BINTABLE`` or ``TABLE``; or ``no image``.
    shape : tuple of int
        The shape of the image, ``(ny, nx)`` for one of two dimensions; empty if the HDU has no
        image, or one that is a single constant.
    raw : RawPixels or None
        Where the pixels are in the file, or in what it inflates to, if they are not scaled.
    fault : str
        Why the data cannot be what the header claims; empty if nothing is wrong with them.
    rows : RawPixels or None
        Where the rows of a binary table are, as bytes of shape (rows, bytes of a row), if the
        headers were read without astropy.
    complete : bool
        Whether the file has all bytes of the last block of the data, those after the data too.
    cards : bytes
        The bytes of the header in the file.
    stamp : int, str or None
        The stamp of the file when the header was read.
    """

    header: AnyHeader
    kind: str
    shape: tuple[int, ...] = ()
    raw: RawPixels | None = None
    fault: str = ""
    rows: RawPixels | None = None
    complete: bool = True
    cards: bytes = b""
    stamp: Stamp | None = None

    @property
    def name(self) -> str:
        """EXTNAME in upper case, or an empty string."""
        return _name_in(self.header)

    @property
    def version(self) -> int:
        """EXTVER, or 1 without it; a value that is no integer raises a ValueError."""
        version = cast("Value", self.header.get("EXTVER", 1))
        if isinstance(version, str | bool) or not abs(version) <= _LARGEST_VERSION:
            msg = f"EXTVER = {version!s:.40}: expected a whole number"
            raise FaultError(msg)
        return int(version)

    @property
    def full_shape(self) -> tuple[int, ...]:
        """Shape of the image, also of one that is a single constant (NPIX1, NPIX2, PIXVALUE)."""
        if not self.shape and "PIXVALUE" in self.header:
            ny, nx = (cast("Value", self.header.get(key, 0)) for key in ("NPIX2", "NPIX1"))
            return (int(ny), int(nx))
        return self.shape

    @property
    def described(self) -> str:
        """What the HDU holds, for a message."""
        if self.kind != "IMAGE":
            return "a table" if self.kind.endswith("TABLE") else "no image"
        return f"shape {self.full_shape}" if self.full_shape else "no pixels"

    def sum_with(self, primary: "HDU") -> int:
        """Return a sum (CRC-32) of the header and the primary one, which changes with them."""
        return zlib.crc32(self.cards, zlib.crc32(primary.cards))

    def check(self, path: str) -> None:
        """Raise an InputError that names the file if the header claims what the file has not."""
        if self.fault:
            msg = f"{path}: {self.fault}"
            raise InputError(msg)


def _name_in(header: AnyHeader) -> str:
    return str(header.get("EXTNAME", "")).strip().upper()


def plain_hdus(content: Content, size: int, stamp: Stamp | None) -> list[HDU] | None:
    """Read the HDUs of a file without astropy, and check all headers against the file.

    Parameters
    ----------
    content : binary file
        The file, or what it inflates to, as `bounded` returns it; it is left at its start.
    size : int
        The length of the file on disk, in bytes.
    stamp : int, str or None
        The stamp of the file.

    Returns
    -------
    list of HDU, or None
        None if the meaning of an HDU is left to astropy.

    Raises
    ------
    LayoutError
        If the file is truncated, or its headers contradict what it holds.
    """
    walk = layouts(content, size)
    compressed = isinstance(content, Inflated)
    try:
        return [_plain_hdu(layout, stamp, compressed=compressed) for layout in _complete(walk)]
    except UnusualError:
        for _ in walk:  # to the end, as all headers are to be checked
            pass
        return None


def first_plain_hdus(
    content: Content, size: int, stamp: Stamp | None, number: int
) -> list[HDU] | None:
    """Read the first HDUs of a file as `plain_hdus` does, whatever HDUs follow them."""
    walk = list(layouts(content, size))
    compressed = isinstance(content, Inflated)
    try:
        return [_plain_hdu(layout, stamp, compressed=compressed)
                for layout in _complete(walk[:number])]
    except UnusualError:
        return None


def _complete(walk: Iterable[Layout]) -> Iterator[Layout]:
    """Yield layouts while each is that of a complete HDU, and all headers fit into memory."""
    room = _LARGEST_HEADERS
    for layout in walk:
        room -= len(layout.header)
        if room <= 0 or not layout.header or len(layout.header) % BLOCK:
            msg = "headers that are truncated or too large, or something that is no HDU"
            raise UnusualError(msg)
        yield layout


def _plain_hdu(layout: Layout, stamp: Stamp | None, *, compressed: bool) -> HDU:
    """Return an HDU whose header is of the plain kind; any other raises an UnusualError."""
    header = Header(layout.header)
    kind = str(header.get("XTENSION", "IMAGE")) if header.is_standard(*_EVALUATED) else ""
    in_tiles = kind == "BINTABLE" and header.get("ZIMAGE") is True
    if in_tiles:
        header, kind = image_header(layout.header), "IMAGE"
    is_table = kind == "BINTABLE" and _name_in(header) not in ("SCI", "DQ")
    if not (kind == "IMAGE" or is_table) or any(header.get(key, False) for key in _SPECIAL):
        msg = "an HDU of another kind"
        raise UnusualError(msg)
    axes = [f"NAXIS{n}" for n in range(cast("int", header["NAXIS"]), 0, -1)]
    are_plain = header.is_standard(*axes)
    if is_table and not (are_plain and len(axes) == 2):  # noqa: PLR2004
        return HDU(header, kind, complete=layout.complete, cards=layout.header, stamp=stamp)
    if not are_plain:
        msg = "a length of an axis that is not a plain number"
        raise UnusualError(msg)
    shape = tuple(cast("int", header[axis]) for axis in axes)
    raw = _raw_pixels(header, shape, layout.start, stamp, compressed=compressed)
    if raw and in_tiles:
        raw = raw._replace(tile_header=len(layout.header))
    hdu = HDU(header, kind, complete=layout.complete, cards=layout.header, stamp=stamp)
    return hdu._replace(rows=raw) if is_table else hdu._replace(shape=shape, raw=raw)


def _raw_pixels(
    header: AnyHeader, shape: tuple[int, ...], start: int, stamp: Stamp | None, *, compressed: bool
) -> RawPixels | None:
    """Return where the pixels of an image are, from `start` on, if they are not scaled."""
    if not math.prod(shape) or not shape or any(k in header for k in _SCALING):
        return None
    return RawPixels(start, shape, cast("int", header["BITPIX"]), stamp, compressed)


def hdu_of_astropy(
    hdu: Any, size: int, stamp: Stamp | None = None, *, compressed: bool  # noqa: ANN401
) -> HDU:
    """Return an HDU that astropy has read as one of ours.

    Parameters
    ----------
    hdu : HDU of astropy
        An HDU of an open file.
    size : int
        The length of the file on disk, in bytes.
    stamp : int, str or None
        The stamp of the file.
    compressed : bool
        Whether the file is compressed as a whole.
    """
    header: AnyHeader = hdu.header
    if not hasattr(hdu, "shape"):
        tables = (("TABLE", fits.TableHDU), ("BINTABLE", fits.BinTableHDU))
        return HDU(header, next((k for k, table in tables if isinstance(hdu, table)), "no image"))
    shape, in_tiles = tuple(hdu.shape), isinstance(hdu, fits.CompImageHDU)
    start = 0 if in_tiles else hdu.fileinfo()["datLoc"]
    pixels = math.prod(shape) * abs(cast("int", header["BITPIX"])) // 8 if shape else 0
    end = start + (pixels if in_tiles else max(pixels, hdu.size))
    most = largest_content(size) if compressed or in_tiles else size
    fault = ""
    if end > most:
        name = _name_in(header) or "PRIMARY"
        fault = f"is truncated: {name} should end at byte {end}, the file ends at {most}"
    raw = None if in_tiles else _raw_pixels(header, shape, start, stamp, compressed=compressed)
    return HDU(header, "IMAGE", shape, raw, fault)
