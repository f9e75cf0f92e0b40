"""Statistics of bad pixels: worst rows and columns, cluster sizes, outliers, and differences.

All functions take arrays and return numbers.  Rows and columns are counted from 1, as in FITS.
"""

from dataclasses import dataclass
from itertools import islice

import numpy as np
import numpy.typing as npt

from staticmask_cli.masks.clusters import Clusters, clusters_of

__all__ = [
    "Cluster", "Comparison", "Line", "Shape", "SizeClass", "compare", "shape_of_bad",
    "worst_lines",
]

BoolArray = npt.NDArray[np.bool_]

_MOST_LINES = 5
_MOST_CLUSTERS = 5


@dataclass(frozen=True)
class Line:
    """A row or column of a mask.

    Attributes
    ----------
    number : int
        The number of the row or column, counted from 1.
    bad : int
        The number of its bad pixels.
    fraction : float
        The fraction of its pixels that are bad.
    """

    number: int
    bad: int
    fraction: float


@dataclass(frozen=True)
class SizeClass:
    """Clusters of similar size.

    Attributes
    ----------
    smallest, largest : int
        The range of the sizes in pixels, including both ends.
    clusters : int
        The number of clusters.
    pixels : int
        The number of bad pixels in all of them.
    """

    smallest: int
    largest: int
    clusters: int
    pixels: int


@dataclass(frozen=True)
class Cluster:
    """A group of bad pixels that touch each other, also at a corner.

    Attributes
    ----------
    pixels : int
        The number of pixels.
    columns, rows : tuple of int
        The first and the last column and row, counted from 1.
    """

    pixels: int
    columns: tuple[int, int]
    rows: tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """The distribution of the bad pixels of a mask.

    Attributes
    ----------
    worst_rows, worst_columns : tuple of Line
        The rows and columns with most bad pixels, the worst first; only those with any.
    sizes : tuple of SizeClass
        The classes of all clusters, of 1, 2, 3 to 4, 5 to 8, 9 to 16 ... pixels.
    largest : tuple of Cluster
        The largest clusters, the largest first.
    """

    worst_rows: tuple[Line, ...]
    worst_columns: tuple[Line, ...]
    sizes: tuple[SizeClass, ...]
    largest: tuple[Cluster, ...]


@dataclass(frozen=True)
class Comparison:
    """The differences between two masks.

    Attributes
    ----------
    both : int
        The number of pixels that are bad in both masks.
    added : int
        The number of pixels that are bad only in the second mask.
    removed : int
        The number of pixels that are bad only in the first mask.
    agreement : float
        The number of pixels that are bad in both, divided by the number of those that are bad
        in either, from 0 to 1; it is 1 if neither mask has a bad pixel.
    """

    both: int
    added: int
    removed: int
    agreement: float


def shape_of_bad(bad: BoolArray) -> Shape:
    """Describe the distribution of bad pixels.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        The mask; True = bad.  It is not modified.
    """
    clusters = clusters_of(bad)
    return Shape(
        worst_lines(bad, axis=0), worst_lines(bad, axis=1),
        _size_classes(clusters), _largest(clusters),
    )


def worst_lines(bad: BoolArray, axis: int, most: int = _MOST_LINES) -> tuple[Line, ...]:
    """Find the rows or columns with most bad pixels.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        The mask; True = bad.  It is not modified.
    axis : int
        Whether rows (0) or columns (1) are searched.
    most : int
        The largest number of lines to return; lines without a bad pixel are not returned.
    """
    counts = np.count_nonzero(bad, axis=1 - axis)
    worst = np.argsort(-counts, kind="stable")[:most]
    length = bad.shape[1 - axis]
    return tuple(
        Line(int(number) + 1, int(counts[number]), float(counts[number] / length))
        for number in worst
        if counts[number]
    )


def compare(first: BoolArray, second: BoolArray) -> Comparison:
    """Compare two masks of the same shape.

    Parameters
    ----------
    first, second : numpy.ndarray of bool, shape (ny, nx)
        The masks; True = bad.  They are not modified.
    """
    both = int(np.count_nonzero(first & second))
    added = int(np.count_nonzero(second)) - both
    removed = int(np.count_nonzero(first)) - both
    either = both + added + removed
    return Comparison(both, added, removed, both / either if either else 1.0)


def _size_classes(clusters: Clusters) -> tuple[SizeClass, ...]:
    classes = np.ceil(np.log2(clusters.pixels)).astype(np.int64)
    return tuple(
        SizeClass(
            int(2**number // 2 + 1), int(2**number),
            int(np.count_nonzero(classes == number)),
            int(clusters.pixels[classes == number].sum()),
        )
        for number in np.unique(classes)
    )


def _largest(clusters: Clusters) -> tuple[Cluster, ...]:
    found = zip(clusters.pixels, clusters.columns + 1, clusters.rows + 1, strict=True)
    return tuple(
        Cluster(int(pixels), (int(columns[0]), int(columns[1])), (int(rows[0]), int(rows[1])))
        for pixels, columns, rows in islice(found, _MOST_CLUSTERS)
    )
