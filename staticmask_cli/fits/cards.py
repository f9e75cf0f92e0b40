"""Headers as telescopes write them, read without astropy, which takes several times as long.

Only what the FITS standard 4.0 (section 4) says in one way is understood: cards of fixed form,
and in them whole and floating-point numbers, logical values and strings without quotes.  Whatever
else an answer would depend on is left to astropy, so that there is one reading of it.

Cards of FITS headers, as they are written: FITS standard 4.0, section 4.

They are those of astropy, to the byte, so that masks do not change with what writes them; only
strings too long for one card may be cut at other places.
"""

import math
import re
from collections.abc import Iterator, Sequence

__all__ = ["BLOCK", "CARD", "Card", "PlainHeader", "UnusualError", "Value", "header_of"]

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


_KEYWORD = 8
_COMMENTARY = {"COMMENT", "HISTORY", ""}
_NAME = re.compile(rb"(?!(?:COMMENT|HISTORY|CONTINUE|END) *$)[A-Z0-9_-]+ *")
_NOT_TEXT = re.compile(rb"[^ -~]")
_VALUE = re.compile(
    r" *(?:'(?P<text>[^']*)'|(?P<logical>[TF])|(?P<whole>[+-]?\d{1,18})"
    r"|(?P<number>[+-]?(?:\d+\.\d*|\.\d+)(?:[ED][+-]?\d{1,3})?)) *(?:/.*)?"
)
# Strings that mean more than they say: continued ones, and the values of records.
_MORE = re.compile(r"&\s*$|: ")


class UnusualError(ValueError):
    """A header has something that is left to astropy."""


class PlainHeader:
    """A header, of which a value is understood when it is asked for.

    Parameters
    ----------
    cards : bytes
        Of the header, 80 bytes each, with END and what follows it.

    Raises
    ------
    UnusualError
        If a card is not of the standard's form: a keyword in lower case or there twice,
        ``HIERARCH``, or a character that is not ASCII.  The methods raise it too, where the
        value that is asked for is like that.
    """

    def __init__(self, cards: bytes) -> None:
        if _NOT_TEXT.search(cards):
            msg = "a header with bytes that are no text"
            raise UnusualError(msg)
        self._fields: dict[str, str] = {}
        last = ""
        for start in range(0, len(cards), CARD):
            name = cards[start : start + _KEYWORD]
            field = cards[start + _KEYWORD : start + CARD]
            word = name.rstrip().decode("ascii")
            if word == "END" and not field.strip():
                break
            if word == "CONTINUE" and last and field.startswith(b"  '"):
                self._fields[last] = ""  # which is no value
            elif _is_card(name, field) and word not in self._fields:
                last = word
                self._fields[word] = field[2:].decode("ascii")
            elif word not in _COMMENTARY:
                msg = f"a card {name!r}"
                raise UnusualError(msg)

    def __contains__(self, key: str) -> bool:
        return key in self._fields

    def __getitem__(self, key: str) -> Value:
        return _understood(self._fields[key])

    def get(self, key: str, default: Value | None = None) -> Value | None:
        """Return a value, or something else if there is none."""
        field = self._fields.get(key)
        return default if field is None else _understood(field)


def _is_card(name: bytes, field: bytes) -> bool:
    """Whether it is the keyword of a value, and that value behind its ``= ``."""
    return field.startswith(b"= ") and _NAME.fullmatch(name) is not None


def _understood(field: str) -> Value:
    """Value of a card, from what stands behind its ``=``."""
    found = _VALUE.fullmatch(field)
    text = found and found["text"]
    if found is None or (text and _MORE.search(text)):
        msg = f"a value {field[:70]!r}"
        raise UnusualError(msg)
    if text is not None:
        return text.rstrip()
    if found["logical"]:
        return bool(found["logical"] == "T")
    if found["whole"]:
        return int(found["whole"])
    return float(found["number"].replace("D", "E"))
