"""The table of an image compressed in tiles, compared with the file before a stream is decoded.

Such an image is a binary table with a row for each tile, whose columns say where the stream of
the tile is in the heap that follows the rows (FITS standard 4.0, section 10).
"""

import math
import re
from typing import Any, NamedTuple, cast

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.header import Header
from staticmask_cli.fits.inflate import largest_content
from staticmask_cli.fits.streams import SLACK, Bytes

__all__ = ["STREAMS", "StreamColumn", "TileTable"]

STREAMS = ("COMPRESSED_DATA", "GZIP_COMPRESSED_DATA", "UNCOMPRESSED_DATA")
"""The columns of streams, of which each row uses the first that is not empty."""

_NUMBERS = ("ZSCALE", "ZZERO", "ZBLANK")
_BYTES = {"L": 1, "B": 1, "I": 2, "J": 4, "K": 8, "A": 1, "E": 4, "D": 8, "C": 8, "M": 16}
_DESCRIPTORS = {"P": ">i4", "Q": ">i8"}  # of streams: their length and their position
_DTYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}  # by ZBITPIX
_MOST_NUMBERED = 999  # keywords of a kind, by the standard
_LARGEST = 1 << 48  # of any whole number, so that products of two are exact in 64 bits


class StreamColumn(NamedTuple):
    """Where the streams of a column are.

    Attributes
    ----------
    starts, ends : numpy.ndarray of int64, shape (rows,)
        The first byte of each stream in the heap, and the byte after its last one.
    element : str
        The letter of the type of its elements, as TFORMn has it.
    """

    starts: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    element: str


class _Column(NamedTuple):
    """Where a column begins in a row, and the letters of its type and of its elements."""

    start: int
    letter: str
    element: str


