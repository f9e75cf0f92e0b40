"""A plan for people: which masks, in what state, of which exposures.

Tables as the results of a command, on stdout.

Masks on disk for people: their facts, where the bad pixels lie, and their members.
"""

import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from staticmask_cli.terminal.streams import write_stdout

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

    from staticmask_cli.pipeline.dry_run import DryRun, PlannedMask
    from staticmask_cli.reports.bad_pixels import Comparison, Line, Shape
    from staticmask_cli.reports.inspection import Inspection, Inspections

__all__ = ["new_table", "show", "show_inspections", "show_plan", "size", "text"]

_WIDTH_OF_FILES = 200  # columns where there is no terminal to ask
_KILO = 1000


def show(*parts: "RenderableType") -> None:
    """Show tables and texts on stdout, without colours where that is no terminal."""
    console = _console()
    with console.capture() as captured:
        for part in parts:
            console.print(part, highlight=False, markup=False, emoji=False, soft_wrap=False)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    # Tables come with blank lines above and below; one between two of them is enough.
    kept = (line for line, before in zip(lines, ["", *lines], strict=False) if line or before)
    write_stdout("\n".join(kept))


def _console() -> "Console":
    from rich.console import Console

    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)


def new_table(
    *titles: str, texts: Sequence[str] = (), heading: str | None = None, header: bool = True
) -> "Table":
    """Make an empty table; columns are numbers, at the right, but for those named in `texts`."""
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


def keep_whole(table: "Table", names: Iterable[str], share: float) -> None:
    """Break none of the names of the first column, if that takes no more than a share of a line."""
    table.columns[0].no_wrap = max(map(len, names), default=0) <= share * _console().width


def text(words: str, style: str = "") -> "Text":
    """Text as it is: square brackets are no markup in the names of files."""
    from rich.text import Text

    return Text("".join(map(_shown, words)), style)


