"""Inputs: from the words of the user to a sorted list of files.

A word is a path, a wildcard, a comma list, an @list, an association table, or one of these at a
remote URL.  Two files of the same exposure (``_flt`` and ``_flc``) are refused, unless the user
chooses one.
"""

import glob
import io
import os
import re
import sys
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass, field, replace

from staticmask_cli.errors import ConfigError, InputError, StaticMaskError
from staticmask_cli.exposures.associations import find_members, is_association, read_association
from staticmask_cli.exposures.duplicates import one_kind_each, refuse_ambiguous
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.io.paths import (
    canonical_path,
    folder_of_file,
    glob_remote,
    join_path,
    open_file,
    remote_path_within,
)
from staticmask_cli.io.urls import is_remote, redacted, with_credentials
from staticmask_cli.io.user_path import no_folder, no_match, user_path

__all__ = ["expand_inputs"]

_STDIN = "-"  # as the name of a list
_DEEPEST_LIST = 32
_LARGEST_LIST = 1 << 20  # bytes; this is enough for thousands of names
# The end of x_flt.fits[sci,1], as many programs write the extension of a file.
_EXTENSION = re.compile(r"(?<=\w)\[((?:\w+,)?\d+|sci)\]$", re.IGNORECASE)


def expand_inputs(
    words: Iterable[str], suffix: str | None = None, problems: Problems | None = None
) -> list[str]:
    """Expand paths, wildcards, comma lists, @lists and association tables to files.

    Parameters
    ----------
    words : iterable of str
        Each word is a path, a wildcard, an association table (``_asn.fits``, ``_asc.fits``,
        ``_asn.json``), several of these joined by commas, or ``@`` and the name of a list.  A list
        has one input on each line, which is looked for beside the list, then in the current
        folder; a second column and lines that begin with ``#`` are ignored.  ``@-`` reads a list
        from stdin.  A word that is the name of an existing file always means that file.  In
        words and in lists on this machine ``~`` and ``$VAR`` are expanded, and ``**`` stands for
        folders of all levels.
    suffix : str, optional
        The kind of file to use if an exposure has several, such as ``flc``.
    problems : Problems, optional
        The collector of what is wrong; if its run keeps going, files and members that do not
        exist are left out.

    Returns
    -------
    list of str
        The paths as the user wrote them, sorted; a file that is named twice is returned once.

    Raises
    ------
    ConfigError
        If there is no word, or a package for remote files is missing.
    InputError
        If words match nothing, lists are empty, files or members are missing, or exposures have
        both an ``_flt`` and an ``_flc`` file; the message names all of them.
    """
    problems = problems or Problems()
    paths: dict[str, str] = {}
    context = _Context(problems, suffix)
    for word in words:
        for path in _expand(word, context):
            paths.setdefault(canonical_path(path), path)
    refuse_ambiguous(paths.values(), problems)
    chosen = one_kind_each(sorted(paths.values()), suffix, problems)
    problems.check(anything_left=bool(paths))
    if not paths:
        msg = "no input: name exposures, as in: staticmask '*flt.fits'"
        raise InputError(msg) if context.expanded else ConfigError(msg)
    return chosen


@dataclass(frozen=True)
class _Context:
    """What is needed to expand a word: the list that it is written in, and the state of the run.

    Attributes
    ----------
    problems : Problems
        The collector of what is wrong.
    suffix : str or None
        The kind of file to use if an exposure has several.
    folder : str
        The folder of the innermost list; empty for a word of the command line.
    lists : tuple of str
        The identities of the nested lists, from the outermost.
    expanded : set of str
        The identities of all lists that were expanded so far.
    """

    problems: Problems
    suffix: str | None
    folder: str = ""
    lists: tuple[str, ...] = ()
    expanded: set[str] = field(default_factory=set)

    def path(self, word: str) -> str:
        """Return the path that a word means: beside the list, else in the current folder."""
        path = user_path(word)
        beside = path if is_remote(path) else join_path(self.folder, path)
        return beside if os.path.lexists(beside) or not os.path.lexists(path) else path


def _expand(word: str, context: _Context) -> Iterator[str]:
    """Yield the files that a word names."""
    if is_remote(word.removeprefix("@")) or is_remote(context.folder):
        yield from _expand_remote(word, context)
        return
    path = context.path(word)
    parts = _parts_of_local(word)
    if not _is_name(word):
        context.problems.leave_out(path, InputError(f"{path}: no such file"))
    elif os.path.isdir(path):
        context.problems.refuse(no_folder(path))
    elif os.path.exists(path):
        yield from _expand_file(path, context)
    elif word.startswith("@") and not _is_list_of_words(word, context):
        yield from _expand_list(_STDIN if word == "@-" else context.path(word[1:]), context)
    elif parts != [word]:
        for part in parts:
            yield from _expand(part, context)
    elif glob.has_magic(user_path(word)):
        yield from _expand_wildcard(word, context)
    else:
        context.problems.leave_out(path, InputError(f"{path}: {_why_missing(path)}"))


