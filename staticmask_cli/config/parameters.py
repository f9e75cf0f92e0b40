"""Parameters as texts that a person types: what these stand for, and what is wrong with each.

Parameters: the configspec's defaults, then a ``.cfg`` file, then what was given by hand.
"""

import io
import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from staticmask_cli.config.cfgfile import (
    Entry,
    declarations,
    entries_of,
    flat_entries,
    nearest,
    read_spec,
    sections_of,
)
from staticmask_cli.errors import ConfigError
from staticmask_cli.io.atomic import refuse_binary, write_whole
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.bitmask import EXPECTED_BITS, clean_final_bits
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.votes import EXPECTED_AGREE, Agreement, clean_agree

__all__ = ["Parameters", "check_texts", "expected_of", "texts_of"]

Group = tuple[int | tuple[str, int], ...]

_BLANK = {"", "none", "indef"}


@dataclass(frozen=True)
class Parameters:
    """Everything that decides what a mask looks like; values are checked already.

    The defaults live in ``configspec/`` alone: make one with `load`.

    Attributes
    ----------
    input : tuple of str
        Words that name the exposures, not expanded.
    group : tuple
        FITS extensions to use, ``1`` or ``("SCI", 2)``; empty for all SCI extensions.
    static : bool
        Whether masks are made at all.
    static_sig : float
        Distance of the threshold below the sky, in its noise; finite and > 0.
    sky : str
        ``global``: mode and rms of the chip; ``local``: those around each pixel.
    agree : str, int or float
        In how many exposures a pixel must be bad: ``any``, ``all``, a count, or a
        fraction of those that vote.
    final_bits : str or None
        DQ bits that do not make a pixel bad; None where DQ is not read.
    """

    input: tuple[str, ...]
    group: Group
    static: bool
    static_sig: float
    sky: str
    agree: Agreement
    final_bits: str | None

    @classmethod
    def load(
        cls,
        source: str | Mapping[str, object] | None = None,
        given: Mapping[str, object] | None = None,
    ) -> "Parameters":
        """Defaults, overridden by a ``.cfg``, overridden by given values.

        Parameters
        ----------
        source : str or mapping, optional
            A ``.cfg`` file of ours, of drizzlepac's staticMask, or a whole
            ``astrodrizzle.cfg``; or the same as a ConfigObj or nested dictionary.
        given : mapping, optional
            Values by name, as text or as Python objects; sections may be nested.

        Raises
        ------
        ConfigError
            Names every problem of source and values, each with what was expected.
        """
        declared = declarations()
        entries: list[Entry] = []
        problems: list[str] = []
        if source is not None:
            entries, problems = entries_of(source, declared)
        entries += flat_entries(given or {})
        values = {d.name: _KINDS[d.kind].check(d.default) for d in declared.values()}
        for entry in entries:
            if entry.name not in declared:
                problems.append(f"{entry}: no such parameter{nearest(entry.name, declared)}")
                continue
            kind = _KINDS[declared[entry.name].kind]
            try:
                values[entry.name] = kind.check(entry.value)
            except ValueError:
                problems.append(f"{entry}: expected {kind.expected}")
        if problems:
            raise ConfigError("\n".join(problems))
        return cls(**values)

    @property
    def rule(self) -> MaskRule:
        """The parameters that say which pixels are bad."""
        return MaskRule(self.static_sig, self.sky, self.agree, self.final_bits)

    def with_input(self, words: tuple[str, ...]) -> "Parameters":
        """Return the same parameters for other exposures."""
        return replace(self, input=words)

    def texts(self) -> dict[str, str]:
        """Return each value as a ``.cfg`` has it, by name.

        Raises
        ------
        ConfigError
            If a file name cannot be written in a ``.cfg``.
        """
        return {name: _as_text(value) for name, value in vars(self).items()}

    def text(self) -> str:
        """Return a commented ``.cfg`` that `load` reads back to the same parameters.

        Raises
        ------
        ConfigError
            If a file name cannot be written in a ``.cfg``.
        """
        cfg = read_spec()
        texts = self.texts()
        for name, home in sections_of(cfg).items():
            home[name] = texts[name]
        about_the_spec = cfg.initial_comment.index("")
        cfg.initial_comment[:about_the_spec] = ["# Parameters for: staticmask -c FILE"]
        stream = io.BytesIO()
        cfg.write(stream)
        return stream.getvalue().decode("utf-8")

    def save(self, path: str) -> None:
        """Write `text` to a file, whole or not at all.

        Raises
        ------
        OutputError
            If the file cannot be written, or a file there is not a text.
        """
        refuse_binary(path)
        content = self.text().encode("utf-8")
        with write_whole(path) as stream:
            stream.write(content)


