"""A 5 x 5 median filter, and a fast search for the pixels far below that median.

The filter is a network of minima and maxima: a fixed sequence of ``minimum`` and ``maximum`` over
whole arrays, which runs at the speed of memory and without the lock of the interpreter.  It sorts
each column of five pixels once, for the five windows that share it; then the equal ranks of the
five columns.  Only 13 of the 25 pixels can then be the median, and few comparisons select it.

The search avoids the median of most pixels.  Of 25 pixels 13 are not below their median, so any 15
of them include one that is not.  A pixel far below the median therefore lies at least as far below
the largest of any 15 pixels of its window, which is true for few pixels and is fast to compute.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["REACH", "Network", "far_below_median", "fill_missing", "median_filter"]

REACH = 2
"""The number of pixels that a window extends to each side."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
Comparators = Iterable[tuple[int, int]]

_SIDE = 2 * REACH + 1
_MANY = 1 / 16  # of the pixels; for more candidates, filtering the whole tile takes less time
# The shortest network that sorts five values begins with (0, 1) and (3, 4).  `_sorted_pairs` does
# both for all windows at once, because (3, 4) of one window is (0, 1) of another; these follow.
_SORT = ((2, 4), (2, 3), (1, 4), (0, 3), (0, 2), (1, 3), (1, 2))
# Pixels that can be the median of 25 whose ranks are sorted along both axes, as 5 * rank + column,
# and comparators that move it to the seventh of these positions.  They were found by a search; the
# tests prove them by the 0-1 principle.
_LEFT = (3, 4, 7, 8, 9, 11, 12, 13, 15, 16, 17, 20, 21)
_SELECT = ((3, 1), (9, 11), (10, 7), (9, 3), (1, 11), (1, 2), (8, 0), (12, 4), (12, 6), (5, 2),
           (3, 10), (2, 3), (0, 12), (12, 3), (6, 12), (2, 6))
_MEDIAN = _LEFT[6]


def median_filter(tile: Floats) -> Floats:
    """Return the median of the 5 x 5 pixels around each pixel of a tile without its margins.

    Parameters
    ----------
    tile : numpy.ndarray of float32, shape (ny + 4, nx + 4)
        Pixels with margins and without NaN; infinities are larger or smaller than all others.
        Not modified.

    Returns
    -------
    numpy.ndarray of float32, shape (ny, nx)
        The medians in a scratch buffer, valid until the thread calls the filter again.
    """
    memory = _BufferPool(tile.size)
    ny, nx = tile.shape[0] - 2 * REACH, tile.shape[1] - 2 * REACH
    low, high = _sorted_pairs(tile, 0, memory)
    columns = _COLUMN.run(
        [low[:ny], high[:ny], tile[2 : 2 + ny], low[3 : 3 + ny], high[3 : 3 + ny]], memory
    )
    memory.give_back(low, high)
    pairs = [_sorted_pairs(column, 1, memory) for column in columns]
    values = [
        part
        for column, (low, high) in zip(columns, pairs, strict=True)
        for part in (low[:, :nx], high[:, :nx], column[:, 2 : 2 + nx],
                     low[:, 3 : 3 + nx], high[:, 3 : 3 + nx])
    ]
    (median,) = _WINDOW.run(values, memory)
    return median


def _sorted_pairs(array: Floats, axis: int, memory: "_BufferPool") -> tuple[Floats, Floats]:
    """Return the smaller and the larger of each value and the next one along an axis."""
    first = array[:-1] if axis == 0 else array[:, :-1]
    second = array[1:] if axis == 0 else array[:, 1:]
    return (np.minimum(first, second, out=memory.borrow(first.shape)),
            np.maximum(first, second, out=memory.borrow(first.shape)))


