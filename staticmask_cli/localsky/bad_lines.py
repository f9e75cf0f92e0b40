"""Bad columns and rows: lines one to three pixels wide that are low along their length.

Each pixel of such a line may lie within the noise, while the line as a whole does not.  Lines of
which most pixels lie below their neighbours are candidates.  They are compared with the values
that the pixels on both of their sides predict, and with other lines of the chip.
"""

from collections.abc import Iterator
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.sign_counts import SHORTEST_LINE
from staticmask_cli.localsky.windows import quantile_of_rows

__all__ = ["LEAST_DEPTH", "deepest_runs", "mark_low_lines"]

LEAST_DEPTH = 0.5
"""Smallest depth of a low line of one exposure, in units of the noise of a pixel."""

Bits = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]
Group = tuple[int, int]
"""The first of some adjacent columns, and one past the last."""

_WIDEST = 3  # adjacent columns that can be one defect; wider structure belongs to the sky
_SIDE = 3  # pixels on each side that predict the value of a line
_CLIPPED = 3.0  # largest contribution of a pixel to its run, in units of the noise
_AT_END = 16  # pixels; a run that ends so close to the edge extends to it
_CONTROLS = 8  # lines on each side that show the depths that occur without a defect
_CHIP_CONTROLS = 48  # lines all over the chip that do the same
_SOFT = 0.15  # of the depth of a line, which the columns beside it may have
_ACROSS = 6  # columns on each side of a line, of which one must be sky
_CACHED = 128  # lines whose depths are kept, which limits the memory
_ONE_SIGMA = 0.8413  # quantile of a Gaussian distribution
_MEDIAN_ERROR = 1.2533  # error of a median times the root of the number of values
_LOOK_ELSEWHERE = 1.3  # excess of the deepest among all runs of all lines by chance alone


def mark_low_lines(
    low: Bits, data: npt.NDArray[Any], candidates: Bits, noise_model: NoiseModel,
    static_sig: float,
) -> None:
    """Set the pixels of low columns; those of low rows if all arrays are transposed.

    Parameters
    ----------
    low : numpy.ndarray of bool, shape (ny, nx)
        True = low; changed in place.
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip; not modified.
    candidates : numpy.ndarray of bool, shape (nx,)
        True = the column may be low.
    noise_model : NoiseModel
        The noise of the chip.
    static_sig : float
        The threshold for the depth of a line, in units of its uncertainty.
    """
    columns = _Columns(data, noise_model, static_sig)
    edges = np.flatnonzero(np.diff(np.concatenate([[False], candidates, [False]]).astype(np.int8)))
    for first, end in edges.reshape(-1, 2):
        if end - first <= _WIDEST:
            for column in range(first, end):
                for run in columns.low_runs(column, (int(first), int(end))):
                    low[run, column] = True


