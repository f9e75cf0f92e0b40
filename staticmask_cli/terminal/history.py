"""What ``inspect --history`` has found: for each signature, what changed from mask to mask."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from staticmask_cli.terminal.tables import new_table, show, text, titles_that_fit, width_of_stdout

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from staticmask_cli.reports.history import History, Restless, Step, Trend

__all__ = ["MOST_STEPS", "show_history"]

MOST_STEPS = 60
"""The number of masks of a trend that are shown unless all are asked for: five years of months."""
_LEAST_IMPORTANT = ("exposures", "mask")  # columns, which are left out where there is no room
_MOST_RESTLESS = 5  # pixels
_MOST_UNDATED = 5  # paths
_MEANING = """\
new: bad for the first time. gone: bad in the mask before, and good now. returned: bad, good, and
bad again; such a pixel is not new. Pixels are counted from mask to mask, by the dates of their
exposures, and not in the first mask. Noise, other exposures and another rule change pixels too."""


def show_history(history: "History", *, everything: bool = False) -> None:
    """Print a table for each signature to stdout, with the last masks or all."""
    for trend in history.trends:
        show(*_parts(trend, everything=everything))
    if history.trends:
        show(text(_MEANING.replace("\n", " ")))
    if history.undated:
        names = ", ".join(history.undated[:_MOST_UNDATED])
        others = len(history.undated) - _MOST_UNDATED
        more = f" and {others} more" if others > 0 else ""
        show(text(f"Without a date, and hence left out: {names}{more}. Masks of earlier versions "
                  "and of drizzlepac have none; make them again.", "yellow"))


def _parts(trend: "Trend", *, everything: bool) -> Sequence["RenderableType"]:
    parts: list[RenderableType] = [text(trend.title, "bold"), _steps(trend, everything=everything)]
    parts.append(text(
        f"{trend.ever:,} pixels are bad in any of these masks, {trend.always:,} in all of them; "
        f"{trend.returned:,} became bad again."))
    if len({mask.rule for mask in trend.masks}) > 1:
        parts.append(text("These masks were made by different rules, which change pixels too; "
                          "--json has the rule of each.", "yellow"))
    if trend.restless:
        parts.append(_restless(trend.restless[:_MOST_RESTLESS]))
    return parts


def _steps(trend: "Trend", *, everything: bool) -> "Table":
    left_out = 0 if everything else max(0, len(trend.masks) - MOST_STEPS)
    rows = [_cells(mask) for mask in trend.masks[left_out:]]
    titles = titles_that_fit(rows, _LEAST_IMPORTANT, width_of_stdout())
    table = new_table(*titles, texts=("date", "mask"))
    for column in table.columns:
        column.no_wrap = True
    if left_out:
        note = f"and {left_out} earlier (-v shows all)"
        table.caption, table.caption_justify = note, "left"
    for row in rows:
        table.add_row(*(text(row[title]) for title in titles))
    return table


def _cells(mask: "Step") -> dict[str, str]:
    """Return what a line has of a mask, by the title of the column."""
    changes = {
        name: "-" if number is None else f"{number:,}"
        for name, number in (("new", mask.new), ("gone", mask.gone), ("returned", mask.returned))
    }
    return {"date": mask.date[:10], "mask": mask.path, "exposures": f"{mask.exposures:,}",
            "bad": f"{mask.bad:,}", **changes}


def _restless(pixels: Sequence["Restless"]) -> "Table":
    table = new_table("most restless column", "row", "returned", "masks", "first", "last")
    for pixel in pixels:
        table.add_row(str(pixel.column), str(pixel.row), str(pixel.returned), str(pixel.masks),
                      pixel.first[:10], pixel.last[:10])
    return table
