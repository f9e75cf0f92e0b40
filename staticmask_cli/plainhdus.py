"""The HDUs of a FITS file that has nothing but plain headers, read without astropy."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import cast

from staticmask_cli.fitsbounds import Content, Layout, layouts
from staticmask_cli.fitscards import BLOCK
from staticmask_cli.inflation import BoundedGzip
from staticmask_cli.plainheader import PlainHeader, UnusualError

__all__ = ["PlainHDU", "plain_hdus"]

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
    ClaimError
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
