"""Bad columns and rows: lines one to three pixels wide that are low along their length.

Each pixel of such a line may lie within the noise, while the line as a whole does not.  The
candidates of the sign test are compared with the values that the pixels on both of their sides
predict.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.sign_test import SHORTEST_LINE, WIDEST_LINE, SignTest

__all__ = ["mark_low_lines"]

Bits = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

_LEAST_DEPTH = 0.5  # of a low line, in units of the noise of a pixel
_SIDE = 3  # pixels on each side that predict the value of a line
# The straight line through three pixels, extrapolated to the next one: weights from the nearest on.
_EXTRAPOLATION = np.array([4.0, 1.0, -2.0]) / 3.0
_CLIPPED = 3.0  # largest contribution of a pixel to its run, in units of the noise
_AT_END = 16  # pixels; a run that ends so close to the edge extends to it
_CONTROLS = 8  # lines on each side that show the depths that occur without a defect
_TO_SIGMA = 1.4826  # sigma of a Gaussian distribution in units of its median absolute deviation
# Error of the median depth times the root of the number of pixels, in units of the noise: that of a
# median, times that of the distances from both sides.
_MEDIAN_ERROR = 1.2533 * 1.5
_LOOK_ELSEWHERE = 1.3  # excess of the deepest among all runs of all lines by chance alone


def mark_low_lines(
    low: Bits, data: npt.NDArray[Any], signs: SignTest, noise_model: NoiseModel, static_sig: float
) -> None:
    """Set the pixels of low columns and rows.

    Parameters
    ----------
    low : numpy.ndarray of bool, shape (ny, nx)
        True = low; changed in place.
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip; not modified.
    signs : SignTest
        The signs of all these pixels.
    noise_model : NoiseModel
        The noise of the chip.
    static_sig : float
        The threshold for the depth of a line, in units of its uncertainty.
    """
    for pixels, candidates, marked in (
        (data, signs.low_columns(), low), (data.T, signs.low_rows(), low.T)
    ):
        columns = _Columns(pixels, candidates, noise_model, static_sig)
        for group in _groups(candidates):
            for column in range(*group):
                for start, end in columns.low_runs(column, group):
                    marked[start:end, column] = True


def _groups(candidates: Bits) -> Iterator[tuple[int, int]]:
    """Yield the first of adjacent candidates and one past the last, if there are not too many."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], candidates, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        if last - first <= WIDEST_LINE:
            yield int(first), int(last)


