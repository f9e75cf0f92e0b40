"""Paths as users write them: ``~`` and ``$VAR`` stand for folders, as in a shell.

They are expanded where a path of the user enters: the command line, a ``.cfg``, a list of files,
an argument in Python.  Names from headers and association tables are untrusted, and never
expanded.
"""

import glob
import os
import re
from collections import Counter
from collections.abc import Iterable

from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.io.paths import glob_remote
from staticmask_cli.io.urls import is_remote, redacted

__all__ = ["matching_files", "no_folder", "no_match", "output_path", "user_path"]

_VARIABLE = re.compile(r"(?:^|/)\$([A-Za-z_]\w*|\{[^}]*\})", re.ASCII)
_MOST_ENDS = 4  # of the names of files, in a message


def user_path(path: str | os.PathLike[str]) -> str:
    """Return a path of the user with ``~``, ``~name`` and ``$VAR`` expanded.

    What stands for nothing (no such user, a variable that is not set) is not changed, nor is the
    name of a file that exists and contains ``$``.  URLs are only redacted.
    """
    text = redacted(os.fspath(path))
    if is_remote(text):
        return text
    if text.startswith("~"):
        try:
            text = os.path.expanduser(text)
        except ValueError:  # no user can have such a name
            return text
    return text if "$" not in text or os.path.lexists(text) else os.path.expandvars(text)


def output_path(path: str | os.PathLike[str]) -> str:
    """Return the path of a result, expanded as by `user_path`.

    Raises
    ------
    ConfigError
        If it names a variable that is not set, because a folder called ``$VAR`` would be made.
    """
    text = user_path(path)
    unset = None if is_remote(text) or os.path.lexists(text) else _VARIABLE.search(text)
    if unset:
        msg = f"{text}: the environment variable {unset[1].strip('{}')} is not set"
        raise ConfigError(msg)
    return text


def matching_files(words: Iterable[str]) -> list[str]:
    """Return the files that paths and wildcards of the user name, in the order of the words.

    Raises
    ------
    InputError
        If no file matches a wildcard.
    """
    files = []
    for path in map(user_path, words):
        matches = _matches(path)
        if matches == []:
            raise InputError(no_match(path))
        files += matches or [path]
    return files


def no_match(pattern: str) -> str:
    """Return the message that no file matches a wildcard, with what is in its folder instead."""
    folder = os.path.dirname(pattern)
    message = f"{pattern}: no file matches"
    if is_remote(pattern) or glob.has_magic(folder):
        return message
    if not os.path.isdir(folder or "."):
        return f"{message}, as there is no folder {folder}"
    ends = _ends_of_names(folder or ".").most_common(_MOST_ENDS)
    there = ", ".join(f"{count} *{end}" for end, count in ends) or "no FITS files"
    return f"{message}; in that folder are {there}"


def no_folder(path: str) -> str:
    """Return the message that a folder was given where files are expected."""
    ends = [] if is_remote(path) else list(_ends_of_names(path))
    example = os.path.join(path, f"*{ends[0]}" if len(ends) == 1 else "*flt.fits")
    return f"{path}: is a folder, expected files such as {example}"


def _ends_of_names(folder: str) -> Counter[str]:
    """Count the FITS files of a folder by the ends of their names, as in ``_flt.fits``."""
    try:
        names = sorted(os.listdir(folder))
    except OSError:  # without the permission to list it
        return Counter()
    found = (re.search(r"(?:_[A-Za-z0-9]+)?\.fits(?:\.gz)?$", name) for name in names)
    return Counter(match[0] for match in found if match)


def _matches(path: str) -> list[str] | None:
    """Return the sorted files that match a path; None if it is no wildcard."""
    if is_remote(path):
        return glob_remote(path)
    is_wildcard = glob.has_magic(path) and not os.path.lexists(path)
    return sorted(glob.glob(path, recursive=True)) if is_wildcard else None
