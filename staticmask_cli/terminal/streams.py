"""How far a run is: a bar on a terminal, elsewhere a plain line now and then.

stdout and stderr, which may be closed, full, or a pipe that nobody reads.
"""

import os
import re
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stderr, suppress
from typing import Any, TextIO

import click

from staticmask_cli.errors import OutputError

__all__ = [
    "ensure_streams", "pace", "printable", "shown_progress", "write_stderr", "write_stdout",
]

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


def write_stderr(text: str, *, colour: bool | None = None) -> None:
    """Write text to stderr; where that cannot be, nobody listens, and the run goes on."""
    try:
        click.echo(text, err=True, color=colour)
    except OSError:
        _abandon(sys.stderr)


def write_stdout(result: str, else_: str = "") -> None:
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


def _abandon(stream: TextIO) -> None:
    """Let all that is written from now on vanish, what is still in the buffer included."""
    with suppress(OSError, ValueError):  # a stream without a descriptor, as in tests
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)


Progress = Callable[[int, int], None]

_SECONDS_BETWEEN_LINES = 30.0


@contextmanager
def shown_progress(*, quiet: bool = False) -> Iterator[Progress | None]:
    """Lend a function that is called with the chips that are done and those there are.

    Parameters
    ----------
    quiet : bool
        Show nothing: None is lent.
    """
    if quiet:
        yield None
    elif sys.stderr.isatty():
        with _bar() as report:
            yield report
    else:
        yield _Lines()


def pace(done: int, total: int, seconds: float) -> str:
    """Say how fast it goes, and when it will be over if it goes on like this.

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


class _Lines:
    """A plain line on stderr every so often, for runs that nobody watches; short ones have none."""

    def __init__(self) -> None:
        self._start = self._said = time.monotonic()

    def __call__(self, done: int, total: int) -> None:
        now = time.monotonic()
        if done == 0:
            self._start = now  # what was before, reading headers, is no clipping
        if now - self._said >= _SECONDS_BETWEEN_LINES and done < total:
            self._said = now
            words = pace(done, total, now - self._start)
            write_stderr(f"{done} of {total} chips{words and ', '}{words}")


class _AboveTheBar:
    """What stands for stderr while a bar is there: whole lines go above it.

    The proxy that rich would put there is passed by by click, as it names no encoding.
    """

    def __init__(self, stream: TextIO, show: Callable[[str], None]) -> None:
        self.rich_proxied_file = stream  # where rich itself writes to
        self._show = show
        self._rest = ""

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the stream has
        return getattr(self.rich_proxied_file, name)

    def write(self, text: str) -> int:
        """Show the lines that are complete."""
        *lines, self._rest = (self._rest + text).split("\n")
        for line in lines:
            self._show(line)
        return len(text)


@contextmanager
def _bar() -> Iterator[Progress]:
    from rich.console import Console  # noqa: PLC0415 - not for --help
    from rich.progress import BarColumn, TextColumn  # noqa: PLC0415
    from rich.progress import Progress as Bar  # noqa: PLC0415
    from rich.text import Text  # noqa: PLC0415

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[pace]}"))
    console = Console(stderr=True)

    def show(line: str) -> None:
        console.print(Text.from_ansi(line), soft_wrap=True)

    with (
        Bar(*columns, console=console, transient=True, redirect_stdout=False,
            redirect_stderr=False) as bar,
        redirect_stderr(_AboveTheBar(sys.stderr, show)),
    ):
        task = bar.add_task("headers", total=None, pace="")
        start = time.monotonic()

        def report(done: int, total: int) -> None:
            nonlocal start
            if done == 0:
                start = time.monotonic()
            words = f"{done}/{total} {pace(done, total, time.monotonic() - start)}"
            bar.update(task, description="chips", completed=done, total=total, pace=words)

        yield report
