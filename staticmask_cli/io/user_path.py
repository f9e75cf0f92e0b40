"""Paths as users write them: ``~`` and ``$VAR`` stand for folders, as in a shell.

They are expanded where a path of the user enters: the command line, a ``.cfg``, a list of files,
an argument in Python.  Names from headers and association tables are untrusted, and never
expanded.
"""

import glob
import os
import re
from collections.abc import Iterable

from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.io.paths import glob_remote
from staticmask_cli.io.urls import is_remote, redacted

__all__ = ["matching_files", "output_path", "user_path"]

_VARIABLE = re.compile(r"(?:^|/)\$([A-Za-z_]\w*|\{[^}]*\})", re.ASCII)


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
            msg = f"{path}: no file matches"
            raise InputError(msg)
        files += matches or [path]
    return files


def _matches(path: str) -> list[str] | None:
    """Return the sorted files that match a path; None if it is no wildcard."""
    if is_remote(path):
        return glob_remote(path)
    is_wildcard = glob.has_magic(path) and not os.path.lexists(path)
    return sorted(glob.glob(path, recursive=True)) if is_wildcard else None
