"""What ``inspect --history`` has found: for each signature, what changed from mask to mask."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from staticmask_cli.terminal.tables import new_table, show, text

if TYPE_CHECKING:
    from rich.console import RenderableType
    from rich.table import Table

    from staticmask_cli.reports.history import History, Restless, Trend

__all__ = ["MOST_STEPS", "show_history"]

MOST_STEPS = 60
"""The number of masks of a trend that are shown unless all are asked for: five years of months."""
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
    table = new_table("date", "mask", "exposures", "bad", "new", "gone", "returned",
                      texts=("date", "mask"))
    table.columns[0].no_wrap = True
    if left_out:
        table.add_row("", f"and {left_out} earlier (-v shows all)")
    for mask in trend.masks[left_out:]:
        changes = ("-" if number is None else f"{number:,}"
                   for number in (mask.new, mask.gone, mask.returned))
        table.add_row(mask.date[:10], text(mask.path), str(mask.exposures), f"{mask.bad:,}",
                      *changes)
    return table


def _restless(pixels: Sequence["Restless"]) -> "Table":
    table = new_table("most restless column", "row", "returned", "masks", "first", "last")
    for pixel in pixels:
        table.add_row(str(pixel.column), str(pixel.row), str(pixel.returned), str(pixel.masks),
                      pixel.first[:10], pixel.last[:10])
    return table
