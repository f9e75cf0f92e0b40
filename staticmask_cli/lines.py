"""Bad columns and rows: a line one to three pixels wide that is low along its length.

Each pixel of such a line may lie within the noise; the line as a whole does not.  While the bands
of a chip go by, only signs are counted: how many pixels of a piece of a column, or of a row, lie
below their local sky, against those above.  Where one sign prevails the line is looked at in full,
against what the pixels on both of its sides lead to expect.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.noise import NoiseRelation

__all__ = ["LineSearch"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_PIECE = 64  # pixels of a line whose signs are counted together
_WIDEST = 3  # lines side by side that can be one defect
_SHORTEST = 64  # pixels; gaps between stars line up too
_LEAST_DEPTH = 0.5  # of a line, in noise of a pixel
_LEAST_EXCESS = 0.3  # of one sign; where half the noise is missing, 0.38
_SIDE = 3  # pixels on each side that say what the line should be
# A straight line through three neighbours, carried on to the next pixel: weights from near to far.
_CARRIED_ON = np.array([4.0, 1.0, -2.0]) / 3.0
_CLIPPED = 3.0  # noise; what a single pixel can say about its line at most
_NEAR_END = 16  # pixels; a line that comes so near the edge goes on to it
_CONTROLS = 8  # lines on each side that show how far lines there differ anyway
_TO_SIGMA = 1.4826  # from a median distance
_MEDIAN_ERROR = 1.2533 * 1.5  # of the distances from both sides, in noise of a pixel
_LUCK = 1.3  # of the deepest run among all places and lengths of all lines, by chance alone


class LineSearch:
    """Counts of signs, and the lines they lead to.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of a chip; not modified.
    static_sig : float
        How many times its uncertainty a line must be low.
    """

    def __init__(self, data: npt.NDArray[Any], static_sig: float) -> None:
        self._data = data
        self._static_sig = static_sig
        ny, nx = data.shape
        self._along_columns = np.zeros((-(-ny // _PIECE), nx), dtype=np.float32)
        self._along_rows = np.zeros((-(-nx // _PIECE), ny), dtype=np.float32)

    def add(self, start: int, depth: Floats) -> None:
        """Count the signs of a band of rows.

        Parameters
        ----------
        start : int
            Number of the first row.
        depth : numpy.ndarray of float32, shape (rows, nx)
            How far each pixel lies below its local sky.
        """
        with np.errstate(invalid="ignore"):
            sign = np.sign(depth)
        if np.isnan(sign).any():
            np.nan_to_num(sign, copy=False)
        rows, nx = sign.shape
        for row in range(0, rows, _PIECE - start % _PIECE if rows > _PIECE else rows):
            part = sign[row : row + _PIECE]
            self._along_columns[(start + row) // _PIECE] += part.sum(axis=0)
        pieces = np.add.reduceat(sign, range(0, nx, _PIECE), axis=1)
        self._along_rows[:, start : start + rows] = pieces.T

    def mark(self, low: Bits, relation: NoiseRelation) -> None:
        """Set the pixels of low columns and rows.

        Parameters
        ----------
        low : numpy.ndarray of bool, shape (ny, nx)
            Changed in place.
        relation : NoiseRelation
            Of the chip.
        """
        for data, signs, marked in (
            (self._data, self._along_columns, low), (self._data.T, self._along_rows, low.T)
        ):
            for first, last in _groups(_prevailing(signs, data.shape[0], self._static_sig)):
                for number in range(first, last):
                    for start, end in self._runs(data, number, (first, last), relation):
                        marked[start:end, number] = True

    def _runs(
        self, data: npt.NDArray[Any], number: int, group: tuple[int, int], relation: NoiseRelation
    ) -> Iterator[tuple[int, int]]:
        """Find where along its length a column of `data` is low."""
        steps = _sides(group, data.shape[1])
        if not steps:
            return
        sides = _depth_from_sides(data, number, group, steps, relation)
        both = np.nan_to_num(np.mean(sides, axis=0))
        controls = [
            _depth_from_sides(data, control, (control, control + 1), steps, relation)
            for control in _controls(group, data.shape[1], steps)
        ]
        for start, end in _low_runs(np.clip(both, -_CLIPPED, _CLIPPED)):
            usual = np.array([_depth_of_run(control, start, end) for control in controls])
            offset, scatter = _usual(usual, one_sided=len(steps) == 1)
            error = max(_LUCK * _MEDIAN_ERROR / np.sqrt(end - start), scatter)
            depth = _depth_of_run(sides, start, end) - offset
            if depth > max(_LEAST_DEPTH, self._static_sig * error):
                yield (0 if start < _NEAR_END else start,
                       both.size if end > both.size - _NEAR_END else end)


def _prevailing(signs: Floats, length: int, static_sig: float) -> Bits:
    """Lines of which some part, of one piece or of many, is mostly below its sky."""
    total = np.concatenate([np.zeros((1, signs.shape[1])), np.cumsum(signs, axis=0)])
    found = np.zeros(signs.shape[1], dtype=np.bool_)
    pieces = 1
    while pieces < 2 * signs.shape[0]:
        span = min(pieces, signs.shape[0])
        pixels = min(span * _PIECE, length)
        excess = (total[span:] - total[:-span]).max(axis=0)
        found |= excess > max(static_sig * np.sqrt(pixels), _LEAST_EXCESS * pixels)
        pieces *= 2
    return found


def _groups(found: Bits) -> Iterator[tuple[int, int]]:
    """Lines side by side, as first and one past the last; not those that are too wide."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], found, [False]]).astype(np.int8)))
    for first, last in edges.reshape(-1, 2):
        if last - first <= _WIDEST:
            yield int(first), int(last)


