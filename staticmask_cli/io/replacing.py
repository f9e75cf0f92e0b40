"""Replace files by complete ones: all of several, or none."""

import errno
import os
import stat
from collections.abc import Sequence
from contextlib import suppress
from typing import IO

from staticmask_cli.errors import OutputError
from staticmask_cli.io.disk import as_output_error, flush_folder, flush_to_disk
from staticmask_cli.io.leftovers import new_temporary

try:
    import fcntl
except ImportError:  # on Windows
    fcntl = None  # type: ignore[assignment]

__all__ = ["NewFile", "replace_all"]

_GET_FLAGS = 0x80086601  # FS_IOC_GETFLAGS of Linux
_IMMUTABLE, _APPEND_ONLY = 0x10, 0x20


class NewFile:
    """A file that is written under a temporary name in the folder of its target.

    Parameters
    ----------
    path : str
        The path of the target.

    Attributes
    ----------
    path : str
    stream : file
        The temporary file, which is locked for as long as it is open.

    Raises
    ------
    OSError
        If it cannot be created, or the target is a folder or a special file.
    """

    def __init__(self, path: str) -> None:
        self.path = path
        self.folder, name = os.path.split(path)
        self._mode = _mode_of(path)
        self.stream: IO[bytes] = new_temporary(self.folder or ".", name)
        self._temporary = self.stream.name
        self._old = ""  # a second name of the file that was replaced
        self._is_on_disk = False

    def flush(self) -> None:
        """Make the complete file survive a power failure; a full disk raises an error here."""
        if not self._is_on_disk:
            self.stream.flush()
            os.chmod(self._temporary, self._mode)  # temporary files are private
            flush_to_disk(self.stream)
            self._is_on_disk = True

    def keep_old(self) -> None:
        """Give the file that will be replaced a second name, where the file system can."""
        name = f"{self._temporary.removesuffix('.tmp')}old.tmp"
        with suppress(OSError, NotImplementedError):
            os.link(self.path, name, follow_symlinks=False)
            self._old = name

    def replace(self) -> None:
        """Rename the file to its target."""
        if os.name == "nt":
            self.stream.close()  # Windows does not rename open files
        # It is renamed while it is open and locked, so that no other run removes it.
        os.replace(self._temporary, self.path)
        self._temporary = ""

    def restore(self, *, existed: bool) -> bool:
        """Undo `replace`, and return whether that was possible."""
        with suppress(OSError):
            if self._old:
                os.replace(self._old, self.path)
                self._old = ""
                return True
            if not existed:
                os.unlink(self.path)
                return True
        return False

    def close(self) -> None:
        """Close the file, and remove all that is temporary."""
        for name in filter(None, (self._temporary, self._old)):
            with suppress(OSError):
                os.unlink(name)
        with suppress(OSError):  # of a file that is on disk, or is given up
            self.stream.close()


def replace_all(files: Sequence[NewFile]) -> None:
    """Rename files that are on disk to their targets: all of them, or none.

    Raises
    ------
    OutputError
        If a target cannot be replaced.  All are as they were, but for those that the message names.
    """
    existed = set()
    for file in files if len(files) > 1 else ():
        with as_output_error(file.path), suppress(FileNotFoundError):
            _refuse_irreplaceable(file)
            existed.add(file.path)
            if file is not files[-1]:  # which is never restored
                file.keep_old()
    done: list[NewFile] = []
    try:
        for file in files:
            with as_output_error(file.path):
                file.replace()
            done.append(file)
    except BaseException as error:
        new = [file.path for file in done if not file.restore(existed=file.path in existed)]
        if new and isinstance(error, OutputError):
            msg = f"{error}; these are new already, and cannot be undone: {', '.join(new)}"
            raise OutputError(msg) from error
        raise
    for folder in {file.folder or "." for file in files}:
        flush_folder(folder)


def _mode_of(path: str) -> int:
    """Return the permissions of a new file: those of the file at its path, or the usual ones.

    Raises
    ------
    OSError
        If a folder, a device or a pipe is there, which the rename would replace.
    """
    with suppress(FileNotFoundError):
        if stat.S_ISREG(mode := os.lstat(path).st_mode):
            return stat.S_IMODE(mode) & 0o777
        mode = os.stat(path).st_mode  # of what a link leads to
        if stat.S_ISDIR(mode):
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        if not stat.S_ISREG(mode):
            raise OSError(errno.EEXIST, "Not a regular file")
    mask = os.umask(0)
    os.umask(mask)
    return 0o666 & ~mask


def _refuse_irreplaceable(file: NewFile) -> None:
    """Refuse a target that the system would not let us replace, before any other is.

    Raises
    ------
    FileNotFoundError
        If there is none.
    OutputError
        If it cannot be replaced.
    """
    there, folder = os.lstat(file.path), os.stat(file.folder or ".")
    user = os.geteuid() if hasattr(os, "geteuid") else 0
    why = ""
    if stat.S_ISVTX & folder.st_mode and user not in (0, folder.st_uid, there.st_uid):
        why = (f"it belongs to the user {there.st_uid}, and the sticky bit of its folder lets no "
               "other user replace it")
    elif stat.S_ISREG(there.st_mode) and _flags_of(file.path) & (_IMMUTABLE | _APPEND_ONLY):
        why = "it is immutable or append-only, which chattr -ia ends"
    if why:
        msg = f"{file.path}: cannot be replaced: {why}; choose another folder"
        raise OutputError(msg)


def _flags_of(path: str) -> int:
    """Return the flags that Linux keeps of a file; 0 where there are none."""
    with suppress(OSError, AttributeError):  # the latter on Windows
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        try:
            flags = bytearray(8)
            fcntl.ioctl(descriptor, _GET_FLAGS, flags)
            return int.from_bytes(flags[:4], "little")
        finally:
            os.close(descriptor)
    return 0
