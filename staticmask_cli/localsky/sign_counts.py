"""Candidates for bad columns and rows: lines of which most pixels lie below their neighbours.

While the blocks of rows of a chip are read, only signs are counted: how many pixels of a segment
of a column, or of a row, lie below their neighbours, minus those that lie above.
"""

from collections.abc import Iterable, Iterator

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH
from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["SHORTEST_LINE", "SignCounts"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

SHORTEST_LINE = 64
"""Pixels of the shortest low line, because gaps between stars line up too.

The signs are counted in segments of this length.
"""

# Smallest excess of one sign per pixel.  A line that is low by half the noise has 0.34.
_LEAST_EXCESS = 0.27
_CERTAIN_EXCESS = 0.9  # one that makes a line a candidate even if many lines have some
_ONE_SIGMA = 0.6827  # the part of a Gaussian distribution within one sigma
_MOST_LINES = 64  # candidates along an axis, so that no chip takes long


class SignCounts:
    """Counts of signs along all columns and rows.

    Parameters
    ----------
    shape : tuple of int
        The shape of the chip.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        ny, nx = shape
        self._shape = shape
        self._along_columns = np.zeros((-(-ny // SHORTEST_LINE), nx), np.int8)
        self._along_rows = np.zeros((-(-nx // SHORTEST_LINE), ny), np.int8)

    def counted(
        self, tiles: Iterable[tuple[int, int, Floats]]
    ) -> Iterator[tuple[int, int, Floats]]:
        """Yield the tiles of a chip, and count the signs of each."""
        for row, column, tile in tiles:
            self.add(row, column, tile)
            yield row, column, tile

    def add(self, row: int, column: int, tile: Floats) -> None:
        """Count the signs of a tile.

        Parameters
        ----------
        row, column : int
            The first pixel; a tile has `SHORTEST_LINE` rows, or fewer at the end of a chip.
        tile : numpy.ndarray of float32, shape (rows + 4, columns + 4)
            Pixels with margins as `tiles` yields them, in contiguous memory.
        """
        inside = tile[REACH:-REACH]
        ny, width = inside.shape
        signs = _signs(inside, 1)[:, REACH:-REACH]  # of columns compare pixels along the rows
        number, end = row // SHORTEST_LINE, column + width - 2 * REACH
        self._along_columns[number, column:end] = np.add.reduce(signs, axis=0, dtype=np.int8)
        signs = _signs(tile, width)[REACH:-REACH, REACH:-REACH]
        part = slice(column // SHORTEST_LINE, -(-end // SHORTEST_LINE))
        starts = range(0, signs.shape[1], SHORTEST_LINE)
        self._along_rows[part, row : row + ny] = np.add.reduceat(
            signs, starts, axis=1, dtype=np.int8).T

    def low_columns(self, static_sig: float) -> Bits:
        """Return the columns with a mostly low part, as booleans of shape (nx,), True = low."""
        return _prevailing(self._along_columns, self._shape[0], static_sig)

    def low_rows(self, static_sig: float) -> Bits:
        """Return the rows with a mostly low part, as booleans of shape (ny,), True = low."""
        return _prevailing(self._along_rows, self._shape[1], static_sig)


def _signs(tile: Floats, step: int) -> npt.NDArray[np.int8]:
    """Compare pixels with the median of four others, two on each side.

    Parameters
    ----------
    tile : numpy.ndarray of float32, shape (ny, nx)
        Pixels in contiguous memory; not modified.
    step : int
        The distance in memory between adjacent pixels: 1 along the rows, nx along the columns.

    Returns
    -------
    numpy.ndarray of int8, shape (ny, nx)
        1 = below the median, -1 = above it, 0 = equal to it; not defined in margins of two
        pixels.  The array is valid until the thread calls this function again.
    """
    flat = tile.reshape(-1)
    size = flat.size - 2 * REACH * step
    pairs, median, pixels = (
        SCRATCH.get(name, flat.size, np.float32) for name in ("pairs", "median", "pixels")
    )
    below, above = (SCRATCH.get(name, flat.size, np.bool_) for name in ("below", "above"))
    middle, next_pair = slice(REACH * step, REACH * step + size), slice(3 * step, 3 * step + size)
    # The larger one of the minima of both pairs, and the smaller one of their maxima, are the two
    # middle values of four.  Their sum is twice the median, so it is compared with twice the pixel.
    np.minimum(flat[:-step], flat[step:], out=pairs[:-step])
    np.maximum(pairs[:size], pairs[next_pair], out=median[:size])
    np.maximum(flat[:-step], flat[step:], out=pairs[:-step])
    np.minimum(pairs[:size], pairs[next_pair], out=pixels[:size])
    with np.errstate(invalid="ignore", over="ignore"):
        median = np.add(median[:size], pixels[:size], out=median[:size])
        pixels = np.multiply(flat[middle], 2, out=pixels[:size])
        np.greater(median, pixels, out=below[middle])
        np.less(median, pixels, out=above[middle])
    signs = below.view(np.int8)
    signs[middle] -= above.view(np.int8)[middle]
    return signs.reshape(tile.shape)


def _prevailing(signs: npt.NDArray[np.int8], length: int, static_sig: float) -> Bits:
    """Return the lines of which a part, of one segment or of several, is mostly below others.

    If there are too many, only those are returned in which one sign prevails most.
    """
    total = np.zeros((signs.shape[0] + 1, signs.shape[1]), np.int32)
    np.cumsum(signs, axis=0, dtype=np.int32, out=total[1:])
    strength = np.zeros(signs.shape[1])  # the excess in units of the least significant one
    segments = 1
    while segments < 2 * signs.shape[0]:
        span = min(segments, signs.shape[0])
        pixels = min(span * SHORTEST_LINE, length)
        excess = total[span:] - total[:-span]
        usual = max(np.sqrt(pixels), _quantile(np.abs(excess), _ONE_SIGMA))
        least = min(max(static_sig * usual, _LEAST_EXCESS * pixels), _CERTAIN_EXCESS * pixels)
        excess = excess.max(axis=0)
        np.maximum(strength, excess / least, out=strength)
        segments *= 2
    likely = strength > 1
    likely[np.argsort(-strength, kind="stable")[_MOST_LINES:]] = False  # also of equal ones
    return likely


def _quantile(numbers: npt.NDArray[np.int32], part: float) -> float:
    """Return a quantile of whole numbers from 0 upwards as ``numpy.quantile``, without sorting."""
    upto = np.cumsum(np.bincount(numbers.ravel()))
    rank = part * (numbers.size - 1)
    lower = int(rank)
    pair = np.searchsorted(upto, [lower, lower + 1], side="right")
    return float(np.quantile(pair, rank - lower))
