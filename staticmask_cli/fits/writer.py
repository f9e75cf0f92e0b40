"""Images and binary tables written to a FITS file: FITS standard 4.0, sections 4 and 7.

Header cards are those that astropy writes, byte for byte, so that masks do not depend on which
of the two wrote them; only strings that are too long for one card may be divided elsewhere.
CHECKSUM and DATASUM are those of appendix J of the standard.
"""

import math
from collections.abc import Iterable, Iterator, Sequence
from typing import IO, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.checksums import NO_CHECKSUM, checksum_of, sum_added, sum_of
from staticmask_cli.fits.header import BLOCK, CARD, Value

__all__ = ["Card", "NewHDU", "format_header", "image", "table", "write_hdus"]

Card = tuple[str, Value, str]
"""The keyword, value and comment of a card."""

_LONGEST_NUMBER = 20
_LONGEST_STRING = 70  # in one card, with its quotes
_LONGEST_PIECE = _LONGEST_STRING - len("'&'")


class NewHDU(NamedTuple):
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
    if name:
        start += [("PCOUNT", 0, "number of parameters"), ("GCOUNT", 1, "number of groups")]
    else:
        start.append(("EXTEND", True, ""))
    if pixels.dtype.kind == "u" and bits > 8:  # noqa: PLR2004 - bits of a byte
        zero = 1 << bits - 1
        start += [("BSCALE", 1, ""), ("BZERO", zero, "")]
        pixels = pixels ^ pixels.dtype.type(zero)  # which subtracts the offset
    start += [("EXTNAME", name, "extension name")] if name else []
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
        datasum = sum_added(sum_of(data[:whole]), sum_of(bytes(data[whole:]).ljust(4, b"\0")))
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

    total = sum_added(sum_of(with_checksum(NO_CHECKSUM)), datasum)
    return with_checksum(checksum_of(total))


def format_header(cards: Sequence[Card], comment: str = "") -> bytes:
    """Return the bytes of a header, with its END card and padding.

    Parameters
    ----------
    cards : sequence of tuple
        The keyword, value and comment of each card.  A comment that does not fit is truncated,
        and a string that does not fit is continued in CONTINUE cards; both are printable ASCII.
    comment : str
        The text of the COMMENT cards at the end.

    Raises
    ------
    ValueError
        If a value is not finite, for which FITS has no card.
    """
    lines = [line for card in cards for line in _lines(*card)]
    width = CARD - len("COMMENT ")
    lines += [f"COMMENT {comment[n : n + width]}" for n in range(0, len(comment), width)]
    text = "".join(f"{line[:CARD]:{CARD}}" for line in (*lines, "END"))
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


def _lines(key: str, value: Value, comment: str) -> Iterator[str]:
    """Yield the lines of one card; a long string has several."""
    remark = f" / {comment}" if comment else ""
    if not isinstance(value, str):
        yield f"{key:8}= {_number(key, value):>{_LONGEST_NUMBER}}{remark}"
        return
    text = f"{_quoted(value):20}" if value else "''"
    if len(text) <= _LONGEST_STRING:
        yield f"{key:8}= {text}{remark}"
        return
    *pieces, last = _pieces(value)
    for n, piece in enumerate(pieces):
        yield f"{'CONTINUE  ' if n else f'{key:8}= '}'{piece}&'"
    yield f"CONTINUE  '{last}'{remark}"


def _quoted(value: str) -> str:
    return "'{:8}'".format(value.replace("'", "''"))


def _number(key: str, value: float) -> str:
    """Format a number or a logical value in at most 20 characters."""
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, int):
        return str(value)
    if not math.isfinite(value):
        msg = f"{key} = {value}: expected a finite number, as FITS headers hold no other"
        raise ValueError(msg)
    digits, mark, exponent = repr(float(value)).upper().partition("E")
    return digits[: _LONGEST_NUMBER - len(mark + exponent)] + mark + exponent


def _pieces(text: str) -> list[str]:
    """Divide a string into pieces of a card each; a doubled quote is never divided."""
    pieces = [""]
    for character in text:
        written = "''" if character == "'" else character
        if len(pieces[-1] + written) > _LONGEST_PIECE:
            pieces.append("")
        pieces[-1] += written
    return pieces
