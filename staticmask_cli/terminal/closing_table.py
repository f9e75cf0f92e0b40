"""The closing table of a run: a row for each mask, in as many columns as the terminal has room."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from staticmask_cli.terminal.tables import new_table, titles_that_fit, width_of_stderr

if TYPE_CHECKING:
    from rich.table import Table

    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["closing_table"]

_FURTHER_CAUSES = ("high", "included")  # of bad pixels, which few masks have
# The title in two lines leaves more of 80 columns to the names of the masks.
_EXPECTED = "expected\nby noise"
# The columns that are left out where there is no room for all, the first of them first.
_LEAST_IMPORTANT = ("rms", "mode", _EXPECTED, "NaN", *_FURTHER_CAUSES, "by DQ", "below",
                    "exposures")
_LEAST = 0.01  # pixels expected by noise, below which there are none
_FEW = 100  # pixels, below which a number that is no count has decimal places


def closing_table(masks: Sequence["StaticMask"]) -> "Table":
    """Return the table of some masks, at least one; the name of a mask is never broken."""
    rows = [dict(_cells(mask)) for mask in masks]
    for title in ("NaN", *_FURTHER_CAUSES):
        if all(row[title] == "0" for row in rows):
            for row in rows:
                del row[title]
    shown = titles_that_fit(rows, _LEAST_IMPORTANT, width_of_stderr())
    table = new_table(*shown, texts=("mask",))
    table.columns[0].no_wrap = True
    for row in rows:
        table.add_row(*(row[title] for title in shown))
    return table


def _cells(mask: "StaticMask") -> Iterator[tuple[str, str]]:
    """Yield the titles of all columns, and what they have of a mask."""
    used, causes = mask.used, mask.count_by_cause()
    yield "mask", mask.name.removesuffix("_staticMask.fits")
    yield "exposures", _exposures(mask)
    yield "mode", _range([member.mode for member in used], ".4g")
    yield "rms", _range([member.rms for member in used], ".4g")
    yield "below", f"{mask.nbelow:,}" if mask.causes_known else "?"
    yield _EXPECTED, _expected(mask)
    yield "by DQ", _by_dq(mask, causes.get("dq", 0))
    yield "NaN", _range([member.not_finite for member in used], ",d")
    for name in _FURTHER_CAUSES:
        yield name, f"{causes.get(name, 0):,}"
    yield "bad", f"{mask.nbad / mask.below.size:.4%}"


def _exposures(mask: "StaticMask") -> str:
    """Return how many exposures a mask has, of how many that may belong to it."""
    used = len(mask.used)
    number = used if used == len(mask.members) else mask.candidates
    text = f"{used}" if used == number else f"{used} of {number}"
    if mask.previous_members:
        text += f", {len(mask.added)} new"
    if mask.rule.agree != "any" and mask.pointings != used:
        text += f", {mask.pointings} pointing{'s' * (mask.pointings != 1)}"
    return text


def _expected(mask: "StaticMask") -> str:
    """Format the number of pixels that noise makes; a question mark if it is not known."""
    if not all(member.chance_is_known for member in mask.used):
        return "?"
    if mask.chance >= _FEW:
        return f"{mask.chance:,.0f}"
    return f"{mask.chance:.3g}" if mask.chance >= _LEAST or not mask.chance else f"<{_LEAST:g}"


def _by_dq(mask: "StaticMask", number: int) -> str:
    """Format the number of pixels that only DQ makes bad; a hyphen if DQ was not read."""
    if not mask.causes_known:
        return "?"
    return "-" if mask.flagged is None else f"{number:,}"


def _range(values: Sequence[float], form: str) -> str:
    smallest, largest = f"{min(values):{form}}", f"{max(values):{form}}"
    return smallest if smallest == largest else f"{smallest}..{largest}"
