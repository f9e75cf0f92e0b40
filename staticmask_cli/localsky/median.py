"""A 5 x 5 median filter, and a fast search for the pixels far below that median.

The filter is a network that sorts each column of five pixels, then the equal ranks of the five
columns.  Only 13 of the 25 pixels can then be the median, and few comparisons select it.

The search avoids the median of most pixels.  Of 25 pixels 13 are not below their median, so any 13
of them include one that is not.  A pixel far below the median therefore lies at least as far below
the largest of the 13 pixels in each half of its window, which is true for few pixels and is fast to
compute: one half are the two rows above and the pixels on the left up to the pixel itself, the
other one is its mirror image.  Where it is true, the pixels of the window that are so much higher
are counted.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.network import Network
from staticmask_cli.stats.blocks import SCRATCH
from staticmask_cli.stats.pixelset import positions_of

__all__ = ["REACH", "far_below_median", "fill_missing", "median_filter"]

REACH = 2
"""The number of pixels that a window extends to each side."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_SIDE = 2 * REACH + 1
_HALF = _SIDE * _SIDE // 2
_MANY = 1 / 8  # of the pixels; for more candidates, all of the tile takes less time
# The shortest network that sorts five values.  The first two comparators are the same, but for a
# shift, so that both together cost as much as one.
_SORT = ((0, 1), (3, 4), (2, 4), (2, 3), (1, 4), (0, 3), (0, 2), (1, 3), (1, 2))
# This one sorts four and inserts the fifth, which is shorter where only three are needed at an end.
_INSERT = ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2), (3, 4), (2, 3), (1, 2), (0, 1))
# Pixels that can be the median of 25 whose ranks are sorted along both axes, as 5 * rank + column,
# and comparators that move it to the seventh of these positions.  They were found by a search; the
# tests prove them by the 0-1 principle.
_LEFT = (3, 4, 7, 8, 9, 11, 12, 13, 15, 16, 17, 20, 21)
_SELECT = ((3, 1), (9, 11), (10, 7), (9, 3), (1, 11), (1, 2), (8, 0), (12, 4), (12, 6), (5, 2),
           (3, 10), (2, 3), (0, 12), (12, 3), (6, 12), (2, 6))
_MEDIAN = _LEFT[6]


def _comparators() -> Iterable[tuple[int, int]]:
    """Yield the comparators that sort columns, then equal ranks across them, then select."""
    for column in range(_SIDE):
        yield from ((_SIDE * low + column, _SIDE * high + column) for low, high in _SORT)
    upper = [[(_SIDE - 1 - high, _SIDE - 1 - low) for low, high in network]  # the mirror image
             for network in (_INSERT, _SORT)]
    for rank, network in enumerate((_SORT, _INSERT, _SORT, *upper)):
        yield from ((_SIDE * rank + low, _SIDE * rank + high) for low, high in network)
    yield from ((_LEFT[low], _LEFT[high]) for low, high in _SELECT)


_WINDOW = [(row, column) for row in range(_SIDE) for column in range(_SIDE)]
_FILTER = Network("median", _WINDOW, _comparators(), [_MEDIAN])


