"""stdout and stderr, which may be closed, full, or a pipe that nobody reads."""

import atexit
import os
import re
import sys
from contextlib import suppress
from typing import NoReturn, TextIO

import click

from staticmask_cli.errors import OutputError

__all__ = ["ensure_streams", "hand_out", "leave", "printable", "tell"]

_CONTROL = re.compile(r"[\x00-\x09\x0b-\x1f\x7f-\x9f]")  # all but the end of a line


def ensure_streams() -> None:
    """Open what is closed of stdin, stdout and stderr, onto nothing.

    Else the next files take their places, and what a library prints goes into them.
    """
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # takes the first number that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - to the end


def tell(text: str, *, colour: bool | None = None) -> None:
    """Write text to stderr; where that cannot be, nobody listens, and the run goes on."""
    try:
        click.echo(text, err=True, color=colour)
    except OSError:
        _abandon(sys.stderr)


def hand_out(result: str, else_: str = "") -> None:
    """Write results to stdout, whatever bytes the names of files in them have.

    A reader who has read enough (``| head -1``) is no error.

    Parameters
    ----------
    result : str
        One line or more; the last one is ended if it is not.
    else_ : str
        What to add to the error.

    Raises
    ------
    OutputError
        If stdout cannot be written for another reason.
    """
    try:
        click.echo(os.fsencode(result), nl=not result.endswith("\n"))
    except BrokenPipeError:
        _abandon(sys.stdout)
    except OSError as error:
        _abandon(sys.stdout)
        msg = "; ".join(filter(None, (f"stdout: cannot be written: {error.strerror}", else_)))
        raise OutputError(msg) from error


def printable(text: str) -> str:
    """Text that leaves a terminal as it is: no control characters but ends of lines."""
    return _CONTROL.sub(lambda found: repr(found[0])[1:-1], text)


def leave(status: int) -> NoReturn:
    """End the process; its memory goes back as a whole, for which Python would take its time.

    Debuggers and profilers, who want to see the end, are given the usual one.
    """
    if sys.gettrace() is None and sys.getprofile() is None:
        atexit._run_exitfuncs()  # noqa: SLF001 - libraries remove their temporary files
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    sys.exit(status)


def _abandon(stream: TextIO) -> None:
    """Let all that is written from now on vanish, what is still in the buffer included."""
    with suppress(OSError, ValueError):  # a stream without a descriptor, as in tests
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
