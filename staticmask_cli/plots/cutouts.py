"""The panel of a page that shows the deepest defects, cut out of the first and last exposure."""

import math
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.localsky.windows import neighbourhoods, quantile_of_rows
from staticmask_cli.masks.causes import CAUSES, LOW, main_cause
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.parallel.tasks import run_tasks
from staticmask_cli.plots.texts import shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_DEFECTS", "Cutouts", "draw_cutouts", "read_cutouts"]

MOST_DEFECTS = 12
"""The number of defects that are drawn."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_REACH = 6  # pixels of a cut-out on each side of its defect
_SIDE = 2 * _REACH + 1
_GAP = 2  # pixels between two cut-outs
_DARKEST = 10.0  # in units of the noise, below and above the sky around a defect
_CHUNK = 8192  # pixels that are processed together, which limits the memory
_MOST_CANDIDATES = 1 << 18  # pixels; of more, evenly distributed ones


class _Candidates(NamedTuple):
    """Bad pixels of which the deepest are drawn: their positions, and whether lines have them."""

    rows: Indices
    columns: Indices
    lines: npt.NDArray[np.bool_]

    def select(self, chosen: Any) -> "_Candidates":  # noqa: ANN401 - an index of an array
        """Return some of the pixels."""
        return _Candidates(self.rows[chosen], self.columns[chosen], self.lines[chosen])


class Cutouts(NamedTuple):
    """The deepest defects in some exposures.

    Attributes
    ----------
    names : tuple of str
        The names of the exposures: the first and the last one, or the only one.
    rows, columns : numpy.ndarray of intp, shape (n,)
        The positions of the defects, counted from 0, the deepest first.
    pixels : numpy.ndarray of float32, shape (exposures, n, 13, 13)
        The pixels around each defect, above the sky around it and in units of the noise; NaN
        beyond the edge of the chip.
    """

    names: tuple[str, ...]
    rows: Indices
    columns: Indices
    pixels: Floats


@dataclass(frozen=True)
class _Task:
    """A task of a worker: cut the deepest of some bad pixels out of one or two exposures."""

    mask: int
    candidates: _Candidates
    chips: tuple[Chip, ...]
    members: tuple[Member, ...]


def read_cutouts(
    masks: Sequence[tuple[StaticMask, Sequence[Chip]]], *, jobs: int, executor: Executor | None
) -> dict[int, Cutouts]:
    """Read the first and the last chip of each mask again, and return its cut-outs by its index.

    Masks without bad pixels, and those of which no chip is at hand, have none.
    """
    tasks = [task for index, (mask, chips) in enumerate(masks)
             for task in _tasks(index, mask, chips)]
    return dict(run_tasks(_cutouts, tasks, jobs=jobs, executor=executor))


def _tasks(index: int, mask: StaticMask, chips: Sequence[Chip]) -> Iterator[_Task]:
    chip_by_key = {chip.label.sort_key: chip for chip in chips}
    used = [member for member in mask.used if member.label.sort_key in chip_by_key]
    members = tuple(used[:1] + used[1:][-1:])
    if members and mask.nbad:
        chosen = tuple(chip_by_key[member.label.sort_key] for member in members)
        yield _Task(index, _candidates(mask), chosen, members)


def _candidates(mask: StaticMask) -> _Candidates:
    """Return the pixels that are bad because they are low; if there are none, all bad ones."""
    cause = main_cause(mask.why, mask.bad)
    low = cause & LOW != 0
    rows, columns = np.nonzero(low if low.any() else cause)
    step = -(-rows.size // _MOST_CANDIDATES)
    lines = cause[rows, columns] == CAUSES["line"]
    return _Candidates(rows, columns, lines).select(slice(None, None, step))


def _cutouts(task: _Task) -> tuple[int, Cutouts]:
    names, pixels, deepest = [], [], task.candidates
    for number, (chip, member) in enumerate(zip(task.chips, task.members, strict=True)):
        data, _ = read_pixels(chip, reuse_memory=True)
        noise = next((value for value in (member.noise, member.rms)
                      if math.isfinite(value) and value > 0), 1.0)
        if number == 0:
            deepest = _deepest(data, task.candidates, noise)
        pixels.append(_cut_out(data, deepest, noise))
        names.append(os.path.basename(member.label.file))
    return task.mask, Cutouts(tuple(names), deepest.rows, deepest.columns, np.stack(pixels))


def _deepest(data: npt.NDArray[Any], candidates: _Candidates, noise: float) -> _Candidates:
    """Return the candidates that lie farthest below the sky around, but one of each defect.

    Pixels in the cut-out of a deeper one are not returned, nor are others of a line.
    """
    parts = [candidates.select(slice(start, start + _CHUNK))
             for start in range(0, candidates.rows.size, _CHUNK)]
    distance = np.concatenate([_cut_out(data, part, noise)[:, _REACH, _REACH] for part in parts])
    depth = -np.nan_to_num(distance, nan=0.0)
    chosen: list[int] = []
    while len(chosen) < MOST_DEFECTS and np.isfinite(depth).any():
        deepest = int(np.argmax(depth))
        chosen.append(deepest)
        rows_off, columns_off = (np.abs(positions - positions[deepest])
                                 for positions in (candidates.rows, candidates.columns))
        same = (rows_off <= _REACH) & (columns_off <= _REACH)
        if candidates.lines[deepest]:
            same |= candidates.lines & ((rows_off == 0) | (columns_off == 0))
        depth[same] = -np.inf
    return candidates.select(chosen)


def _cut_out(data: npt.NDArray[Any], defects: _Candidates, noise: float) -> Floats:
    """Return the pixels around defects, above the median of the outermost ones, in noise.

    Infinite pixels are far beyond all others.
    """
    squares = neighbourhoods(data, defects.rows, defects.columns, _REACH)
    ring = np.ones((_SIDE, _SIDE), np.bool_)
    ring[1:-1, 1:-1] = False
    sky = quantile_of_rows(squares[:, ring], 0.5)
    with np.errstate(invalid="ignore", over="ignore"):
        squares -= sky[:, None, None]
        squares /= np.float32(noise)
    largest = np.finfo(np.float32).max
    np.clip(squares, -largest, largest, out=squares)
    offset = np.arange(-_REACH, _REACH + 1)
    rows, columns = (positions[:, None] + offset for positions in (defects.rows, defects.columns))
    ny, nx = data.shape
    outside_y, outside_x = (rows < 0) | (rows >= ny), (columns < 0) | (columns >= nx)
    squares[outside_y[:, :, None] | outside_x[:, None, :]] = np.nan
    return squares


def draw_cutouts(axes: "Axes", cutouts: Cutouts) -> None:
    """Draw the defects from left to right, the first exposure above the last one."""
    exposures, number = cutouts.pixels.shape[:2]
    step = _SIDE + _GAP
    mosaic = np.full((exposures * step - _GAP, MOST_DEFECTS * step - _GAP), np.nan, np.float32)
    for exposure in range(exposures):
        top = (exposures - 1 - exposure) * step
        for defect in range(number):
            left = defect * step
            mosaic[top : top + _SIDE, left : left + _SIDE] = cutouts.pixels[exposure, defect]
    np.clip(mosaic, -_DARKEST, _DARKEST, out=mosaic)
    axes.imshow(mosaic, cmap="gray", vmin=-_DARKEST, vmax=_DARKEST, origin="lower",
                interpolation="nearest",
                extent=(0, mosaic.shape[1], 0, mosaic.shape[0]))
    axes.set_anchor("W")
    axes.set_axis_off()
    for defect, (row, column) in enumerate(zip(cutouts.rows, cutouts.columns, strict=True)):
        axes.text(defect * step + _SIDE / 2, mosaic.shape[0] + 1, f"{column + 1}, {row + 1}",
                  ha="center", va="bottom", fontsize=6)
    which = ("first", "last")[:exposures]
    for exposure, word in enumerate(which):
        axes.text(-1, (exposures - 1 - exposure) * step + _SIDE / 2, word, ha="right",
                  va="center", fontsize="small")
    names = ", ".join(f"{word}: {shown(name)}"
                      for word, name in zip(which, cutouts.names, strict=True))
    scale = f"black: {_DARKEST:g} times the noise below the sky around the defect, white: above it"
    axes.text(0, -1, f"{names}\n{scale}", ha="left", va="top", fontsize="small")
    axes.text(0, mosaic.shape[0] + 5, f"the {number} deepest defects, by column and row"
              if number > 1 else "the only defect, by column and row",
              ha="left", va="bottom")