class TileTable:
    """The table of an image compressed in tiles, as its header describes it.

    Parameters
    ----------
    header : Header
        The header of the table.

    Attributes
    ----------
    size : int
        The length of the rows and the heap, in bytes.
    shape, tile_shape : tuple of int
        The shape of the image and that of a tile, the last axis being NAXIS1.
    dtype : numpy.dtype
        The type of the pixels, before BSCALE and BZERO.
    most : int
        How many bytes the pixels may have.

    Raises
    ------
    FaultError
        If the header contradicts itself, or the image would be too large.
    """

    def __init__(self, header: Header) -> None:
        self.header = header
        self._width, self._rows = self.whole("NAXIS1"), self.whole("NAXIS2")
        self._heap = self.whole("THEAP", self._width * self._rows)
        self.size = self._width * self._rows + self.whole("PCOUNT")
        if not self._width * self._rows <= self._heap <= self.size:
            msg = f"THEAP = {self._heap}: expected a position within its {self.size} bytes"
            raise FaultError(msg)
        axes = range(self.whole("ZNAXIS", most=_MOST_NUMBERED), 0, -1)
        self.shape = tuple(self.whole(f"ZNAXIS{n}") for n in axes)
        self.tile_shape = tuple(max(1, self.whole(f"ZTILE{n}")) for n in axes)
        self.dtype = np.dtype(_DTYPES[cast("int", header["ZBITPIX"])])
        self.most = largest_content(self.size)
        if math.prod(self.shape) * self.dtype.itemsize > self.most:
            msg = f"it would inflate to more than {self.most} bytes"
            raise FaultError(msg)

    def whole(self, key: str, default: int | None = None, *, most: int = _LARGEST) -> int:
        """Return a whole number >= 0 from the header."""
        value = self.header[key] if default is None else self.header.get(key, default)
        if isinstance(value, bool):  # as astropy writes the parameter SMOOTH
            value = int(value)
        if type(value) is not int or not 0 <= value <= most:
            msg = f"{key} = {value!s:.20}: expected a whole number from 0 to {most}"
            raise FaultError(msg)
        return value

    def setting(self, name: str, default: int) -> int:
        """Return a parameter of the compression (ZNAMEn, ZVALn)."""
        for n in range(1, _MOST_NUMBERED + 1):
            if f"ZNAME{n}" not in self.header:
                break
            if str(self.header[f"ZNAME{n}"]).strip().upper() == name:
                return self.whole(f"ZVAL{n}")
        return default

    def parts(
        self, content: bytes
    ) -> tuple[Bytes, dict[str, StreamColumn], dict[str, npt.NDArray[Any]]]:
        """Return the heap, the columns of streams, and those of numbers, by name.

        Parameters
        ----------
        content : bytes
            The rows and the heap, `size` bytes.

        Raises
        ------
        FaultError
            If the file became shorter, or a column or a stream is not within its bounds.
        """
        if len(content) != self.size:
            msg = "the file became shorter while it was read"
            raise FaultError(msg)
        padded = np.frombuffer(content + b"\xff" * SLACK, np.uint8)
        rows = padded[: self._width * self._rows].reshape(self._rows, self._width)
        tiles = (-(-n // size) for n, size in zip(self.shape, self.tile_shape, strict=True))
        if math.prod(tiles) > self._rows:
            msg = f"it has {self._rows} rows, fewer than tiles"
            raise FaultError(msg)
        columns = self._columns()
        return (
            padded[self._heap :],
            {name: self._streams(rows, columns[name]) for name in STREAMS if name in columns},
            {name: _numbers(rows, columns[name]) for name in _NUMBERS if name in columns},
        )

    def _columns(self) -> dict[str, _Column]:
        """Return the columns that are used, by name."""
        columns, start = {}, 0
        for n in range(1, self.whole("TFIELDS", most=_MOST_NUMBERED) + 1):
            form = str(self.header[f"TFORM{n}"]).strip()
            found = re.fullmatch(r"(\d{0,9})([LXBIJKAEDCMPQ])([BIJED]?).*", form)
            repeat, letter, element = found.groups() if found else ("", "", "")
            count = int(repeat or 1)
            name = str(self.header.get(f"TTYPE{n}", "")).strip().upper()
            if name in STREAMS + _NUMBERS:
                is_right = letter in _DESCRIPTORS and element if name in STREAMS else (
                    letter in ("I", "J", "K", "E", "D"))
                is_scaled = any(f"{key}{n}" in self.header for key in ("TSCAL", "TZERO"))
                if not is_right or count != 1 or is_scaled or name in columns:
                    msg = f"its column {name} is there twice, scaled, or of the type {form:.20}"
                    raise FaultError(msg)
                columns[name] = _Column(start, letter, element)
            width = {"X": -(-count // 8), "P": 8 * count, "Q": 16 * count}
            start += width.get(letter, count * _BYTES.get(letter, 0))
        if start != self._width or STREAMS[0] not in columns:
            msg = (f"NAXIS1 = {self._width}: expected {start} by its columns, and {STREAMS[0]} "
                   "among them")
            raise FaultError(msg)
        return columns

    def _streams(self, rows: Bytes, column: _Column) -> StreamColumn:
        """Return the streams of a column, none of which is outside of the heap."""
        dtype = np.dtype(_DESCRIPTORS[column.letter])
        content = np.ascontiguousarray(rows[:, column.start : column.start + 2 * dtype.itemsize])
        lengths, starts = content.view(dtype).astype(np.int64).T
        room = self.size - self._heap
        starts = np.where(lengths == 0, 0, starts)
        is_outside = (lengths < 0) | (starts < 0) | (lengths > room) | (starts > room)
        ends = starts + np.where(is_outside, 0, lengths) * _BYTES[column.element]
        is_outside |= ends > room
        if is_outside.any():
            msg = f"the stream of tile {np.argmax(is_outside) + 1} is not within the heap"
            raise FaultError(msg)
        if (ends - starts).sum() > room:  # which would take longer to decode than to read
            msg = "its streams have more bytes than the heap"
            raise FaultError(msg)
        return StreamColumn(starts, ends, column.element)


def _numbers(rows: Bytes, column: _Column) -> npt.NDArray[Any]:
    """Return the numbers of a column."""
    dtype = np.dtype(f">{'f' if column.letter in 'ED' else 'i'}{_BYTES[column.letter]}")
    content = np.ascontiguousarray(rows[:, column.start : column.start + dtype.itemsize])
    return content.view(dtype)[:, 0].astype(dtype.newbyteorder("="))
