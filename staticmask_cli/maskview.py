"""Masks on disk for people: their facts, where the bad pixels lie, and their members."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from staticmask_cli.tables import keep_whole, new_table, show, text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from staticmask_cli.reports.bad_pixels import Comparison, Line, Shape
    from staticmask_cli.reports.inspection import Finding, Findings

__all__ = ["show_findings"]

_APART = "bold yellow"
_MOST_MEMBERS = 20  # shown without being asked for all
_TITLES = {"mode": "mode", "rms": "rms", "nbelow": "below", "ndq": "by DQ"}


def show_findings(findings: "Findings", *, everything: bool = False) -> None:
    """Show what was found about masks on stdout.

    Parameters
    ----------
    findings : Findings
        To show.
    everything : bool
        All members, however many there are.
    """
    for finding in findings.masks:
        show(*_parts(finding, everything=everything))
    if findings.comparison is not None:
        show(_comparison(findings))


def _parts(finding: "Finding", *, everything: bool) -> Iterator["RenderableType"]:
    yield text(finding.path, "bold")
    yield _facts(finding)
    if finding.bad:
        layout = finding.layout
        yield _lines(layout.worst_rows, layout.worst_columns)
        yield _sizes(layout)
    if finding.members is not None:
        yield _members(finding.members, len(finding.members) if everything else _MOST_MEMBERS)


def _facts(finding: "Finding") -> "Table":
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


def _comparison(findings: "Findings") -> "Table":
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
