"""Targets of a run that stay as they are: files that are no text, and texts of others."""

from collections.abc import Callable

from staticmask_cli.errors import OutputError
from staticmask_cli.io.paths import check_writable, exists, is_file, open_file

__all__ = ["refuse_binary", "refuse_others", "start_of"]

_START = 1 << 16  # bytes


def refuse_binary(path: str) -> None:
    """Refuse to write a text file over an exposure or another binary file.

    Raises
    ------
    OutputError
        If `path` is a file that starts like FITS or contains NUL bytes, as compressed FITS does,
        or cannot be read.
    """
    start = start_of(path)
    if start.startswith(b"SIMPLE  =") or b"\0" in start[:4096]:
        msg = f"{path}: is not a text file and stays as it is; choose another name"
        raise OutputError(msg)


def refuse_others(
    path: str, expected: str, is_expected: Callable[[bytes], object], *, overwrite: bool = False
) -> None:
    """Refuse to write over a file that another program or a person wrote; empty files may go.

    Parameters
    ----------
    path : str
        The path of a text that is to be written.
    expected : str
        What may be there, for the message.
    is_expected : callable
        Returns whether the start of a file shows that it is such a one.
    overwrite : bool
        Whether any text may be replaced.

    Raises
    ------
    OutputError
        If there is another file, or one that is not a text.
    """
    refuse_binary(path)
    start = b"" if overwrite else start_of(path)
    if start and not is_expected(start):
        msg = f"{path}: exists and is not {expected}; choose another name, or move it away"
        raise OutputError(msg)


def start_of(path: str) -> bytes:
    """Return the first bytes of a file that may be replaced; none if there is no regular file.

    Raises
    ------
    InputError, OutputError
        If the system does not answer, or the file cannot be read, so that it may be any.
    """
    check_writable(path)
    if not is_file(path):  # reading from a pipe would block
        exists(path)  # raises what `is_file` takes for no file
        return b""
    try:
        with open_file(path) as stream:
            start: bytes = stream.read(_START)
            return start
    except OSError as error:
        msg = (f"{path}: exists, cannot be read ({error.strerror}), and stays as it is; choose "
               "another name, or move it away")
        raise OutputError(msg) from error
