"""The numbers of a mask: arrays in, numbers out.

Rows and columns are counted from 1, as FITS and its viewers do.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from staticmask_cli.reports.clusters import Clusters, clusters_of

__all__ = [
    "Cluster", "Comparison", "Line", "Shape", "SizeClass", "compare", "deviations", "shape_of_bad",
    "worst_lines",
]

Bits = npt.NDArray[np.bool_]

_MOST_LINES = 5
_MOST_CLUSTERS = 5
_FEWEST_MEMBERS = 4  # fewer do not tell which of them stands apart
_FAR = 5.0  # standard deviations, for many members


@dataclass(frozen=True)
class Line:
    """A row or column of a mask.

    Attributes
    ----------
    number : int
        Counted from 1.
    bad : int
        Its bad pixels.
    fraction : float
        Bad pixels among its pixels.
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
        Pixels of the clusters that belong here, both ends included.
    clusters : int
        How many there are.
    pixels : int
        Bad pixels in all of them.
    """

    smallest: int
    largest: int
    clusters: int
    pixels: int


@dataclass(frozen=True)
class Cluster:
    """Bad pixels that touch each other, also at a corner.

    Attributes
    ----------
    pixels : int
        How many there are.
    columns, rows : tuple of int
        First and last, counted from 1.
    """

    pixels: int
    columns: tuple[int, int]
    rows: tuple[int, int]


@dataclass(frozen=True)
class Shape:
    """How the bad pixels of a mask lie.

    Attributes
    ----------
    worst_rows, worst_columns : tuple of Line
        Those with most bad pixels, the worst first; none without a bad pixel.
    sizes : tuple of SizeClass
        All clusters, in classes of 1, 2, 3 to 4, 5 to 8, 9 to 16 ... pixels.
    largest : tuple of Cluster
        The largest clusters, the largest first.
    """

    worst_rows: tuple[Line, ...]
    worst_columns: tuple[Line, ...]
    sizes: tuple[SizeClass, ...]
    largest: tuple[Cluster, ...]


@dataclass(frozen=True)
class Comparison:
    """What tells a mask from an earlier one.

    Attributes
    ----------
    both : int
        Pixels that are bad in both.
    added : int
        Pixels that are bad in the second alone.
    removed : int
        Pixels that are bad in the first alone.
    agreement : float
        Pixels bad in both among those bad in either, 0 to 1; 1 where there is no bad pixel.
    """

    both: int
    added: int
    removed: int
    agreement: float


def shape_of_bad(bad: Bits) -> Shape:
    """Describe how bad pixels lie.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad; not modified.
    """
    clusters = clusters_of(bad)
    return Shape(
        worst_lines(bad, axis=0), worst_lines(bad, axis=1),
        _size_classes(clusters), _largest(clusters),
    )


def worst_lines(bad: Bits, axis: int, most: int = _MOST_LINES) -> tuple[Line, ...]:
    """Find the lines along `axis` with most bad pixels: rows for 0, columns for 1.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad; not modified.
    axis : int
        What is counted: 0 the rows, 1 the columns.
    most : int
        Lines to return at most; a line without a bad pixel is none of them.
    """
    counts = np.count_nonzero(bad, axis=1 - axis)
    worst = np.argsort(-counts, kind="stable")[:most]
    length = bad.shape[1 - axis]
    return tuple(
        Line(int(number) + 1, int(counts[number]), float(counts[number] / length))
        for number in worst
        if counts[number]
    )


def compare(first: Bits, second: Bits) -> Comparison:
    """Compare two masks of one shape.

    Parameters
    ----------
    first, second : numpy.ndarray of bool, shape (ny, nx)
        True = bad; not modified.
    """
    both = int(np.count_nonzero(first & second))
    added = int(np.count_nonzero(second)) - both
    removed = int(np.count_nonzero(first)) - both
    either = both + added + removed
    return Comparison(both, added, removed, both / either if either else 1.0)


def deviations(values: Sequence[float], least: float = 0.0) -> list[float]:
    """How far each value stands apart from the others; 0 for those that do not.

    The unit is a standard deviation, taken from the median absolute deviation,
    hence blind to a few values however wild.  Those beyond ``5 + 20 / n`` count:
    for 4, 8, 20 and 50 members of Gaussian noise that is 2.4, 1.3, 0.4 and 0.1% of
    the sets, by 20,000 draws of each.

    Parameters
    ----------
    values : sequence of float
        One for each of n members; NaN stands apart from nothing.
    least : float
        Standard deviation to assume at least, in the unit of the values.

    Returns
    -------
    list of float
        Signed; all 0 for fewer than four values.
    """
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    if known.size < _FEWEST_MEMBERS:
        return [0.0] * len(values)
    middle = np.median(known)
    scale = max(1.4826 * float(np.median(np.abs(known - middle))), least)
    if scale == 0:
        return [0.0] * len(values)
    with np.errstate(over="ignore"):
        apart = (array - middle) / scale
    far = np.abs(apart) > _FAR + 4 * _FAR / known.size
    return [float(value) for value in np.where(far, apart, 0.0)]


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
    places = zip(clusters.pixels, clusters.columns + 1, clusters.rows + 1, strict=True)
    return tuple(
        Cluster(int(pixels), (int(columns[0]), int(columns[1])), (int(rows[0]), int(rows[1])))
        for pixels, columns, rows in list(places)[:_MOST_CLUSTERS]
    )
