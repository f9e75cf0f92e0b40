"""Output of a run: log lines on stderr and in a log file, progress, and the closing table."""

import logging
import os
import platform
import re
import shlex
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import partial
from importlib import import_module
from types import TracebackType
from typing import TYPE_CHECKING, Self

from staticmask_cli._version import __version__
from staticmask_cli.errors import OutputError
from staticmask_cli.io.targets import refuse_others
from staticmask_cli.io.urls import redacted
from staticmask_cli.io.visible import visible
from staticmask_cli.terminal.closing_table import closing_table
from staticmask_cli.terminal.short_warnings import show_short_warnings
from staticmask_cli.terminal.streams import (
    Progress,
    shown_progress,
    write_message,
    write_stdout,
)
from staticmask_cli.terminal.tables import new_table, show, text

if TYPE_CHECKING:
    from staticmask_cli.config.parameters import Parameters
    from staticmask_cli.masks.findings import Finding
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["Console"]

_MOST_IN_FULL = 8  # masks with a line each below the table

log = logging.getLogger("staticmask_cli")


class Console:
    """The output of a run; use it as a context.

    Only results go to stdout, so that they can be piped. Everything else goes to stderr, without
    colours, bars or control characters if that is no terminal.

    Parameters
    ----------
    quiet : bool
        Whether to write nothing but warnings and errors.
    verbose : bool
        Whether to write a line for every chip.
    log_file : str or None
        A file to which the whole log is appended, with times.
    """

    def __init__(
        self, *, quiet: bool = False, verbose: bool = False, log_file: str | None = None
    ) -> None:
        self.quiet = quiet
        self._start = time.monotonic()
        self._state_before = (logging.NOTSET, True)  # level and propagation of the log
        self._handlers: list[logging.Handler] = [_StderrHandler()]
        level = logging.WARNING if quiet else logging.DEBUG if verbose else logging.INFO
        self._handlers[0].setLevel(level)
        if log_file is not None:
            self._handlers.append(_log_file_handler(log_file))

    def __enter__(self) -> Self:
        for handler in self._handlers:
            log.addHandler(handler)
        self._state_before = log.level, log.propagate
        log.setLevel(logging.DEBUG)
        log.propagate = False
        self._log_to_file(logging.INFO, redacted(shlex.join(["staticmask", *sys.argv[1:]])))
        with suppress(OSError):  # the current folder may have been removed
            self._log_to_file(logging.INFO, f"in {os.getcwd()}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self._log_to_file(logging.INFO, f"done after {time.monotonic() - self._start:.1f} s")
        else:
            self._log_to_file(logging.ERROR, f"{kind.__name__}: {error}")
        for handler in self._handlers:
            log.removeHandler(handler)
            handler.close()
        level, log.propagate = self._state_before
        log.setLevel(level)

    def _log_to_file(self, level: int, text: str) -> None:
        """Write a line to the log file, but not to stderr."""
        for handler in self._handlers[1:]:
            handler.handle(log.makeRecord(log.name, level, "", 0, "%s", (text,), None))

    def log_parameters(self, parameters: "Parameters") -> None:
        """Log the parameters of the run, and the versions of Python and of the libraries."""
        if all(handler.level > logging.DEBUG for handler in self._handlers):
            return
        from importlib.metadata import version  # slow to import, and seldom needed

        versions = {"staticmask": __version__, "Python": platform.python_version(),
                    **{name: version(name) for name in ("numpy", "astropy")}}
        log.debug(", ".join(f"{name} {number}" for name, number in versions.items()))
        for name, value in vars(parameters).items():
            log.debug("%s = %s", name, value)

    def say(self, words: str) -> None:
        """Write words to stderr, unless the run is quiet."""
        if not self.quiet:
            write_message(words)

    @contextmanager
    def progress(self) -> Iterator[Progress | None]:
        """Show the progress of the run, see `shown_progress`."""
        with shown_progress(quiet=self.quiet) as report:
            yield report and partial(_report_and_load, report)

    def show_masks(self, masks: Sequence["StaticMask"]) -> None:
        """Write the closing table to stderr and the paths of the masks to stdout."""
        for mask in masks:
            log.debug("%s: %d chips, %d bad pixels", mask.path, len(mask.used), mask.nbad)
        if masks and not self.quiet:
            self._show_table(masks)
        self.show_paths([str(mask.path) for mask in masks], "masks")

    def show_paths(self, paths: Sequence[str], what: str) -> None:
        """Write the paths of results, such as masks, to stdout, unless the run is quiet."""
        for path in () if self.quiet else paths:
            write_stdout(path, f"the {what} are complete, only their paths are not shown")

    def show_left_out(self, left_out: Mapping[str, str]) -> None:
        """Write to stderr which inputs were left out because of ``--keep-going``, and why."""
        if left_out and not self.quiet:
            titles = ("left out", "why")
            table = new_table(*titles, texts=titles)
            for name, reason in left_out.items():
                table.add_row(text(name), text(reason))
            show(table, on_stderr=True)

    def show_findings(self, findings: Sequence["Finding"]) -> None:
        """Repeat the warnings of the run in short, unless it is quiet."""
        if not self.quiet:
            show_short_warnings(findings)

    def _show_table(self, masks: Sequence["StaticMask"]) -> None:
        show(closing_table(masks), on_stderr=True)
        _show_added_by_bit(masks)
        pointings = [mask.pointings for mask in masks
                     if mask.rule.sky == "local" and mask.rule.could_agree(mask.pointings)]
        if pointings:
            write_message(f"{max(pointings)} pointings can confirm each other: --agree 2 keeps "
                          "what two of them find, and leaves out chance and structure of the sky")


def _show_added_by_bit(masks: Sequence["StaticMask"]) -> None:
    """Write how many pixels each DQ bit added: a line for each mask, or one if they are many."""
    if len(masks) > _MOST_IN_FULL:
        total: Counter[int] = Counter()
        for mask in masks:
            total.update(mask.added_by_bit())
        lines = {f"{len(masks)} masks": dict(sorted(total.items()))}
    else:
        lines = {mask.name.removesuffix("_staticMask.fits"): mask.added_by_bit()
                 for mask in masks}
    for name, bits in lines.items():
        if bits:
            counts = ", ".join(f"{bit}: {count}" for bit, count in bits.items())
            write_message(f"{name}: pixels that each DQ bit added in all exposures: {counts}")


def _report_and_load(report: Progress, done: int, total: int) -> None:
    """Report progress, and import what the closing table needs when all chips are done.

    The masks are then flushed to disk, which leaves a processor idle.  Without this, a run on
    four exposures of ACS/WFC took 1.06 times the wall time and the same processor time.
    """
    report(done, total)
    if done == total:
        with suppress(RuntimeError):  # no thread can be started
            threading.Thread(target=_import_tables, daemon=True).start()


def _import_tables() -> None:
    with suppress(ImportError, OSError, MemoryError):  # which the table will meet again
        import_module("rich.console")
        import_module("rich.table")


class _StderrHandler(logging.Handler):
    """Write log records to stderr as plain lines, warnings and errors with their level."""

    def emit(self, record: logging.LogRecord) -> None:
        label = "" if record.levelno <= logging.INFO else record.levelname.capitalize()
        write_message(record.getMessage(), label)


class _LogFile(logging.FileHandler):
    """The log file of a run; if it cannot be written, one warning is shown and the run goes on."""

    def __init__(self, path: str) -> None:
        super().__init__(path, encoding="utf-8", errors="backslashreplace")
        self.path = path
        self._broken = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: ARG002, N802 - logging's name
        """Show the reason on stderr, the first time."""
        if not self._broken:
            write_message(f"{self.path}: the log cannot be written: {sys.exc_info()[1]}", "Warning")
        self._broken = True

    def close(self) -> None:
        """Close the file, even if the disk is too full for the rest of the buffer."""
        with suppress(OSError):
            super().close()


def _log_file_handler(path: str) -> logging.Handler:
    dated_line = re.compile(rb"^\W?\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d", re.MULTILINE)
    refuse_others(path, "a log, with a date in a line", dated_line.search)
    try:
        handler = _LogFile(path)
    except OSError as error:
        msg = f"{path}: the log cannot be written: {error.strerror}"
        raise OutputError(msg) from error
    handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(message)s"))
    return handler


class _OneLine(logging.Formatter):
    """The form of the log file: a line for each record, with all characters visible."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - logging's name
        """Return the line of a record."""
        return visible(super().formatMessage(record))
