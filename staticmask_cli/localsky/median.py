"""A 5 x 5 median filter, and a fast search for the pixels far below that median.

The filter is a network that sorts each column of five pixels, then the equal ranks of the five
columns.  Only 13 of the 25 pixels can then be the median, and few comparisons select it.

The search avoids the median of most pixels.  Of 25 pixels 13 are not below their median, so any 13
of them include one that is not.  A pixel far below the median therefore lies at least as far below
the largest of the 4 x 4 pixels in each corner of its window, which is true for few pixels and is
fast to compute.  Where it is true for many, as among stars, the pixels of their windows that are
so much higher are counted.
"""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.network import Network
from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["REACH", "far_below_median", "fill_missing", "median_filter"]

REACH = 2
"""The number of pixels that a window extends to each side."""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]

_SIDE = 2 * REACH + 1
_HALF = _SIDE * _SIDE // 2
_SOME = 1 << 10  # candidates, for more of which counting the higher pixels is worth while
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
    with np.errstate(invalid="ignore", over="ignore"):
        found = _below_all_corners(flat, width, limit)
        if np.count_nonzero(found) > _MANY * tile.size:
            pixels = (flat[offset:][: found.size] for offset in _offsets(width))
            found = _below_more_than_half(list(pixels), limit)
            corner = np.flatnonzero(found)
        else:
            corner = np.flatnonzero(found)
            if corner.size > _SOME:
                pixels = (flat[offset:].take(corner) for offset in _offsets(width))
                corner = corner[_below_more_than_half(list(pixels), limit)]
        rows, columns = np.divmod(corner, width)
        inside = columns < width - 2 * REACH  # other windows continue in the next row
        corner, rows, columns = corner[inside], rows[inside], columns[inside]
        if corner.size > _MANY * tile.size:
            medians = median_filter(tile)[rows, columns]
        else:
            around = flat[corner[:, None] + _offsets(width)]
            around.partition(_HALF, axis=1)
            medians = around[:, _HALF]
        depth = medians - flat[corner + REACH * (width + 1)]
        far = (depth > limit) & np.isfinite(depth)
    return rows[far], columns[far], medians[far]


def _offsets(width: int) -> list[int]:
    """Return the distances in memory from the first pixel of a window to each of its pixels."""
    return [row * width + column for row, column in _WINDOW]


def _below_all_corners(flat: Floats, width: int, limit: np.float32) -> npt.NDArray[np.bool_]:
    """Find the pixels more than `limit` below the largest pixel of each corner of their window.

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
    values = flat
    buffers = [SCRATCH.get(name, flat.size, np.float32) for name in ("corners", "other corners")]
    # Largest pixels of 2, 4, 4 x 2 and 4 x 4, and the smallest ones of 2 and 2 x 2 of these.
    steps = ((np.maximum, 1), (np.maximum, 2), (np.maximum, width), (np.maximum, 2 * width),
             (np.minimum, 1), (np.minimum, width))
    for number, (operation, shift) in enumerate(steps):
        out = buffers[number % 2][: values.size - shift]
        values = operation(values[:-shift], values[shift:], out=out)
    np.subtract(values, flat[REACH * (width + 1) :][: values.size], out=values)
    return np.greater(values, limit, out=SCRATCH.get("bytes", values.size, np.bool_))


def _below_more_than_half(pixels: Sequence[Floats], limit: np.float32) -> npt.NDArray[np.bool_]:
    """Find the pixels that lie more than `limit` below more than half of their window, or nearly.

    Parameters
    ----------
    pixels : sequence of numpy.ndarray of float32, shape (n,)
        The first pixels of all windows, the second ones, and so on.
    limit : numpy.float32
        The distance.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
        True = below, in a scratch buffer.
    """
    middle = pixels[_HALF]
    # Rounding is monotonic: a pixel of the window is not below this sum if it lies so much higher.
    least = np.add(middle, limit, out=SCRATCH.get("corners", middle.size, np.float32))
    higher, count = (SCRATCH.get(name, middle.size, np.bool_) for name in ("bytes", "count"))
    numbers = count.view(np.uint8)
    numbers[:] = 0
    for values in pixels:
        np.greater_equal(values, least, out=higher)
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
        y, x = np.nonzero(missing)
        rows[y, x] = np.where((y + x) % 2, np.inf, -np.inf)
