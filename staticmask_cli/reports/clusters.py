"""Clusters of bad pixels: connected components, without visiting the good pixels one by one.

Bad pixels are sparse, so the work is done on runs, the stretches of bad pixels
within a row: those of neighbouring rows that touch are joined, until every run
knows the first one of its cluster.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Clusters", "clusters_of"]

Integers = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Clusters:
    """Bad pixels that touch each other, also at a corner: the largest cluster first.

    Attributes
    ----------
    pixels : numpy.ndarray of int64, shape (n,)
        Pixels of each cluster.
    rows, columns : numpy.ndarray of int64, shape (n, 2)
        First and last row and column of each, counted from 0.
    """

    pixels: Integers
    rows: Integers
    columns: Integers


def clusters_of(bad: npt.NDArray[np.bool_]) -> Clusters:
    """Find the clusters of bad pixels, where a pixel has eight neighbours.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad; not modified.

    Returns
    -------
    Clusters
        By falling size, then by their first row and column.
    """
    row, start, end = _runs_of(bad)
    first = _first_of_each(len(row), *_touching(row, start, end, bad.shape[1]))
    heads, cluster = np.unique(first, return_inverse=True)
    count = len(heads)
    pixels = np.zeros(count, np.int64)
    np.add.at(pixels, cluster, end - start)
    limits = [
        _by_cluster(function, cluster, count, values)
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
    """Row, first column and column behind the last of each run, in the order of the pixels."""
    ny, nx = bad.shape
    padded = np.zeros((ny, nx + 2), np.bool_)
    padded[:, 1:-1] = bad
    row, column = np.nonzero(padded[:, 1:] != padded[:, :-1])
    return row[::2], column[::2], column[1::2]


def _touching(
    row: Integers, start: Integers, end: Integers, nx: int
) -> tuple[Integers, Integers]:
    """Pairs of runs that touch: each run, and those of the next row beside it or at a corner."""
    width = nx + 2  # a number for each place, so that rows follow each other without a gap
    first = np.searchsorted(row * width + end, (row + 1) * width + start, side="left")
    behind = np.searchsorted(row * width + start, (row + 1) * width + end, side="right")
    counts = np.maximum(behind - first, 0)
    upper = np.repeat(np.arange(len(row)), counts)
    before = np.repeat(np.cumsum(counts) - counts, counts)
    lower = np.repeat(first, counts) + np.arange(len(upper)) - before
    return upper, lower


def _first_of_each(count: int, one: Integers, other: Integers) -> Integers:
    """Smallest number that each of `count` things is connected with, itself included."""
    first = np.arange(count)
    while True:
        low = np.minimum(first[one], first[other])
        high = np.maximum(first[one], first[other])
        apart = low != high
        if not apart.any():
            return first
        np.minimum.at(first, high[apart], low[apart])
        while not np.array_equal(first, first[first]):
            first = first[first]


def _by_cluster(function: Any, cluster: Integers, count: int, values: Integers) -> Integers:  # noqa: ANN401 - a ufunc
    """Smallest or largest of the values in each cluster."""
    worst = np.iinfo(np.int64).max if function is np.minimum else np.iinfo(np.int64).min
    result = np.full(count, worst)
    function.at(result, cluster, values)
    return result
