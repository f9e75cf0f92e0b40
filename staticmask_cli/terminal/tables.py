"""Tables for people: what ``plan`` and ``inspect`` have found, and how any table is printed.

This is the only module that uses rich to lay out tables.  It computes nothing but counts and sums.
"""

import os
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any, TextIO

from staticmask_cli.terminal.streams import write_stderr, write_stdout

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from staticmask_cli.pipeline.dry_run import DryRun, PlannedMask
    from staticmask_cli.reports.bad_pixels import Comparison, Line, Shape
    from staticmask_cli.reports.inspection import Inspection, Inspections

__all__ = ["new_table", "show", "show_inspections", "show_plan", "size", "text"]

_WIDTH_WITHOUT_TERMINAL = 200  # columns of a table where the output is no terminal
_MOST_ROWS = 20  # files or members that are shown unless all are asked for
_KILO = 1000
_STATE_STYLES = {"up to date": "green", "missing": "yellow", "foreign": "red"}
_OUTLIER_STYLE = "bold yellow"
_OUTLIER_TITLES = {"mode": "mode", "rms": "rms", "nbelow": "below", "ndq": "by DQ"}


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


def text(words: str, style: str = "") -> "Text":
    r"""Make text of which every character is shown: no markup, and ``\x1b`` as an escape."""
    from rich.text import Text

    return Text("".join(map(_visible, words)), style)


def _visible(char: str) -> str:
    return char if char.isprintable() or char == "\n" else ascii(char)[1:-1]


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
    _keep_whole(masks, (mask.path for mask in dry_run.masks), 1 / 2)
    show(masks, text(_summary(dry_run)), _files(dry_run, everything=everything))


def _keep_whole(table: "Table", names: Iterable[str], share: float) -> None:
    """Break no name in the first column if the longest takes at most this share of a line."""
    width = _console(sys.stdout, sys.stdout).width
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
        f"{_count(dry_run.masks, 'mask')} ({size(written)}); up to date: {current}.\n"
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
    shown = names if everything else names[:_MOST_ROWS]
    for name in shown:
        table.add_row(text(name), sizes.get(name, ""), ", ".join(sorted(chips.get(name, ()))),
                      text("; ".join(sorted(reasons.get(name, ()))), "yellow"))
    _add_number_of_others(table, len(names) - len(shown))
    return table


def _add_number_of_others(table: "Table", number: int) -> None:
    if number:
        table.add_row(f"and {number} more (-v shows all)")


def show_inspections(inspections: "Inspections", *, everything: bool = False) -> None:
    """Print what was found in masks to stdout, with some of their members or everything."""
    for inspection in inspections.masks:
        show(*_parts(inspection, everything=everything))
    if inspections.comparison is not None:
        first, second = (mask.path for mask in inspections.masks)
        show(_comparison(first, second, inspections.comparison))


def _parts(inspection: "Inspection", *, everything: bool) -> Iterator["RenderableType"]:
    yield text(inspection.path, "bold")
    yield _facts(inspection)
    if inspection.bad:
        yield _worst_lines(inspection.layout.worst_rows, inspection.layout.worst_columns)
        yield _clusters(inspection.layout)
    if inspection.members is not None:
        most = len(inspection.members) if everything else _MOST_ROWS
        yield _members(inspection.members, most)


