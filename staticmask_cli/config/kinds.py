"""The kinds of parameters: which values each may have, and the form in which they are used."""

import math
import os
import re
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from staticmask_cli.config.entries import BLANK_TEXTS
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.bitmask import EXPECTED_BITS, clean_final_bits
from staticmask_cli.masks.mask_name import EXPECTED_NAME, clean_name
from staticmask_cli.masks.rule import EXPECTED_AGREE, clean_agree

__all__ = ["KINDS", "Group", "Kind", "expected_of"]

Group = tuple[int | tuple[str, int], ...]
"""Extensions, by number (``1``) or by name and EXTVER (``("SCI", 2)``)."""


def _check_words(value: object) -> tuple[str, ...]:
    words = [value] if isinstance(value, str | os.PathLike) else value
    if not isinstance(words, list | tuple) or not all(
        isinstance(word, str | os.PathLike) for word in words
    ):
        raise ValueError(value)
    return tuple(redacted(text) for text in map(os.fspath, words) if text)


def _check_bad_value(value: object) -> int | None:
    text = "none" if value is None else str(value).strip().lower()
    if text not in ("0", "1", *BLANK_TEXTS):
        raise ValueError(value)
    return None if text in BLANK_TEXTS else int(text)


def _check_lists(value: object) -> tuple[str, ...]:
    words = () if value is None else _check_words(value)
    is_blank = len(words) == 1 and words[0].strip().lower() in BLANK_TEXTS
    return () if is_blank else words


def _check_group(value: object) -> Group:
    """Convert ``1``, ``"1.0"``, ``"1,4"``, ``[1, 4]`` and ``"sci,2"`` to one form."""
    items = value if isinstance(value, list | tuple) else str(value).split(",")
    flat = (part for item in items for part in (item if isinstance(item, tuple) else (item,)))
    texts = [str(part).strip().lower() for part in flat]
    if texts in ([], *([blank] for blank in BLANK_TEXTS)):
        return ()
    group: list[int | tuple[str, int]] = []
    follows_sci = False
    for text in texts:
        if text == "sci" and not follows_sci:
            follows_sci = True
            continue
        number = text.removesuffix(".0")
        if not (number.isascii() and number.isdigit()) or len(number) > 6:  # noqa: PLR2004
            raise ValueError(value)
        group.append(("SCI", int(number)) if follows_sci else int(number))
        follows_sci = False
    if follows_sci:
        raise ValueError(value)
    return tuple(group)


def _check_text(value: object) -> str | None:
    text = "" if value is None else str(value).strip()
    if not text.isprintable() or re.search(r"""[#"']""", text):
        raise ValueError(value)
    return None if text.lower() in BLANK_TEXTS else text


def _check_flags(value: object) -> str | None:
    text = _check_text(value)
    if text and "=" in text and [bool(part.strip()) for part in text.split("=")] != [True] * 2:
        raise ValueError(value)
    return text


def _check_switch(value: object) -> bool:
    text = str(value).strip().lower()
    if text not in ("true", "yes", "on", "1", "false", "no", "off", "0"):
        raise ValueError(value)
    return text in ("true", "yes", "on", "1")


def _check_sky(value: object) -> str:
    text = str(value).strip().lower()
    if text not in ("global", "local"):
        raise ValueError(value)
    return text


def _check_sigma(value: object) -> float:
    number = float(str(value))
    if isinstance(value, bool) or not (math.isfinite(number) and number > 0):
        raise ValueError(value)
    return number


class Kind(NamedTuple):
    """A type of the configspec; its check raises ValueError for a value that is not valid."""

    check: Callable[[object], Any]
    expected: str


KINDS: Mapping[str, Kind] = {
    "words": Kind(_check_words, "file names, wildcards, comma lists or @lists"),
    "lists": Kind(_check_lists, "file names, wildcards or comma lists, or MASK=FILE"),
    "value": Kind(_check_bad_value, "0, 1 or None"),
    "name": Kind(clean_name, EXPECTED_NAME),
    "group": Kind(_check_group, "extension numbers (1 or 1,4), sci,2 or None"),
    "text": Kind(_check_text, "a name or pattern, without quotes or #"),
    "flags": Kind(_check_flags, "an EXTNAME or pattern, or OLD=NEW"),
    "switch": Kind(_check_switch, "True or False"),
    "sigma": Kind(_check_sigma, "a number > 0"),
    "sky": Kind(_check_sky, "global or local"),
    "agree": Kind(clean_agree, EXPECTED_AGREE),
    "bits": Kind(clean_final_bits, EXPECTED_BITS),
}
"""The kinds by the names that the configspec has for them."""


def expected_of(kind: str) -> str:
    """Describe in a few words the values that a parameter of this kind may have."""
    return KINDS[kind].expected
