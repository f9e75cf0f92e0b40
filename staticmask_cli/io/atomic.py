"""Atomic writes: a file appears under its name when it is complete, or not at all.

A file is written under a temporary name in the same folder and then renamed.  Several files that
belong together are renamed when all of them are complete.
"""

import signal
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, closing, contextmanager
from typing import IO, NamedTuple

from staticmask_cli.io.disk import as_output_error
from staticmask_cli.io.leftovers import remove_stale_temporaries
from staticmask_cli.io.paths import is_remote, write_remote
from staticmask_cli.io.replacing import NewFile, replace_all

__all__ = ["NewFile", "RemoteFile", "interrupts_deferred", "write_together", "write_whole"]


@contextmanager
def write_whole(path: str) -> Iterator[IO[bytes]]:
    """Open a file that gets the name `path` only when it is complete and on disk.

    A local file is written under a temporary name in the same folder.  It is flushed and renamed
    when the with block ends without an exception; otherwise it is removed, and what was at `path`
    before is still there.  A file that is replaced keeps its permissions.  A remote file is sent
    in one request when the with block ends.

    Raises
    ------
    OutputError
        If the file cannot be written.
    """
    with write_together([path]) as (file,), as_output_error(path):
        yield file.stream


@contextmanager
def write_together(paths: Iterable[str]) -> Iterator[list["NewFile | RemoteFile"]]:
    """Open files that get their names only when all of them are complete and on disk.

    All are flushed when the with block ends without an exception, then all are renamed; if one
    cannot be, what was there before is restored.  Leftovers of killed runs are removed first.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    paths = list(paths)
    remove_stale_temporaries(paths)
    with ExitStack() as stack:
        files: list[NewFile | RemoteFile] = []
        for path in paths:
            if is_remote(path):
                stack.enter_context(as_output_error(path))
                files.append(RemoteFile(path, stack.enter_context(write_remote(path))))
            else:
                with as_output_error(path):
                    files.append(stack.enter_context(closing(NewFile(path))))
        yield files
        for file in files:
            with as_output_error(file.path):
                file.flush()
        with interrupts_deferred():
            replace_all([file for file in files if isinstance(file, NewFile)])
            stack.close()  # which sends remote files


class RemoteFile(NamedTuple):
    """A temporary file that is sent to a URL when it is complete.

    Attributes
    ----------
    path : str
        The URL.
    stream : file
        The temporary file.
    """

    path: str
    stream: IO[bytes]

    def flush(self) -> None:
        """Do nothing, as the file is not on a disk of ours."""


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
