"""Row blocks of a chip with mirrored margins, and the square neighbourhoods of pixels."""

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

_MARGIN = 0.4  # of the limit, by which the neighbours of a low pixel must lie above it
_CENTRE = 4  # index of the central pixel of 3 x 3


class RowBlocks:
    """Blocks of rows of a chip, one after the other in the same scratch buffer.

    Iterating yields the number of the first row of each block, and the block as `read`
    returns it.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    size : int
        The number of pixels of a block; a block has at least one row.

    Attributes
    ----------
    rows : int
        The number of rows of a block; the last block can have fewer.
    """

    def __init__(self, data: npt.NDArray[Any], size: int) -> None:
        self._data = data
        ny, nx = data.shape
        self.rows = min(ny, max(1, size // (nx + 2 * REACH)))
        self._y = mirrored(-REACH, ny + REACH, ny)
        self._x = mirrored(-REACH, nx + REACH, nx)

    def __iter__(self) -> Iterator[tuple[int, Floats]]:
        for start in range(0, self._data.shape[0], self.rows):
            yield start, self.read(start)

    def read(self, start: int) -> Floats:
        """Return the block that starts at a row, valid until the next block is read.

        Parameters
        ----------
        start : int
            The number of the first row.

        Returns
        -------
        numpy.ndarray of float32, shape (rows + 4, nx + 4)
            The rows with margins, which are mirrored at the edges of the chip, in contiguous
            memory.  Pixels that are not finite are replaced as in `fill_missing`.
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


def mirrored(first: int, last: int, size: int) -> Indices:
    """Return the indices from `first` up to `last` (exclusive), mirrored at the ends of an axis.

    Parameters
    ----------
    first, last : int
        The range of indices, which may extend beyond the axis.
    size : int
        The length of the axis.
    """
    period = max(1, 2 * (size - 1))
    index = np.abs(np.arange(first, last)) % period
    return np.where(index < size, index, period - index)


def neighbourhoods(
    data: npt.NDArray[Any], rows: Indices, columns: Indices, reach: int
) -> Floats:
    """Return the square of pixels around each of some pixels, mirrored at the edges of the chip.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype, or booleans; not modified.
    rows, columns : numpy.ndarray of integer, shape (n,)
        The positions of the central pixels.
    reach : int
        The number of pixels that a square extends to each side of its centre.

    Returns
    -------
    numpy.ndarray of float32, shape (n, 2 * reach + 1, 2 * reach + 1)
        The squares.
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
    """Return which pixels lie clearly below the eight pixels around them.

    The pixels at the end of a dark lane do not.  One of the eight may be lower, as on the slope
    of a star, and so may any number of them that are low themselves, as in a cluster of defects.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.  NaN is never lower than another pixel.
    low : numpy.ndarray of bool, shape (ny, nx)
        All pixels that were found to be low, True = low.
    rows, columns : numpy.ndarray of integer, shape (n,)
        The positions of the pixels to check.
    limit : numpy.ndarray of float64, shape (n,)
        The depth below the local sky from which on each pixel is low; its neighbours must lie
        above it by 0.4 of that.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
        True = clearly below its neighbours.
    """
    pixels = neighbourhoods(data, rows, columns, 1).reshape(-1, 9)
    excused = neighbourhoods(low, rows, columns, 1).reshape(-1, 9) > 0
    excused[:, _CENTRE] = True
    with np.errstate(invalid="ignore", over="ignore"):
        above = pixels - pixels[:, _CENTRE, None] > _MARGIN * limit[:, None]
    above |= np.isnan(pixels)
    above[:, _CENTRE] = True
    all_but_one = np.count_nonzero(above, axis=1) >= above.shape[1] - 1
    return np.asarray(all_but_one | (above | excused).all(axis=1))