def expected_of(kind: str) -> str:
    """Say in a few words what a value of this kind may be."""
    return _KINDS[kind].expected


def _check_words(value: object) -> tuple[str, ...]:
    words = [value] if isinstance(value, str | os.PathLike) else value
    if not isinstance(words, list | tuple) or not all(
        isinstance(word, str | os.PathLike) for word in words
    ):
        raise ValueError(value)
    return tuple(redacted(text) for text in map(os.fspath, words) if text)


def _check_group(value: object) -> Group:
    """Bring ``1``, ``"1.0"``, ``"1,4"``, ``[1, 4]`` and ``"sci,2"`` to one form."""
    items = value if isinstance(value, list | tuple) else str(value).split(",")
    flat = (part for item in items for part in (item if isinstance(item, tuple) else (item,)))
    texts = [str(part).strip().lower() for part in flat]
    if texts in ([], *([blank] for blank in _BLANK)):
        return ()
    group: list[int | tuple[str, int]] = []
    science = False
    for text in texts:
        if text == "sci" and not science:
            science = True
            continue
        number = text.removesuffix(".0")
        if not (number.isascii() and number.isdigit()) or len(number) > 6:  # noqa: PLR2004
            break
        group.append(("SCI", int(number)) if science else int(number))
        science = False
    else:
        if group and not science:
            return tuple(group)
    raise ValueError(value)


def _check_switch(value: object) -> bool:
    answers = {"true": True, "yes": True, "on": True, "1": True,
               "false": False, "no": False, "off": False, "0": False}
    text = str(value).strip().lower()
    if text not in answers:
        raise ValueError(value)
    return answers[text]


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


@dataclass(frozen=True)
class _Kind:
    """A type that the configspec may use: its check raises ValueError for other values."""

    check: Callable[[object], Any]
    expected: str


_KINDS: Mapping[str, _Kind] = {
    "words": _Kind(_check_words, "file names, wildcards, comma lists or @lists"),
    "group": _Kind(_check_group, "extension numbers (1 or 1,4), sci,2 or None"),
    "switch": _Kind(_check_switch, "True or False"),
    "sigma": _Kind(_check_sigma, "a number > 0"),
    "sky": _Kind(_check_sky, "global or local"),
    "agree": _Kind(clean_agree, EXPECTED_AGREE),
    "bits": _Kind(clean_final_bits, EXPECTED_BITS),
}


def _as_text(value: object) -> str:
    """Spell a checked value as a ``.cfg`` has it."""
    if value is None or value == ():
        return "None"
    if isinstance(value, tuple):
        parts = (",".join(map(str, p)).lower() if isinstance(p, tuple) else str(p) for p in value)
        return _quoted(",".join(parts))
    return str(value)


def _quoted(text: str) -> str:
    """Text in quotes where a ``.cfg`` would misread it otherwise."""
    if text.isprintable() and not re.search(r"""[#"'\s]""", text):
        return text
    for quote in "\"'":
        if quote not in text and text.isprintable():
            return f"{quote}{text}{quote}"
    msg = f"input = {text!r} cannot be written in a .cfg; name these files in an @list"
    raise ConfigError(msg)


def texts_of(parameters: Parameters) -> dict[str, str]:
    """Return each value as a ``.cfg`` has it, by name; empty for None.

    Raises
    ------
    ConfigError
        If a file name cannot be written in a ``.cfg``.
    """
    return {
        name: "" if text == "None" else text for name, text in parameters.texts().items()
    }


def check_texts(texts: Mapping[str, str]) -> Parameters | dict[str, str]:
    """Read texts as the values of a ``.cfg``, where an empty one asks for the default.

    Parameters
    ----------
    texts : mapping of str to str
        By name of the parameter.

    Returns
    -------
    Parameters or dict of str to str
        The parameters; or, by the name of each text that is wrong, what was expected.
    """
    try:
        return Parameters.load(texts)
    except ConfigError:
        declared = declarations()
        return {
            name: f"expected {expected_of(declared[name].kind)}"
            for name, text in texts.items()
            if not _is_right(name, text)
        }


def _is_right(name: str, text: str) -> bool:
    try:
        Parameters.load({name: text})
    except ConfigError:
        return False
    return True
