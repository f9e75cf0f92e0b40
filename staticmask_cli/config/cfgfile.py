"""Read ConfigObj ``.cfg`` files, and the configspec that declares the parameters.

A ``.cfg`` file may be one of this package, the ``staticMask.cfg`` that drizzlepac's parameter
editor saved, or a whole ``astrodrizzle.cfg``, of which only the entries about static masks
are read.  All the forms that the old editor wrote are accepted: comments right behind a
value, blanks within the brackets of a section, lists, ``None``, ``INDEF`` and ``""``.
"""

import os
import re
from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from staticmask_cli.config.cfg_syntax import parse_cfg
from staticmask_cli.config.entries import RESETBITS, Entry, is_blank
from staticmask_cli.errors import ConfigError, first_few
from staticmask_cli.io.user_path import user_path

if TYPE_CHECKING:
    from configobj import ConfigObj

__all__ = [
    "Declaration", "declarations", "entries_of", "nearest", "read_spec", "sections_of",
]

_STATIC_MASK_STEP = re.compile(r"STEP 1:", re.IGNORECASE)
_FINAL_DRIZZLE_STEP = re.compile(r"STEP 7:", re.IGNORECASE)
_ASTRODRIZZLE_SECTION = re.compile(
    r"STEP \d+\w?:|STATE OF INPUT FILES|INSTRUMENT PARAMETERS", re.IGNORECASE
)
_TASKS = {"", "staticmask", "astrodrizzle"}
_OF_OTHERS_TOO = {"name"}  # parameters that the files of other programs have as well
_MOST_MISSPELT = 3  # more problems, and no name that exists: a file of another program
_OF_MULTIDRIZZLE = {"staticfile": "include", "static_goodval": "include_bad"}  # by our names
_IGNORED_NAMES = {"_task_name_", "_rules_"}


class Declaration(NamedTuple):
    """The declaration of one parameter in the configspec.

    Attributes
    ----------
    name : str
        The name of the parameter.
    section : str
        The section of a ``.cfg`` that holds it; empty for the root level.
    kind : str
        The name of its type, one of the checks of `staticmask_cli.config.parameters`.
    default : str
        The default, as it is written in a ``.cfg``.
    comment : str
        The meaning of the parameter, in one line.
    """

    name: str
    section: str
    kind: str
    default: str
    comment: str


def read_spec() -> "ConfigObj":
    """Read the configspec, which is in the installed package, or beside it in a checkout."""
    from configobj import ConfigObj  # noqa: PLC0415 - kept out of the start-up

    package = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    folder = os.path.join(package, "configspec")
    if not os.path.isdir(folder):
        folder = os.path.join(os.path.dirname(package), "configspec")
    return ConfigObj(
        os.path.join(folder, "staticmask.cfgspc"),
        encoding="utf-8", file_error=True, interpolation=False, list_values=False, _inspec=True,
    )


def sections_of(spec: "ConfigObj") -> dict[str, "ConfigObj"]:
    """Return the section of the spec that holds each parameter; it may be the root level."""
    sections = dict.fromkeys(spec.scalars, spec)
    for name in spec.sections:
        sections |= dict.fromkeys(spec[name].scalars, spec[name])
    return sections


def declarations() -> dict[str, Declaration]:
    """Return the declarations of all parameters by name, in the order of the configspec."""
    from configobj.validate import Validator  # noqa: PLC0415 - kept out of the start-up

    spec = read_spec()
    found = {}
    for name, section in sections_of(spec).items():
        kind = section[name].partition("(")[0]
        default = Validator({kind: str}).get_default_value(section[name])
        # ConfigObj counts the comment above the very first parameter as that of the file.
        lines = section.comments[name] or spec.initial_comment
        found[name] = Declaration(
            name, "" if section is spec else section.name, kind, str(default),
            lines[-1].lstrip("# "),
        )
    return found


def nearest(name: str, names: Collection[str]) -> str:
    """Suggest the most similar of the allowed names, as the end of a message."""
    import difflib  # noqa: PLC0415 - only for this message

    matches = [_OF_MULTIDRIZZLE[name.lower()]] if name.lower() in _OF_MULTIDRIZZLE else (
        difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5))
    return f"; did you mean {matches[0]}?" if matches else f"; there are {', '.join(names)}"


