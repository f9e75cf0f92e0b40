"""Files written whole or not at all."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

from staticmask_cli.errors import OutputError, StaticMaskError

__all__ = ["flush_to_disk", "make_folder", "refuse_binary", "write_whole"]


def make_folder(path: str) -> None:
    """Create a folder, and those above it, where they are missing.

    Raises
    ------
    OutputError
        If that is not possible.
    """
    try:
        os.makedirs(path, exist_ok=True)  # noqa: PTH103 - paths stay as the user gave them
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
    if not os.path.isfile(path):  # noqa: PTH113 - reading from a pipe would block
        return
    start = b""
    with suppress(OSError), open(path, "rb") as stream:  # noqa: PTH123
        start = stream.read(4096)
    if start.startswith(b"SIMPLE  =") or b"\0" in start:
        msg = f"{path}: is not a text file and stays as it is; choose another name"
        raise OutputError(msg)


@contextmanager
def write_whole(path: str) -> Iterator[BinaryIO]:
    """Open a file that takes the name `path` only when it is complete and on disk.

    It is written under a temporary name in the same folder, flushed, and renamed
    when the block ends without an exception; otherwise it is removed, and what
    was at `path` before is still there.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    folder, name = os.path.split(path)
    temporary = ""
    try:
        with tempfile.NamedTemporaryFile(
            dir=folder or ".", prefix=f".{name}.", suffix=".tmp", delete=False
        ) as stream:
            temporary = stream.name
            yield stream  # type: ignore[misc] # a wrapper that behaves as a BinaryIO
            flush_to_disk(stream)  # type: ignore[arg-type]
            _keep_usual_mode(stream.fileno())
        os.replace(temporary, path)  # noqa: PTH105
        temporary = ""
        _flush_folder(folder or ".")
    except StaticMaskError:
        raise  # from the block, about something else
    except OSError as error:
        msg = f"{path}: cannot be written: {error.strerror or error}"
        raise OutputError(msg) from error
    finally:
        if temporary:
            with suppress(OSError):
                os.unlink(temporary)  # noqa: PTH108


def flush_to_disk(stream: BinaryIO) -> None:
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
