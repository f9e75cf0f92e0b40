"""Row blocks of a chip with mirrored margins, the squares around pixels, and their statistics."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, fill_missing
from staticmask_cli.stats.blocks import SCRATCH

__all__ = [
    "RowBlocks", "lines_through", "median_and_scatter", "mirrored", "neighbourhoods",
    "quantile_of_rows", "rows_with_margins", "sample_positions", "scatter_of_rows",
]

Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

_GOLDEN = 0.6180339887  # of a chip between two pixels of a sample, which distributes them evenly
_LOW, _MIDDLE = 0.1587, 0.5  # quantiles of a Gaussian distribution, one sigma apart
_TO_SIGMA = 1.4826  # sigma of a Gaussian distribution in units of its median absolute deviation


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
        return rows_with_margins(
            self._data, start, min(start + self.rows, self._data.shape[0]), REACH)


def rows_with_margins(data: npt.NDArray[Any], start: int, end: int, reach: int) -> Floats:
    """Return some rows of a chip with margins, which are mirrored at the edges of the chip.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    start, end : int
        The first row, and one past the last.
    reach : int
        The number of pixels of each margin.

    Returns
    -------
    numpy.ndarray of float32, shape (end - start + 2 * reach, nx + 2 * reach)
        The pixels in contiguous memory, a scratch buffer.  Those that are not finite are replaced
        as in `fill_missing`.
    """
    ny, nx = data.shape
    height, width = end - start + 2 * reach, nx + 2 * reach
    tile = SCRATCH.get("tile", height * width, np.float32).reshape(height, width)
    inside = tile[:, reach:-reach]
    rows = mirrored(start - reach, end + reach, ny)
    with np.errstate(over="ignore"):
        np.copyto(inside[reach:-reach], data[start:end], casting="unsafe")
        for row in (*range(reach), *range(-reach, 0)):
            np.copyto(inside[row], data[rows[row]], casting="unsafe")
    tile[:, :reach] = inside[:, mirrored(-reach, 0, nx)]
    tile[:, -reach:] = inside[:, mirrored(nx, nx + reach, nx)]
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


def sample_positions(shape: tuple[int, int], count: int) -> tuple[Indices, Indices]:
    """Return the rows and columns of pixels that are evenly distributed over a chip.

    Parameters
    ----------
    shape : tuple of int
        The shape ``(ny, nx)`` of the chip.
    count : int
        The number of pixels; all pixels of a chip that has no more.
    """
    size = shape[0] * shape[1]
    stride = int(_GOLDEN * size) | 1
    indices = np.sort(np.arange(min(count, size)) * stride % size)
    return np.divmod(indices, shape[1])


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
    across = x[columns[:, None] + offset]
    windows = np.empty((rows.size, offset.size, offset.size), np.float32)
    with np.errstate(over="ignore"):
        for line in offset:
            windows[:, line] = _pixels(data, y[rows + line][:, None], across)
    return windows


def lines_through(
    data: npt.NDArray[Any], rows: Indices, columns: Indices, reach: int, axis: int
) -> Floats:
    """Return the line of pixels through each of some pixels, mirrored at the edges of the chip.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype, or booleans; not modified.
    rows, columns : numpy.ndarray of integer, shape (n,)
        The positions of the central pixels.
    reach : int
        The number of pixels that a line extends to each side of its centre.
    axis : int
        0 for lines along a column, 1 for lines along a row.

    Returns
    -------
    numpy.ndarray of float32, shape (n, 2 * reach + 1)
        The lines.
    """
    size = data.shape[axis]
    index = mirrored(-reach, size + reach, size)
    along = index[(rows, columns)[axis][:, None] + np.arange(2 * reach + 1)]
    places = (rows[:, None], along) if axis else (along, columns[:, None])
    with np.errstate(over="ignore"):
        return _pixels(data, *places).astype(np.float32, copy=False)


def _pixels(data: npt.NDArray[Any], rows: Indices, columns: Indices) -> npt.NDArray[Any]:
    """Return ``data[rows, columns]``, where possible in a third of the time, from one index."""
    return np.asarray(data.reshape(-1).take(rows * data.shape[1] + columns)
                      if data.flags.c_contiguous else data[rows, columns])


def quantile_of_rows(values: npt.NDArray[Any], part: float, fewest: int = 1) -> npt.NDArray[Any]:
    """Return a quantile of the finite values of each row; NaN where there are too few of them.

    ``numpy.nanquantile`` does the same in a loop over the rows, which takes many times as long.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (n, m)
        The values; not modified.
    part : float
        The part of the finite values of a row that are not above its quantile; the value of the
        rank below is taken, without interpolation.
    fewest : int
        The smallest number of finite values of a row that has a quantile.

    Returns
    -------
    numpy.ndarray of float, shape (n,)
        The quantiles, in the dtype of `values`.
    """
    finite = np.isfinite(values)
    count = np.count_nonzero(finite, axis=1)
    is_complete = values.dtype.kind == "f" and finite.all()
    ordered = np.array(values if is_complete else np.where(finite, values, np.inf), order="C")
    ordered.sort(axis=1)  # far faster where the values of a row lie side by side
    rank = (part * np.maximum(count - 1, 0)).astype(np.intp)
    found = np.take_along_axis(ordered, rank[:, None], axis=1)[:, 0]
    found[count < fewest] = np.nan
    return found


def scatter_of_rows(distances: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sigma of the distances in each row, by their median; NaN in a row without any.

    Parameters
    ----------
    distances : numpy.ndarray of float, shape (n, m)
        Absolute distances; those that are not finite do not count.
    """
    return _TO_SIGMA * quantile_of_rows(distances, 0.5)


def median_and_scatter(values: npt.NDArray[Any]) -> tuple[float, float]:
    """Return the median of values, at least one, and how far they scatter below it, in one sigma.

    The scatter of the low side is that of noise, whatever stars and cosmic rays do to the other.
    """
    low, middle = np.quantile(values, [_LOW, _MIDDLE])
    return float(middle), float(middle - low)