def _sides(
    group: tuple[int, int], count: int, steps: Sequence[int] = (-1, 1)
) -> list[int]:
    """Those sides of a group of columns, -1 and 1, on which there are enough others."""
    room = {-1: group[0], 1: count - group[1]}
    return [step for step in steps if room[step] >= _SIDE]


def _depth_from_sides(
    data: npt.NDArray[Any], number: int, group: tuple[int, int], steps: list[int],
    relation: NoiseRelation,
) -> list[Doubles]:
    """How far a column lies below what each side leads to expect, in noise of a pixel.

    A slope is carried on, and at the bottom of a smooth lane both sides lead to expect less
    than there is.
    """
    line = data[:, number].astype(np.float64)
    sides = []
    for step in steps:
        near = group[0] - 1 if step < 0 else group[1]
        beside = np.stack([data[:, near + step * place].astype(np.float64)
                           for place in range(_SIDE)])
        level = np.median(beside, axis=0)
        with np.errstate(invalid="ignore", over="ignore"):
            expected = _CARRIED_ON @ beside
            depth = (expected - line) / relation.at(level.astype(np.float32))
        depth[~np.isfinite(depth)] = np.nan
        sides.append(depth)
    return sides


def _controls(group: tuple[int, int], count: int, steps: list[int]) -> list[int]:
    """Columns near a group that do not use its pixels, to show what is usual there."""
    first, last = group
    gap = _SIDE if len(steps) > 1 else 0
    near = {-1: range(first - gap - _CONTROLS, first - gap),
            1: range(last + gap, last + gap + _CONTROLS)}
    return [number for step in steps for number in near[step]
            if 0 <= number < count and steps == _sides((number, number + 1), count, steps)]


def _depth_of_run(sides: list[Doubles], start: int, end: int) -> float:
    """Median depth in a run, from the side that finds less; 0 if nothing is known."""
    depths = [side[start:end][np.isfinite(side[start:end])] for side in sides]
    return min((float(np.median(depth)) for depth in depths if depth.size), default=0.0)


def _usual(depths: Doubles, *, one_sided: bool) -> tuple[float, float]:
    """Depth that lines near a low one have anyway, not below 0, and its scatter.

    Where only one side leads to expect something, a lane that runs along the edge looks like a
    low line; there the deepest one says how far that goes.
    """
    if not depths.size:
        return 0.0, 0.0
    offset = float(np.median(depths))
    away = np.abs(depths - offset)
    scatter = np.abs(depths).max() if one_sided else _TO_SIGMA * np.median(away)
    return max(offset, 0.0), float(scatter)


def _low_runs(depth: Doubles) -> Iterator[tuple[int, int]]:
    """Find the runs along a line in which it is low, deepest first: those of the largest sum.

    Half the depth of a low line is taken off each pixel, so that a run ends where the line
    is no longer low.
    """
    pieces = [depth[start : start + _PIECE].mean() for start in range(0, depth.size, _PIECE)]
    usual = max(_LEAST_DEPTH, float(max(pieces))) / 2
    todo = [(0, depth.size)]
    while todo:
        start, end = todo.pop()
        if end - start < _SHORTEST:
            continue
        total = np.concatenate([[0.0], np.cumsum(depth[start:end] - usual)])
        lowest = np.minimum.accumulate(total)
        last = int(np.argmax(total - lowest))
        first = int(np.argmin(total[: last + 1]))
        if last - first < _SHORTEST:
            continue
        yield start + first, start + last
        todo += [(start, start + first), (start + last, end)]
