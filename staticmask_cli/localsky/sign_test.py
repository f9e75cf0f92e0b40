"""Candidates for bad columns and rows, by a sign test: most of their pixels are below others.

While the blocks of rows of a chip are read, only signs are counted: how many pixels of a segment
of a column, or of a row, lie below their neighbours, minus those that lie above.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, fill_missing, median_filter
from staticmask_cli.localsky.windows import mirrored
from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["SHORTEST_LINE", "WIDEST_LINE", "SignTest"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

SHORTEST_LINE = 64
"""Pixels of the shortest low line, because gaps between stars line up too.

The signs are counted in segments of this length.
"""

WIDEST_LINE = 3
"""Adjacent columns or rows that can be one defect; wider structure belongs to the sky.

As many lines beside a low one are tested too, which shows whether the structure is wider.
"""

# Smallest excess of one sign per pixel.  A line that is low by half the noise has 0.38.
_LEAST_EXCESS = 0.3
_SIDE = 2 * REACH + 1
_TILE = 1 << 17  # pixels whose medians are computed together, so that they stay in the cache
_LIKELY = 0.9  # fraction of the limits that counts in the first test, with four neighbours only


class SignTest:
    """Counts of signs along all columns and rows, and the lines in which one sign prevails.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip; not modified.
    static_sig : float
        The smallest significant excess of one sign, in units of its uncertainty.
    """

    def __init__(self, data: npt.NDArray[Any], static_sig: float) -> None:
        self._data = data
        self._static_sig = static_sig
        ny, nx = data.shape
        self._along_columns = np.zeros((-(-ny // SHORTEST_LINE), nx), dtype=np.float32)
        self._along_rows = np.zeros((-(-nx // SHORTEST_LINE), ny), dtype=np.float32)

    def add(self, start: int, tile: Floats) -> None:
        """Count the signs of a block of rows.

        Parameters
        ----------
        start : int
            The number of the first row.
        tile : numpy.ndarray of float32, shape (rows + 4, nx + 4)
            Pixels with margins as `RowBlocks` reads them, in contiguous memory.
        """
        inside = np.s_[REACH:-REACH]
        signs = _signs(tile, 1)[inside, inside]  # of columns compare pixels along the rows
        segments = (start + np.arange(signs.shape[0])) // SHORTEST_LINE
        for segment in range(segments[0], segments[-1] + 1):
            first, last = np.searchsorted(segments, (segment, segment + 1))
            self._along_columns[segment] += np.add.reduce(signs[first:last], axis=0, dtype=np.int8)
        signs = _signs(tile, tile.shape[1])[inside, inside]
        starts = range(0, signs.shape[1], SHORTEST_LINE)
        self._along_rows[:, start : start + signs.shape[0]] = np.add.reduceat(
            signs, starts, axis=1, dtype=np.int8).T

    def low_columns(self) -> Bits:
        """Return the columns with a mostly low part, as booleans of shape (nx,), True = low."""
        return self._low(self._data, self._along_columns)

    def low_rows(self) -> Bits:
        """Return the rows with a mostly low part, as booleans of shape (ny,), True = low."""
        return self._low(self._data.T, self._along_rows)

    def _low(self, data: npt.NDArray[Any], signs: Floats) -> Bits:
        """Return which columns of `data` are low by the median of the 5 x 5 pixels around.

        Only candidates are compared with that median.  The comparison with four neighbours, which
        finds them, is fast, but ridges in the image of a star make a column between them seem low.
        """
        length = data.shape[0]
        likely = _prevailing(signs, length, _LIKELY * self._static_sig, _LIKELY * _LEAST_EXCESS)
        low = self._low_by_median(data, np.flatnonzero(likely))
        beside = np.add.outer(low, np.arange(-WIDEST_LINE, WIDEST_LINE + 1)).ravel()
        columns = np.unique(beside[(beside >= 0) & (beside < data.shape[1])])
        found = np.zeros(data.shape[1], dtype=np.bool_)
        found[self._low_by_median(data, columns)] = True
        return found

    def _low_by_median(self, data: npt.NDArray[Any], columns: Indices) -> Indices:
        """Return those of some columns that are low by the median of the 5 x 5 pixels around."""
        length = data.shape[0]
        step = max(1, _TILE // (_SIDE * length))
        parts = [columns[start : start + step] for start in range(0, columns.size, step)]
        low = [
            part[_prevailing(_signs_by_median(data, part), length, self._static_sig,
                             _LEAST_EXCESS)]
            for part in parts
        ]
        return np.concatenate([*low, columns[:0]])


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


def _signs_by_median(data: npt.NDArray[Any], columns: Indices) -> Floats:
    """Compare the pixels of some columns with the median of the 5 x 5 pixels around each.

    Returns
    -------
    numpy.ndarray of float32, shape (segments, columns)
        The sums of the signs, which are 1 for a pixel below the median and -1 for one above it.
    """
    ny, nx = data.shape
    around = np.unique(np.add.outer(columns, np.arange(-REACH, REACH + 1)))
    with np.errstate(over="ignore"):
        pixels = data[:, mirrored(-REACH, nx + REACH, nx)[around + REACH]].astype(np.float32)
    tile = pixels[mirrored(-REACH, ny + REACH, ny)]
    fill_missing(tile)
    # Medians over columns that are not adjacent on the chip are computed too, but not used.
    first = np.searchsorted(around, columns - REACH)
    with np.errstate(invalid="ignore"):
        signs = np.sign(median_filter(tile)[:, first] - tile[REACH:-REACH, first + REACH])
    return np.add.reduceat(np.nan_to_num(signs), range(0, ny, SHORTEST_LINE), axis=0)


def _prevailing(signs: Floats, length: int, static_sig: float, least_excess: float) -> Bits:
    """Return the lines of which a part, of one segment or of several, is mostly below its sky."""
    total = np.concatenate([np.zeros((1, signs.shape[1])), np.cumsum(signs, axis=0)])
    found = np.zeros(signs.shape[1], dtype=np.bool_)
    segments = 1
    while segments < 2 * signs.shape[0]:
        span = min(segments, signs.shape[0])
        pixels = min(span * SHORTEST_LINE, length)
        excess = (total[span:] - total[:-span]).max(axis=0)
        found |= excess > max(static_sig * np.sqrt(pixels), least_excess * pixels)
        segments *= 2
    return found