def median_filter(tile: Floats) -> Floats:
    """Return the median of the 5 x 5 pixels around each pixel of a tile without its margins.

    Parameters
    ----------
    tile : numpy.ndarray of float32, shape (ny + 4, nx + 4)
        Pixels with margins, in contiguous memory and without NaN; infinities are larger or smaller
        than all others.  Not modified.

    Returns
    -------
    numpy.ndarray of float32, shape (ny, nx)
        The medians in a scratch buffer, valid until the thread calls the filter again.
    """
    (median,) = _FILTER.run(tile)
    return median


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
    flat, width = tile.reshape(-1), tile.shape[1]
    offsets = np.array([row * width + column for row, column in _WINDOW])
    with np.errstate(invalid="ignore", over="ignore"):
        found = _below_both_halves(flat, width, limit)
        if np.count_nonzero(found) > _MANY * tile.size:
            found = _below_more_than_half(flat, offsets, found.size, limit)
        corner = np.flatnonzero(found)
        corner = corner[corner % width < width - 2 * REACH]  # others continue in the next row
        if corner.size > _MANY * tile.size:
            medians = median_filter(tile)[np.divmod(corner, width)]
        else:
            around = flat.take(offsets[:, None] + corner)
            higher = around >= around[_HALF] + limit
            likely = np.add.reduce(higher, axis=0, dtype=np.uint8) > _HALF
            corner, around = corner[likely], around.T[likely]
            around.partition(_HALF, axis=1)
            medians = around[:, _HALF]
        depth = medians - flat[corner + offsets[_HALF]]
        far = (depth > limit) & np.isfinite(depth)
    rows, columns = np.divmod(corner[far], width)
    return rows, columns, medians[far]


def _below_both_halves(flat: Floats, width: int, limit: np.float32) -> npt.NDArray[np.bool_]:
    """Find the pixels more than `limit` below the largest pixel of each half of their window.

    Parameters
    ----------
    flat : numpy.ndarray of float32, shape (n,)
        Rows of pixels, one after the other.
    width : int
        The number of pixels of a row.
    limit : numpy.float32
        The distance.

    Returns
    -------
    numpy.ndarray of bool, shape (n - 4 * width - 4,)
        True = below, at the index of the first pixel of the window, in a scratch buffer.
    """
    size = flat.size - 2 * REACH * (width + 1)
    three, rows, upper = (
        SCRATCH.get(f"half {number}", flat.size, np.float32) for number in range(3))
    np.maximum(flat[:-1], flat[1:], out=rows[:-1])
    np.maximum(rows[:-2], flat[2:], out=three[:-2])
    np.maximum(three[:-4], three[2:-2], out=upper[:-4])
    np.maximum(upper[: -4 - width], upper[width:-4], out=rows[: -4 - width])
    np.maximum(rows[:size], three[REACH * width :][:size], out=upper[:size])
    lower = rows[3 * width :][:size]
    np.maximum(lower, three[REACH * (width + 1) :][:size], out=lower)
    np.minimum(upper[:size], lower, out=lower)
    np.subtract(lower, flat[REACH * (width + 1) :][:size], out=lower)
    return np.greater(lower, limit, out=SCRATCH.get("bytes", size, np.bool_))


def _below_more_than_half(
    flat: Floats, offsets: Indices, size: int, limit: np.float32
) -> npt.NDArray[np.bool_]:
    """Find the pixels that lie more than `limit` below more than half of their window, or nearly.

    Parameters
    ----------
    flat : numpy.ndarray of float32, shape (n,)
        Rows of pixels, one after the other.
    offsets : numpy.ndarray of intp, shape (25,)
        The distances from the first pixel of a window to each of its pixels.
    size : int
        The number of windows.
    limit : numpy.float32
        The distance.

    Returns
    -------
    numpy.ndarray of bool, shape (size,)
        True = below, at the index of the first pixel of the window, in a scratch buffer.
    """
    middle = flat[offsets[_HALF] :][:size]
    # Rounding is monotonic: a pixel of the window is not below this sum if it lies so much higher.
    least = np.add(middle, limit, out=SCRATCH.get("half 0", size, np.float32))
    higher, count = (SCRATCH.get(name, size, np.bool_) for name in ("bytes", "count"))
    numbers = count.view(np.uint8)
    numbers[:] = 0
    for offset in offsets:
        np.greater_equal(flat[offset:][:size], least, out=higher)
        np.add(numbers, higher.view(np.uint8), out=numbers)
    return np.greater(numbers, _HALF, out=higher)


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
        y, x = positions_of(missing)
        rows[y, x] = np.where((y + x) % 2, np.inf, -np.inf)
