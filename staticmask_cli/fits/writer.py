"""HDUs of a new FITS file, as they are written: FITS standard 4.0, sections 4.4 and 7.

The checksums are those of its appendix J.
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
        Without the checksums.
    data : numpy.ndarray
        In the byte order of FITS.
    comment : str
        For COMMENT cards behind them.
    """

    cards: tuple[Card, ...]
    data: npt.NDArray[Any]
    comment: str = ""


def image(
    pixels: npt.NDArray[Any], cards: Sequence[Card] = (), *, name: str = "", comment: str = ""
) -> NewHDU:
    """Return an image: the primary one of a file with extensions, or one with a name.

    Parameters
    ----------
    pixels : numpy.ndarray, shape (ny, nx)
        Of unsigned integers, which FITS keeps less an offset (but for those of a byte), or int16.
    cards : sequence of Card
        Of the header, behind those that the standard asks for.
    name : str
        EXTNAME of an extension.
    comment : str
        Of the header.
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
        pixels = pixels ^ pixels.dtype.type(zero)  # which is less the offset, as FITS keeps it
    start.append(("EXTNAME", name, "extension name"))
    return NewHDU((*start, *cards), _big_endian(pixels), comment)


def table(
    columns: Sequence[tuple[str, str, str, npt.NDArray[Any]]], *, name: str
) -> NewHDU:
    """Return a binary table.

    Parameters
    ----------
    columns : sequence of tuple
        At least one: name, FITS format, unit (or an empty one), and the values: numbers, or
        bytes of the length that the format says.
    name : str
        EXTNAME.
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
    hdus : iterable of NewHDU
    when : str
        Time for the comments of the checksums.

    Raises
    ------
    ValueError
        As by `format_header`.
    """
    for hdu in hdus:
        data = np.ascontiguousarray(hdu.data).view(np.uint8).reshape(-1).data
        whole = len(data) // 4 * 4
        datasum = _added(_sum(data[:whole]), _sum(bytes(data[whole:]).ljust(4, b"\0")))
        stream.write(_header(hdu, datasum, when))
        stream.write(data)
        stream.write(bytes(-len(data) % BLOCK))


def _big_endian(pixels: npt.NDArray[Any]) -> npt.NDArray[Any]:
    return pixels.astype(pixels.dtype.newbyteorder(">"), copy=False)


def _header(hdu: NewHDU, datasum: int, when: str) -> bytes:
    """Header of an HDU, with the checksum that makes the sum of all its bytes minus zero."""
    def with_checksum(checksum: str) -> bytes:
        sums = (("CHECKSUM", checksum, when), ("DATASUM", str(datasum), when))
        return format_header((*hdu.cards, *sums), hdu.comment)

    total = _added(_sum(with_checksum(_NO_CHECKSUM)), datasum)
    return with_checksum(_encoded(_ALL_ONES - total))


def _sum(data: bytes | memoryview) -> int:
    """Sum of 32-bit words in one's complement; the words are big-endian."""
    return _added(int(np.frombuffer(data, ">u4").sum(dtype=np.uint64)), 0)


def _added(one: int, other: int) -> int:
    """Sum in one's complement; it is zero only if both are, and all ones otherwise."""
    total = one + other
    return total and (total - 1) % _ALL_ONES + 1


def _encoded(number: int) -> str:
    """Write a number as 16 letters and digits whose sum it is.

    Each byte is the sum of four characters above ``0``, a quarter of it each and the remainder
    in the first; pairs of them give and take until none is punctuation.  They begin one place
    to the right, as the value of a card does not begin at a word.
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