class _Columns:
    """The columns of a chip, compared with the columns on their sides, -1 and 1.

    A group is the first of some adjacent columns and one past the last.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip, or of its transpose; not modified.
    candidates : numpy.ndarray of bool, shape (nx,)
        True = the column may be low.
    noise_model : NoiseModel
        The noise of the chip.
    static_sig : float
        The threshold for the depth of a column, in units of its uncertainty.
    """

    def __init__(
        self, data: npt.NDArray[Any], candidates: Bits, noise_model: NoiseModel, static_sig: float
    ) -> None:
        self._data = data
        self._candidates = candidates
        self._noise_model = noise_model
        self._static_sig = static_sig

    def low_runs(self, column: int, group: tuple[int, int]) -> Iterator[tuple[int, int]]:
        """Yield where along its length a column of a group is low: the first row and the end."""
        sides = self._sides(group)
        if not sides:
            return
        length = self._data.shape[0]
        depths = self._depths(slice(0, length), column, group, sides)
        mean_depth = np.nan_to_num(np.mean(depths, axis=0))
        for start, end in _deepest_runs(np.clip(mean_depth, -_CLIPPED, _CLIPPED)):
            run = slice(start, end)
            depth = _median_depth([side[run] for side in depths])
            error = float(_LOOK_ELSEWHERE * _MEDIAN_ERROR / np.sqrt(end - start))
            if depth <= max(_LEAST_DEPTH, self._static_sig * error):
                continue
            controls = self._median_depths(run, self._controls(group, sides), sides)
            beside = self._median_depths(run, self._beside(group, sides), sides)
            offset, scatter = _depth_without_defect(controls, one_sided=len(sides) == 1)
            error = max(error, scatter, beside.max(initial=0.0))
            if depth - offset > max(_LEAST_DEPTH, self._static_sig * error):
                yield (0 if start < _AT_END else start,
                       length if end > length - _AT_END else end)

    def _sides(self, group: tuple[int, int], sides: Iterable[int] = (-1, 1)) -> list[int]:
        """Return those sides of a group that have enough columns."""
        room = {-1: group[0], 1: self._candidates.size - group[1]}
        return [side for side in sides if room[side] >= _SIDE]

    def _depths(
        self, rows: slice, column: int, group: tuple[int, int], sides: list[int]
    ) -> list[Doubles]:
        """Return how far a column lies below the extrapolation from each side, in units of noise.

        Slopes are followed by this, and at the bottom of a smooth lane the extrapolated values
        are smaller than the pixels.
        """
        line = self._data[rows, column].astype(np.float64)
        depths = []
        for side in sides:
            nearest = group[0] - 1 if side < 0 else group[1]
            beside = np.stack([self._data[rows, nearest + side * distance].astype(np.float64)
                               for distance in range(_SIDE)])
            level = np.median(beside, axis=0)
            with np.errstate(invalid="ignore", over="ignore"):
                expected = _EXTRAPOLATION @ beside
                depth = (expected - line) / self._noise_model.sigma(level.astype(np.float32))
            depth[~np.isfinite(depth)] = np.nan
            depths.append(depth)
        return depths

    def _median_depths(self, rows: slice, columns: list[int], sides: list[int]) -> Doubles:
        """Return the median depths of single columns in some rows."""
        return np.array([
            _median_depth(self._depths(rows, column, (column, column + 1), sides))
            for column in columns
        ])

    def _controls(self, group: tuple[int, int], sides: list[int]) -> list[int]:
        """Return columns close to a group whose depths do not depend on its pixels."""
        first, last = group
        gap = _SIDE if len(sides) > 1 else 0
        columns = {-1: range(first - gap - _CONTROLS, first - gap),
                   1: range(last + gap, last + gap + _CONTROLS)}
        return [column for side in sides for column in columns[side]
                if column in range(self._candidates.size)
                and sides == self._sides((column, column + 1), sides)]

    def _beside(self, group: tuple[int, int], sides: list[int]) -> list[int]:
        """Return the columns beside a group, which a bad column cannot make low but a star can."""
        return [column for column in range(group[0] - _SIDE, group[1] + _SIDE)
                if column in range(self._candidates.size) and not self._candidates[column]
                and sides == self._sides((column, column + 1), sides)]


def _median_depth(depths: list[Doubles]) -> float:
    """Return the median depth from the side where it is smaller; 0 if all depths are NaN."""
    known = [depth[np.isfinite(depth)] for depth in depths]
    return min((float(np.median(depth)) for depth in known if depth.size), default=0.0)


def _depth_without_defect(depths: Doubles, *, one_sided: bool) -> tuple[float, float]:
    """Return the depth that columns have without a defect, at least 0, and its scatter.

    If there are columns on one side only, a dark lane along the edge resembles a low column; then
    the deepest of the control columns counts as the scatter.
    """
    if not depths.size:
        return 0.0, 0.0
    offset = float(np.median(depths))
    deviations = np.abs(depths - offset)
    scatter = np.abs(depths).max() if one_sided else _TO_SIGMA * np.median(deviations)
    return max(offset, 0.0), float(scatter)


def _deepest_runs(depth: Doubles) -> Iterator[tuple[int, int]]:
    """Yield the runs in which a line is low, in each part the one with the largest sum first.

    Half the depth of the lowest 64 pixels is subtracted from each pixel, so that a run ends where
    the line is no longer low.
    """
    starts = range(0, depth.size, SHORTEST_LINE)
    means = [depth[start : start + SHORTEST_LINE].mean() for start in starts]
    half_depth = max(_LEAST_DEPTH, float(max(means))) / 2
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
