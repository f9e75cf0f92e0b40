"""Outliers among a few numbers, such as those of the members of a mask."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

__all__ = ["deviations", "median"]

_FEWEST_VALUES = 4  # an outlier among fewer values cannot be identified
_OUTLIER = 5.0  # standard deviations, in the limit of many values


def deviations(values: Sequence[float], least: float = 0.0) -> list[float]:
    """Return the deviation of each outlier from the median, in standard deviations.

    The standard deviation is derived from the median absolute deviation, on which a few
    outliers have no influence.  Values that deviate by more than ``5 + 20 / n`` are outliers.
    Of sets of 4, 8, 20 and 50 values of Gaussian noise, 2.4, 1.3, 0.4 and 0.1% contain one,
    as 20,000 sets of each size show.

    Parameters
    ----------
    values : sequence of float
        The n values, one for each member; NaN is never an outlier.
    least : float
        The smallest standard deviation that is assumed, in the unit of the values.

    Returns
    -------
    list of float
        The signed deviations, and 0 for values that are no outliers.  All are 0 if there are
        fewer than four finite values.
    """
    array = np.asarray(values, np.float64)
    finite = array[np.isfinite(array)]
    if finite.size < _FEWEST_VALUES:
        return [0.0] * len(values)
    middle = median(finite)
    sigma = max(1.4826 * median(np.abs(finite - middle)), least)
    if sigma == 0:
        return [0.0] * len(values)
    with np.errstate(over="ignore"):
        deviation = (array - middle) / sigma
    is_outlier = np.abs(deviation) > _OUTLIER + 4 * _OUTLIER / finite.size
    return [float(value) for value in np.where(is_outlier, deviation, 0.0)]


def median(values: npt.NDArray[np.float64]) -> float:
    """Return what ``numpy.median`` does, of few values in a tenth of its time.

    ``numpy.median`` would also import masked arrays, which takes 30 ms.
    """
    ordered = np.sort(values)
    return float((ordered[(ordered.size - 1) // 2] + ordered[ordered.size // 2]) / 2)
