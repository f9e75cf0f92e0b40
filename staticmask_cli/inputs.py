"""From the words a user typed to an ordered list of files."""

import glob
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from staticmask_cli.associations import find_members, is_association, read_association
from staticmask_cli.errors import InputError, StaticMaskError

__all__ = ["expand_inputs"]

_DEEPEST_LIST = 32
_FLT_OR_FLC = re.compile(r"_fl[tc]\.fits(\.gz|\.fz)?$", re.IGNORECASE)


def expand_inputs(words: Iterable[str], suffix: str | None = None) -> list[str]:
    """Expand paths, wildcards, comma lists, @lists and association tables to files.

    Parameters
    ----------
    words : iterable of str
        Each a path, a wildcard, an association table (``_asn.fits``,
        ``_asc.fits``, ``_asn.json``), several of these joined by commas, or
        ``@`` and the name of a list: one input a line, ``#`` comments, a second
        column is ignored, paths relative to the list's own folder.  What exists
        under exactly that name is taken as it is.
    suffix : str, optional
        Kind of file to take where an exposure has several, such as ``flc``.

    Returns
    -------
    list of str
        Paths as the user gave them, sorted; a file that is named twice counts once.

    Raises
    ------
    InputError
        Names every word that matches nothing, every missing file and member,
        and every exposure that is there as ``_flt`` and as ``_flc``.
    """
    problems: list[str] = []
    paths: dict[str, str] = {}
    place = _Place(suffix=suffix)
    for word in words:
        for path in _expand(word, place, problems):
            paths.setdefault(os.path.realpath(path), path)
    chosen = _one_kind_each(sorted(paths.values()), suffix, problems)
    if problems:
        raise InputError("\n".join(dict.fromkeys(problems)))
    if not paths:
        msg = "no input: name exposures, as in: staticmask '*flt.fits'"
        raise InputError(msg)
    return chosen


@dataclass(frozen=True)
class _Place:
    """Where a word stands: on the command line, or in the innermost of nested lists."""

    folder: str = ""
    lists: tuple[str, ...] = ()  # that are open, from the outermost
    suffix: str | None = None
    seen: set[str] = field(default_factory=set)  # lists that were expanded once already

    def path(self, word: str) -> str:
        return os.path.join(self.folder, word)


def _expand(word: str, place: _Place, problems: list[str]) -> Iterator[str]:
    """Files of one word; what is wrong with it is added to `problems`."""
    path = place.path(word)
    if not _is_name(word):
        problems.append(f"{path}: no such file")
    elif os.path.isdir(path):
        example = os.path.join(path, "*flt.fits")
        problems.append(f"{path}: is a folder, expected files such as {example}")
    elif os.path.exists(path):
        yield from _expand_file(path, place, problems)
    elif word.startswith("@") and not _is_list_of_words(word, place):
        yield from _expand_list(place.path(word[1:]), place, problems)
    elif "," in word:
        for part in filter(None, map(str.strip, word.split(","))):
            yield from _expand(part, place, problems)
    elif glob.has_magic(word):
        yield from _expand_wildcard(word, place, problems)
    else:
        problems.append(f"{path}: no such file")


def _expand_wildcard(word: str, place: _Place, problems: list[str]) -> Iterator[str]:
    """Files that match; folders do not count, links to nothing are missing files."""
    pattern = os.path.join(glob.escape(place.folder), word)
    matches = [match for match in sorted(glob.glob(pattern)) if not os.path.isdir(match)]
    if not matches:
        problems.append(f"{place.path(word)}: no file matches")
    for match in matches:
        if os.path.exists(match):
            yield from _expand_file(match, place, problems)
        else:
            problems.append(f"{match}: no such file")


def _is_name(word: str) -> bool:
    """Whether the system can be asked for a file of that name at all."""
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def _is_list_of_words(word: str, place: _Place) -> bool:
    """Whether ``@a,b`` means ``@a`` and ``b``, and not a list that is called ``a,b``."""
    return "," in word and not os.path.isfile(place.path(word[1:]))


def _expand_file(path: str, place: _Place, problems: list[str]) -> Iterator[str]:
    """Return a file itself, or the members of an association."""
    if not is_association(path):
        yield path
        return
    try:
        names = read_association(path)
    except StaticMaskError as error:
        problems.append(str(error))
        return
    folder = os.path.dirname(path)
    for name in names:
        found = find_members(folder, name, place.suffix)
        if not found:
            problems.append(f"{path}: member {name}: no such exposure beside the association")
        yield from found


def _expand_list(path: str, place: _Place, problems: list[str]) -> Iterator[str]:
    """Files of an @list."""
    identity = os.path.realpath(path)
    if identity in place.lists:
        problems.append(f"@{path}: the list includes itself")
        return
    if len(place.lists) == _DEEPEST_LIST:
        problems.append(f"@{path}: lists are nested more than {_DEEPEST_LIST} deep")
        return
    if identity in place.seen:
        return  # a file that is named twice counts once
    place.seen.add(identity)
    try:
        with open(path, encoding="utf-8-sig") as stream:
            lines = [line.strip() for line in stream]
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        problems.append(f"@{path}: cannot read the list: {reason}")
        return
    inner = replace(
        place,
        folder=os.path.dirname(path),
        lists=(*place.lists, identity),
    )
    for line in lines:
        if line and not line.startswith("#"):
            yield from _expand(_first_column(line, inner), inner, problems)


def _first_column(line: str, place: _Place) -> str:
    """Take what a line of a list names; a file name may hold blanks, and a comma list too."""
    if _is_name(line) and os.path.exists(place.path(line)):
        return line
    return re.sub(r"\s*,\s*", ",", line).split()[0]


def _one_kind_each(paths: list[str], suffix: str | None, problems: list[str]) -> list[str]:
    """Leave one file of each exposure: ``_flt`` and ``_flc`` are the same pixels twice."""
    exposures: dict[str, list[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        kind = _FLT_OR_FLC.search(name)
        if kind:
            root = os.path.join(os.path.realpath(folder), name[: kind.start()])
            exposures.setdefault(root, []).append(path)
    wanted = f"_{suffix.lstrip('_')}.fits" if suffix else ""
    dropped: set[str] = set()
    for same in (files for files in exposures.values() if len(files) > 1):
        chosen = [path for path in same if wanted and wanted in os.path.basename(path).lower()]
        if len(chosen) == 1:
            dropped.update(set(same) - set(chosen))
        else:
            problems.append(f"{' and '.join(same)}: the same exposure twice; "
                            "choose one kind with --suffix flc (or flt)")
    return [path for path in paths if path not in dropped]
