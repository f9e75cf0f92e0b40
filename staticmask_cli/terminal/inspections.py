"""What ``inspect`` has found in masks, as tables for people."""

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import zip_longest
from typing import TYPE_CHECKING, Any

from staticmask_cli.terminal.tables import (
    MOST_ROWS,
    add_number_of_others,
    keep_whole,
    new_table,
    show,
    text,
)

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from staticmask_cli.reports.bad_pixels import Comparison, Line, Shape
    from staticmask_cli.reports.inspection import Inspection, Inspections
    from staticmask_cli.reports.joint import DeepPixel, Joint

__all__ = ["show_inspections"]

_OUTLIER_STYLE = "bold yellow"
_OUTLIER_TITLES = {"mode": "mode", "rms": "rms", "nbelow": "below", "ndq": "by DQ"}


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
    if inspection.joint is not None and inspection.joint.deepest:
        yield _deepest(inspection.joint.deepest)
    if inspection.members is not None:
        most = len(inspection.members) if everything else MOST_ROWS
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
    if inspection.causes:
        rows["causes"] = ", ".join(f"{number} {name}" for name, number in inspection.causes.items())
    if inspection.joint is not None:
        rows |= _joint_facts(inspection.joint)
    return _names_and_values(rows)


def _joint_facts(joint: "Joint") -> dict[str, str]:
    facts = {
        "by evidence": f"{joint.by_evidence} low by all exposures together, "
                       f"{joint.by_evidence_alone} of them by nothing else",
        "by votes": f"{joint.by_votes_alone} by votes of pointings alone",
    }
    if joint.depth is not None:
        smallest, largest = joint.depth
        facts["depth"] = f"{smallest:.2f}..{largest:.2f} of the noise of one exposure; "
        facts["depth"] += "none counts for more than about 3"
    facts["reached"] = "no pixel, however deep, is found by the evidence of these exposures"
    if math.isfinite(joint.half_found):
        facts["reached"] = (f"half of the pixels deeper than {joint.half_found:.2f} of the noise "
                            "of one exposure are found")
    return facts


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


def _deepest(pixels: Sequence["DeepPixel"]) -> "Table":
    table = new_table("deepest", "column", "row", "significance")
    for pixel in pixels:
        table.add_row(f"{pixel.depth:.2f}", str(pixel.column), str(pixel.row),
                      f"{pixel.significance:.1f} sigma")
    return table


def _range(first: int, last: int) -> str:
    return str(first) if first == last else f"{first}..{last}"


def _members(members: Sequence[Mapping[str, Any]], most: int) -> "Table":
    """Make the table of the members; if not all fit, unused ones and outliers come first."""
    remarkable: list[int] = []
    others: list[int] = []
    pointings, used, has_nan = {0}, 0, False
    for index, member in enumerate(members):
        (remarkable if member["apart"] or not member["used"] else others).append(index)
        has_nan = has_nan or bool(member["nnan"])
        if member["used"]:
            used += 1
            pointings.add(member["pointing"])
    chosen = sorted((*remarkable, *others)[:most])
    is_shared = 0 < len(pointings - {0}) < used
    columns = (*["pointing"] * is_shared, "exptime", "mode", "rms")
    titles = ("file", "ver", *columns, "below", "by DQ", *["NaN"] * has_nan, "stands apart")
    table = new_table(*titles, texts=("file", "stands apart"))
    for member in map(members.__getitem__, chosen):
        remark = f"not used: {member['whynot']}" if not member["used"] else ", ".join(
            f"{_OUTLIER_TITLES[name]} {value:+.3g} sd" for name, value in member["apart"].items()
        )
        numbers = [f"{member[name]:.5g}" for name in columns]
        table.add_row(
            text(member["file"]), str(member["extver"]), *numbers,
            str(member["nbelow"]), str(member["ndq"]), *[str(member["nnan"])] * has_nan,
            text(remark),
            style=_OUTLIER_STYLE if remark else "",
        )
    keep_whole(table, (members[index]["file"] for index in chosen), 1 / 4)
    add_number_of_others(table, len(members) - len(chosen))
    return table


def _comparison(first: str, second: str, found: "Comparison") -> "Table":
    return _names_and_values({
        "first": first, "second": second,
        "bad in both": str(found.both),
        "added": f"{found.added}, bad in the second alone",
        "removed": f"{found.removed}, bad in the first alone",
        "agreement": f"{found.agreement:.2%} of the pixels bad in either are bad in both",
    }, heading="comparison")