def far_below_median(tile: Floats, limit: np.float32) -> tuple[Indices, Indices, Floats]:
    """Find the pixels more than `limit` below the median of the 5 x 5 pixels around them.

    Parameters
    ----------
    tile : numpy.ndarray of float32, shape (ny + 4, nx + 4)
        Pixels with margins, in contiguous memory and without NaN; not modified.  Infinite
        pixels are never found, but count in the medians of others.
    limit : numpy.float32
        The distance from the median, in the units of the pixels.

    Returns
    -------
    rows, columns : numpy.ndarray of intp, shape (n,)
        The positions of these pixels, without the margins.
    medians : numpy.ndarray of float32, shape (n,)
        The median around each of them.
    """
    ny, nx = tile.shape[0] - 2 * REACH, tile.shape[1] - 2 * REACH
    rows, columns = _candidates(tile, limit)
    if rows.size > _MANY * ny * nx:
        medians = median_filter(tile)[rows, columns]
    else:
        corner = rows * tile.shape[1] + columns
        y, x = np.divmod(np.arange(_SIDE * _SIDE), _SIDE)
        around = tile.reshape(-1)[corner[:, None] + (y * tile.shape[1] + x)]
        around.partition(_SIDE * _SIDE // 2, axis=1)
        medians = around[:, _SIDE * _SIDE // 2]
    with np.errstate(invalid="ignore", over="ignore"):
        depth = medians - tile[rows + REACH, columns + REACH]
        far = (depth > limit) & np.isfinite(depth)
    return rows[far], columns[far], medians[far]


def _candidates(tile: Floats, limit: np.float32) -> tuple[Indices, Indices]:
    """Find the pixels more than `limit` below the largest pixel of each of four parts of a window.

    The parts are 15 pixels each: the upper, lower, left and right three fifths of the window.
    A star or a cosmic ray beside a pixel is in at most three of them, so that a single one does
    not make an ordinary pixel a candidate.
    """
    flat, width = tile.reshape(-1), tile.shape[1]
    least = _least_of_sides(flat, width, 1, "upright")
    across = _least_of_sides(flat, 1, width, "flat")
    np.minimum(least, across, out=least)
    found = SCRATCH.get("bytes", least.size, np.bool_)
    with np.errstate(invalid="ignore", over="ignore"):
        np.subtract(least, flat[REACH * (width + 1) :][: least.size], out=across)
        np.greater(across, limit, out=found)
    rows, columns = np.divmod(np.flatnonzero(found), width)
    inside = columns < width - 2 * REACH  # other windows continue in the next row
    return rows[inside], columns[inside]


def _least_of_sides(flat: Floats, along: int, across: int, name: str) -> Floats:
    """Return the largest of 5 x 3 pixels on the side of a window where it is smaller.

    Parameters
    ----------
    flat : numpy.ndarray of float32, shape (n,)
        Rows of pixels, one after the other.
    along, across : int
        The distances in memory between adjacent pixels, along the five and along the three.
    name : str
        The name of the scratch buffer for the result.

    Returns
    -------
    numpy.ndarray of float32, shape (n - 4 * along - 4 * across,)
        The smaller one of the two largest pixels, at the index of the first pixel of the window.
    """
    buffers = [SCRATCH.get(key, flat.size, np.float32) for key in (name, "twos", "fives")]

    def largest(first: Floats, second: Floats, step: int, out: Floats) -> Floats:
        size = min(first.size, second.size - step)
        return np.maximum(first[:size], second[step : step + size], out=out[:size])

    result, other, fives = buffers
    twos = largest(flat, flat, along, other)
    fours = largest(twos, twos, 2 * along, result)
    fives = largest(fours, flat, 4 * along, fives)
    twos = largest(fives, fives, across, other)
    threes = largest(twos, fives, 2 * across, result)
    least = other[: threes.size - 2 * across]
    return np.minimum(threes[: least.size], threes[2 * across :], out=least)


def fill_missing(rows: Floats) -> None:
    """Replace pixels that are not finite by infinities of both signs, in place.

    The signs alternate as on a chessboard, so that a median over them is that of the finite
    pixels, to half a rank.

    Parameters
    ----------
    rows : numpy.ndarray of float32, shape (ny, nx)
        The pixels.
    """
    missing = ~np.isfinite(rows)
    if missing.any():
        y, x = np.nonzero(missing)
        rows[y, x] = np.where((y + x) % 2, np.inf, -np.inf)


class _Step(NamedTuple):
    """One array operation of a network: the smaller or the larger of two values.

    Attributes
    ----------
    larger : bool
        Whether the result is the larger value.
    first, second, result : int
        The numbers of the two values and of the result.
    """

    larger: bool
    first: int
    second: int
    result: int


class Network:
    """Comparators as array operations, without those that the outputs do not need.

    Parameters
    ----------
    inputs : int
        The number of input values.
    comparators : iterable of tuple of int
        Pairs of positions; each comparator moves the smaller of their values to the first.
    outputs : sequence of int
        The positions whose values are the result.
    """

    def __init__(self, inputs: int, comparators: Comparators, outputs: Sequence[int]) -> None:
        value_at = list(range(inputs))  # the number of the value at each position
        steps: list[_Step] = []
        for low, high in comparators:
            first, second = value_at[low], value_at[high]
            value_at[low] = inputs + len(steps)
            value_at[high] = value_at[low] + 1
            steps += [_Step(larger, first, second, inputs + len(steps) + larger)
                      for larger in (False, True)]
        self._inputs = inputs
        self._outputs = [value_at[position] for position in outputs]
        needed = set(self._outputs)
        self._steps: list[_Step] = []
        for step in reversed(steps):
            if step.result in needed:
                needed |= {step.first, step.second}
                self._steps.insert(0, step)
        self._last_use = {value: number for number, step in enumerate(self._steps)
                          for value in step[1:3]} | dict.fromkeys(self._outputs, len(self._steps))

    def sorted(self, values: Sequence[Floats]) -> list[Floats]:
        """Return the outputs for some inputs of one shape, in scratch buffers.

        They are valid until the thread runs a network or a filter again.
        """
        return self.run(values, _BufferPool(values[0].size))

    def run(self, values: Sequence[Floats], memory: "_BufferPool") -> list[Floats]:
        """Return the outputs for some inputs, which are not modified."""
        known = dict(enumerate(values))
        for number, step in enumerate(self._steps):
            operation = np.maximum if step.larger else np.minimum
            first, second = known[step.first], known[step.second]
            known[step.result] = operation(first, second, out=memory.borrow(first.shape))
            for value in {step.first, step.second}:
                if value >= self._inputs and self._last_use[value] == number:
                    memory.give_back(known.pop(value))
        return [known[value] for value in self._outputs]


class _BufferPool:
    """Scratch buffers of one size, which are used again as soon as they are given back."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[Floats] = []
        self._lent: dict[int, Floats] = {}
        self._made = 0

    def borrow(self, shape: tuple[int, ...]) -> Floats:
        if not self._free:
            self._made += 1
            name = f"median {self._made}"
            self._free.append(SCRATCH.get(name, self._size, np.float32))
        flat = self._free.pop()
        array = flat[: shape[0] * shape[1]].reshape(shape)
        self._lent[id(array)] = flat
        return array

    def give_back(self, *arrays: Floats) -> None:
        self._free += [self._lent.pop(id(array)) for array in arrays]


def _rank_comparators() -> Comparators:
    """Yield the comparators that sort equal ranks across the columns and select the median."""
    for rank in range(_SIDE):
        yield from ((_SIDE * rank + low, _SIDE * rank + high) for low, high in _SORT)
    yield from ((_LEFT[low], _LEFT[high]) for low, high in _SELECT)


_COLUMN = Network(_SIDE, _SORT, range(_SIDE))
_WINDOW = Network(_SIDE * _SIDE, _rank_comparators(), [_MEDIAN])
