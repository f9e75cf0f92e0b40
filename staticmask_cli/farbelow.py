"""Pixels far below the median of the 5 x 5 around them: found without that median of all others.

Of 25 pixels 13 are not below their median.  So any 15 of them hold one that is not, and a pixel
that lies far below the median lies as far below the largest of these 15.  Few pixels do.
"""

import numpy as np
import numpy.typing as npt

from staticmask_cli.medianfilter import REACH, median_filter
from staticmask_cli.stats.blocks import WORKSPACE

__all__ = ["far_below_median"]

Floats = npt.NDArray[np.float32]
Places = npt.NDArray[np.intp]

_SIDE = 2 * REACH + 1
_MANY = 1 / 16  # of the pixels; for more, the median of all takes less time


def far_below_median(tile: Floats, limit: np.float32) -> tuple[Places, Places, Floats]:
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


def _candidates(tile: Floats, limit: np.float32) -> tuple[Places, Places]:
    """Pixels more than `limit` below the largest of 15 in each of four parts of the window.

    A star or a cosmic ray beside a pixel is in three of the parts at most, so that it takes two
    of them to hide from this that the pixel is like others.
    """
    flat, width = tile.reshape(-1), tile.shape[1]
    least = _least_of_sides(flat, width, 1, "upright")
    across = _least_of_sides(flat, 1, width, "flat")
    np.minimum(least, across, out=least)
    found = WORKSPACE.take("bytes", least.size, np.bool_)
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
    buffers = [WORKSPACE.take(key, flat.size, np.float32) for key in (name, "twos", "fives")]

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
