"""Signs along columns and rows: which of them are mostly below what is beside them.

While the bands of a chip go by, only signs are counted: how many pixels of a piece of a column, or
of a row, lie below their neighbours, against those above.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, fill_missing, median_filter
from staticmask_cli.localsky.windows import mirrored
from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["SignTest"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_PIECE = 64  # pixels of a line whose signs are counted together
_LEAST_EXCESS = 0.3  # of one sign; where half the noise is missing, 0.38
_SIDE = 2 * REACH + 1
_TILE = 1 << 17  # pixels of which medians are taken together, which stay in the cache
_LIKELY = 0.9  # of the limits, where only four neighbours were looked at
_NEAR = 3  # lines to each side of a likely one, which tell how wide it is


class SignTest:
    """Counts of signs, and the lines in which one sign prevails.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of a chip; not modified.
    static_sig : float
        How many times its uncertainty an excess must be.
    """

    def __init__(self, data: npt.NDArray[Any], static_sig: float) -> None:
        self._data = data
        self._static_sig = static_sig
        ny, nx = data.shape
        self._along_columns = np.zeros((-(-ny // _PIECE), nx), dtype=np.float32)
        self._along_rows = np.zeros((-(-nx // _PIECE), ny), dtype=np.float32)

    def add(self, start: int, tile: Floats) -> None:
        """Count the signs of a band of rows.

        Parameters
        ----------
        start : int
            Number of the first row.
        tile : numpy.ndarray of float32, shape (rows + 4, nx + 4)
            Pixels with margins, in one piece of memory; infinite where they are missing.
        """
        inside = np.s_[REACH:-REACH]
        signs = _signs(tile, 1)[inside, inside]  # of columns, across them
        numbers = (start + np.arange(signs.shape[0])) // _PIECE
        for number in range(numbers[0], numbers[-1] + 1):
            some = signs[np.searchsorted(numbers, number) : np.searchsorted(numbers, number + 1)]
            self._along_columns[number] += np.add.reduce(some, axis=0, dtype=np.int8)
        signs = _signs(tile, tile.shape[1])[inside, inside]
        pieces = range(0, signs.shape[1], _PIECE)
        self._along_rows[:, start : start + signs.shape[0]] = np.add.reduceat(
            signs, pieces, axis=1, dtype=np.int8).T

    def low_columns(self) -> Bits:
        """Columns of which a part, of one piece or of many, is mostly low."""
        return self._low(self._data, self._along_columns)

    def low_rows(self) -> Bits:
        """Rows, likewise."""
        return self._low(self._data.T, self._along_rows)

    def _low(self, data: npt.NDArray[Any], signs: Floats) -> Bits:
        """Columns of `data` that are low by their signs, in the end by the median of 5 x 5 pixels.

        Four neighbours are quick to look at, but in the image of a star ridges beside a column
        make it seem low.
        """
        length = data.shape[0]
        likely = _prevailing(signs, length, _LIKELY * self._static_sig, _LIKELY * _LEAST_EXCESS)
        low = self._low_by_median(data, np.flatnonzero(likely))
        beside = np.add.outer(low, np.arange(-_NEAR, _NEAR + 1)).ravel()
        numbers = np.unique(beside[(beside >= 0) & (beside < data.shape[1])])
        found = np.zeros(data.shape[1], dtype=np.bool_)
        found[self._low_by_median(data, numbers)] = True
        return found

    def _low_by_median(self, data: npt.NDArray[Any], numbers: Indices) -> Indices:
        """Those of some columns that are low by the median of 5 x 5 pixels."""
        length = data.shape[0]
        step = max(1, _TILE // (_SIDE * length))
        parts = [numbers[start : start + step] for start in range(0, numbers.size, step)]
        low = [
            part[_prevailing(_signs_by_median(data, part), length, self._static_sig,
                             _LEAST_EXCESS)]
            for part in parts
        ]
        return np.concatenate([*low, numbers[:0]])


def _signs(tile: Floats, step: int) -> npt.NDArray[np.int8]:
    """Whether pixels lie below the median of four others, two to each side; -1 if above.

    Parameters
    ----------
    tile : numpy.ndarray of float32, shape (ny, nx)
        In one piece of memory.
    step : int
        Places in memory from one pixel to the next: 1 along the rows, nx along the columns.

    Returns
    -------
    numpy.ndarray of int8, shape (ny, nx)
        Valid until it is called again in the same thread; meaningless in margins of two pixels.
    """
    flat = tile.reshape(-1)
    size = flat.size - 2 * REACH * step
    pairs, twice, own = (
        SCRATCH.get(name, flat.size, np.float32) for name in ("pairs", "twice", "own")
    )
    below, above = (SCRATCH.get(name, flat.size, np.bool_) for name in ("below", "above"))
    middle, next_pair = slice(REACH * step, REACH * step + size), slice(3 * step, 3 * step + size)
    # Of two pairs, the larger of the smaller ones and the smaller of the larger ones: the two in
    # the middle, whose mean is the median of four.
    np.minimum(flat[:-step], flat[step:], out=pairs[:-step])
    np.maximum(pairs[:size], pairs[next_pair], out=twice[:size])
    np.maximum(flat[:-step], flat[step:], out=pairs[:-step])
    np.minimum(pairs[:size], pairs[next_pair], out=own[:size])
    with np.errstate(invalid="ignore", over="ignore"):
        twice = np.add(twice[:size], own[:size], out=twice[:size])
        own = np.multiply(flat[middle], 2, out=own[:size])
        np.greater(twice, own, out=below[middle])
        np.less(twice, own, out=above[middle])
    signs = below.view(np.int8)
    signs[middle] -= above.view(np.int8)[middle]
    return signs.reshape(tile.shape)


def _signs_by_median(data: npt.NDArray[Any], numbers: Indices) -> Floats:
    """Whether pixels of some columns lie below the median of the 5 x 5 around; -1 if above.

    Returns
    -------
    numpy.ndarray of float32, shape (pieces, numbers)
        Their sums.
    """
    ny, nx = data.shape
    around = np.unique(np.add.outer(numbers, np.arange(-REACH, REACH + 1)))
    with np.errstate(over="ignore"):
        columns = data[:, mirrored(-REACH, nx + REACH, nx)[around + REACH]].astype(np.float32)
    tile = columns[mirrored(-REACH, ny + REACH, ny)]
    fill_missing(tile)
    # Columns that are not side by side on the chip are beyond the windows that are asked for.
    places = np.searchsorted(around, numbers - REACH)
    with np.errstate(invalid="ignore"):
        signs = np.sign(median_filter(tile)[:, places] - tile[REACH:-REACH, places + REACH])
    return np.add.reduceat(np.nan_to_num(signs), range(0, ny, _PIECE), axis=0)


def _prevailing(signs: Floats, length: int, static_sig: float, least_excess: float) -> Bits:
    """Lines of which some part, of one piece or of many, is mostly below its sky."""
    total = np.concatenate([np.zeros((1, signs.shape[1])), np.cumsum(signs, axis=0)])
    found = np.zeros(signs.shape[1], dtype=np.bool_)
    pieces = 1
    while pieces < 2 * signs.shape[0]:
        span = min(pieces, signs.shape[0])
        pixels = min(span * _PIECE, length)
        excess = (total[span:] - total[:-span]).max(axis=0)
        found |= excess > max(static_sig * np.sqrt(pixels), least_excess * pixels)
        pieces *= 2
    return found