def size(count: float) -> str:
    """Bytes for people, in powers of a thousand."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _KILO:
            return f"{count:.3g} {unit}"
        count /= _KILO
    return f"{count:.4g} TB"


def _shown(char: str) -> str:
    r"""Show a character that would move the cursor as an escape, such as \x1b."""
    return char if char.isprintable() or char == "\n" else ascii(char)[1:-1]


_APART = "bold yellow"
_MOST_MEMBERS = 20  # shown without being asked for all
_TITLES = {"mode": "mode", "rms": "rms", "nbelow": "below", "ndq": "by DQ"}


def show_inspections(findings: "Inspections", *, everything: bool = False) -> None:
    """Show what was found about masks on stdout.

    Parameters
    ----------
    findings : Inspections
        To show.
    everything : bool
        All members, however many there are.
    """
    for finding in findings.masks:
        show(*_parts(finding, everything=everything))
    if findings.comparison is not None:
        show(_comparison(findings))


def _parts(finding: "Inspection", *, everything: bool) -> Iterator["RenderableType"]:
    yield text(finding.path, "bold")
    yield _facts(finding)
    if finding.bad:
        layout = finding.layout
        yield _lines(layout.worst_rows, layout.worst_columns)
        yield _sizes(layout)
    if finding.members is not None:
        yield _members(finding.members, len(finding.members) if everything else _MOST_MEMBERS)


def _facts(finding: "Inspection") -> "Table":
    ny, nx = finding.shape
    facts = finding.facts
    chip = f", CCDCHIP {facts['CCDCHIP']}" if "CCDCHIP" in facts else ""
    made = [finding.program or "by a program that does not say so", finding.date or ""]
    table = new_table("name", "value", texts=("name", "value"), header=False)
    rows = {
        "pixels": f"{ny} rows x {nx} columns",
        "bad": f"{finding.bad} ({finding.fraction:.4%})",
        "made": " ".join(filter(None, made)),
        "checksum": {"wrong": "WRONG: the file is not as it was written"}.get(
            finding.checksum, finding.checksum),
    }
    if finding.members is not None:
        used = sum(member["used"] for member in finding.members)
        rows |= {
            "chip": " ".join(str(facts[key]) for key in ("TELESCOP", "INSTRUME", "DETECTOR")
                             if key in facts) + f", number {finding.number}{chip}",
            "exposures": f"{used} used of {len(finding.members)}",
            "static_sig": str(finding.static_sig),
            "sky": str(finding.sky),
            "agree": str(finding.agree),
            "final_bits": str(finding.final_bits),
        }
    for name, value in rows.items():
        table.add_row(name, text(value, "bold red" if "WRONG" in value else ""))
    return table


def _lines(rows: Sequence["Line"], columns: Sequence["Line"]) -> "Table":
    table = new_table("worst row", "bad", "part", "", "worst column", "bad", "part")
    for number in range(max(len(rows), len(columns))):
        row, column = (
            _line(lines[number]) if number < len(lines) else ("", "", "")
            for lines in (rows, columns)
        )
        table.add_row(*row, "", *column)
    return table


def _line(line: "Line") -> tuple[str, str, str]:
    return str(line.number), str(line.bad), f"{line.fraction:.2%}"


def _sizes(layout: "Shape") -> "Table":
    """Table of the clusters by size, with the largest ones beside it."""
    table = new_table("size", "clusters", "pixels", "", "largest", "columns", "rows")
    for number in range(max(len(layout.sizes), len(layout.largest))):
        cells = ["", "", ""]
        if number < len(layout.sizes):
            group = layout.sizes[number]
            cells = [_range(group.smallest, group.largest), str(group.clusters), str(group.pixels)]
        if number < len(layout.largest):
            one = layout.largest[number]
            cells += ["", str(one.pixels), _range(*one.columns), _range(*one.rows)]
        table.add_row(*cells)
    return table


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def _members(members: Sequence[Mapping[str, Any]], most: int) -> "Table":
    """Table of the members, or of some: what is remarkable comes before the first ones."""
    remarkable = [member for member in members if member["apart"] or not member["used"]]
    others = [member for member in members if member["used"] and not member["apart"]]
    chosen = {id(member) for member in (*remarkable, *others)[:most]}
    table = new_table(
        "file", "ver", "exptime", "mode", "rms", "below", "by DQ", "stands apart",
        texts=("file", "stands apart"),
    )
    for member in (member for member in members if id(member) in chosen):
        remark = f"not used: {member['whynot']}" if not member["used"] else ", ".join(
            f"{_TITLES[name]} {value:+.3g} sd" for name, value in member["apart"].items()
        )
        numbers = [f"{member[name]:.5g}" for name in ("exptime", "mode", "rms")]
        table.add_row(
            text(member["file"]), str(member["extver"]), *numbers,
            str(member["nbelow"]), str(member["ndq"]), text(remark),
            style=_APART if remark else "",
        )
    keep_whole(table, (member["file"] for member in members), 1 / 4)
    if len(chosen) < len(members):
        table.add_row(f"and {len(members) - len(chosen)} more (-v shows all)")
    return table


def _comparison(findings: "Inspections") -> "Table":
    first, second = findings.masks
    found: Comparison = findings.comparison  # type: ignore[assignment]
    table = new_table(
        "name", "value", texts=("name", "value"), header=False, heading="comparison"
    )
    for name, value in (
        ("first", first.path), ("second", second.path),
        ("bad in both", str(found.both)),
        ("added", f"{found.added}, bad in the second alone"),
        ("removed", f"{found.removed}, bad in the first alone"),
        ("agreement", f"{found.agreement:.2%} of the pixels bad in either are bad in both"),
    ):
        table.add_row(name, text(value))
    return table


_MOST_FILES = 20  # shown without being asked for all
_STYLES = {"up to date": "green", "missing": "yellow", "foreign": "red"}


def show_plan(forecast: "DryRun", *, everything: bool = False) -> None:
    """Show a plan on stdout.

    Parameters
    ----------
    forecast : DryRun
        To show.
    everything : bool
        All files, however many there are.
    """
    if not forecast.parameters.static:
        show(text("static = False: no mask would be made."))
        return
    masks = new_table("mask", "exposures", "size", "state", texts=("mask", "state"))
    for mask in forecast.masks:
        masks.add_row(
            text(mask.path), _exposures(mask), size(mask.bytes),
            text("; ".join((mask.state, *mask.why)), _STYLES.get(mask.state, "yellow")),
        )
    keep_whole(masks, (mask.path for mask in forecast.masks), 1 / 2)
    show(masks, text(_summary(forecast)), _files(forecast, everything=everything))


def _exposures(mask: "PlannedMask") -> str:
    used = sum(not chip["whynot"] for chip in mask.chips)
    return f"{used}" if used == len(mask.chips) else f"{used} of {len(mask.chips)}"


def _summary(forecast: "DryRun") -> str:
    read = sum(file.bytes for file in forecast.files)
    written = sum(mask.bytes for mask in forecast.masks)
    current = sum(mask.state == "up to date" for mask in forecast.masks)
    return (
        f"Would read {_count(forecast.files, 'file')} ({size(read)}) and write "
        f"{_count(forecast.masks, 'mask')} ({size(written)}); up to date: {current}.\n"
    )


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _files(forecast: "DryRun", *, everything: bool) -> "Table":
    """Table of what would be read, and of what takes no part."""
    table = new_table("file", "size", "chips", "set aside", texts=("file", "set aside"))
    chips = [chip for mask in forecast.masks for chip in mask.chips if not chip["whynot"]]
    used: dict[str, list[str]] = {}
    for chip in chips:
        used.setdefault(chip["file"], []).append(str(chip["extver"]))
        if chip["dq"] not in (None, chip["file"]):
            used.setdefault(chip["dq"], []).append("DQ")
    reasons: dict[str, set[str]] = {}
    for chip in forecast.set_aside:
        reasons.setdefault(chip["file"], set()).add(chip["whynot"])
    sizes = {file.file: size(file.bytes) for file in forecast.files}
    names = sorted({*sizes, *reasons})
    shown = names if everything else names[:_MOST_FILES]
    for name in shown:
        parts = sorted(set(used.get(name, ())))
        table.add_row(text(name), sizes.get(name, ""), ", ".join(parts),
                      text("; ".join(sorted(reasons.get(name, ()))), "yellow"))
    if len(shown) < len(names):
        table.add_row(f"and {len(names) - len(shown)} more (-v shows all)")
    return table
