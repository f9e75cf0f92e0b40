"""ConfigObj ``.cfg`` files in every form that users have on disk.

Ours, the ``staticMask.cfg`` that drizzlepac's parameter editor saved, and a
whole ``astrodrizzle.cfg``: what they say about static masks, entry by entry.

The configspec: which parameters there are, of what type, default and meaning.
"""

import difflib
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from staticmask_cli.errors import ConfigError

if TYPE_CHECKING:
    from configobj import ConfigObj

__all__ = [
    "Declaration", "Entry", "declarations", "entries_of", "flat_entries", "nearest",
    "read_spec", "sections_of",
]

@dataclass(frozen=True)
class Declaration:
    """What the configspec says about one parameter.

    Attributes
    ----------
    name : str
        Of the parameter.
    section : str
        Section of a ``.cfg`` in which it stands; empty for the root level.
    kind : str
        Name of its type, one of the checks of `staticmask_cli.config.parameters`.
    default : str
        As a ``.cfg`` spells it.
    comment : str
        What it means, in one line.
    """

    name: str
    section: str
    kind: str
    default: str
    comment: str


def read_spec() -> "ConfigObj":
    """Read the configspec: inside the package when installed, beside it in a checkout."""
    from configobj import ConfigObj  # noqa: PLC0415 - kept out of the start-up

    package = Path(__file__).parents[1]
    folder = package / "configspec"
    if not folder.is_dir():
        folder = package.parent / "configspec"
    return ConfigObj(
        str(folder / "staticmask.cfgspc"),
        encoding="utf-8", file_error=True, interpolation=False, list_values=False, _inspec=True,
    )


def sections_of(spec: "ConfigObj") -> dict[str, "ConfigObj"]:
    """Home of each parameter in the spec: the root level or a section."""
    homes = dict.fromkeys(spec.scalars, spec)
    for section in spec.sections:
        homes |= dict.fromkeys(spec[section].scalars, spec[section])
    return homes


def declarations() -> dict[str, Declaration]:
    """Parameters by name, in the order of the configspec."""
    from configobj.validate import Validator  # noqa: PLC0415 - kept out of the start-up

    spec = read_spec()
    found = {}
    for name, home in sections_of(spec).items():
        kind = home[name].partition("(")[0]
        default = Validator({kind: str}).get_default_value(home[name])
        # ConfigObj takes the comment above the very first parameter for the file's own.
        lines = home.comments[name] or spec.initial_comment
        section = "" if home is spec else home.name
        comment = lines[-1].lstrip("# ")
        found[name] = Declaration(name, section, kind, str(default), comment)
    return found


_LARGEST_FILE = 1 << 20  # bytes; a whole astrodrizzle.cfg has a hundredth of that
# ConfigObj takes time that grows with the square of these (backtracking patterns).
_MOST_BLANKS = re.compile(r"\s{100}")
_LONGEST_SECTION = 200
_OUR_STEP = re.compile(r"STEP 1:", re.IGNORECASE)
_LAST_STEP = re.compile(r"STEP 7:", re.IGNORECASE)
_OTHER_STEPS = re.compile(
    r"STEP \d+\w?:|STATE OF INPUT FILES|INSTRUMENT PARAMETERS", re.IGNORECASE
)
_TASKS = {"", "staticmask", "astrodrizzle"}
_IGNORED = {"_task_name_", "_rules_"}
_BLANK = {"", "none", "indef"}


@dataclass(frozen=True)
class Entry:
    """One parameter as somebody wrote it, and where."""

    name: str
    value: object
    section: str = ""
    file: str = ""

    def __str__(self) -> str:
        place = " ".join(part for part in (self.file, self.section and f"[{self.section}]") if part)
        return f"{place} {self.name} = {self.value}".lstrip()


def nearest(name: str, names: Collection[str]) -> str:
    """Suggest the most similar of the allowed names, as the end of a message."""
    matches = difflib.get_close_matches(name.lower(), names, n=1, cutoff=0.5)
    return f"; did you mean {matches[0]}?" if matches else f"; there are {', '.join(names)}"


