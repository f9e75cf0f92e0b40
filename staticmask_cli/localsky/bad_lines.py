"""Bad columns and rows: a line one to three pixels wide that is low along its length.

Each pixel of such a line may lie within the noise; the line as a whole does not.  Lines that are
mostly below what is beside them are looked at in full, against what the pixels on both of their
sides lead to expect.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.sign_test import SignTest

__all__ = ["mark_low_lines"]

Bits = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

_PIECE = 64  # pixels of a line whose mean shows how low it is
_WIDEST = 3  # lines side by side that can be one defect
_SHORTEST = 64  # pixels; gaps between stars line up too
_LEAST_DEPTH = 0.5  # of a line, in noise of a pixel
_SIDE = 3  # pixels on each side that say what the line should be
# A straight line through three neighbours, carried on to the next pixel: weights from near to far.
_CARRIED_ON = np.array([4.0, 1.0, -2.0]) / 3.0
_CLIPPED = 3.0  # noise; what a single pixel can say about its line at most
_NEAR_END = 16  # pixels; a line that comes so near the edge goes on to it
_CONTROLS = 8  # lines on each side that show how far lines there differ anyway
_TO_SIGMA = 1.4826  # from a median distance
_MEDIAN_ERROR = 1.2533 * 1.5  # of the distances from both sides, in noise of a pixel
# Of the deepest run among all places and lengths of all lines, by chance alone.
_LOOK_ELSEWHERE = 1.3


def mark_low_lines(
    low: Bits, data: npt.NDArray[Any], signs: SignTest, relation: NoiseModel, static_sig: float
) -> None:
    """Set the pixels of low columns and rows.

    Parameters
    ----------
    low : numpy.ndarray of bool, shape (ny, nx)
        Changed in place.
    data : numpy.ndarray, shape (ny, nx)
        Pixels of a chip; not modified.
    signs : SignTest
        Of all its pixels.
    relation : NoiseModel
        Of the chip.
    static_sig : float
        How many times its uncertainty a line must be low.
    """
    for pixels, lines, marked in (
        (data, signs.low_columns(), low), (data.T, signs.low_rows(), low.T)
    ):
        for group in _groups(lines):
            for number in range(*group):
                for start, end in _runs(pixels, number, group, lines, relation, static_sig):
                    marked[start:end, number] = True


def _runs(  # noqa: PLR0917 - all of them say which line
    data: npt.NDArray[Any], number: int, group: tuple[int, int], lines: Bits,
    relation: NoiseModel, static_sig: float,
) -> Iterator[tuple[int, int]]:
    """Find where along its length a column of `data` is low."""
    steps = _sides(group, lines.size)
    if not steps:
        return
    sides = _depth_from_sides(data, number, group, steps, relation)
    both = np.nan_to_num(np.mean(sides, axis=0))
    for start, end in _low_runs(np.clip(both, -_CLIPPED, _CLIPPED)):
        depth, error = _depth_of_run(sides, start, end), _error_of_run(start, end)
        if depth <= max(_LEAST_DEPTH, static_sig * error):
            continue
        part = data[start:end]
        controls, near = (
            np.array([
                _depth_of_run(_depth_from_sides(part, other, (other, other + 1), steps, relation))
                for other in others
            ])
            for others in (_controls(group, lines.size, steps), _near(group, lines, steps))
        )
        offset, scatter = _usual(controls, one_sided=len(steps) == 1)
        error = max(error, scatter, near.max(initial=0.0))
        if depth - offset > max(_LEAST_DEPTH, static_sig * error):
            yield (0 if start < _NEAR_END else start,
                   both.size if end > both.size - _NEAR_END else end)


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
    relation: NoiseModel,
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


def _near(group: tuple[int, int], lines: Bits, steps: list[int]) -> list[int]:
    """Columns beside a group.  They cannot be low because of it, but where a star has ridges."""
    beside = (number for number in range(group[0] - _SIDE, group[1] + _SIDE)
              if 0 <= number < lines.size and not lines[number])
    return [number for number in beside
            if steps == _sides((number, number + 1), lines.size, steps)]


def _error_of_run(start: int, end: int) -> float:
    """Uncertainty of the depth of a run on a flat sky, in noise of a pixel."""
    return float(_LOOK_ELSEWHERE * _MEDIAN_ERROR / np.sqrt(end - start))


def _depth_of_run(sides: list[Doubles], start: int = 0, end: int | None = None) -> float:
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
