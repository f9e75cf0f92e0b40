"""Atomic writes: a file appears under its name when it is complete, or not at all.

A file is written under a temporary name in the same folder and then renamed.  The temporary file
is locked for as long as it is open, so that one without a lock is known to be left by a killed
run.
"""

import errno
import os
import re
import signal
import tempfile
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import IO

from staticmask_cli.errors import OutputError, StaticMaskError
from staticmask_cli.io.paths import check_writable, is_file, is_remote, open_file, write_remote

try:
    import fcntl
except ImportError:  # on Windows, where temporary files of killed runs stay
    fcntl = None  # type: ignore[assignment]

__all__ = [
    "as_output_error",
    "flush_to_disk",
    "interrupts_deferred",
    "make_folder",
    "refuse_binary",
    "remove_stale_temporaries",
    "update_lock",
    "write_whole",
]


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
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        msg = f"{path}: cannot create the output folder: {error.strerror}"
        raise OutputError(msg) from error


def refuse_binary(path: str) -> None:
    """Refuse to write a text file over an exposure or another binary file.

    Raises
    ------
    OutputError
        If `path` is a file that starts like FITS or contains NUL bytes, as compressed FITS does.
    """
    check_writable(path)
    if not is_file(path):  # reading from a pipe would block
        return
    start = b""
    with suppress(OSError), open_file(path) as stream:
        start = stream.read(4096)
    if start.startswith(b"SIMPLE  =") or b"\0" in start:
        msg = f"{path}: is not a text file and stays as it is; choose another name"
        raise OutputError(msg)


@contextmanager
def write_whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file that gets the name `path` only when it is complete and on disk.

    A local file is written under a temporary name in the same folder.  It is flushed and renamed
    when the with block ends without an exception; otherwise it is removed, and what was at `path`
    before is still there.  A remote file is sent in one request when the with block ends.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if is_remote(path):
        with as_output_error(path), write_remote(path) as stream:
            yield stream
        return
    folder, name = os.path.split(path)
    temporary = ""
    with as_output_error(path):
        _refuse_special(path)
    try:
        with as_output_error(path), _new_temporary(folder or ".", name) as stream:
            temporary = stream.name
            yield stream
            flush_to_disk(stream)
            _apply_umask(stream.fileno())
            if fcntl is None:
                stream.close()  # Windows does not rename open files
            # Rename while the file is still open and locked, so that no other run removes it.
            os.replace(temporary, path)
            temporary = ""
        _flush_folder(folder or ".")
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)


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


def _refuse_special(path: str) -> None:
    """Refuse a folder, and a device or a pipe, which the rename would replace."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EEXIST, "Not a regular file")


def _new_temporary(folder: str, name: str) -> IO[bytes]:
    """Create a temporary file that is locked for as long as it is open."""
    # `remove_stale_temporaries` locks the folder too, so it never finds the file without its lock.
    with _locked_folder(folder, exclusive=False):
        stream: IO[bytes] = tempfile.NamedTemporaryFile(  # noqa: SIM115 - the caller closes it
            dir=folder, prefix=f".{name}.", suffix=".tmp", delete=False
        )
        _lock(stream.fileno(), exclusive=True, wait=False)
    return stream


def flush_to_disk(stream: IO[bytes]) -> None:
    """Make what was written so far survive a power failure; a full disk raises an error here."""
    stream.flush()
    os.fsync(stream.fileno())


def _flush_folder(folder: str) -> None:
    """Make a rename in a folder survive a power failure, where the system supports that."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _apply_umask(descriptor: int) -> None:
    """Set the permissions that new files usually get; temporary files are private."""
    mask = os.umask(0)
    os.umask(mask)
    os.fchmod(descriptor, 0o666 & ~mask)


def remove_stale_temporaries(paths: Iterable[str]) -> None:
    """Remove the temporary files that killed runs left when they were writing any of `paths`."""
    names: dict[str, set[str]] = {}
    for path in paths:
        if not is_remote(path):
            folder, name = os.path.split(path)
            names.setdefault(folder or ".", set()).add(name)
    for folder, wanted in names.items():
        with _locked_folder(folder, exclusive=True) as is_locked:
            if not is_locked:
                continue
            with suppress(OSError), os.scandir(folder) as entries:
                for entry in entries:
                    found = re.fullmatch(r"\.(.+)\.\w+\.tmp", entry.name, re.DOTALL)
                    if found and found[1] in wanted:
                        _remove_unless_locked(entry.path)


def _remove_unless_locked(path: str) -> None:
    with suppress(OSError), open(path, "rb") as stream:
        if _lock(stream.fileno(), exclusive=True, wait=False):
            os.unlink(path)


@contextmanager
def update_lock(paths: Iterable[str]) -> Iterator[None]:
    """Lock files for the with block, so that one run at a time updates any of them.

    It waits until no other run holds the lock.  The lock of a file is a second, temporary file
    beside it, which is removed after the with block; one that a killed run left is removed like
    other stale temporary files.  On systems without file locks it does nothing.

    Raises
    ------
    OutputError
        If a folder of the files is not writable.
    """
    with ExitStack() as stack:
        for path in sorted(paths):  # in one order, so that no two runs wait for each other
            stack.enter_context(_lock_beside(path))
        yield


@contextmanager
def _lock_beside(path: str) -> Iterator[None]:
    folder, name = os.path.split(path)
    lock_path = os.path.join(folder, f".{name}.lock.tmp")
    with as_output_error(path):
        descriptor = _open_locked(lock_path)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(lock_path)
        os.close(descriptor)


def _open_locked(path: str) -> int:
    """Open and lock a file, again if another run removed its name in the meantime."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(path, flags, 0o666)
        try:
            is_locked = _lock(descriptor, exclusive=True, wait=True)
            with suppress(FileNotFoundError):  # the run that had the lock removed the file
                if not is_locked or os.path.samestat(os.fstat(descriptor), os.stat(path)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


@contextmanager
def _locked_folder(folder: str, *, exclusive: bool) -> Iterator[bool]:
    """Lock a folder for the with block; yield False where the system cannot lock it."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:
        yield False
        return
    try:
        yield _lock(descriptor, exclusive=exclusive, wait=True)
    finally:
        os.close(descriptor)


def _lock(descriptor: int, *, exclusive: bool, wait: bool) -> bool:
    """Lock an open file until it is closed or the process ends; return whether that succeeded."""
    if fcntl is None:
        return False
    operation = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, operation if wait else operation | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Defer Ctrl-C and SIGTERM to the end of the with block, if this is the main thread."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []
    handlers = {
        number: signal.signal(number, lambda number, _: received.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if received:
            signal.raise_signal(received[0])
