"""Where files lie: on this machine, or at a remote place that a URL names.

What is local is left to the system, and what serves remote places is imported only for them.
"""

import os
import re
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from types import ModuleType
from typing import IO, Any

from staticmask_cli.errors import InputError
from staticmask_cli.io.urls import beside as url_beside
from staticmask_cli.io.urls import (
    concealed,
    folder_of,
    has_wildcard,
    is_remote,
    scheme_of,
    with_credentials,
)

__all__ = [
    "beside",
    "check_writable",
    "concealed",
    "exists",
    "folder_of_file",
    "found_beside",
    "identity_of",
    "is_file",
    "is_remote",
    "matching",
    "modified_at",
    "open_file",
    "put_whole",
    "remote_path_within",
    "size_of",
    "with_credentials",
]


def _remote(url: str) -> ModuleType:
    """Return what serves remote places, or say how to get it."""
    try:
        from staticmask_cli.io.remote import files  # noqa: PLC0415 - an extra
    except ImportError as error:
        msg = (f"{concealed(url)}: remote files need fsspec, which cannot be imported ({error}); "
               "pip install 'staticmask[cloud]'")
        raise InputError(msg) from error
    return files


def open_file(path: str) -> AbstractContextManager[Any]:
    """Open a file to read bytes; of a remote one, only those that are asked for are fetched."""
    if is_remote(path):
        return _remote(path).reading(path)  # type: ignore[no-any-return]
    return open(path, "rb")


def exists(path: str) -> bool:
    """Whether there is anything of that name."""
    return bool(_remote(path).exists(path)) if is_remote(path) else os.path.lexists(path)


def is_file(path: str) -> bool:
    """Whether there is a regular file of that name."""
    return bool(_remote(path).exists(path)) if is_remote(path) else os.path.isfile(path)


def size_of(path: str) -> int:
    """Bytes of a file."""
    return int(_remote(path).size_of(path)) if is_remote(path) else os.path.getsize(path)


def modified_at(path: str) -> int | None:
    """When a file was changed, in nanoseconds; None where a remote service does not say."""
    if is_remote(path):
        when: int | None = _remote(path).modified(path)
        return when
    return os.stat(path).st_mtime_ns


def identity_of(path: str) -> str:
    """Return what is equal for all names of a file, as far as the system knows them."""
    return with_credentials(path) if is_remote(path) else os.path.realpath(path)


def folder_of_file(path: str) -> str:
    """Folder of a file."""
    return folder_of(path) if is_remote(path) else os.path.dirname(path)


def beside(folder: str, name: str) -> str:
    """Path of a file in a folder."""
    return url_beside(folder, name) if is_remote(folder) else os.path.join(folder, name)


def matching(pattern: str) -> list[str] | None:
    """Remote files that match a pattern, sorted; None if it is not one."""
    if not has_wildcard(pattern):
        return None
    found: list[str] = _remote(pattern).matches(pattern)
    return found


def found_beside(folder: str, name: str) -> Callable[[str], bool]:
    """Return what tells whether a folder has a file, whose name begins with `name` in any case."""
    if is_remote(folder):
        names = _remote(folder).members_beside(folder, list(dict.fromkeys((name, name.lower()))))
        if names is not None:
            return lambda file: file in names
    return lambda file: is_file(beside(folder, file))


def remote_path_within(folder: str, word: str) -> str | None:
    """URL of what a remote list names, which must lie in or below the list's folder; else None."""
    outside = is_remote(word) or word.startswith(("/", "\\", "~")) or "\\" in word
    if outside or ".." in word.split("/") or not word.isprintable() or re.search(r"[%#]", word):
        return None
    if scheme_of(folder) in ("http", "https") and "?" in word:
        return None
    return beside(folder, word)


def check_writable(path: str) -> None:
    """Refuse a remote place where files cannot be written whole or not at all."""
    if is_remote(path):
        _remote(path).check_writable(path)


@contextmanager
def put_whole(url: str) -> Iterator[IO[bytes]]:
    """Open a file that is put to a remote place if the block ends without an exception."""
    check_writable(url)
    with tempfile.TemporaryFile() as stream:
        yield stream
        _remote(url).write(url, stream)
