"""Pixels far below the median of the 5 x 5 around them: found without that median of all others.

Of 25 pixels 13 are not below their median.  So any 15 of them hold one that is not, and a pixel
that lies far below the median lies as far below the largest of these 15.  Few pixels do.

The median of the 5 x 5 pixels around each pixel, by a network of minima and maxima.

Such a network is a fixed sequence of ``minimum`` and ``maximum`` over whole arrays, so it runs
at the speed of memory, without Python at every pixel and without the interpreter's lock.  It
sorts every column of five once, for the five windows that share it; then equal ranks of the five
columns; of the 25 pixels only 13 can still be the median, and few comparisons tell which.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["REACH", "far_below_median", "fill_missing", "median_filter"]

REACH = 2  # pixels that a window extends to each side

Floats = npt.NDArray[np.float32]
Comparators = Iterable[tuple[int, int]]

_SIDE = 2 * REACH + 1
# The shortest network that sorts five, without its first two comparators: these are (0, 1) and
# (3, 4), and what one window does to its last two, the window three further on does to its first.
_PAIRS = ((0, 1), (3, 4))
_SORT = ((2, 4), (2, 3), (1, 4), (0, 3), (0, 2), (1, 3), (1, 2))
# Pixels that can be the median of 25 whose ranks are sorted both ways, as 5 * rank + column,
# and comparators that leave it at the second of these places.  Found by a search; proven in
# the tests by the 0-1 principle.
_LEFT = (3, 4, 7, 8, 9, 11, 12, 13, 15, 16, 17, 20, 21)
_SELECT = ((3, 1), (9, 11), (10, 7), (9, 3), (1, 11), (1, 2), (8, 0), (12, 4), (12, 6), (5, 2),
           (3, 10), (2, 3), (0, 12), (12, 3), (6, 12), (2, 6))
_MEDIAN = _LEFT[6]


class _Step(NamedTuple):
    """One array operation of a network: the smaller or the larger of two values."""

    larger: bool
    first: int
    second: int
    result: int


class _Network:
    """Comparators as array operations, without those that the wanted values do not need.

    Parameters
    ----------
    inputs : int
        Values to begin with.
    comparators : iterable of tuple of int
        Two places each; afterwards the first holds the smaller of their values.
    wanted : sequence of int
        Places whose values are asked for at the end.
    """

    def __init__(self, inputs: int, comparators: Comparators, wanted: Sequence[int]) -> None:
        held = list(range(inputs))  # which value is at each place
        steps: list[_Step] = []
        for low, high in comparators:
            first, second = held[low], held[high]
            held[low] = inputs + len(steps)
            held[high] = held[low] + 1
            steps += [_Step(larger, first, second, inputs + len(steps) + larger)
                      for larger in (False, True)]
        self.inputs = inputs
        self.wanted = [held[place] for place in wanted]
        needed = set(self.wanted)
        self.steps: list[_Step] = []
        for step in reversed(steps):
            if step.result in needed:
                needed |= {step.first, step.second}
                self.steps.insert(0, step)
        self._last_use = {value: number for number, step in enumerate(self.steps)
                          for value in step[1:3]} | dict.fromkeys(self.wanted, len(self.steps))

    def run(self, values: Sequence[Floats], memory: "_Memory") -> list[Floats]:
        """Return the wanted values; the given ones are not changed."""
        known = dict(enumerate(values))
        for number, step in enumerate(self.steps):
            operation = np.maximum if step.larger else np.minimum
            first, second = known[step.first], known[step.second]
            known[step.result] = operation(first, second, out=memory.take(first.shape))
            for value in {step.first, step.second}:
                if value >= self.inputs and self._last_use[value] == number:
                    memory.give(known.pop(value))
        return [known[value] for value in self.wanted]


def _rank_comparators() -> Comparators:
    """Sort equal ranks across the columns, then select the median; pairs are sorted already."""
    for rank in range(_SIDE):
        yield from ((_SIDE * rank + low, _SIDE * rank + high) for low, high in _SORT)
    yield from ((_LEFT[low], _LEFT[high]) for low, high in _SELECT)


_COLUMN = _Network(_SIDE, _SORT, range(_SIDE))
_WINDOW = _Network(_SIDE * _SIDE, _rank_comparators(), [_MEDIAN])


class _Memory:
    """Buffers of one size that go from hand to hand; they are in the memory of the thread."""

    def __init__(self, size: int) -> None:
        self._size = size
        self._free: list[Floats] = []
        self._lent: dict[int, Floats] = {}
        self._made = 0

    def take(self, shape: tuple[int, ...]) -> Floats:
        if not self._free:
            self._made += 1
            name = f"median {self._made}"
            self._free.append(SCRATCH.get(name, self._size, np.float32))
        flat = self._free.pop()
        array = flat[: shape[0] * shape[1]].reshape(shape)
        self._lent[id(array)] = flat
        return array

    def give(self, *arrays: Floats) -> None:
        self._free += [self._lent.pop(id(array)) for array in arrays]


def median_filter(tile: Floats) -> Floats:
    """Return the median around each pixel of a tile but for its margins.

    Parameters
    ----------
    tile : numpy.ndarray of float32, shape (ny + 4, nx + 4)
        Without NaN; infinities sort as the numbers they are.  Not modified.

    Returns
    -------
    numpy.ndarray of float32, shape (ny, nx)
        In the memory of the thread: valid until the filter is called again there.
    """
    memory = _Memory(tile.size)
    ny, nx = tile.shape[0] - 2 * REACH, tile.shape[1] - 2 * REACH
    low, high = _pair(tile, 0, memory)
    columns = _COLUMN.run(
        [low[:ny], high[:ny], tile[2 : 2 + ny], low[3 : 3 + ny], high[3 : 3 + ny]], memory
    )
    memory.give(low, high)
    pairs = [_pair(column, 1, memory) for column in columns]
    values = [
        part
        for column, (low, high) in zip(columns, pairs, strict=True)
        for part in (low[:, :nx], high[:, :nx], column[:, 2 : 2 + nx],
                     low[:, 3 : 3 + nx], high[:, 3 : 3 + nx])
    ]
    (median,) = _WINDOW.run(values, memory)
    return median


def _pair(array: Floats, axis: int, memory: _Memory) -> tuple[Floats, Floats]:
    """Sort each value with the next one along an axis."""
    first = array[:-1] if axis == 0 else array[:, :-1]
    second = array[1:] if axis == 0 else array[:, 1:]
    return (np.minimum(first, second, out=memory.take(first.shape)),
            np.maximum(first, second, out=memory.take(first.shape)))


def fill_missing(rows: Floats) -> None:
    """Put infinities of both signs, as on a chessboard, where pixels are not finite.

    A median over them is then that of the finite pixels, to half a rank.
    """
    missing = ~np.isfinite(rows)
    if missing.any():
        y, x = np.nonzero(missing)
        rows[y, x] = np.where((y + x) % 2, np.inf, -np.inf)


Indices = npt.NDArray[np.intp]
_MANY = 1 / 16  # of the pixels; for more, the median of all takes less time


def far_below_median(tile: Floats, limit: np.float32) -> tuple[Indices, Indices, Floats]:
    """Pixels more than `limit` below the median around them.

    Parameters
    ----------
    tile : numpy.ndarray of float32, shape (ny + 4, nx + 4)
        In one piece of memory, without NaN; infinities are not found, and sort as numbers
        among the pixels around others.  Not modified.
    limit : float
        In the units of the pixels.

    Returns
    -------
    rows, columns : numpy.ndarray of intp, shape (n,)
        Where they are, not counting the margins.
    medians : numpy.ndarray of float32, shape (n,)
        Of the pixels around each.
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
    """Pixels more than `limit` below the largest of 15 in each of four parts of the window.

    A star or a cosmic ray beside a pixel is in three of the parts at most, so that it takes two
    of them to hide from this that the pixel is like others.
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
    inside = columns < width - 2 * REACH  # others go on in the row below
    return rows[inside], columns[inside]


def _least_of_sides(flat: Floats, along: int, across: int, name: str) -> Floats:
    """Largest of five pixels along and three across, on that side of a window where it is less.

    Parameters
    ----------
    flat : numpy.ndarray of float32, shape (n,)
        Rows of pixels, one after the other.
    along, across : int
        Places from one pixel to the next.
    name : str
        Of the memory for the result.

    Returns
    -------
    numpy.ndarray of float32, shape (n - 4 * along - 4 * across,)
        By the first pixel of the window.
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
