"""Locks of open files, by flock: they end with the process that holds them."""

import errno
import os
import stat
from contextlib import suppress

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["is_named", "open_regular", "try_lock"]


def try_lock(descriptor: int) -> bool | None:
    """Lock an open file until it is closed, without waiting.

    Returns
    -------
    bool or None
        Whether the file is locked now; False if another process has locked it, and None where the
        system has no locks, as on some network file systems.
    """
    if fcntl is None:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def open_regular(path: str) -> int:
    """Open a file that may be locked, and nothing that would block, such as a named pipe.

    It is opened for writing if possible, as NFS locks no other files exclusively.

    Raises
    ------
    OSError
        If it cannot be opened, or is not a regular file.
    """
    _refuse_special(path, os.lstat(path))
    flags = getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_NOFOLLOW", 0)
    try:
        descriptor = os.open(path, os.O_RDWR | flags)
    except PermissionError:
        descriptor = os.open(path, os.O_RDONLY | flags)
    try:
        _refuse_special(path, os.fstat(descriptor))
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def _refuse_special(path: str, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        msg = f"{path} is in the way, and is not a regular file; remove it"
        raise OSError(errno.EEXIST, msg)


def is_named(descriptor: int, path: str) -> bool:
    """Whether an open file still has a name, which others may have removed or given away."""
    with suppress(FileNotFoundError):
        return os.path.samestat(os.fstat(descriptor), os.lstat(path))
    return False