def _facts(inspection: "Inspection") -> "Table":
    ny, nx = inspection.shape
    facts = inspection.facts
    made = (inspection.program or "by an unknown program", inspection.date or "")
    rows = {
        "pixels": f"{ny} rows x {nx} columns",
        "bad": f"{inspection.bad} ({inspection.fraction:.4%})",
        "made": " ".join(filter(None, made)),
        "checksum": inspection.checksum,
    }
    if inspection.checksum == "wrong":
        rows["checksum"] = "WRONG: the file is not as it was written"
    if inspection.members is not None:
        used = sum(member["used"] for member in inspection.members)
        pointings = len({member["pointing"] for member in inspection.members} - {0})
        names = [str(facts[key]) for key in ("TELESCOP", "INSTRUME", "DETECTOR") if key in facts]
        ccdchip = f", CCDCHIP {facts['CCDCHIP']}" if "CCDCHIP" in facts else ""
        rows |= {
            "chip": f"{' '.join(names)}, number {inspection.number}{ccdchip}",
            "exposures": f"{used} used of {len(inspection.members)}",
            "pointings": str(pointings) if pointings else "unknown",
            "static_sig": str(inspection.static_sig),
            "sky": str(inspection.sky),
            "agree": str(inspection.agree),
            "final_bits": str(inspection.final_bits),
        }
    return _names_and_values(rows)


def _names_and_values(rows: Mapping[str, str], heading: str | None = None) -> "Table":
    table = new_table("name", "value", texts=("name", "value"), heading=heading, header=False)
    for name, value in rows.items():
        table.add_row(name, text(value, "bold red" if value.startswith("WRONG: ") else ""))
    return table


def _worst_lines(rows: Sequence["Line"], columns: Sequence["Line"]) -> "Table":
    table = new_table(
        "worst row", "bad", "fraction", "", "worst column", "bad", "fraction"
    )
    for row, column in zip_longest(rows, columns):
        cells = [
            (str(line.number), str(line.bad), f"{line.fraction:.2%}") if line else ("", "", "")
            for line in (row, column)
        ]
        table.add_row(*cells[0], "", *cells[1])
    return table


def _clusters(layout: "Shape") -> "Table":
    """Make the table of the clusters by size, with the largest clusters beside it."""
    table = new_table("size", "clusters", "pixels", "", "largest", "columns", "rows")
    for group, cluster in zip_longest(layout.sizes, layout.largest):
        cells = ["", "", ""]
        if group is not None:
            cells = [_range(group.smallest, group.largest), str(group.clusters), str(group.pixels)]
        if cluster is not None:
            cells += ["", str(cluster.pixels), _range(*cluster.columns), _range(*cluster.rows)]
        table.add_row(*cells)
    return table


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def _members(members: Sequence[Mapping[str, Any]], most: int) -> "Table":
    """Make the table of the members; if not all fit, unused ones and outliers come first."""
    unused_or_outlier = [member for member in members if member["apart"] or not member["used"]]
    others = [member for member in members if member["used"] and not member["apart"]]
    chosen = {id(member) for member in (*unused_or_outlier, *others)[:most]}
    pointings = [member["pointing"] for member in members if member["used"]]
    is_shared = 0 < len({*pointings} - {0}) < len(pointings)
    columns = (*["pointing"] * is_shared, "exptime", "mode", "rms")
    titles = ("file", "ver", *columns, "below", "by DQ", "stands apart")
    table = new_table(*titles, texts=("file", "stands apart"))
    for member in (member for member in members if id(member) in chosen):
        remark = f"not used: {member['whynot']}" if not member["used"] else ", ".join(
            f"{_OUTLIER_TITLES[name]} {value:+.3g} sd" for name, value in member["apart"].items()
        )
        numbers = [f"{member[name]:.5g}" for name in columns]
        table.add_row(
            text(member["file"]), str(member["extver"]), *numbers,
            str(member["nbelow"]), str(member["ndq"]), text(remark),
            style=_OUTLIER_STYLE if remark else "",
        )
    _keep_whole(table, (member["file"] for member in members), 1 / 4)
    _add_number_of_others(table, len(members) - len(chosen))
    return table


def _comparison(first: str, second: str, found: "Comparison") -> "Table":
    return _names_and_values({
        "first": first, "second": second,
        "bad in both": str(found.both),
        "added": f"{found.added}, bad in the second alone",
        "removed": f"{found.removed}, bad in the first alone",
        "agreement": f"{found.agreement:.2%} of the pixels bad in either are bad in both",
    }, heading="comparison")
