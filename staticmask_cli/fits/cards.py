"""Header cards as they are written: FITS standard 4.0, section 4.

The cards are those that astropy writes, byte for byte, so that masks do not depend on which of
the two wrote them; only strings that are too long for one card may be divided elsewhere.
"""

import math
from collections.abc import Iterator, Sequence

__all__ = ["BLOCK", "CARD", "Card", "Value", "format_header"]

Value = bool | int | float | str
Card = tuple[str, Value, str]
"""Keyword, value and comment."""

CARD = 80
"""Bytes of a card."""
BLOCK = 2880
"""Bytes of a block; headers and data fill whole blocks."""

_LONGEST_NUMBER = 20
_LONGEST_STRING = 70  # in one card, with its quotes
_LONGEST_PIECE = _LONGEST_STRING - len("'&'")


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