def _expand_remote(word: str, context: _Context) -> Iterator[str]:
    """Yield the files of a word that is a URL or in a remote list.

    A file that is named without wildcards may be missing: this shows only when it is read.
    """
    parts = _parts_of(with_credentials(word))
    if len(parts) > 1:
        for part in parts:
            yield from _expand(redacted(part), context)
        return
    mark = "@" if word.startswith("@") else ""
    name = redacted(with_credentials(word).removeprefix("@"))
    # A remote list is untrusted, and must not name files anywhere else.
    url = remote_path_within(context.folder, name) if is_remote(context.folder) else name
    if url is None:
        wrong = f"names {name[:80]!r}, expected what lies in its folder"
        context.problems.refuse(f"@{redacted(context.lists[-1])}: {wrong}")
        return
    try:
        found = None if mark else glob_remote(url)
    except StaticMaskError as error:
        context.problems.refuse(error)
        return
    if mark:
        yield from _expand_list(url, context)
    elif url.endswith("/"):
        context.problems.refuse(no_folder(url))
    elif found is None:
        yield from _expand_file(url, context)
    elif not found:
        context.problems.refuse(_why_no_match(url))
    for path in found or ():
        yield from _expand_file(path, context)


def _parts_of_local(word: str) -> list[str]:
    """Return the words of a comma list; a comma within an extension such as [sci,1] is none."""
    return list(filter(None, map(str.strip, re.split(r",(?!\d+\])", word))))


def _parts_of(word: str) -> list[str]:
    """Return the words of a comma list; a comma after the query of a URL may belong to it."""
    has_query = re.search(r"\?[^,]*=", word)
    comma = r",(?=\s*@?[A-Za-z][A-Za-z0-9+.-]+://)" if has_query else ","
    return list(filter(None, map(str.strip, re.split(comma, word))))


def _expand_wildcard(word: str, context: _Context) -> Iterator[str]:
    """Yield the files that match; folders are ignored, and links to nothing are missing files."""
    matches: list[str] = []
    for folder in (context.folder, ""):
        pattern = os.path.join(glob.escape(folder), user_path(word))
        matches = matches or [match for match in sorted(glob.glob(pattern, recursive=True))
                              if not os.path.isdir(match)]
    if not matches:
        context.problems.refuse(_why_no_match(context.path(word)))
    for match in matches:
        if os.path.exists(match):
            yield from _expand_file(match, context)
        else:
            context.problems.leave_out(match, InputError(f"{match}: {_why_missing(match)}"))


def _why_missing(path: str) -> str:
    return "is a link that leads nowhere" if os.path.islink(path) else "no such file"


def _why_no_match(path: str) -> str:
    """Return the message for a wildcard without matches, or for the extension of a file."""
    extension = _EXTENSION.search(path)
    if extension is None:
        return no_match(path)
    return (f"{path}: no such file; extensions are chosen for all exposures: name "
            f"{path[: extension.start()]}, and --group {extension[1]} (in Python "
            f"group={extension[1]!r})")


def _is_name(word: str) -> bool:
    """Whether a file of that name can exist on this system."""
    try:
        return b"\0" not in os.fsencode(word)
    except UnicodeEncodeError:
        return False


def _is_list_of_words(word: str, context: _Context) -> bool:
    """Whether ``@a,b`` means ``@a`` and ``b``, and not a list with the name ``a,b``."""
    return "," in word and not os.path.isfile(context.path(word[1:]))


def _expand_file(path: str, context: _Context) -> Iterator[str]:
    """Yield a file, or the members of an association."""
    if not is_association(path):
        yield path
        return
    try:
        names = read_association(path)
    except StaticMaskError as error:
        context.problems.refuse(error)
        return
    folder = folder_of_file(path)
    for name in names:
        try:
            found = find_members(folder, name, context.suffix)
        except StaticMaskError as error:  # a remote folder that cannot be listed
            context.problems.refuse(error)
            return
        if not found:
            reason = f"{path}: member {name}: no such exposure beside the association"
            context.problems.leave_out(join_path(folder, name), InputError(reason))
        yield from found


def _expand_list(path: str, context: _Context) -> Iterator[str]:
    """Yield the files of an @list."""
    identity = canonical_path(path)
    if identity in context.lists:
        context.problems.refuse(f"@{path}: the list includes itself")
        return
    if len(context.lists) == _DEEPEST_LIST:
        context.problems.refuse(f"@{path}: lists are nested more than {_DEEPEST_LIST} deep")
        return
    if identity in context.expanded:
        return  # a file that is named twice is returned once
    context.expanded.add(identity)
    lines = _lines_of(path, context.problems)
    folder = "" if path == _STDIN or path.startswith("/dev/") else folder_of_file(path)
    inner = replace(context, folder=folder, lists=(*context.lists, identity))
    for line in (line for line in lines if line and not line.startswith("#")):
        yield from _expand(_first_column(line, inner), inner)


def _lines_of(path: str, problems: Problems) -> list[str]:
    """Read the lines of a list; if it cannot be read, report the problem and return no lines."""
    try:
        with nullcontext(sys.stdin.buffer) if path == _STDIN else open_file(path) as stream:
            content = stream.read(_LARGEST_LIST + 1)
        if len(content) <= _LARGEST_LIST:
            text = content.decode("utf-8-sig")
            return [line.strip() for line in io.StringIO(text, newline=None)]
        problems.refuse(f"@{path}: the list is larger than 1 MiB")
    except StaticMaskError as error:
        problems.refuse(f"@{error}")
    except (OSError, ValueError, AttributeError) as error:  # the last if there is no stdin
        reason = getattr(error, "strerror", None) or "not a text file"
        problems.refuse(f"@{path}: cannot read the list: {reason}")
    return []


def _first_column(line: str, context: _Context) -> str:
    """Return the word of a line of a list; file names and comma lists may have blanks."""
    remote = is_remote(line) or is_remote(context.folder)
    if not remote and _is_name(line) and os.path.exists(context.path(line)):
        return line
    return re.sub(r"\s*,\s*", ",", line).split()[0]
