"""The words with which an exported list says what it is: its form, its mask and its polarity."""

import json
import math
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from staticmask_cli._version import __version__
from staticmask_cli.errors import FaultError
from staticmask_cli.fits.open import as_input_error, read_hdus
from staticmask_cli.io.paths import is_file, open_file
from staticmask_cli.masks.mask_cards import DETECTOR_FACTS, TEXT_FACTS
from staticmask_cli.masks.signature import Signature

if TYPE_CHECKING:
    from staticmask_cli.fits.header import AnyHeader

__all__ = [
    "facts_in", "is_exported", "is_ours", "signature_in", "text_lines", "words_in", "words_of",
]

Words = Mapping[str, str | float]

_PROGRAM = "staticmask"
_WORD = re.compile(r"#\s*(?:-\s*\{)?\s*([A-Z][A-Z0-9_]{0,7}): (.{1,500}?)\}?\s*")
_START = 4096  # bytes, in which the words of a text are


def words_of(form: str, signature: Signature | None, facts: Words) -> dict[str, str | float]:
    """Return the words of a list that is made from a mask, by keyword.

    Parameters
    ----------
    form : str
        The name of the form, such as ``regions``.
    signature : Signature or None
        The signature of the mask; None for a mask of drizzlepac.
    facts : mapping
        The header keywords of the mask about its detector.
    """
    words: dict[str, str | float] = {"CREATOR": f"{_PROGRAM} {__version__}", "FORM": form}
    if signature is not None:
        ny, nx = signature.shape
        words |= {"SIGDET": signature.detector, "SIGNUM": signature.number,
                  "SIGNX": nx, "SIGNY": ny}
    return {**words, **{key: value for key, value in facts.items() if key in DETECTOR_FACTS}}


def text_lines(words: Words) -> list[str]:
    """Return the words for the head of a text, one to a line, as JSON, which is YAML too."""
    return [f"{key}: {json.dumps(value)}" for key, value in words.items()]


def words_in(lines: Iterable[str]) -> dict[str, str | float]:
    """Return the words in the comment lines of a text; others are left out."""
    words: dict[str, str | float] = {}
    for line in lines:
        found = _WORD.fullmatch(line)
        value = _value(found[2]) if found else None
        if found and value is not None:
            words.setdefault(found[1], value)
    return words


def _value(text: str) -> str | float | None:
    """Return a value that `text_lines` wrote; None for other texts, of which YAML has many."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return None
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return None
    return value if isinstance(value, str) or math.isfinite(value) else None


def is_ours(words: "Mapping[str, Any] | AnyHeader") -> bool:
    """Whether the words, or a FITS header, are those of a file of this program."""
    return "CREATOR" in words and str(words["CREATOR"]).startswith(f"{_PROGRAM} ")


def signature_in(words: Words) -> Signature | None:
    """Return the signature in the words of a text of ours; None if it has none.

    Raises
    ------
    ValueError
        If it cannot be the signature of a mask.
    """
    if not is_ours(words) or "SIGDET" not in words:
        return None
    numbers = [words.get(key) for key in ("SIGNY", "SIGNX", "SIGNUM")]
    if not isinstance(words["SIGDET"], str) or any(type(n) is not int for n in numbers):
        msg = "its words SIGDET, SIGNX, SIGNY and SIGNUM are not those of a mask"
        raise FaultError(msg)
    ny, nx, number = (int(n) for n in numbers if n is not None)
    signature = Signature(words["SIGDET"], (ny, nx), number)
    signature.filename  # noqa: B018 - whether it can name a mask
    return signature


def facts_in(words: Words) -> dict[str, str | float]:
    """Return the facts about the detector in the words of a text of ours."""
    if not is_ours(words):
        return {}
    return {
        key: value for key, value in words.items()
        if key in DETECTOR_FACTS and isinstance(value, str) is (key in TEXT_FACTS)
    }


def is_exported(path: str) -> bool:
    """Whether there is a file that export wrote, which it may therefore replace."""
    if not is_file(path):
        return False
    try:
        with open_file(path) as stream:
            start: bytes = stream.read(_START)
        if not start.startswith(b"SIMPLE"):
            words = words_in(start.decode("utf-8", "replace").splitlines())
            return is_ours(words) and "FORM" in words
        with as_input_error(path):
            header = read_hdus(path)[0].header
            return is_ours(header) and "FORM" in header
    except (OSError, ValueError):  # which are the base classes of our errors, too
        return False
