"""What ``inspect --brief`` has found in many masks: a line for each, and why some stand apart."""

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from staticmask_cli.terminal.tables import new_table, show, text

if TYPE_CHECKING:
    from staticmask_cli.reports.overview import Glance

__all__ = ["show_overview"]

_APART_STYLE = "bold yellow"


def show_overview(glances: Sequence["Glance"]) -> None:
    """Print a line for each mask to stdout, and below the table why some stand apart."""
    titles = ("mask", "exposures", "bad", "fraction", "worst row", "worst column", "largest",
              "level", "noise", "")
    table = new_table(*titles, texts=("mask", ""))
    table.columns[0].no_wrap = True
    for glance in glances:
        table.add_row(
            text(glance.path, _APART_STYLE if glance.apart else ""),
            "?" if glance.exposures is None else str(glance.exposures),
            f"{glance.bad:,}", f"{glance.fraction:.4%}",
            f"{glance.worst_row:,}", f"{glance.worst_column:,}", f"{glance.largest:,}",
            _number(glance.level), _number(glance.noise),
            text("apart" if glance.apart else "", _APART_STYLE),
        )
    apart = [glance for glance in glances if glance.apart]
    reasons = [text(f"{glance.path}: {'; '.join(glance.apart)}") for glance in apart]
    summary = f"{len(apart)} of {len(glances)} masks stand apart"
    show(table, *reasons, text(f"{summary}."))


def _number(value: float) -> str:
    return f"{value:.4g}" if math.isfinite(value) else "?"
