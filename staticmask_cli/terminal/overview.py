"""What ``inspect --brief`` has found in many masks: a line for each, and why some stand apart."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from staticmask_cli.terminal.tables import (
    new_table,
    show,
    text,
    titles_that_fit,
    width_of_stdout,
)

if TYPE_CHECKING:
    from staticmask_cli.reports.overview import Glance

__all__ = ["show_overview"]

_APART_STYLE = "bold yellow"
# The columns that are left out where there is no room for all, the first of them first.
_LEAST_IMPORTANT = ("low", "worst row", "worst column", "level", "noise", "largest", "date", "bad",
                    "exposures", "fraction")


def show_overview(glances: Sequence["Glance"]) -> None:
    """Print a line for each mask to stdout, and below the table why some stand apart."""
    rows = [_cells(glance) for glance in glances]
    titles = titles_that_fit(rows, _LEAST_IMPORTANT, width_of_stdout())
    table = new_table(*titles, texts=("mask", ""))
    table.columns[0].no_wrap = True
    for glance, row in zip(glances, rows, strict=True):
        style = _APART_STYLE if glance.apart else ""
        table.add_row(*(text(row[title], style if title in ("mask", "") else "")
                        for title in titles))
    apart = [glance for glance in glances if glance.apart]
    reasons = [text(f"{glance.path}: {'; '.join(glance.apart)}") for glance in apart]
    summary = f"{len(apart)} of {len(glances)} masks stand apart"
    show(table, *reasons, text(f"{summary}."))


def _cells(glance: "Glance") -> dict[str, str]:
    """Return what a line has of a mask, by the title of the column."""
    return {
        "mask": glance.path,
        "date": "?" if glance.date is None else glance.date[:10],
        "exposures": _count(glance.exposures),
        "bad": f"{glance.bad:,}",
        "low": _count(glance.low),
        "fraction": f"{glance.fraction:.4%}",
        "worst row": f"{glance.worst_row:,}",
        "worst column": f"{glance.worst_column:,}",
        "largest": f"{glance.largest:,}",
        "level": _number(glance.level),
        "noise": _number(glance.noise),
        "": "apart" if glance.apart else "",
    }


def _count(value: int | None) -> str:
    return "?" if value is None else f"{value:,}"


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "?"
