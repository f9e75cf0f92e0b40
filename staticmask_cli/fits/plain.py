"""FITS files as this program writes them, opened without astropy, which takes ten times as long.

They have images of whole numbers, tables of numbers, logical values and texts, and images that are
compressed in rows by GZIP_2.  Files with anything else are left to astropy.
"""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.checksums import sum_added, sum_of
from staticmask_cli.fits.content import open_content
from staticmask_cli.fits.header import Header, UnusualError
from staticmask_cli.fits.inflate import Content, Inflated
from staticmask_cli.fits.layout import Layout, layouts
from staticmask_cli.fits.open import checksums_of, open_with_astropy
from staticmask_cli.fits.streams import gunzipped, typed

if TYPE_CHECKING:
    from astropy.io import fits

__all__ = ["PlainHDU", "PlainHDUs", "checksums_in", "opened_plain"]

_MOST_HEADER = 1 << 20  # bytes; the header of a mask has some thousand
_FORM = re.compile(r"(?!0)\d{0,6}A|1?[JKDL]")
_DTYPES = {"L": "S1", "J": ">i4", "K": ">i8", "D": ">f8"}
_WIDTHS = {"L": 1, "J": 4, "K": 8, "D": 8}
_IMAGE_DTYPES = {8: "u1", 16: ">i2", 32: ">i4"}  # by BITPIX, or ZBITPIX
_CHUNK = 1 << 20  # bytes that are summed at a time
_ALL_ONES = 0xFFFFFFFF
# Parts of keywords that change the meaning of pixels or rows: BSCALE, ZZERO, TSCAL1 and others.
_SPECIAL = (b"SCAL", b"ZERO", b"BLANK", b"ZQUANTIZ", b"THEAP", b"GROUPS", b"TDIM", b"TNULL")


@dataclass(frozen=True)
class PlainHDU:
    """An HDU, with what `StaticMask.read` needs of an HDU of astropy.

    Attributes
    ----------
    header : Header
        The header.
    name : str
        EXTNAME in upper case; empty for the primary HDU.
    start, header_start : int
        The positions of the data and of the header in the file.
    content : binary file
        The file, which must be open while the data are read.
    """

    header: Header
    name: str
    start: int
    header_start: int
    content: Content

    @cached_property
    def data(self) -> "npt.NDArray[Any] | PlainTable | None":
        """The pixels of an image, also of a compressed one, or the rows of a table."""
        if _is_image(self.header):
            return self._image()
        return self._tiles() if "ZIMAGE" in self.header else self._rows()

    def _number(self, key: str) -> int:
        return int(cast("int", self.header[key]))

    def _read(self, start: int, length: int) -> bytes:
        self.content.seek(self.start + start)
        found: bytes = self.content.read(length)
        if len(found) != length:
            msg = "is truncated: it became shorter while it was read"
            raise FaultError(msg)
        return found

    def _image(self) -> npt.NDArray[Any]:
        ny, nx = self._number("NAXIS2"), self._number("NAXIS1")
        dtype = np.dtype(_IMAGE_DTYPES[self._number("BITPIX")])
        return np.frombuffer(self._read(0, dtype.itemsize * ny * nx), dtype).reshape(ny, nx)

    def _rows(self) -> "PlainTable":
        columns = _columns(self.header)
        stored = np.dtype([(name, _stored_as(form)) for name, form in columns.items()])
        content = self._read(0, stored.itemsize * self._number("NAXIS2"))
        return PlainTable(np.frombuffer(content, stored),
                          {name for name, form in columns.items() if form.endswith("L")})

    def _tiles(self) -> npt.NDArray[Any]:
        """Return the pixels of an image that is compressed in tiles of whole rows."""
        ny, nx, rows = (self._number(key) for key in ("ZNAXIS2", "ZNAXIS1", "ZTILE2"))
        dtype = np.dtype(_IMAGE_DTYPES[self._number("ZBITPIX")])
        tiles, heap = self._number("NAXIS2"), self._number("PCOUNT")
        stored = np.frombuffer(self._read(0, 8 * tiles + heap), np.uint8)
        places = stored[: 8 * tiles].view(">i4").reshape(tiles, 2).astype(np.int64)
        pixels = np.empty((ny, nx), dtype)
        for number, (length, offset) in enumerate(places.tolist()):
            out = pixels[number * rows : (number + 1) * rows]
            if not (0 <= offset <= offset + length <= heap):
                msg = "a compressed image has a tile that is not in its data"
                raise FaultError(msg)
            stream = stored[8 * tiles + offset :][:length]
            content = gunzipped(stream, out.shape, out.nbytes)
            if content.nbytes != out.nbytes:
                msg = "a compressed image has a tile of another size than its header says"
                raise FaultError(msg)
            out[...] = typed(content, out.shape, is_real=False, by_significance=True)
        return pixels


class PlainTable:
    """The rows of a table, of which a column is read when it is asked for.

    Parameters
    ----------
    rows : numpy.ndarray
        The rows as they are in the file.
    logical : set of str
        The names of the columns of logical values.
    """

    def __init__(self, rows: npt.NDArray[Any], logical: set[str]) -> None:
        self._rows, self._logical = rows, logical

    @property
    def dtype(self) -> np.dtype[Any]:
        """The type of a row in the file, with the names of the columns."""
        return self._rows.dtype

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, name: str) -> npt.NDArray[Any]:
        """Return a column: logical values as bool, texts as str without blanks at their ends."""
        values = self._rows[name]
        if name in self._logical:
            return np.asarray(values == b"T")
        if values.dtype.kind == "S":
            return np.char.rstrip(values.astype("U"))
        return values.astype(values.dtype.newbyteorder("="))


