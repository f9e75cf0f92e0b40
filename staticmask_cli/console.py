"""What a person sees: log lines, a progress bar, the closing table."""

import logging
import os
import platform
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from types import TracebackType
from typing import TYPE_CHECKING, Self

import click

from staticmask_cli import __version__
from staticmask_cli.errors import OutputError
from staticmask_cli.files import refuse_binary

if TYPE_CHECKING:
    from staticmask_cli.config import Parameters
    from staticmask_cli.maskfile import StaticMask

__all__ = ["Console"]

log = logging.getLogger("staticmask_cli")

_WIDTH_OF_FILES = 200  # columns of the table where there is no terminal to ask


class Console:
    """The user's side of a run; use it as a context.

    stdout takes the results alone, so that they can be piped; all the rest goes
    to stderr, without colours, bars or control characters where that is not a
    terminal.

    Parameters
    ----------
    quiet, verbose : bool
        Nothing but warnings and errors; or every chip.
    log_file : str or None
        File to which the full story is added.
    """

    def __init__(
        self, *, quiet: bool = False, verbose: bool = False, log_file: str | None = None
    ) -> None:
        self.quiet = quiet
        self._before = (logging.NOTSET, True)  # level and propagation of the log
        self._handlers: list[logging.Handler] = [_Lines()]
        level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
        self._handlers[0].setLevel(level)
        if log_file is not None:
            self._handlers.append(_log_file_handler(log_file))

    def __enter__(self) -> Self:
        for handler in self._handlers:
            log.addHandler(handler)
        self._before = log.level, log.propagate
        log.setLevel(logging.DEBUG)
        log.propagate = False
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None and len(self._handlers) > 1:
            self._handlers[1].handle(log.makeRecord(
                log.name, logging.ERROR, "", 0, "%s: %s", (kind and kind.__name__, error), None
            ))
        for handler in self._handlers:
            log.removeHandler(handler)
            handler.close()
        level, log.propagate = self._before
        log.setLevel(level)

    def log_parameters(self, parameters: "Parameters") -> None:
        """Tell the log what the run was asked for."""
        log.debug("staticmask %s, Python %s", __version__, platform.python_version())
        for name, value in vars(parameters).items():
            log.debug("%s = %s", name, value)

    def say(self, text: str) -> None:
        """Show text on stderr, unless the run is quiet."""
        if not self.quiet:
            click.echo(text, err=True)

    @contextmanager
    def progress(self) -> Iterator[Callable[[int, int], None] | None]:
        """Show a bar with the chips done, on a terminal; nothing elsewhere."""
        if self.quiet or not sys.stderr.isatty():
            yield None
            return
        from rich.console import Console as RichConsole  # noqa: PLC0415 - not for --help
        from rich.progress import (  # noqa: PLC0415
            BarColumn,
            MofNCompleteColumn,
            Progress,
            TextColumn,
            TimeRemainingColumn,
        )

        columns = (
            TextColumn("chips"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
        )
        with Progress(*columns, console=RichConsole(stderr=True), transient=True) as bar:
            task = bar.add_task("", total=None)
            yield lambda done, total: bar.update(task, completed=done, total=total)

    def show_masks(self, masks: Sequence["StaticMask"]) -> None:
        """Show the closing table on stderr, and the paths of the masks on stdout."""
        for mask in masks:
            log.debug("%s: %d chips, %d bad pixels", mask.path, len(mask.used), mask.nbad)
        if masks and not self.quiet:
            self._show_table(masks)
        for mask in masks:
            click.echo(os.fsencode(str(mask.path)))  # whatever bytes the name has

    def _show_table(self, masks: Sequence["StaticMask"]) -> None:
        from rich import box  # noqa: PLC0415 - not for --help
        from rich.console import Console as RichConsole  # noqa: PLC0415
        from rich.table import Table  # noqa: PLC0415

        table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
        table.add_column("mask", overflow="fold")
        for title in ("exposures", "mode", "rms", "below", "by chance", "by DQ", "bad"):
            table.add_column(title, justify="right")
        for mask in masks:
            table.add_row(*_row(mask))
        terminal = sys.stderr.isatty()
        console = RichConsole(stderr=True, width=None if terminal else _WIDTH_OF_FILES)
        console.print(table)
        for mask in masks:
            bits = mask.added_by_bit()
            if bits:
                counts = ", ".join(f"{bit}: {count}" for bit, count in bits.items())
                console.print(f"{mask.path}: pixels that each DQ bit added in all exposures: "
                              f"{counts}",
                              highlight=False, markup=False, emoji=False, soft_wrap=True)


class _Lines(logging.Handler):
    """Log records as plain lines on stderr, also while a bar is shown there."""

    def emit(self, record: logging.LogRecord) -> None:
        prefix = "" if record.levelno <= logging.INFO else f"{record.levelname.capitalize()}: "
        click.echo(prefix + record.getMessage(), err=True)


def _log_file_handler(path: str) -> logging.Handler:
    refuse_binary(path)
    try:
        handler = logging.FileHandler(path, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        msg = f"{path}: the log cannot be written: {error.strerror}"
        raise OutputError(msg) from error
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    return handler


def _row(mask: "StaticMask") -> tuple[str, ...]:
    used, bad, below = mask.used, mask.nbad, mask.nbelow
    all_of = "" if len(used) == len(mask.members) else f" of {len(mask.members)}"
    return (
        mask.signature.filename.removesuffix("_staticMask.fits"),
        f"{len(used)}{all_of}",
        _range([member.mode for member in used]),
        _range([member.rms for member in used]),
        str(below),
        f"{mask.chance:.3g}",
        "-" if mask.flagged is None else str(bad - below),
        f"{bad / mask.below.size:.4%}",
    )


def _range(values: Sequence[float]) -> str:
    first, last = f"{min(values):.4g}", f"{max(values):.4g}"
    return first if first == last else f"{first}..{last}"
