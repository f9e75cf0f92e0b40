"""Headers parsed without astropy, whose own parser needs several times as long.

Only what the FITS standard 4.0 (section 4) defines in one way is parsed here: cards of fixed
form, whose values are integers, floating-point numbers, logical values, or strings without
quotes.  Every other value is parsed by astropy, so that each value has one meaning.
"""

import math
import os
import re
import sys
from contextlib import suppress
from functools import cached_property, lru_cache
from importlib import import_module
from typing import TYPE_CHECKING, Any, TypeAlias

__all__ = [
    "BLOCK", "CARD", "AnyHeader", "Header", "UnusualError", "Value", "avoid_closed_home", "fits",
    "header_float", "header_str",
]


class _LazyModule:
    """A module that is imported when one of its names is first used."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the module has
        if self._name not in sys.modules:
            avoid_closed_home()
        return getattr(import_module(self._name), name)


def avoid_closed_home() -> None:
    """Name a folder without settings to astropy if HOME cannot be entered.

    Otherwise astropy could not be imported, as it looks for its settings in HOME then.
    """
    if "XDG_CONFIG_HOME" in os.environ:
        return
    home = os.path.expanduser("~")
    try:
        for name in (".astropy/config", ".config/astropy"):
            with suppress(FileNotFoundError, NotADirectoryError):
                os.stat(os.path.join(home, name))
        is_closed = home == "~"  # there is no HOME, and no user of this number
    except OSError:
        is_closed = True
    if is_closed:
        os.environ.setdefault("ASTROPY_CONFIG_DIR", os.path.dirname(__file__))


if TYPE_CHECKING:
    from astropy.io import fits
else:
    fits = _LazyModule("astropy.io.fits")

CARD = 80
"""Bytes of a card."""
BLOCK = 2880
"""Bytes of a block; headers and data fill whole blocks."""
Value = bool | int | float | str
"""The value of a card."""


_TEXT = bytes(range(0x20, 0x7F))
# A card with a value and the cards that continue it, or one of commentary.
_CARD = (r"(?=[^=]{8}= )(?!(?:COMMENT|HISTORY|CONTINUE|END) *=)(?P<name>[A-Z0-9_-]+) *= "
         r"(?P<field>.{70})(?P<more>(?:CONTINUE  '.{69})*)|(?:COMMENT |HISTORY | {8}).{72}")
_CARDS = re.compile(_CARD)
# All cards before END; groups within the repetition would double the time.
_STANDARD = re.compile(rf"((?:{re.sub(r'P<[a-z]+>', ':', _CARD)})*)(?:END {{77}}.*)?")
_VALUE = re.compile(
    r" *(?:'(?P<text>[^']*)'|(?P<logical>[TF])|(?P<whole>[+-]?\d{1,18})"
    r"|(?P<number>[+-]?(?:\d+\.\d*|\.\d+)(?:[ED][+-]?\d{1,3})?)) *(?:/.*)?"
)
# Strings that are more than their text: continued strings, and record-valued cards.
_SPECIAL_TEXT = re.compile(r"&\s*$|: ")


class UnusualError(ValueError):
    """A file has something of which the meaning is left to astropy."""


class Header:
    """The header of an HDU, whose values are parsed when they are asked for.

    Parameters
    ----------
    cards : bytes
        The cards of the header, 80 bytes each, with the END card and the padding.

    Raises
    ------
    UnusualError
        If the header has a byte that is not printable ASCII.
    """

    def __init__(self, cards: bytes) -> None:
        if cards.translate(None, _TEXT):
            msg = "a header with bytes that are not text"
            raise UnusualError(msg)
        self._cards = cards.decode("ascii")
        standard = _STANDARD.fullmatch(self._cards)  # no HIERARCH, no lower case
        found = _CARDS.findall(self._cards, 0, standard.end(1)) if standard else []
        # What follows "= ", by keyword; a value that is continued is of no standard form.
        self._fields = {name: "" if more else field for name, field, more in found if name}
        occurrences = len(found) - found.count(("", "", ""))
        self._is_standard = standard is not None and len(self._fields) == occurrences

    @cached_property
    def _astropys(self) -> "fits.Header":
        """The same header, parsed by astropy."""
        return fits.Header.fromstring(self._cards)

    def is_standard(self, *keys: str) -> bool:
        """Whether all cards, and the values of these keywords, are parsed without astropy."""
        fields = (self._fields[key] for key in keys if key in self._fields)
        return self._is_standard and all(_parsed(field) is not None for field in fields)

    def __contains__(self, key: str) -> bool:
        return key in self._fields or (not self._is_standard and key in self._astropys)

    def __getitem__(self, key: str) -> Value:
        value = _parsed(self._fields[key]) if self._is_standard else None
        return self._astropys[key] if value is None else value

    def get(self, key: str, default: Value | None = None) -> Value | None:
        """Return the value of a keyword, or `default` if the header does not have it."""
        if key not in self:
            return default
        return self[key]


@lru_cache(1024)  # exposures of one camera have most values in common
def _parsed(field: str) -> Value | None:
    """Parse what follows the ``=`` of a card; None if its form is left to astropy."""
    found = _VALUE.fullmatch(field)
    text = found and found["text"]
    if found is None or (text and _SPECIAL_TEXT.search(text)):
        return None
    if text == "" and "'" in field.partition("''")[2]:  # which quote ends it is ambiguous
        return None
    if text is not None:
        return text.rstrip()
    if found["logical"]:
        return bool(found["logical"] == "T")
    if found["whole"]:
        return int(found["whole"])
    return float(found["number"].replace("D", "E"))


AnyHeader: TypeAlias = "Header | fits.Header"


def header_str(header: AnyHeader, key: str) -> str:
    """Return the value of a keyword as text without blanks around it; empty if there is none."""
    value = header.get(key, "")
    return str(value).strip() if isinstance(value, str | int) else ""


def header_float(header: AnyHeader, primary: AnyHeader, key: str) -> float:
    """Return a number from the header of an extension, else from the primary one; NaN if none."""
    for candidate in (header, primary):
        value = candidate.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return math.nan
