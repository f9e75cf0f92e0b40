"""Folders and files that are to survive a power failure, and the errors of writing them."""

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import IO

from staticmask_cli.errors import OutputError, StaticMaskError
from staticmask_cli.io.paths import check_writable, is_remote

__all__ = ["as_output_error", "flush_folder", "flush_to_disk", "make_folder", "start_flush"]

# What a system answers that flushes no folders, or not those that this user cannot read.
_CANNOT_FLUSH = (errno.EINVAL, errno.EBADF, errno.EACCES, errno.EPERM, errno.ENOTSUP, errno.ENOSYS)


@contextmanager
def as_output_error(path: str) -> Iterator[None]:
    """Turn an OSError of the with block into an error that names the file which was to be written.

    Raises
    ------
    OutputError
        Instead of an OSError.
    """
    try:
        yield
    except StaticMaskError:
        raise  # it has its own message; some kinds of it are an OSError too
    except OSError as error:
        # The error of numpy has the number of bytes written instead of the cause.
        cause = error.strerror or f"a full disk, or a limit of file sizes ({error})"
        msg = f"{path}: cannot be written: {cause}"
        raise OutputError(msg) from error


def make_folder(path: str) -> None:
    """Create a folder and its missing parents; it may exist already.

    Raises
    ------
    OutputError
        If the folder cannot be created.
    """
    if is_remote(path):  # object stores have no folders, only prefixes of keys
        check_writable(path)
        return
    changed = []  # folders that get an entry
    folder = os.path.abspath(path)
    while not os.path.lexists(folder):
        folder = os.path.dirname(folder)
        changed.append(folder)
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        msg = f"{path}: cannot create the output folder: {error.strerror}"
        raise OutputError(msg) from error
    for folder in changed:
        flush_folder(folder)


def flush_to_disk(stream: IO[bytes]) -> None:
    """Make what was written so far survive a power failure; a full disk raises an error here."""
    stream.flush()
    os.fsync(stream.fileno())


def start_flush(stream: IO[bytes], start: int, end: int) -> None:
    """Let the system write bytes to disk already, which it does not wait for, where it can.

    `flush_to_disk` then has less to wait for; it also raises the error if these cannot be written.
    """
    # Linux begins to write what it is told will not be needed soon, and keeps it until then.
    with suppress(OSError, AttributeError):
        os.posix_fadvise(stream.fileno(), start, end - start, os.POSIX_FADV_DONTNEED)


def flush_folder(folder: str) -> None:
    """Make the names in a folder survive a power failure, where the system supports that.

    Raises
    ------
    OutputError
        If the disk fails.
    """
    try:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_FLUSH:
            msg = (f"{folder}: cannot be flushed to disk: {error.strerror}; what was written there "
                   "is complete, but may be lost if the power fails: look at the disk")
            raise OutputError(msg) from error
