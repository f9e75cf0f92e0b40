"""The lock of a mask that is updated: one run at a time adds to it.

It is a file beside the mask, which exists for as long as a run holds it.  The run has locked it
too, so that another one can tell a live run from one that was killed; where the system has no
locks, as on some network file systems, its existence alone counts.
"""

import os
import platform
import re
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from logging import getLogger

from staticmask_cli.errors import OutputError
from staticmask_cli.io.disk import as_output_error
from staticmask_cli.io.file_locks import is_named, open_regular, try_lock

__all__ = ["update_lock"]

_SILENT = 2.0  # seconds of waiting until a message
_LONGEST = 60.0  # seconds of waiting for one run
_SECONDS = "STATICMASK_LOCK_SECONDS"
_PAUSE = 0.05
_LONGEST_TEXT = 200  # bytes; the text is untrusted

log = getLogger(__name__)


@contextmanager
def update_lock(paths: Iterable[str]) -> Iterator[None]:
    """Lock files for the with block, so that one run at a time updates any of them.

    It waits for other runs, with a message after two seconds.  The lock of a file is a second,
    temporary file beside it, which is removed after the with block; one that a killed run left is
    removed like other leftovers.

    Raises
    ------
    OutputError
        If a folder of the files is not writable, or one run holds a lock for more than a minute,
        or the number of seconds in STATICMASK_LOCK_SECONDS.
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
        descriptor = _waited_for(path, lock_path)
    try:
        yield
    finally:
        with suppress(OSError):
            os.unlink(lock_path)
        with suppress(OSError):
            os.close(descriptor)


def _waited_for(path: str, lock_path: str) -> int:
    """Return the open lock of a file, as soon as no other run holds it."""
    longest, holder, is_told = _longest_wait(), "", False
    began = held_since = time.monotonic()
    while (descriptor := _taken(lock_path)) is None:
        time.sleep(_PAUSE)
        now, found = time.monotonic(), _holder_of(lock_path)
        if found != holder:
            holder, held_since = found, now
        elif now - held_since > longest:
            msg = (f"{path}: cannot be updated, as its lock {lock_path} is held by {holder} for "
                   f"more than {longest:g} s ({_SECONDS}); end that process, or remove the lock "
                   "if no run is at work on the mask")
            raise OutputError(msg)
        if now - began > _SILENT and not is_told:
            log.warning("%s: waiting for its lock %s, held by %s", path, lock_path, holder)
            is_told = True
    return descriptor


def _longest_wait() -> float:
    """Return the number of seconds in the environment, or the usual one."""
    with suppress(ValueError):
        return max(0.0, float(os.environ.get(_SECONDS, _LONGEST)))
    return _LONGEST


def _taken(lock_path: str) -> int | None:
    """Return the lock, open, if no other run holds it now."""
    try:
        # Strangers cannot open it, and so not lock it.
        descriptor = os.open(lock_path, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o660)
        is_new = True
    except FileExistsError:
        try:
            descriptor, is_new = open_regular(lock_path), False
        except (FileNotFoundError, PermissionError):
            return None  # it was removed just now, or is that of another user
    is_locked = try_lock(descriptor)
    # Where there are no locks, a file that was there before may be that of a live run.
    holds_it = is_new if is_locked is None else is_locked
    try:
        if holds_it and is_named(descriptor, lock_path):
            with suppress(OSError):
                os.truncate(descriptor, 0)
                os.write(descriptor, f"the process {os.getpid()} on {platform.node()}\n".encode())
            return descriptor
    except OSError:
        with suppress(OSError):
            os.unlink(lock_path)  # otherwise it would stay, and be waited for
        os.close(descriptor)
        raise
    os.close(descriptor)
    return None


def _holder_of(lock_path: str) -> str:
    """Describe who holds a lock: by the kernel's list of locks, or by the text in the file."""
    try:
        owner = os.lstat(lock_path).st_uid
        descriptor = open_regular(lock_path)
    except PermissionError:
        return f"the user {owner}"
    except FileNotFoundError:
        return "another process"
    try:
        found, text = os.fstat(descriptor), os.read(descriptor, _LONGEST_TEXT)
    finally:
        os.close(descriptor)
    file = f"{os.major(found.st_dev):02x}:{os.minor(found.st_dev):02x}:{found.st_ino}"
    with suppress(OSError, ValueError), open("/proc/locks", encoding="ascii") as locks:
        for line in locks:
            match = re.search(rf": FLOCK .* (\d+) {file} ", line)
            if match:
                return f"the process {match[1]} on {platform.node()}"
    words = text.decode("utf-8", "replace").strip()
    return words if words and words.isprintable() else "another process"
