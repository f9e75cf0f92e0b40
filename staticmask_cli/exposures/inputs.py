"""From the words a user typed to an ordered list of files.

Inputs that are the same pixels twice, or that could not be told apart.
"""

import glob
import io
import os
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from staticmask_cli.errors import InputError, StaticMaskError
from staticmask_cli.exposures.associations import find_members, is_association, read_association
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.io.paths import (
    canonical_path,
    folder_of_file,
    glob_remote,
    is_remote,
    join_path,
    open_file,
    redacted,
    remote_path_within,
    with_credentials,
)

__all__ = ["expand_inputs"]

_FLT_OR_FLC = re.compile(r"_fl[tc]\.fits(\.gz|\.fz)?$", re.IGNORECASE)


def reject_ambiguous(paths: Iterable[str], problems: Problems) -> None:
    """Refuse different inputs of which the same is shown, as MEMBERS could not tell them apart."""
    counts = Counter(map(str, paths))
    for path, count in counts.items():
        if count > 1:
            problems.refuse(f"{path}: {count} inputs differ only in user, password or query, "
                            "which are not shown")


def one_kind_each(paths: list[str], suffix: str | None, problems: Problems) -> list[str]:
    """Leave one file of each exposure: ``_flt`` and ``_flc`` are the same pixels twice."""
    exposures: dict[str, list[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        kind = _FLT_OR_FLC.search(name)
        if kind:
            root = os.path.join(canonical_path(folder), name[: kind.start()])
            exposures.setdefault(root, []).append(path)
    wanted = f"_{suffix.lstrip('_')}.fits" if suffix else ""
    dropped: set[str] = set()
    for same in (files for files in exposures.values() if len(set(files)) > 1):
        chosen = [path for path in same if wanted and wanted in os.path.basename(path).lower()]
        if len(chosen) == 1:
            dropped.update(set(same) - set(chosen))
        else:
            problems.refuse(f"{' and '.join(same)}: the same exposure twice; "
                            "choose one kind with --suffix flc (or flt)")
    return [path for path in paths if path not in dropped]


_DEEPEST_LIST = 32
_LARGEST_LIST = 1 << 20  # bytes; thousands of names



def expand_inputs(
    words: Iterable[str],
    suffix: str | None = None,
    problems: Problems | None = None,
) -> list[str]:
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
    problems : Problems, optional
        Collects what is wrong; where its run keeps going, files and members that do not exist
        are left out.

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
    problems = problems or Problems()
    paths: dict[str, str] = {}
    place = _Place(suffix=suffix)
    for word in words:
        for path in _expand(word, place, problems):
            paths.setdefault(canonical_path(path), path)
    reject_ambiguous(paths.values(), problems)
    chosen = one_kind_each(sorted(paths.values()), suffix, problems)
    problems.check(anything_left=bool(paths))
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
        return word if is_remote(word) else join_path(self.folder, word)


def _expand(word: str, place: _Place, problems: Problems) -> Iterator[str]:
    """Files of one word; what is wrong with it is added to `problems`."""
    if is_remote(word.removeprefix("@")) or is_remote(place.folder):
        yield from _expand_remote(word, place, problems)
        return
    path = place.path(word)
    if not _is_name(word):
        problems.leave_out(path, InputError(f"{path}: no such file"))
    elif os.path.isdir(path):
        example = os.path.join(path, "*flt.fits")
        problems.refuse(f"{path}: is a folder, expected files such as {example}")
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
        problems.leave_out(path, InputError(f"{path}: {_why_missing(path)}"))


def _expand_remote(word: str, place: _Place, problems: Problems) -> Iterator[str]:
    """Files of a word that is a URL, or stands in a remote list; those named are not looked for."""
    parts = _parts_of(with_credentials(word))
    if len(parts) > 1:
        for part in parts:
            yield from _expand(redacted(part), place, problems)
        return
    mark = "@" if word.startswith("@") else ""
    name = redacted(with_credentials(word).removeprefix("@"))
    # Lists come from strangers, where they are not on this machine.
    url = remote_path_within(place.folder, name) if is_remote(place.folder) else name
    if url is None:
        wrong = f"names {name[:80]!r}, expected what lies in its folder"
        problems.refuse(f"@{redacted(place.lists[-1])}: {wrong}")
        return
    try:
        found = None if mark else glob_remote(url)
    except StaticMaskError as error:
        problems.refuse(error)
        return
    if mark:
        yield from _expand_list(url, place, problems)
    elif url.endswith("/"):
        problems.refuse(f"{url}: is a folder, expected files such as {url}*flt.fits")
    elif found is None:
        yield from _expand_file(url, place, problems)
    elif not found:
        problems.refuse(f"{url}: no file matches")
    for path in found or ():
        yield from _expand_file(path, place, problems)


def _parts_of(word: str) -> list[str]:
    """Words of a comma list; where a URL has a query, a comma may belong to it."""
    has_query = re.search(r"\?[^,]*=", word)
    comma = r",(?=\s*@?[A-Za-z][A-Za-z0-9+.-]+://)" if has_query else ","
    return list(filter(None, map(str.strip, re.split(comma, word))))


def _expand_wildcard(word: str, place: _Place, problems: Problems) -> Iterator[str]:
    """Files that match; folders do not count, links to nothing are missing files."""
    pattern = os.path.join(glob.escape(place.folder), word)
    matches = [match for match in sorted(glob.glob(pattern)) if not os.path.isdir(match)]
    if not matches:
        problems.refuse(f"{place.path(word)}: no file matches")
    for match in matches:
        if os.path.exists(match):
            yield from _expand_file(match, place, problems)
        else:
            problems.leave_out(match, InputError(f"{match}: {_why_missing(match)}"))


def _why_missing(path: str) -> str:
    return "is a link that leads nowhere" if os.path.islink(path) else "no such file"


def _is_name(word: str) -> bool:
    """Whether the system can be asked for a file of that name at all."""
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def _is_list_of_words(word: str, place: _Place) -> bool:
    """Whether ``@a,b`` means ``@a`` and ``b``, and not a list that is called ``a,b``."""
    return "," in word and not os.path.isfile(place.path(word[1:]))


def _expand_file(path: str, place: _Place, problems: Problems) -> Iterator[str]:
    """Return a file itself, or the members of an association."""
    if not is_association(path):
        yield path
        return
    try:
        names = read_association(path)
    except StaticMaskError as error:
        problems.refuse(error)
        return
    folder = folder_of_file(path)
    for name in names:
        try:
            found = find_members(folder, name, place.suffix)
        except StaticMaskError as error:  # a remote folder that cannot be looked at
            problems.refuse(error)
            return
        if not found:
            reason = f"{path}: member {name}: no such exposure beside the association"
            problems.leave_out(join_path(folder, name), InputError(reason))
        yield from found


def _expand_list(path: str, place: _Place, problems: Problems) -> Iterator[str]:
    """Files of an @list."""
    identity = canonical_path(path)
    if identity in place.lists:
        problems.refuse(f"@{path}: the list includes itself")
        return
    if len(place.lists) == _DEEPEST_LIST:
        problems.refuse(f"@{path}: lists are nested more than {_DEEPEST_LIST} deep")
        return
    if identity in place.seen:
        return  # a file that is named twice counts once
    place.seen.add(identity)
    try:
        with open_file(path) as stream:
            content = stream.read(_LARGEST_LIST + 1)
        if len(content) > _LARGEST_LIST:
            problems.refuse(f"@{path}: the list is larger than 1 MiB")
            return
        text = content.decode("utf-8-sig")
        lines = [line.strip() for line in io.StringIO(text, newline=None)]
    except StaticMaskError as error:
        problems.refuse(f"@{error}")
        return
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a text file"
        problems.refuse(f"@{path}: cannot read the list: {reason}")
        return
    inner = replace(
        place,
        folder=folder_of_file(path),
        lists=(*place.lists, identity),
    )
    for line in lines:
        if line and not line.startswith("#"):
            yield from _expand(_first_column(line, inner), inner, problems)


def _first_column(line: str, place: _Place) -> str:
    """Take what a line of a list names; a file name may hold blanks, and a comma list too."""
    remote = is_remote(line) or is_remote(place.folder)
    if not remote and _is_name(line) and os.path.exists(place.path(line)):
        return line
    return re.sub(r"\s*,\s*", ",", line).split()[0]
