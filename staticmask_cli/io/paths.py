"""One interface to local files and to remote ones, which a URL names.

Local paths go straight to the operating system.  The package `io.remote`, which needs fsspec, is
imported only for URLs.
"""

import os
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import IO, Any

from staticmask_cli.errors import ConfigError, InputError, OutputError, in_words
from staticmask_cli.io.urls import (
    WEB,
    folder_of,
    has_wildcard,
    is_remote,
    join_url,
    redacted,
    scheme_of,
    with_credentials,
)

__all__ = [
    "canonical_path",
    "check_writable",
    "existence_check",
    "exists",
    "folder_of_file",
    "glob_remote",
    "is_file",
    "is_remote",
    "join_path",
    "modified_at",
    "open_file",
    "redacted",
    "remote_path_within",
    "size_of",
    "stop_requests",
    "with_credentials",
    "write_remote",
]


def _remote_files(url: str) -> ModuleType:
    """Import the module for remote files, or raise an error that says how to install it."""
    try:
        from staticmask_cli.io.remote import files  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = (f"{redacted(url)}: remote files need fsspec, which cannot be imported ({error}); "
               "pip install 'staticmask[cloud]'")
        raise ConfigError(msg) from error
    return files


def open_file(path: str, identity: object = None) -> AbstractContextManager[Any]:
    """Open a file to read bytes; of a remote file only the ranges that are read are fetched.

    With its `identity` of before, a remote file may be opened without a request; if it was replaced
    since then, reading it fails.
    """
    if is_remote(path):
        return _remote_files(path).open_ranges(path, identity)  # type: ignore[no-any-return]
    return open(path, "rb")


def exists(path: str) -> bool:
    """Return whether there is a file, a folder or a link of that name.

    Raises
    ------
    InputError
        If the system does not know it, as with a stale handle of NFS: a mask that is there must
        not be taken for missing.
    """
    if is_remote(path):
        return bool(_remote_files(path).exists(path))
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError, ValueError):  # the last for a null character
        return False
    except OSError as error:
        msg = f"{path}: cannot be read: {in_words(error)}"
        raise InputError(msg) from error
    return True


def is_file(path: str) -> bool:
    """Return whether there is a regular file of that name."""
    return bool(_remote_files(path).exists(path)) if is_remote(path) else os.path.isfile(path)


def size_of(path: str) -> int:
    """Return the size of a file in bytes."""
    return int(_remote_files(path).size_of(path)) if is_remote(path) else os.path.getsize(path)


def modified_at(path: str) -> int | None:
    """Return when a file was modified, in nanoseconds since 1970; None if that is unknown."""
    if is_remote(path):
        when: int | None = _remote_files(path).modified_at(path)
        return when
    return os.stat(path).st_mtime_ns


def canonical_path(path: str) -> str:
    """Return a path that is equal for all names of a file, symbolic links included."""
    return with_credentials(path) if is_remote(path) else os.path.realpath(path)


def folder_of_file(path: str) -> str:
    """Return the folder of a file."""
    return folder_of(path) if is_remote(path) else os.path.dirname(path)


def join_path(folder: str, name: str) -> str:
    """Return the path of a file in a folder."""
    return join_url(folder, name) if is_remote(folder) else os.path.join(folder, name)


def glob_remote(url: str) -> list[str] | None:
    """Return the sorted URLs of the files that match a URL with wildcards; None without any."""
    if not has_wildcard(url):
        return None
    matches: list[str] = _remote_files(url).glob(url)
    return matches


def existence_check(folder: str, prefix: str) -> Callable[[str], bool]:
    """Return a function that checks whether a folder has a file of a given name.

    The names must begin with `prefix`, or with `prefix` in lower case: a remote folder is listed
    once, for these names alone.
    """
    if is_remote(folder):
        names = _remote_files(folder).names_in(folder, sorted({prefix, prefix.lower()}))
        if names is not None:
            return lambda name: name in names
    return lambda name: is_file(join_path(folder, name))


def remote_path_within(folder: str, word: str) -> str | None:
    """Return the URL of a file that a remote list names; None if it is not below `folder`.

    Such lists are untrusted, so anything that a service might resolve to another folder counts
    as outside: another URL, an absolute path, ``..``, a percent escape or a fragment.
    """
    outside = is_remote(word) or word.startswith(("/", "\\", "~")) or "\\" in word
    if outside or ".." in word.split("/") or not word.isprintable() or re.search(r"[%#]", word):
        return None
    if scheme_of(folder) in WEB and "?" in word:
        return None
    return join_path(folder, word)


def check_writable(path: str) -> None:
    """Refuse a place where no file can be written, before any work is done.

    Parameters
    ----------
    path : str
        A file or a folder, which may be missing yet.

    Raises
    ------
    OutputError
        If the service of a URL cannot write a file atomically, where the message lists those that
        can, or if the local folder is not writable.
    """
    if is_remote(path):
        _remote_files(path).check_writable(path)
        return
    folder = os.path.abspath(path)
    while not os.path.isdir(folder) and folder != os.path.dirname(folder):
        folder = os.path.dirname(folder)
    if not os.access(folder, os.W_OK):
        msg = f"{path}: cannot be written: the folder {folder} is not writable; choose another one"
        raise OutputError(msg)


def stop_requests() -> None:
    """End all requests for remote files; the threads that wait for them are interrupted."""
    if waiting := sys.modules.get("staticmask_cli.io.remote.waiting"):
        waiting.stop_requests()


@contextmanager
def write_remote(url: str) -> Iterator[IO[bytes]]:
    """Yield a temporary file that is written to a URL if the with block succeeds."""
    import tempfile  # noqa: PLC0415 - slow to import, and seldom needed

    check_writable(url)
    with tempfile.TemporaryFile() as stream:
        yield stream
        _remote_files(url).write(url, stream)
