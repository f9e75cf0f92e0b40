"""Connected components of bad pixels, the clusters of a mask.

Bad pixels are sparse.  The search therefore works on runs, which are contiguous bad pixels
within a row: runs that touch in neighbouring rows are joined, until each run is labelled with
the first run of its cluster.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.pixelset import positions_of

__all__ = ["Clusters", "clusters_of"]

Integers = npt.NDArray[np.int64]


class Clusters(NamedTuple):
    """All clusters of a mask, the largest first.

    Attributes
    ----------
    pixels : numpy.ndarray of int64, shape (n,)
        The number of pixels of each cluster.
    rows, columns : numpy.ndarray of int64, shape (n, 2)
        The first and the last row and column of each cluster, counted from 0.
    """

    pixels: Integers
    rows: Integers
    columns: Integers


def clusters_of(bad: npt.NDArray[np.bool_]) -> Clusters:
    """Find the clusters of bad pixels; each pixel has eight neighbours.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        The mask; True = bad.  It is not modified.

    Returns
    -------
    Clusters
        The clusters in the order of decreasing size, then of their first row and column.
    """
    row, start, end = _runs_of(bad)
    first_run = _first_connected(len(row), *_touching_runs(row, start, end, bad.shape[1]))
    first_runs, cluster = np.unique(first_run, return_inverse=True)
    count = len(first_runs)
    pixels = np.zeros(count, np.int64)
    np.add.at(pixels, cluster, end - start)
    limits = [
        _extreme_of_each(function, cluster, count, values)
        for function, values in (
            (np.minimum, row), (np.maximum, row), (np.minimum, start), (np.maximum, end - 1),
        )
    ]
    order = np.lexsort((limits[2], limits[0], -pixels))
    top, bottom, left, right = (limit[order] for limit in limits)
    return Clusters(
        pixels[order], np.column_stack((top, bottom)), np.column_stack((left, right))
    )


def _runs_of(bad: npt.NDArray[np.bool_]) -> tuple[Integers, Integers, Integers]:
    """Return the row, the first column, and the last column plus one of each run, in order."""
    ny, nx = bad.shape
    padded = np.zeros((ny, nx + 2), np.bool_)
    padded[:, 1:-1] = bad
    row, column = positions_of(padded[:, 1:] != padded[:, :-1])
    return row[::2], column[::2], column[1::2]


def _touching_runs(
    row: Integers, start: Integers, end: Integers, nx: int
) -> tuple[Integers, Integers]:
    """Return the pairs of a run and a run of the next row that touch, also at a corner."""
    # Runs are ordered by row * width + column; the margin of 2 keeps the rows apart.
    width = nx + 2
    first = np.searchsorted(row * width + end, (row + 1) * width + start, side="left")
    stop = np.searchsorted(row * width + start, (row + 1) * width + end, side="right")
    counts = np.maximum(stop - first, 0)
    upper = np.repeat(np.arange(len(row)), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    lower = np.repeat(first, counts) + np.arange(len(upper)) - before
    return upper, lower


def _first_connected(count: int, one: Integers, other: Integers) -> Integers:
    """Return, for each of `count` runs, the first run that it is connected with, or itself."""
    first = np.arange(count)
    while True:
        low = np.minimum(first[one], first[other])
        high = np.maximum(first[one], first[other])
        differ = low != high
        if not differ.any():
            return first
        np.minimum.at(first, high[differ], low[differ])
        while not np.array_equal(first, first[first]):
            first = first[first]


def _extreme_of_each(function: Any, cluster: Integers, count: int, values: Integers) -> Integers:  # noqa: ANN401 - a ufunc
    """Return the smallest or largest of the values in each cluster."""
    start = np.iinfo(np.int64).max if function is np.minimum else np.iinfo(np.int64).min
    result = np.full(count, start)
    function.at(result, cluster, values)
    return result