def entries_of(
    source: str | os.PathLike[str] | Mapping[str, object], names: Collection[str]
) -> tuple[list[Entry], list[str]]:
    """Read the entries of a ``.cfg`` that concern static masks.

    Parameters
    ----------
    source : str or mapping
        The path of a file, or the content of such a file as a ConfigObj or a nested
        dictionary.  No other file is looked up.
    names : collection of str
        The names of the parameters that exist.

    Returns
    -------
    entries : list of Entry
        The entries for these names, and for `RESETBITS` of AstroDrizzle; where a name is given
        twice, the later entry counts.  Blank values (``None``, ``INDEF``, ``""``) are left out:
        they ask for the default.
    problems : list of str
        A message for each line that cannot be parsed, and for each name that does not
        exist, with the nearest one that does.

    Raises
    ------
    ConfigError
        If the file cannot be read, is binary, or holds the parameters of another task.
    """
    file = "" if isinstance(source, Mapping) else user_path(source)
    values, problems = (source, []) if isinstance(source, Mapping) else parse_cfg(file)
    scalars, sections = _split(values)
    task = str(scalars.get("_task_name_", "")).lower()
    if task not in _TASKS:
        msg = f"{file or 'configObj'}: these are the parameters of task {task!r}, "
        raise ConfigError(msg + "expected staticMask")
    is_astrodrizzle = task == "astrodrizzle" or any(
        _ASTRODRIZZLE_SECTION.match(name) and not _STATIC_MASK_STEP.match(name)
        for name in sections
    )
    entries = []
    for section, content in _relevant_sections(
        scalars, sections, is_astrodrizzle=is_astrodrizzle
    ).items():
        is_strict = not is_astrodrizzle or _STATIC_MASK_STEP.match(section) is not None
        for name, value in content.items():
            entry = Entry(name, value, section, file)
            if name in names or (is_astrodrizzle and name == RESETBITS):
                if not is_blank(value):
                    entries.append(entry)
            elif isinstance(value, Mapping):
                problems.append(f"{file} [{section}] [[{name}]]: no such section".lstrip())
            elif is_strict and name.lower() not in _IGNORED_NAMES:
                problems.append(f"{entry}: no such parameter{nearest(name, names)}")
    problems += [
        f"{file} [{name}]: no such section; did you mean STEP 1: STATIC MASK?".lstrip()
        for name in ([] if is_astrodrizzle else sections)
        if not _STATIC_MASK_STEP.match(name) and name.lower() not in _IGNORED_NAMES
    ]
    if file and problems and not entries:
        _refuse_other_task(file, scalars, sections, names, problems)
    return entries, problems


def _refuse_other_task(
    file: str, scalars: Mapping[str, object], sections: Mapping[str, Mapping[str, object]],
    names: Collection[str], problems: Sequence[str],
) -> None:
    """Refuse a file of another program, in one line; a misspelt one is left to its problems."""
    found = {*scalars, *(name for content in sections.values() for name in content)}
    if found.intersection(names) - _OF_OTHERS_TOO or any(map(_STATIC_MASK_STEP.match, sections)):
        return
    if sections or len(problems) > _MOST_MISSPELT:
        has = [f"[{name}]" for name in sections] or list(scalars) or ["lines of no such form"]
        msg = (f"{file}: has no parameter of static masks, but "
               f"{first_few([name[:40] for name in has])}; expected a .cfg of staticmask, "
               "drizzlepac's staticMask or AstroDrizzle")
        raise ConfigError(msg)


def _relevant_sections(
    scalars: Mapping[str, object],
    sections: Mapping[str, Mapping[str, object]],
    *,
    is_astrodrizzle: bool,
) -> dict[str, Mapping[str, object]]:
    """Return the sections that are read, by name and in rising precedence.

    They are the final_bits of step 7 of an ``astrodrizzle.cfg``, the root level, and step 1.
    """
    final_bits = {
        name: {key: content[key] for key in ("final_bits",) if key in content}
        for name, content in sections.items()
        if is_astrodrizzle and _FINAL_DRIZZLE_STEP.match(name)
    }
    static_mask = {
        name: content for name, content in sections.items() if _STATIC_MASK_STEP.match(name)
    }
    return {**final_bits, "": scalars, **static_mask}


def _split(
    values: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, Mapping[str, object]]]:
    """Separate scalars, without their quotes, from sections, without blanks around their names."""
    scalars: dict[str, object] = {}
    sections: dict[str, Mapping[str, object]] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            inner, deeper = _split(value)
            sections[name.strip()] = {**inner, **deeper}
        else:
            scalars[name] = _unquoted(value) if isinstance(value, str) else value
    return scalars, sections


def _unquoted(value: str) -> str:
    """Remove the quotes around a value, or around each item of a list."""
    items = [item.strip() for item in value.strip().split(",")]
    if len(items) > 1 and all(_is_quoted(item) for item in items):
        return ",".join(item[1:-1] for item in items)
    text = value.strip()
    return text[1:-1].strip() if _is_quoted(text) else text


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]
