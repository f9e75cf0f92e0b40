"""Files with an image that is compressed in tiles, of which bytes are changed."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
from astropy.io import fits

from tests.support.fits_files import fits_bytes
from tests.support.fuzzing import card

__all__ = ["COMPRESSIONS", "Packed", "packed", "packed_from"]

COMPRESSIONS = ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1", "PLIO_1", "NOCOMPRESS")


@dataclass(frozen=True)
class Packed:
    """A file of which an extension is compressed in tiles.

    Attributes
    ----------
    content : bytes
        The bytes of the file.
    header, rows, heap : int
        The positions of the header of the extension, of the rows of its table, and of its heap.
    width, count, size : int
        The length of a row, the number of rows, and the length of the heap.
    """

    content: bytes
    header: int
    rows: int
    heap: int
    width: int
    count: int
    size: int

    def _with(self, content: bytes | bytearray) -> "Packed":
        return Packed(bytes(content), self.header, self.rows, self.heap, self.width, self.count,
                      self.size)

    def with_bytes(self, position: int, new: bytes) -> "Packed":
        """Return the file with other bytes at a position."""
        content = bytearray(self.content)
        content[position : position + len(new)] = new
        return self._with(content)

    def with_card(self, key: str, value: str) -> "Packed":
        """Return the file with another value of a keyword of the extension, or a new one.

        A new card takes the place of EXTVER, of EXTNAME, or of the last card.
        """
        header = self.content[self.header : self.rows]
        names = [header[n : n + 8].decode("latin-1").strip() for n in range(0, len(header), 80)]
        number = next((names.index(name) for name in (key, "EXTVER", "EXTNAME") if name in names),
                      len(names) - 1)
        return self.with_bytes(self.header + 80 * number, card(key, value))

    def stream(self, row: int) -> tuple[int, int]:
        """Return the length of the stream of a row, in elements, and its position in the heap."""
        start = self.rows + row * self.width
        length, offset = np.frombuffer(self.content[start : start + 8], ">i4")
        return int(length), int(offset)

    def with_stream(self, row: int, *, length: int | None = None,
                    offset: int | None = None) -> "Packed":
        """Return the file with another length, or another position, of the stream of a row."""
        old = self.stream(row)
        new = [old[0] if length is None else length, old[1] if offset is None else offset]
        return self.with_bytes(self.rows + row * self.width, np.array(new, ">i4").tobytes())


def packed(pixels: Any, compression: str = "RICE_1", *, name: str = "SCI", **how: Any) -> Packed:  # noqa: ANN401
    """Return a file with an image that astropy has compressed.

    Parameters
    ----------
    pixels : array
        The pixels of the image.
    compression : str
        One of `COMPRESSIONS`.
    name : str
        The EXTNAME of the image.
    **how
        Arguments of `astropy.io.fits.CompImageHDU`.
    """
    image = fits.CompImageHDU(pixels, name=name, compression_type=compression, **how)
    image.header["EXTVER"] = 1
    return packed_from(fits_bytes(image))


def packed_from(content: bytes, number: int = 1) -> Packed:
    """Return what is known of a file, of which an extension is compressed in tiles."""
    with fits.open(io.BytesIO(content), disable_image_compression=True) as hdus:
        info, header = hdus[number].fileinfo(), hdus[number].header
        width, count = header["NAXIS1"], header["NAXIS2"]
        return Packed(content, info["hdrLoc"], info["datLoc"], info["datLoc"] + width * count,
                      width, count, header["PCOUNT"])
