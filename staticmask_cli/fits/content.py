"""What a FITS file holds, or inflates to if it is compressed as a whole."""

import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO

from staticmask_cli.errors import ExposureError, InputError
from staticmask_cli.fits.faults import as_input_error
from staticmask_cli.fits.inflate import Content, bounded
from staticmask_cli.fits.pixels import Stamp, stamp_of
from staticmask_cli.io.paths import is_remote, open_file

__all__ = ["open_content", "open_unchanged"]


@contextmanager
def open_content(path: str) -> Iterator[tuple[Content, int, Stamp | None]]:
    """Open a file; yield what it holds or inflates to, its length on disk, and its stamp."""
    with _open_regular(path) as stream:
        stamp = stamp_of(stream)
        _refuse_geis(stream.read(30), path)
        yield *_content_of(stream, path, stamp), stamp


@contextmanager
def open_unchanged(
    path: str, stamp: Stamp | None, *, compressed: bool = False
) -> Iterator[Content | None]:
    """Open a file whose headers were read before, to read its raw pixels.

    Parameters
    ----------
    path : str
        The path of the file.
    stamp : int, str or None
        The stamp that the file had when its headers were read.
    compressed : bool
        Whether it is compressed as a whole.

    Yields
    ------
    binary file or None
        The file, or what it inflates to; None if the file has another stamp by now, or `stamp` is
        None.

    Raises
    ------
    InputError
        If the file is missing or cannot be read, even if this is noticed only inside the with
        block, or was changed during it.
    """
    if stamp is None:
        yield None
        return
    with _open_regular(path, stamp) as stream:
        if stamp_of(stream) != stamp:
            yield None
            return
        yield _content_of(stream, path, stamp)[0] if compressed else stream
        if stamp_of(stream) != stamp:
            msg = f"{path}: was changed while it was read; run it again"
            raise InputError(msg)


@contextmanager
def _open_regular(path: str, stamp: Stamp | None = None) -> Iterator[IO[bytes]]:
    """Open a file that is a remote or a regular one; a named pipe would block for ever."""
    # The stream is closed here because astropy leaves it open after an error.  It is never mapped
    # into memory, because a file that becomes shorter would then kill the process.
    with as_input_error(path):
        if not is_remote(path) and not _is_regular(path):
            found = "something that is not a file" if os.path.lexists(path) else "nothing"
            msg = f"{path}: expected a FITS file, found {found}"
            raise InputError(msg)
        with open_file(path, stamp) as stream:
            yield stream


def _is_regular(path: str) -> bool:
    """Whether there is a regular file of that name; an OSError if that cannot be found out."""
    try:
        return stat.S_ISREG(os.stat(path).st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _content_of(stream: IO[bytes], path: str, stamp: Stamp | None) -> tuple[Content, int]:
    """Return what an open file holds or inflates to, and its length on disk."""
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    return bounded(stream, size, None if stamp is None else (path, stamp)), size


def _refuse_geis(start: bytes, path: str) -> None:
    """Refuse the header file of a GEIS image, which begins almost as FITS, and name the remedy."""
    if start.startswith(b"SIMPLE") and start.replace(b" ", b"")[:8] == b"SIMPLE=F":
        msg = f"{path}: is a GEIS image; convert it to FITS with readgeis of stsci.tools"
        raise ExposureError(msg)
