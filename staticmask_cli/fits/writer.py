"""Images and binary tables written to a FITS file: FITS standard 4.0, sections 4.4 and 7.

CHECKSUM and DATASUM are those of its appendix J.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import IO, Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.cards import BLOCK, Card, format_header

__all__ = ["NewHDU", "image", "table", "write_hdus"]

_ALL_ONES = 0xFFFFFFFF
_NO_CHECKSUM = "0" * 16


@dataclass(frozen=True)
class NewHDU:
    """An HDU that is to be written.

    Attributes
    ----------
    cards : tuple of Card
        The cards of the header, without the checksums.
    data : numpy.ndarray
        The pixels or the rows, in the byte order of FITS.
    comment : str
        The text of the COMMENT cards at the end of the header.
    """

    cards: tuple[Card, ...]
    data: npt.NDArray[Any]
    comment: str = ""


def image(
    pixels: npt.NDArray[Any], cards: Sequence[Card] = (), *, name: str = "", comment: str = ""
) -> NewHDU:
    """Return the primary image of a file, or an image extension if it has a name.

    Parameters
    ----------
    pixels : numpy.ndarray, shape (ny, nx)
        The pixels, of type int16 or of an unsigned type; of these, all but uint8 are stored in
        FITS as signed integers with an offset (BZERO).
    cards : sequence of Card
        The cards that follow those that the standard requires.
    name : str
        The EXTNAME of an extension.
    comment : str
        The text of the COMMENT cards.
    """
    bits = 8 * pixels.itemsize
    start: list[Card] = [
        ("XTENSION", "IMAGE", "Image extension") if name else
        ("SIMPLE", True, "conforms to FITS standard"),
        ("BITPIX", bits, "array data type"),
        ("NAXIS", pixels.ndim, "number of array dimensions"),
        *((f"NAXIS{n}", length, "") for n, length in enumerate(reversed(pixels.shape), 1)),
    ]
    if not name:
        start.append(("EXTEND", True, ""))
        return NewHDU((*start, *cards), _big_endian(pixels), comment)
    start += [("PCOUNT", 0, "number of parameters"), ("GCOUNT", 1, "number of groups")]
    if pixels.dtype.kind == "u" and bits > 8:  # noqa: PLR2004 - bits of a byte
        zero = 1 << bits - 1
        start += [("BSCALE", 1, ""), ("BZERO", zero, "")]
        pixels = pixels ^ pixels.dtype.type(zero)  # which subtracts the offset
    start.append(("EXTNAME", name, "extension name"))
    return NewHDU((*start, *cards), _big_endian(pixels), comment)


def table(
    columns: Sequence[tuple[str, str, str, npt.NDArray[Any]]], *, name: str
) -> NewHDU:
    """Return a binary table.

    Parameters
    ----------
    columns : sequence of tuple
        One or more columns: name, FITS format, unit (may be empty), and the values, which are
        numbers, or bytes of the length in the format.
    name : str
        The EXTNAME of the table.
    """
    fields = [(title, values.dtype.newbyteorder(">")) for title, _, _, values in columns]
    data = np.empty(columns[0][-1].size, dtype=fields)
    cards: list[Card] = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", data.itemsize, "length of dimension 1"),
        ("NAXIS2", data.size, "length of dimension 2"),
        ("PCOUNT", 0, "number of group parameters"),
        ("GCOUNT", 1, "number of groups"),
        ("TFIELDS", len(columns), "number of table fields"),
    ]
    for n, (title, form, unit, values) in enumerate(columns, 1):
        data[title] = values
        cards += [(f"TTYPE{n}", title, ""), (f"TFORM{n}", form, "")]
        cards += [(f"TUNIT{n}", unit, "")] if unit else []
    return NewHDU((*cards, ("EXTNAME", name, "extension name")), data)


def write_hdus(stream: IO[bytes], hdus: Iterable[NewHDU], when: str) -> None:
    """Write HDUs with their checksums.

    Parameters
    ----------
    stream : binary file
        The file, which is written from its current position on.
    hdus : iterable of NewHDU
        The HDUs; the first is the primary one.
    when : str
        The time in the comments of the checksums.

    Raises
    ------
    ValueError
        If the value of a card is not finite, as by `format_header`.
    """
    for hdu in hdus:
        data = np.ascontiguousarray(hdu.data).view(np.uint8).reshape(-1).data
        whole = len(data) // 4 * 4
        datasum = _added(_sum(data[:whole]), _sum(bytes(data[whole:]).ljust(4, b"\0")))
        stream.write(_header(hdu, datasum, when))
        stream.write(data)
        stream.write(bytes(-len(data) % BLOCK))


def _big_endian(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the pixels in the byte order of FITS."""
    return pixels.astype(pixels.dtype.newbyteorder(">"), copy=False)


def _header(hdu: NewHDU, datasum: int, when: str) -> bytes:
    """Return the header, with the checksum that makes the sum of all bytes minus zero."""
    def with_checksum(checksum: str) -> bytes:
        sums = (("CHECKSUM", checksum, when), ("DATASUM", str(datasum), when))
        return format_header((*hdu.cards, *sums), hdu.comment)

    total = _added(_sum(with_checksum(_NO_CHECKSUM)), datasum)
    return with_checksum(_encoded(_ALL_ONES - total))


def _sum(data: bytes | memoryview) -> int:
    """Return the sum of big-endian 32-bit words in one's complement."""
    return _added(int(np.frombuffer(data, ">u4").sum(dtype=np.uint64)), 0)


def _added(first: int, second: int) -> int:
    """Add in one's complement; zero is written as all ones, unless both numbers are zero."""
    total = first + second
    return total and (total - 1) % _ALL_ONES + 1


def _encoded(number: int) -> str:
    """Encode a number as 16 letters and digits, whose words have it as their sum.

    Each byte is the sum of four characters above ``0``, with a quarter of it each and the
    remainder in the first; pairs of them are shifted in opposite directions until none is
    punctuation.  The text is rotated by one character, as the value of a card does not begin
    at the start of a word.
    """
    columns = []
    for byte in number.to_bytes(4, "big"):
        quarter, remainder = divmod(byte, 4)
        four = [ord("0") + quarter] * 4
        four[0] += remainder
        for pair in (0, 2):
            while not all(chr(code).isalnum() for code in four[pair : pair + 2]):
                four[pair] += 1
                four[pair + 1] -= 1
        columns.append(four)
    text = "".join(chr(column[n]) for n in range(4) for column in columns)
    return text[-1:] + text[:-1]
