"""Files written whole or not at all."""

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
from staticmask_cli.io.paths import check_writable, is_file, is_remote, open_file, put_whole

try:
    import fcntl
except ImportError:  # on Windows, where leftovers stay
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
    """Create a folder, and those above it, where they are missing.

    Raises
    ------
    OutputError
        If that is not possible.
    """
    if is_remote(path):  # where folders are but the beginnings of names
        check_writable(path)
        return
    try:
        os.makedirs(path, exist_ok=True)
    except OSError as error:
        msg = f"{path}: cannot create the output folder: {error.strerror}"
        raise OutputError(msg) from error


def refuse_binary(path: str) -> None:
    """Refuse to put a text file in the place of an exposure or of another binary file.

    Raises
    ------
    OutputError
        If `path` is a file that starts like FITS, or holds NUL bytes (compressed FITS does).
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
    """Open a file that takes the name `path` only when it is complete and on disk.

    It is written under a temporary name in the same folder, flushed, and renamed
    when the block ends without an exception; otherwise it is removed, and what
    was at `path` before is still there.  A remote one is sent as a whole then.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    if is_remote(path):
        with as_output_error(path), put_whole(path) as stream:
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
            _keep_usual_mode(stream.fileno())
            if fcntl is None:
                stream.close()  # Windows renames no open file
            # While the file is open, hence locked, so that nobody takes it for a leftover.
            os.replace(temporary, path)
            temporary = ""
        _flush_folder(folder or ".")
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)


def _refuse_special(path: str) -> None:
    """Refuse a folder, and a device or a pipe, which a rename would replace by the file."""
    if os.path.isdir(path):
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
    if os.path.exists(path) and not os.path.isfile(path):
        raise OSError(errno.EEXIST, "Not a regular file")


@contextmanager
def as_output_error(path: str) -> Iterator[None]:
    """Turn what the system says against writing a file into an error that names it.

    Raises
    ------
    OutputError
        In the place of an OSError.
    """
    try:
        yield
    except StaticMaskError:
        raise  # about something else; some of them are an OSError too
    except OSError as error:
        # numpy tells how much it wrote, and not what stopped it.
        cause = error.strerror or f"a full disk, or a limit of file sizes ({error})"
        msg = f"{path}: cannot be written: {cause}"
        raise OutputError(msg) from error


def remove_stale_temporaries(paths: Iterable[str]) -> None:
    """Remove what killed runs left when they were writing any of these files.

    A temporary file that nobody holds a lock on belongs to no live run.
    """
    for path in paths:
        if is_remote(path):
            continue
        folder, name = os.path.split(path)
        with _locked(folder or ".", exclusive=True) as is_locked:
            if not is_locked:
                continue
            with suppress(OSError), os.scandir(folder or ".") as entries:
                for entry in entries:
                    if re.fullmatch(rf"\.{re.escape(name)}\.\w+\.tmp", entry.name):
                        _remove_if_abandoned(entry.path)


@contextmanager
def update_lock(paths: Iterable[str]) -> Iterator[None]:
    """Wait until nobody else is alone with any of these files, and be so for the block.

    What stands for the lock of a file lies beside it, as a temporary file of its name: whoever
    is done removes it, and what a killed run leaves is a leftover like others.  Where the
    system has no locks there are none.

    Raises
    ------
    OutputError
        If the folder cannot be written to.
    """
    with ExitStack() as stack:
        for path in sorted(paths):  # in one order, so that no two wait for each other
            stack.enter_context(_lock_beside(path))
        yield


@contextmanager
def _lock_beside(path: str) -> Iterator[None]:
    folder, name = os.path.split(path)
    place = os.path.join(folder, f".{name}.lock.tmp")
    with as_output_error(path):
        descriptor = _own(place)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(place)
        os.close(descriptor)


def _own(place: str) -> int:
    """Open a file and lock it, until it is the one that has the name."""
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0)
    while True:
        descriptor = os.open(place, flags, 0o666)
        try:
            locked = _lock(descriptor, exclusive=True, wait=True)
            with suppress(FileNotFoundError):  # who had it before has removed it
                if not locked or os.path.samestat(os.fstat(descriptor), os.stat(place)):
                    return descriptor
        except BaseException:
            os.close(descriptor)
            raise
        os.close(descriptor)


def _remove_if_abandoned(path: str) -> None:
    with suppress(OSError), open(path, "rb") as stream:
        if _lock(stream.fileno(), exclusive=True, wait=False):
            os.unlink(path)


def _new_temporary(folder: str, name: str) -> IO[bytes]:
    """Create a temporary file that carries a lock for as long as it is open."""
    # Those who clear leftovers lock the folder, so that none sees the file without its lock.
    with _locked(folder, exclusive=False):
        stream: IO[bytes] = tempfile.NamedTemporaryFile(  # noqa: SIM115 - the caller closes it
            dir=folder, prefix=f".{name}.", suffix=".tmp", delete=False
        )
        _lock(stream.fileno(), exclusive=True, wait=False)
    return stream


@contextmanager
def _locked(folder: str, *, exclusive: bool) -> Iterator[bool]:
    """Hold a lock on a folder; say whether there is one, as not all systems can."""
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
    """Lock an open file until it is closed, also by the end of the process."""
    if fcntl is None:
        return False
    kind = fcntl.LOCK_EX if exclusive else fcntl.LOCK_SH
    try:
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextmanager
def interrupts_deferred() -> Iterator[None]:
    """Let Ctrl-C and SIGTERM wait until the block has ended, as far as this thread hears them."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    waiting: list[int] = []
    before = {
        number: signal.signal(number, lambda number, _: waiting.append(number))
        for number in (signal.SIGINT, signal.SIGTERM)
    }
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
        if waiting:
            signal.raise_signal(waiting[0])


def flush_to_disk(stream: IO[bytes]) -> None:
    """Make what was written so far survive a power failure; a full disk shows here."""
    stream.flush()
    os.fsync(stream.fileno())


def _keep_usual_mode(descriptor: int) -> None:
    """Give the file the mode that the umask asks for; temporary files are private."""
    mask = os.umask(0)
    os.umask(mask)
    os.fchmod(descriptor, 0o666 & ~mask)


def _flush_folder(folder: str) -> None:
    """Make a rename survive a power failure, where the system allows it."""
    with suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
