"""Cards of FITS headers, as they are written: FITS standard 4.0, section 4.

They are those of astropy, to the byte, so that masks do not change with what writes them; only
strings too long for one card may be cut at other places.
"""

import math
from collections.abc import Iterator, Sequence

__all__ = ["BLOCK", "CARD", "Card", "Value", "header_of"]

Value = bool | int | float | str
Card = tuple[str, Value, str]  # keyword, value, comment

CARD = 80
"""Bytes of a card."""
BLOCK = 2880
"""Bytes; headers and data come in whole blocks."""

_LONGEST_NUMBER = 20
_LONGEST_STRING = 70  # in one card, with its quotes
_PIECE = _LONGEST_STRING - len("'&'")


def header_of(cards: Sequence[Card], comment: str = "") -> bytes:
    """Return a header, with its END and padding.

    Parameters
    ----------
    cards : sequence of tuple
        Keyword, value and comment of each.  A comment that does not fit is cut, and a string
        that does not goes on in CONTINUE cards; both are printable ASCII.
    comment : str
        For COMMENT cards at the end.

    Raises
    ------
    ValueError
        If a value is not finite, for which FITS has no card.
    """
    lines = [line for card in cards for line in _lines(*card)]
    room = CARD - len("COMMENT ")
    lines += [f"COMMENT {comment[n : n + room]}" for n in range(0, len(comment), room)]
    text = "".join(f"{line[:CARD]:{CARD}}" for line in (*lines, "END"))
    return text.ljust(-(-len(text) // BLOCK) * BLOCK).encode("ascii")


def _lines(key: str, value: Value, comment: str) -> Iterator[str]:
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
    """Text of a number, or of a logical value, in at most 20 characters."""
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
    """Cut a string into what fits a card each, quotes doubled, but not between those two."""
    pieces = [""]
    for character in text:
        written = "''" if character == "'" else character
        if len(pieces[-1] + written) > _PIECE:
            pieces.append("")
        pieces[-1] += written
    return pieces