def _stored_as(form: str) -> str:
    """Return the numpy type of the values of a column in a file."""
    return f"S{form[:-1] or 1}" if form.endswith("A") else _DTYPES[form[-1]]


class PlainHDUs:
    """The HDUs of a file by number or name, as in a ``HDUList`` of astropy."""

    def __init__(self, hdus: list[PlainHDU], size: int) -> None:
        self._hdus = hdus
        self._by_name = {hdu.name: hdu for hdu in reversed(hdus)}
        self.size = size

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, key: int | str) -> PlainHDU:
        return self._by_name[key] if isinstance(key, str) else self._hdus[key]

    def __iter__(self) -> Iterator[PlainHDU]:
        return iter(self._hdus)


@contextmanager
def opened_plain(path: str) -> Iterator[Any]:
    """Open a FITS file as `opened` does, without astropy if it can be read so.

    Yields
    ------
    PlainHDUs or astropy.io.fits.HDUList
        The HDUs, of which those of the first kind have what masks need of the second.

    Raises
    ------
    InputError, ExposureError
        As by `opened`.
    """
    with open_content(path) as (content, size, _):
        walk = list(layouts(content, size))
        try:
            plain = None if isinstance(content, Inflated) else [
                _plain(layout, content) for layout in walk]
        except UnusualError:
            plain = None
        if plain is not None:
            yield PlainHDUs(plain, size)
            return
        with open_with_astropy(content) as hdus:
            yield hdus


def _plain(layout: Layout, content: Content) -> PlainHDU:
    """Return an HDU of the plain kind; any other raises an UnusualError."""
    if not 0 < len(layout.header) <= _MOST_HEADER or not layout.complete:
        msg = "a header that is none, or too long, or data that are not complete"
        raise UnusualError(msg)
    header = Header(layout.header)
    name = str(header.get("EXTNAME", "")).strip().upper()
    is_plain = header.is_standard() and not any(word in layout.header for word in _SPECIAL)
    if not (is_plain and (_is_image(header) or _is_table(header))):
        msg = "an HDU of another kind"
        raise UnusualError(msg)
    return PlainHDU(header, name, layout.start, layout.start - len(layout.header), content)


def _is_image(header: Header) -> bool:
    """Whether the HDU is an image of whole numbers, of two dimensions."""
    return (header.get("XTENSION", "IMAGE") == "IMAGE" and header["BITPIX"] in _IMAGE_DTYPES
            and header["NAXIS"] == 2)  # noqa: PLR2004


def _is_table(header: Header) -> bool:
    """Whether the HDU is a table, or a compressed image, as this program writes them."""
    if header.get("XTENSION") != "BINTABLE" or header["BITPIX"] != 8 or header["NAXIS"] != 2:  # noqa: PLR2004
        return False
    if "ZIMAGE" in header:
        return _is_compressed(header)
    columns = _columns(header)
    width = sum(_width_of(form) for form in columns.values() if _FORM.fullmatch(form))
    return (header.get("PCOUNT") == 0 and all(map(_FORM.fullmatch, columns.values()))
            and width == header["NAXIS1"] and len(columns) == header["TFIELDS"])


def _is_compressed(header: Header) -> bool:
    ny, rows = (cast("int", header[key]) for key in ("ZNAXIS2", "ZTILE2"))
    return (
        header.get("ZCMPTYPE") == "GZIP_2" and header.get("ZBITPIX") in _IMAGE_DTYPES
        and header.get("ZNAXIS") == 2 and header["ZTILE1"] == header["ZNAXIS1"]  # noqa: PLR2004
        and header["TFIELDS"] == 1 and header.get("TTYPE1") == "COMPRESSED_DATA"
        and re.fullmatch(r"1?PB(\(\d+\))?", str(header["TFORM1"])) is not None
        and header["NAXIS1"] == 8 and rows > 0 and header["NAXIS2"] == -(-ny // rows)  # noqa: PLR2004
    )


def _columns(header: Header) -> dict[str, str]:
    """Return the form of each column of a table, by name."""
    return {str(header[f"TTYPE{number}"]): str(header[f"TFORM{number}"])
            for number in range(1, cast("int", header["TFIELDS"]) + 1)}


def _width_of(form: str) -> int:
    """Return the number of bytes of a value of a column."""
    return int(form[:-1] or 1) if form.endswith("A") else _WIDTHS[form[-1]]


def checksums_in(hdus: "PlainHDUs | fits.HDUList") -> str:
    """Compare CHECKSUM and DATASUM of all HDUs with their bytes, as `checksums_of` does."""
    if not isinstance(hdus, PlainHDUs):
        return checksums_of(hdus)
    found = list(hdus)
    ends = [*(hdu.header_start for hdu in found[1:]), hdus.size]
    results = set()
    for hdu, end in zip(found, ends, strict=True):
        header, data = (_sum_between(hdu.content, *limits) for limits in (
            (hdu.header_start, hdu.start), (hdu.start, end)))
        if "DATASUM" in hdu.header:
            results.add(str(hdu.header["DATASUM"]).strip() == str(data))
        if "CHECKSUM" in hdu.header:
            results.add(sum_added(header, data) in (0, _ALL_ONES))
    if False in results:
        return "wrong"
    return "right" if results else "none"


def _sum_between(content: Content, start: int, end: int) -> int:
    """Return the sum of the bytes of whole blocks of a file."""
    content.seek(start)
    total = 0
    for position in range(start, end, _CHUNK):
        total = sum_added(total, sum_of(content.read(min(_CHUNK, end - position))))
    return total
