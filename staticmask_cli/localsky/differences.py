"""The noise of a pixel from the differences between adjacent pixels."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FEWEST", "ONE_SIGMA", "pixel_noise", "positive_quantile", "second_differences"]

ONE_SIGMA = 0.6827
"""The part of a Gaussian distribution within one sigma."""

FEWEST = 20
"""The smallest number of differences from which the noise can be estimated."""

Floats = npt.NDArray[np.float32]

_ADJACENT = 3  # rows of which a difference is made
_SAMPLE_ROWS = 24  # rows from which the noise of a chip is estimated


def second_differences(rows: Floats) -> Floats:
    """Return second differences of pixels, scaled so that they have the noise of a pixel.

    The mask ``(1, -2, 1)`` along both axes cancels slopes, and ridges along an axis.  It is
    divided by 6, the root of the sum of its squares
    (Immerkaer 1996, Computer Vision and Image Understanding 64, 300).

    Parameters
    ----------
    rows : numpy.ndarray of float32, shape (..., ny, nx)
        Adjacent rows of pixels.  NaN and infinities yield NaN or infinities.

    Returns
    -------
    numpy.ndarray of float32, shape (..., ny - 2, nx - 2)
        The differences.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        across = rows[..., :-2] + rows[..., 2:]
        across -= 2 * rows[..., 1:-1]
        both: Floats = across[..., :-2, :] + across[..., 2:, :]
        both -= 2 * across[..., 1:-1, :]
        both /= np.float32(6)
    return both


def pixel_noise(data: npt.NDArray[Any]) -> float:
    """Estimate the noise of a pixel from the differences between adjacent pixels.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.  Only a sample of the rows is used.

    Returns
    -------
    float
        The noise in the units of `data`; NaN where hardly any adjacent pixels differ.
    """
    ny = data.shape[0]
    if ny < _ADJACENT:
        return float("nan")
    last = _SAMPLE_ROWS // _ADJACENT - 1
    starts = sorted({number * (ny - _ADJACENT) // last for number in range(last + 1)})
    with np.errstate(over="ignore"):
        rows = data[np.add.outer(starts, range(_ADJACENT))].astype(np.float32)
    return positive_quantile(np.abs(second_differences(rows).ravel()), ONE_SIGMA)


def positive_quantile(distances: Floats, part: float) -> float:
    """Return a quantile of the positive distances; NaN if there are too few.

    Distances of 0 do not count, so that the noise of few photons is not 0.
    """
    positive = distances[np.isfinite(distances) & (distances > 0)]
    if positive.size < FEWEST:
        return float("nan")
    rank = int(part * (positive.size - 1))
    return float(np.partition(positive, rank)[rank])
