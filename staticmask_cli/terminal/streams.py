"""Writing to stdout and stderr, which may be closed, full or an unread pipe; progress of a run.

Results go to stdout. Everything else goes to stderr, and a failure there never ends a run. While
chips are processed, stderr shows a progress bar if it is a terminal, and otherwise a plain line
every 30 seconds.
"""

import os
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TextIO

import click

from staticmask_cli.errors import OutputError
from staticmask_cli.io.visible import visible

__all__ = [
    "Progress", "ensure_streams", "pace", "shown_progress", "write_message", "write_stderr",
    "write_stdout",
]

Progress = Callable[[int, int], None]  # called with the number of chips done and of all chips

_SECONDS_BETWEEN_LINES = 30.0
_COLOURS = {"Warning": "yellow", "Warnings": "yellow", "Error": "red", "Critical": "red"}
_NARROWEST = 20  # columns of a terminal, below which messages are not wrapped


def ensure_streams() -> None:
    """Connect stdin, stdout and stderr to the null device where they are closed.

    Otherwise the next files that are opened would get their descriptors, and whatever a library
    prints would be written into those files.
    """
    for descriptor in range(3):
        try:
            os.fstat(descriptor)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # gets the lowest descriptor that is free
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - to the end


def write_stdout(result: str, consequence: str = "", *, end: str = "\n") -> None:
    """Write a result to stdout, with the bytes of file names as they are.

    It is no error if the reader of a pipe has read enough (``| head -1``).

    Parameters
    ----------
    result : str
        One line or more.
    consequence : str
        What the user has to know if the result cannot be written; it ends the message.
    end : str
        What is written after the result if it does not end with the end of a line.

    Raises
    ------
    OutputError
        If stdout cannot be written, for instance because the disk is full.
    """
    try:
        click.echo(os.fsencode(result + end * (not result.endswith("\n"))), nl=False)
    except BrokenPipeError:
        _discard(sys.stdout)
    except OSError as error:
        _discard(sys.stdout)
        parts = (f"stdout: cannot be written: {error.strerror}", consequence)
        raise OutputError("; ".join(filter(None, parts))) from error


def write_stderr(text: str, *, colour: bool | None = None) -> None:
    """Write text to stderr; if that fails, the run goes on without it."""
    try:
        # The file is named because click would write past the bar's own stderr otherwise.
        click.echo(text, file=sys.stderr, color=colour)
    except OSError:
        _discard(sys.stderr)


def _discard(stream: TextIO) -> None:
    """Discard what is in the buffer of a stream and all that is written to it from now on."""
    with suppress(OSError, ValueError):  # a stream without a descriptor, as in tests
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)


def write_message(message: str, label: str = "", *, lines: bool = False) -> None:
    """Write a message to stderr, with all its characters visible.

    On a terminal it is broken between words alone, and its label is in colour.

    Parameters
    ----------
    message : str
        One line, or several.
    label : str
        ``Warning``, ``Error``, or nothing.
    lines : bool
        Whether the message has several lines; otherwise an end of a line is part of a name.
    """
    text = visible(f"{label}: {message}" if label else message, lines=lines)
    width = _width_of_terminal()
    if width > _NARROWEST:
        text = "\n".join(_wrapped(line, width) for line in text.split("\n"))
        if label in _COLOURS and "NO_COLOR" not in os.environ:
            text = click.style(f"{label}:", _COLOURS[label], bold=True) + text[len(label) + 1 :]
    write_stderr(text)


def _wrapped(line: str, width: int) -> str:
    """Break a line between words; a name that is longer than a line stays whole."""
    return textwrap.fill(line, width, subsequent_indent="  ", break_long_words=False,
                         break_on_hyphens=False)


def _width_of_terminal() -> int:
    """Return the number of columns of stderr, or 0 if it is no terminal that knows colours."""
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        return 0
    columns = os.environ.get("COLUMNS", "")
    if columns.isascii() and columns.isdigit():
        return int(columns)
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns
    except (OSError, ValueError):
        return 0


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress | None]:
    """Show the progress of a run on stderr while this context lasts.

    Parameters
    ----------
    quiet : bool
        Whether to show nothing.

    Yields
    ------
    callable or None
        A function to call with the number of chips that are done and the number of all chips;
        None if nothing is shown.
    """
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _PlainLines()


@contextmanager
def _bar() -> Iterator[Progress]:
    """Show a progress bar; lines that are written to stderr appear above it."""
    from rich import progress
    from rich.console import Console

    columns = (
        progress.TextColumn("{task.description}"), progress.BarColumn(),
        progress.TextColumn("{task.fields[pace]}"),
    )
    # Lines above the bar are not to be broken where the terminal ends, hence soft_wrap.
    console = Console(stderr=True, soft_wrap=True)
    with progress.Progress(
        *columns, console=console, transient=True, redirect_stdout=False
    ) as bar:
        task = bar.add_task("headers", total=None, pace="")
        start = time.monotonic()

        def report(done: int, total: int) -> None:
            nonlocal start
            if done == 0:
                start = time.monotonic()
            counts = f"{done}/{total} {pace(done, total, time.monotonic() - start)}"
            bar.update(task, description="chips", completed=done, total=total, pace=counts)

        yield report


class _PlainLines:
    """Write a plain line to stderr every 30 seconds; a shorter run has none."""

    def __init__(self) -> None:
        self._start = self._last_line = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            self._start = now  # the time for reading headers does not count
        if now - self._last_line >= _SECONDS_BETWEEN_LINES and done < total:
            self._last_line = now
            rate = pace(done, total, now - self._start)
            write_stderr(f"{done} of {total} chips{rate and ', '}{rate}")


def pace(done: int, total: int, seconds: float) -> str:
    """Format the rate of a run and the time that is left at this rate.

    Examples
    --------
    >>> pace(300, 1200, 10.0)
    '30/s, 0:30 left'
    >>> pace(3, 1200, 10.0)
    '0.3/s, 1:06:30 left'
    >>> pace(0, 1200, 10.0)
    ''
    """
    if done == 0 or seconds <= 0:
        return ""
    rate = done / seconds
    minutes, left = divmod(round((total - done) / rate), 60)
    hours, minutes = divmod(minutes, 60)
    clock = f"{hours}:{minutes:02d}:{left:02d}" if hours else f"{minutes}:{left:02d}"
    return f"{rate:.{0 if rate >= 10 else 1}f}/s, {clock} left"  # noqa: PLR2004 - two digits