class _Columns:
    """The columns of a chip, compared with the columns on their sides, -1 and 1."""

    def __init__(self, data: npt.NDArray[Any], noise_model: NoiseModel, static_sig: float) -> None:
        self._data = data
        self._noise_model = noise_model
        self._static_sig = static_sig
        self._known: dict[tuple[int, Group], Doubles] = {}

    def low_runs(self, column: int, group: Group) -> Iterator[slice]:
        """Yield the rows between which a column of a group is low."""
        length = self._data.shape[0]
        left, right, between = self._depths(column, group)
        depth = np.where(np.isfinite(between), between, np.fmax(left, right))
        for start, end in deepest_runs(np.clip(np.nan_to_num(depth), -_CLIPPED, _CLIPPED)):
            if self._is_low(slice(start, end), column, group):
                yield slice(0 if start < _AT_END else start,
                            length if end > length - _AT_END else end)

    def _is_low(self, run: slice, column: int, group: Group) -> bool:
        """Return whether a run of a column is low, compared with other columns."""
        depths = self._depths(column, group)[:, run]
        sides = np.flatnonzero(np.isfinite(depths).any(axis=1))
        depth = _median_depth(depths)
        distance = 1 + min(column - group[0], group[1] - 1 - column)
        spread = float(np.hypot(1.0, np.linalg.norm(_extrapolation(distance))))
        error = spread * _LOOK_ELSEWHERE * _MEDIAN_ERROR / np.sqrt(depths.shape[1])
        if depth <= max(LEAST_DEPTH, self._static_sig * error):
            return False
        if depth <= self._static_sig * self._scatter_of_chip:
            return False  # as most rows with offsets, before the lines beside it take time
        if self._rim(run, group) > max(_SOFT * depth, self._static_sig * error):
            return False
        one_sided = sides.size == 1
        # The group must not belong to the columns that predict another one.
        before = group[0] - (_SIDE if 1 in sides else 0)
        after = group[1] + (_SIDE if 0 in sides else 0)
        near = self._controls(run, sides, [
            *range(before - _CONTROLS, before), *range(after, after + _CONTROLS)])
        scatter = float(np.abs(near).max(initial=0.0)) if one_sided else _scatter(near)
        offset = max(float(np.median(near)), 0.0) if near.size else 0.0
        error = max(error, scatter, self._scatter_of_chip)
        return (depth - offset > max(LEAST_DEPTH, self._static_sig * error)
                and not self._in_gap(run, column, group))

    @cached_property
    def _scatter_of_chip(self) -> float:
        """The scatter of the depths of columns all over the chip, along their whole length."""
        columns = np.linspace(0, self._data.shape[1] - 1, _CHIP_CONTROLS).astype(int)
        return _scatter(self._controls(slice(None), np.arange(3), columns.tolist()))

    def _rim(self, run: slice, group: Group) -> float:
        """Return how low the columns beside a group are, compared with those on their other side.

        The image of a dark lane has soft edges, and a defect has none.
        """
        return max(_median_depth(self._depths(column, (column, column + 1))[[side], run])
                   for side, column in ((0, group[0] - 1), (1, group[1]))
                   if 0 <= column < self._data.shape[1])

    def _in_gap(self, run: slice, column: int, group: Group) -> bool:
        """Return whether a column lies in a gap between bright features, such as two trails.

        It does if on both sides of its group a close column is not higher by the least depth.
        """
        first = max(column - _ACROSS, 0)
        levels = quantile_of_rows(self._data[run, first : column + _ACROSS + 1].T, 0.5)
        level = levels[column - first]
        noise = self._noise_model.sigma(level, np.array(run.start), column)
        not_higher = levels < level + LEAST_DEPTH * noise
        before, after = group[0] - first, group[1] - first
        return bool(not_higher[: max(before, 0)].any() and not_higher[after:].any())

    def _controls(self, run: slice, sides: Indices, columns: list[int]) -> Doubles:
        """Return the median depths of other columns, from the same sides."""
        depths = [self._depths(column, (column, column + 1))[sides, run]
                  for column in columns if 0 <= column < self._data.shape[1]]
        return np.array([_median_depth(depth) for depth in depths if np.isfinite(depth).any()])

    def _depths(self, column: int, group: Group) -> Doubles:
        """Return how far a column lies below what the columns beside a group predict.

        Returns
        -------
        numpy.ndarray of float64, shape (3, ny)
            The distances in units of the noise: from the extrapolation of the columns on the left,
            from that of the columns on the right, and from the interpolation of the closest ones on
            both sides; NaN where the chip ends.  A slope is followed by all of them, the bottom of
            a lane by the extrapolations, and the top of a ridge by the interpolation.
        """
        if (column, group) not in self._known:
            if len(self._known) >= _CACHED:
                self._known.clear()
            self._known[column, group] = self._new_depths(column, group)
        return self._known[column, group]

    def _new_depths(self, column: int, group: Group) -> Doubles:
        ny, nx = self._data.shape
        depths = np.full((3, ny), np.nan)
        closest, noises = np.full((2, ny), np.nan), np.full((2, ny), np.nan)
        line = self._data[:, column].astype(np.float64)
        with np.errstate(invalid="ignore", over="ignore"):
            for side, (nearest, step) in enumerate(((group[0] - 1, -1), (group[1], 1))):
                indices = nearest + step * np.arange(_SIDE)
                if indices.min() < 0 or indices.max() >= nx:
                    continue
                beside = self._data[:, indices].astype(np.float64)
                level = quantile_of_rows(beside, 0.5).astype(np.float32)
                closest[side] = beside[:, 0]
                noises[side] = self._noise_model.sigma(level, np.arange(ny), column)
                expected = beside @ _extrapolation(abs(column - nearest))
                depths[side] = (expected - line) / noises[side]
            part = (column - group[0] + 1) / (group[1] - group[0] + 1)
            expected = (1 - part) * closest[0] + part * closest[1]
            depths[2] = (expected - line) / np.maximum(*noises)
        depths[~np.isfinite(depths)] = np.nan
        return depths


def _extrapolation(distance: int) -> Doubles:
    """Return the weights that extrapolate the straight line through three pixels."""
    return 1 / 3 - (np.arange(_SIDE) - 1) * (distance + 1) / 2


def _scatter(depths: Doubles) -> float:
    """Return how far the depths of lines scatter above their median, in one sigma."""
    if not depths.size:
        return 0.0
    return float(np.quantile(depths, _ONE_SIGMA)) - float(np.median(depths))


def _median_depth(depths: Doubles) -> float:
    """Return the median depth from the side where it is smaller; 0 if all depths are NaN."""
    known = [depth[np.isfinite(depth)] for depth in depths]
    return min((float(np.median(depth)) for depth in known if depth.size), default=0.0)


def deepest_runs(depth: Doubles) -> Iterator[tuple[int, int]]:
    """Yield the runs in which a line is low, in each part the one with the largest sum first.

    Half the depth of the lowest 64 pixels is subtracted from each pixel, so that a run ends where
    the line is no longer low.
    """
    starts = range(0, depth.size, SHORTEST_LINE)
    means = [depth[start : start + SHORTEST_LINE].mean() for start in starts]
    half_depth = max(LEAST_DEPTH, float(max(means))) / 2
    parts = [(0, depth.size)]
    while parts:
        start, end = parts.pop()
        if end - start < SHORTEST_LINE:
            continue
        total = np.concatenate([[0.0], np.cumsum(depth[start:end] - half_depth)])
        lowest = np.minimum.accumulate(total)
        last = int(np.argmax(total - lowest))
        first = int(np.argmin(total[: last + 1]))
        if last - first < SHORTEST_LINE:
            continue
        yield start + first, start + last
        parts += [(start, start + first), (start + last, end)]
