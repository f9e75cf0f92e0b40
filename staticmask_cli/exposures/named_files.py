"""The files that the words of a user name: exposures, lists and associations, and what lists name.

They are found without reading anything but lists on this machine that are regular files, so that
nothing is consumed or fetched that the run itself is to read.
"""

import glob
import os
from collections.abc import Iterable
from contextlib import suppress

from staticmask_cli.io.urls import is_remote
from staticmask_cli.io.user_path import user_path

__all__ = ["named_files"]

_LARGEST_LIST = 1 << 20  # bytes, as of the lists of a run


def named_files(words: Iterable[str]) -> set[str]:
    """Return the canonical paths of the files on this machine that words name.

    Parameters
    ----------
    words : iterable of str
        Words as for `expand_inputs`, and of lists of bad pixels, such as ``MASK=FILE``.
    """
    found: set[str] = set()
    for word in words:
        _add(found, word, "")
    return found


def _add(found: set[str], word: str, folder: str) -> None:
    """Add the files of a word that is in a list of this folder, or on the command line."""
    parts = {word, word.partition("=")[2], *map(str.strip, word.split(",")), *word.split()[:1]}
    for part in filter(None, parts):
        if is_remote(part.removeprefix("@")) or "\0" in part:
            continue
        for path in _matches(user_path(part), folder):
            found.add(os.path.realpath(path))
        if part.startswith("@"):
            for path in _matches(user_path(part[1:]), folder):
                _add_list(found, path)


def _matches(name: str, folder: str) -> list[str]:
    """Return the regular files of a name or wildcard, beside a list and in the current folder."""
    paths = {os.path.join(folder, name), name}
    if glob.has_magic(name):
        paths.update(glob.glob(os.path.join(glob.escape(folder), name), recursive=True))
        paths.update(glob.glob(name, recursive=True))
    return list(filter(os.path.isfile, paths))


def _add_list(found: set[str], path: str) -> None:
    identity = os.path.realpath(path)
    if identity in found:
        return
    found.add(identity)
    with suppress(OSError), open(path, "rb") as stream:
        lines = stream.read(_LARGEST_LIST).decode("utf-8-sig", "surrogateescape").splitlines()
        for line in filter(None, map(str.strip, lines)):
            _add(found, line, os.path.dirname(path))
