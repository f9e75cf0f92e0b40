"""Tiles of a chip with mirrored margins, the squares around pixels, and their statistics."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, fill_missing
from staticmask_cli.stats.blocks import SCRATCH

__all__ = [
    "TILE", "lines_through", "median_and_scatter", "mirrored", "neighbourhoods",
    "quantile_of_rows", "sample_positions", "scatter_of_rows", "tile_of", "tiles",
]

Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

TILE = (64, 2048)
"""Rows and columns of a tile, whose temporaries stay in the cache.

Signs are counted in parts of columns that are as long as a tile.
"""

_GOLDEN = 0.6180339887  # of a chip between two pixels of a sample, which distributes them evenly
_LOW, _MIDDLE = 0.1587, 0.5  # quantiles of a Gaussian distribution, one sigma apart
_TO_SIGMA = 1.4826  # sigma of a Gaussian distribution in units of its median absolute deviation


def tiles(
    data: npt.NDArray[Any], shape: tuple[int, int] = TILE
) -> Iterator[tuple[int, int, Floats]]:
    """Yield the tiles of a chip, row by row, each with the numbers of its first row and column.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    shape : tuple of int
        The shape of a tile without its margins; those at the ends of the chip can be smaller.

    Yields
    ------
    row, column : int
        The first pixel.
    tile : numpy.ndarray of float32
        The pixels with margins of `REACH` pixels, as `tile_of` returns them.
    """
    for row in range(0, data.shape[0], shape[0]):
        for column in range(0, data.shape[1], shape[1]):
            rows = slice(row, min(row + shape[0], data.shape[0]))
            columns = slice(column, min(column + shape[1], data.shape[1]))
            yield row, column, tile_of(data, rows, columns, REACH)


def tile_of(data: npt.NDArray[Any], rows: slice, columns: slice, reach: int) -> Floats:
    """Return a part of a chip with margins, which are mirrored at the edges of the chip.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    rows, columns : slice
        The part, with both ends inside the chip.
    reach : int
        The number of pixels of each margin.

    Returns
    -------
    numpy.ndarray of float32, shape (rows + 2 * reach, columns + 2 * reach)
        The pixels in contiguous memory, a scratch buffer, valid until the next tile is read.  Those
        that are not finite are replaced as in `fill_missing`.
    """
    y, x = (mirrored(part.start - reach, part.stop + reach, length)
            for part, length in zip((rows, columns), data.shape, strict=True))
    tile = SCRATCH.get("tile", y.size * x.size, np.float32).reshape(y.size, x.size)
    margins = (*range(reach), *range(-reach, 0))
    with np.errstate(over="ignore"):
        np.copyto(tile[reach:-reach, reach:-reach], data[rows, columns], casting="unsafe")
        for line in margins:
            np.copyto(tile[line, reach:-reach], data[y[line], columns], casting="unsafe")
        for line in margins:
            np.copyto(tile[:, line], data[y, x[line]], casting="unsafe")
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
    (ny, nx), side = data.shape, 2 * reach + 1
    top, left = rows - reach, columns - reach
    at_edge = (top < 0) | (left < 0) | (top > ny - side) | (left > nx - side)
    with np.errstate(over="ignore"):
        if at_edge.all():  # as on a chip smaller than a square
            squares = np.empty((rows.size, side, side), np.float32)
        else:
            all_squares = np.lib.stride_tricks.sliding_window_view(data, (side, side))
            squares = all_squares[np.clip(top, 0, ny - side), np.clip(left, 0, nx - side)].astype(
                np.float32, copy=False)
        if at_edge.any():
            y, x = (mirrored(-reach, length + reach, length)[index[at_edge, None] + np.arange(side)]
                    for index, length in ((rows, ny), (columns, nx)))
            squares[at_edge] = data[y[:, :, None], x[:, None, :]]
    return squares


def lines_through(
    data: npt.NDArray[Any], rows: Indices, columns: Indices, reach: int, axis: int
) -> npt.NDArray[Any]:
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
    numpy.ndarray of float32, or of bool if that is given, shape (n, 2 * reach + 1)
        The lines.
    """
    size = data.shape[axis]
    index = mirrored(-reach, size + reach, size)
    along = index[(rows, columns)[axis][:, None] + np.arange(2 * reach + 1)]
    places = (rows[:, None], along) if axis else (along, columns[:, None])
    pixels = _pixels(data, *places)
    with np.errstate(over="ignore"):
        return pixels if pixels.dtype == np.bool_ else pixels.astype(np.float32, copy=False)


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
    if values.dtype.kind == "f" and finite.all() and values.shape[1] >= fewest:
        return np.sort(values, axis=1)[:, int(part * (values.shape[1] - 1))]
    count = np.count_nonzero(finite, axis=1)
    ordered = np.sort(np.where(finite, values, np.inf), axis=1)
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
