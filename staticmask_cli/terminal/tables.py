"""Tables for people: how any table is printed, and what ``plan`` has found.

This is the only module that uses rich to lay out tables.  It computes nothing but counts and sums.
"""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from staticmask_cli.io.visible import visible
from staticmask_cli.terminal.streams import write_stderr, write_stdout

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from staticmask_cli.pipeline.dry_run import DryRun, PlannedMask

__all__ = [
    "MOST_ROWS", "add_number_of_others", "keep_whole", "new_table", "show", "show_plan", "size",
    "text", "titles_that_fit", "width_of_stderr", "width_of_stdout",
]

MOST_ROWS = 20
"""The number of files or members that are shown unless all are asked for."""

_GAP = 2  # blanks between two columns, and around a table
_WIDTH_WITHOUT_TERMINAL = 200  # columns of a table where the output is no terminal
_KILO = 1000
_STATE_STYLES = {"up to date": "green", "missing": "yellow", "foreign": "red"}


def show(*parts: "RenderableType", on_stderr: bool = False) -> None:
    """Print tables and texts to stdout or stderr, as wide as the terminal."""
    stream = sys.stderr if on_stderr else sys.stdout
    # Rich lays out the lines for this stream but does not write them: at a closed pipe it would
    # end the process.
    with open(os.devnull, "w", encoding=stream.encoding) as nowhere:
        console = _console(stream, nowhere)
        with console.capture() as captured:
            for part in parts:
                console.print(part, highlight=False, markup=False, emoji=False)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    # Every table begins and ends with a blank line; between two tables one is enough.
    joined = "\n".join(
        line for line, before in zip(lines, ["", *lines], strict=False) if line or before
    )
    if on_stderr:
        write_stderr(f"\n{joined}", colour=True)
    else:
        write_stdout(joined)


def _console(stream: TextIO, file: TextIO) -> "Console":
    """Make a console that writes to a file but has the width and the colours of a stream."""
    from rich.console import Console

    on_terminal = stream.isatty()
    width = None if on_terminal else _WIDTH_WITHOUT_TERMINAL
    # Titles are plain strings; to look for emoji in them, rich would import its list of them.
    return Console(file=file, width=width, force_terminal=on_terminal or None, emoji=False)


def width_of_stderr() -> int:
    """Return the number of columns of a table on stderr."""
    return _console(sys.stderr, sys.stderr).width


def width_of_stdout() -> int:
    """Return the number of columns of a table on stdout."""
    return _console(sys.stdout, sys.stdout).width


def new_table(
    *titles: str, texts: Sequence[str] = (), heading: str | None = None, header: bool = True
) -> "Table":
    """Make an empty table.

    Parameters
    ----------
    *titles : str
        The titles of the columns.
    texts : sequence of str
        The titles of the columns that hold text, which is broken where the terminal is narrow.
        All others hold numbers, which stand at the right and are never broken.
    heading : str, optional
        The heading above the table.
    header : bool
        Whether the titles are shown.
    """
    from rich import box
    from rich.table import Table

    table = Table(
        title=heading, title_justify="left", title_style="bold",
        box=box.SIMPLE_HEAD if header else None,
        pad_edge=False, collapse_padding=True, show_header=header,
    )
    for title in titles:
        if title in texts:
            table.add_column(title, overflow="fold")
        else:
            table.add_column(title, justify="right", no_wrap=True)
    return table


def titles_that_fit(
    rows: Sequence[Mapping[str, str]], least_important: Sequence[str], width: int
) -> list[str]:
    """Return the titles of the columns of a table for which a line has room.

    Parameters
    ----------
    rows : sequence of mapping of str to str
        The cells of each row by title; all rows have the same titles.
    least_important : sequence of str
        The titles that are left out where there is no room for all, the first of them first.
    width : int
        The number of columns of the terminal.
    """
    titles = list(rows[0])
    for title in least_important:
        widths = (max(map(len, [*name.split("\n"), *(row[name] for row in rows)]))
                  for name in titles)
        if title in titles and sum(widths) + _GAP * len(titles) > width:
            titles.remove(title)
    return titles


def text(words: str, style: str = "") -> "Text":
    r"""Make text of which every character is shown: no markup, and ``\x1b`` as an escape."""
    from rich.text import Text

    return Text(visible(words), style)


def size(count: float) -> str:
    """Format a number of bytes, in powers of a thousand."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _KILO:
            return f"{count:.3g} {unit}"
        count /= _KILO
    return f"{count:.4g} TB"


def show_plan(dry_run: "DryRun", *, everything: bool = False) -> None:
    """Print a plan to stdout: the masks with their states, and the first files or everything."""
    if not dry_run.parameters.static:
        show(text("static = False: no mask would be made."))
        return
    masks = new_table("mask", "exposures", "size", "state", texts=("mask", "state"))
    for mask in dry_run.masks:
        masks.add_row(
            text(mask.path), _exposures(mask), size(mask.bytes),
            text("; ".join((mask.state, *mask.why)), _STATE_STYLES.get(mask.state, "yellow")),
        )
    keep_whole(masks, (mask.path for mask in dry_run.masks), 1 / 2)
    show(masks, f"{_summary(dry_run)}\n", _files(dry_run, everything=everything))


def keep_whole(table: "Table", names: Iterable[str], share: float) -> None:
    """Break no name in the first column if the longest takes at most this share of a line."""
    width = width_of_stdout()
    table.columns[0].no_wrap = max(map(len, names), default=0) <= share * width


def _exposures(mask: "PlannedMask") -> str:
    used = sum(not chip["whynot"] for chip in mask.chips)
    return f"{used}" if used == len(mask.chips) else f"{used} of {len(mask.chips)}"


def _summary(dry_run: "DryRun") -> str:
    read = sum(file.bytes for file in dry_run.files)
    written = sum(mask.bytes for mask in dry_run.masks)
    current = sum(mask.state == "up to date" for mask in dry_run.masks)
    return (
        f"Would read {_count(dry_run.files, 'file')} ({size(read)}) and write "
        f"{_count(dry_run.masks, 'mask')} ({size(written)})"
        f"{f'; {current} up to date, which would be rewritten' * bool(current)}."
    )


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _files(dry_run: "DryRun", *, everything: bool) -> "Table":
    """Make the table of the files to be read and of the files that are set aside."""
    table = new_table("file", "size", "chips", "set aside", texts=("file", "set aside"))
    chips: dict[str, set[str]] = {}  # EXTVER of each chip of a file, and DQ
    for chip in (chip for mask in dry_run.masks for chip in mask.chips if not chip["whynot"]):
        chips.setdefault(chip["file"], set()).add(str(chip["extver"]))
        if chip["dq"] not in (None, chip["file"]):
            chips.setdefault(chip["dq"], set()).add("DQ")
    reasons: dict[str, set[str]] = {}
    for chip in dry_run.set_aside:
        reasons.setdefault(chip["file"], set()).add(chip["whynot"])
    sizes = {file.file: size(file.bytes) for file in dry_run.files}
    names = sorted({*sizes, *reasons})
    shown = names if everything else names[:MOST_ROWS]
    for name in shown:
        table.add_row(text(name), sizes.get(name, ""), ", ".join(sorted(chips.get(name, ()))),
                      text("; ".join(sorted(reasons.get(name, ()))), "yellow"))
    add_number_of_others(table, len(names) - len(shown))
    return table


def add_number_of_others(table: "Table", number: int) -> None:
    """Add a row with the number of rows that are not shown, if there are any."""
    if number:
        table.add_row(f"and {number} more (-v shows all)")