def entries_of(
    source: str | Mapping[str, object], names: Collection[str]
) -> tuple[list[Entry], list[str]]:
    """Read the entries of a ``.cfg`` that concern static masks.

    Parameters
    ----------
    source : str or mapping
        A file, and nothing else is looked up; or what such a file holds, as a
        ConfigObj or a nested dictionary.
    names : collection of str
        The parameters that exist.

    Returns
    -------
    entries : list of Entry
        Of these names alone; where one is given twice, the later entry counts.
        Blank values (``None``, ``INDEF``, ``""``) are left out: they ask for the default.
    problems : list of str
        Lines that cannot be parsed, and names that do not exist, with the nearest one that does.

    Raises
    ------
    ConfigError
        If the file cannot be read, is binary, or belongs to another task.
    """
    where = source if isinstance(source, str) else ""
    values, problems = _parse(source) if isinstance(source, str) else (source, [])
    scalars, sections = _split(values)
    task = str(scalars.get("_task_name_", "")).lower()
    if task not in _TASKS:
        msg = f"{where or 'configObj'}: these are the parameters of task {task!r}, "
        raise ConfigError(msg + "expected staticMask")
    whole = task == "astrodrizzle" or any(
        _OTHER_STEPS.match(name) and not _OUR_STEP.match(name) for name in sections
    )
    entries = []
    for section, content in _sections_that_count(scalars, sections, whole=whole).items():
        strict = not whole or _OUR_STEP.match(section) is not None
        for name, value in content.items():
            entry = Entry(name, value, section, where)
            if name in names:
                if not _is_blank(value):
                    entries.append(entry)
            elif isinstance(value, Mapping):
                problems.append(f"{where} [{section}] [[{name}]]: no such section".lstrip())
            elif strict and name.lower() not in _IGNORED:
                problems.append(f"{entry}: no such parameter{nearest(name, names)}")
    if not whole:
        problems += [
            f"{where} [{name}]: no such section; did you mean STEP 1: STATIC MASK?".lstrip()
            for name in sections
            if not _OUR_STEP.match(name) and name.lower() not in _IGNORED
        ]
    return entries, problems


def flat_entries(values: Mapping[str, object], section: str = "") -> list[Entry]:
    """Entries of given values, whatever sections they are nested in."""
    entries = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            entries += flat_entries(value, name)
        else:
            entries.append(Entry(name, value, section))
    return entries


def _sections_that_count(
    scalars: Mapping[str, object], sections: Mapping[str, Mapping[str, object]], *, whole: bool
) -> dict[str, Mapping[str, object]]:
    """Sections in rising precedence: of a whole astrodrizzle.cfg, STEP 7, the root, STEP 1."""
    last = {
        name: {key: content[key] for key in ("final_bits",) if key in content}
        for name, content in sections.items()
        if whole and _LAST_STEP.match(name)
    }
    ours = {name: content for name, content in sections.items() if _OUR_STEP.match(name)}
    return {**last, "": scalars, **ours}


def _split(
    values: Mapping[str, object],
) -> tuple[dict[str, object], dict[str, Mapping[str, object]]]:
    """Tell scalars, without their quotes, from sections, with the blanks around names removed."""
    scalars: dict[str, object] = {}
    sections: dict[str, Mapping[str, object]] = {}
    for name, value in values.items():
        if isinstance(value, Mapping):
            inner, deeper = _split(value)
            sections[name.strip()] = {**inner, **deeper}
        else:
            scalars[name] = _unquoted(value) if isinstance(value, str) else value
    return scalars, sections


def _is_blank(value: object) -> bool:
    return value is None or (isinstance(value, str) and value.lower() in _BLANK)


def _parse(path: str) -> tuple["ConfigObj", list[str]]:
    from configobj import ConfigObj, ConfigObjError  # noqa: PLC0415 - kept out of the start-up

    try:
        with Path(path).open("rb") as stream:
            content = stream.read(_LARGEST_FILE + 1)
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        msg = f"{path}: expected a ConfigObj .cfg, found a binary file"
        raise ConfigError(msg) from error
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        msg = f"{path}: cannot read the parameters: {reason}"
        raise ConfigError(msg) from error
    if len(content) > _LARGEST_FILE or "\0" in text:
        msg = f"{path}: expected a ConfigObj .cfg, found a binary file or one of over 1 MiB"
        raise ConfigError(msg)
    lines = [line.strip() for line in text.splitlines()]
    for number, line in enumerate(lines, 1):
        if _MOST_BLANKS.search(line) or (line.startswith("[") and len(line) > _LONGEST_SECTION):
            msg = (
                f"{path} line {number}: expected less than 100 blanks in a row, "
                f"and section names of up to {_LONGEST_SECTION} letters"
            )
            raise ConfigError(msg)
    try:
        return ConfigObj(lines, interpolation=False, list_values=False), []
    except ConfigObjError as error:
        problems = [
            f"{path} line {problem.line_number}: {problem.line.strip()[:80]}: "
            "expected 'name = value' or '[section]', each name once"
            for problem in error.errors
        ]
        return error.config, problems  # what could be parsed, so that all is reported at once


def _unquoted(value: str) -> str:
    """Value without the quotes around it, or around each item of a list."""
    items = [item.strip() for item in value.strip().split(",")]
    if len(items) > 1 and all(_is_quoted(item) for item in items):
        return ",".join(item[1:-1] for item in items)
    text = value.strip()
    return text[1:-1].strip() if _is_quoted(text) else text


def _is_quoted(text: str) -> bool:
    return len(text) > 1 and text[0] == text[-1] and text[0] in "\"'" and text[0] not in text[1:-1]
