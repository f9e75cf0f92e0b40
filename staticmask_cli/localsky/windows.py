"""Bands of rows of a chip, with margins for what looks at the pixels around each.

Pixels and those around them: squares of a chip, and whether a pixel is the lowest of its own.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, fill_missing
from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["RowBlocks", "lowest_of_neighbours", "mirrored", "neighbourhoods"]

Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_MARGIN = 0.4  # of the limit, by which neighbours lie higher
_CENTRE = 4  # of 3 x 3 pixels, one after the other


def mirrored(first: int, last: int, size: int) -> Indices:
    """Return the indices from `first` up to `last`, mirrored at the ends of an axis."""
    period = max(1, 2 * (size - 1))
    index = np.abs(np.arange(first, last)) % period
    return np.where(index < size, index, period - index)


def neighbourhoods(
    data: npt.NDArray[Any], rows: Indices, columns: Indices, reach: int
) -> Floats:
    """Square around each pixel, mirrored at the ends of the chip.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels, or booleans; not modified.
    rows, columns : numpy.ndarray of integer, shape (n,)
        Where these pixels are.
    reach : int
        Pixels of the square to each side of its centre.

    Returns
    -------
    numpy.ndarray of float32, shape (n, 2 * reach + 1, 2 * reach + 1)
    """
    ny, nx = data.shape
    y, x = mirrored(-reach, ny + reach, ny), mirrored(-reach, nx + reach, nx)
    offset = np.arange(2 * reach + 1)
    with np.errstate(over="ignore"):
        windows: Floats = data[
            y[rows[:, None] + offset][:, :, None], x[columns[:, None] + offset][:, None, :]
        ].astype(np.float32)
    return windows


def lowest_of_neighbours(
    data: npt.NDArray[Any], low: Bits, rows: Indices, columns: Indices, limit: Doubles
) -> Bits:
    """Whether pixels lie clearly below the eight around them, as the ends of dark lanes do not.

    One of the eight may be lower, as on the slope of a star; or any number of them that are
    low themselves, as in a cluster of defects.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.  NaN is not lower than anything.
    low : numpy.ndarray of bool, shape (ny, nx)
        All the pixels that seem to be low.
    rows, columns : numpy.ndarray of integer, shape (n,)
        Which of them are asked for.
    limit : numpy.ndarray of float64, shape (n,)
        How far below its sky each must lie; its neighbours must lie higher by 0.4 of that.
    """
    pixels = neighbourhoods(data, rows, columns, 1).reshape(-1, 9)
    themselves_low = neighbourhoods(low, rows, columns, 1).reshape(-1, 9) > 0
    themselves_low[:, _CENTRE] = True
    with np.errstate(invalid="ignore", over="ignore"):
        above = pixels - pixels[:, _CENTRE, None] > _MARGIN * limit[:, None]
    above |= np.isnan(pixels)
    above[:, _CENTRE] = True
    but_one = np.count_nonzero(above, axis=1) >= above.shape[1] - 1
    return np.asarray(but_one | (above | themselves_low).all(axis=1))


class RowBlocks:
    """Bands of rows of a chip, one after the other in the same memory of the thread.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    size : int
        Pixels of a band, or one row if that is more.

    Attributes
    ----------
    rows : int
        Rows of a band; the last one can have fewer.
    """

    def __init__(self, data: npt.NDArray[Any], size: int) -> None:
        self._data = data
        ny, nx = data.shape
        self.rows = min(ny, max(1, size // (nx + 2 * REACH)))
        self._y = mirrored(-REACH, ny + REACH, ny)
        self._x = mirrored(-REACH, nx + REACH, nx)

    def __iter__(self) -> Iterator[tuple[int, Floats]]:
        """Yield the first row of each band, and the band; valid until the next is asked for."""
        for start in range(0, self._data.shape[0], self.rows):
            yield start, self.read(start)

    def read(self, start: int) -> Floats:
        """Rows from `start` with margins, mirrored at the edges; missing pixels as infinities.

        Returns
        -------
        numpy.ndarray of float32, shape (rows + 4, nx + 4)
            Pixels of one piece of memory, one row after the other.
        """
        end = min(start + self.rows, self._data.shape[0])
        nx = self._data.shape[1]
        rows = self._y[start : end + 2 * REACH]
        width = nx + 2 * REACH
        tile = SCRATCH.get("tile", rows.size * width, np.float32).reshape(rows.size, width)
        with np.errstate(over="ignore"):
            for row, source in enumerate(rows):
                np.copyto(tile[row, REACH:-REACH], self._data[source], casting="unsafe")
        for column in (*range(REACH), *range(nx + REACH, width)):
            tile[:, column] = tile[:, REACH + self._x[column]]
        fill_missing(tile)
        return tile
