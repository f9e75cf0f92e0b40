"""A plan for people: which masks, in what state, of which exposures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from staticmask_cli.tables import keep_whole, new_table, show, size, text

if TYPE_CHECKING:
    from rich.table import Table

    from staticmask_cli.pipeline.dry_run import Forecast, PlannedMask

__all__ = ["show_plan"]

_MOST_FILES = 20  # shown without being asked for all
_STYLES = {"up to date": "green", "missing": "yellow", "foreign": "red"}


def show_plan(forecast: "Forecast", *, everything: bool = False) -> None:
    """Show a plan on stdout.

    Parameters
    ----------
    forecast : Forecast
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


def _summary(forecast: "Forecast") -> str:
    read = sum(file.bytes for file in forecast.files)
    written = sum(mask.bytes for mask in forecast.masks)
    current = sum(mask.state == "up to date" for mask in forecast.masks)
    return (
        f"Would read {_count(forecast.files, 'file')} ({size(read)}) and write "
        f"{_count(forecast.masks, 'mask')} ({size(written)}); up to date: {current}.\n"
    )


def _count(things: Sequence[object], name: str) -> str:
    return f"{len(things)} {name}{'' if len(things) == 1 else 's'}"


def _files(forecast: "Forecast", *, everything: bool) -> "Table":
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
