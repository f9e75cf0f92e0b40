"""The noise of a pixel from second differences, for a whole chip and as a function of sky level.

Structure of the sky increases such differences and never reduces them.  So wherever there are two
estimates of the noise, the smaller one is used.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NoiseModel", "pixel_noise", "second_differences"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_ONE_SIGMA = 0.6827  # the part of a Gaussian distribution within one sigma
_SAMPLE_ROWS = 24  # rows from which the noise of a chip is estimated
_BINS = 32  # bins of the sky level, before the highest one is divided further
_FEWEST = 20  # differences from which the noise of a level can be estimated
_SMOOTHED_BINS = 4  # bins to each side of one that are smoothed together with it
_TAIL_BIN = 400  # pixels in the bin of the highest level, at least


def second_differences(rows: Floats) -> Floats:
    """Return second differences of pixels, scaled so that they have the noise of a pixel.

    The mask ``(1, -2, 1)`` along both axes cancels slopes, and ridges along an axis.  It is
    divided by 6, the root of the sum of its squares
    (Immerkaer 1996, Computer Vision and Image Understanding 64, 300).

    Parameters
    ----------
    rows : numpy.ndarray of float32, shape (ny, nx)
        Adjacent rows of pixels.  NaN and infinities yield NaN or infinities.

    Returns
    -------
    numpy.ndarray of float32, shape (ny - 2, nx - 2)
        The differences.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        across = rows[:, :-2] + rows[:, 2:]
        across -= 2 * rows[:, 1:-1]
        both: Floats = across[:-2] + across[2:]
        both -= 2 * across[1:-1]
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
    groups = max(1, _SAMPLE_ROWS // 3)
    starts = sorted({number * max(ny - 3, 0) // max(groups - 1, 1) for number in range(groups)})
    with np.errstate(over="ignore"):
        groups_of_rows = [data[start : start + 3].astype(np.float32) for start in starts]
    differences = np.concatenate([second_differences(rows).ravel() for rows in groups_of_rows])
    return _deviation(np.abs(differences))


def _deviation(distances: Floats) -> float:
    """Estimate a standard deviation as the quantile of absolute distances at one sigma.

    Distances of 0 do not count, so that the estimate for few photons is the step between two
    counts and not 0.
    """
    positive = distances[np.isfinite(distances) & (distances > 0)]
    if positive.size < _FEWEST:
        return float("nan")
    rank = int(_ONE_SIGMA * (positive.size - 1))
    return float(np.partition(positive, rank)[rank])


@dataclass(frozen=True)
class NoiseModel:
    """The noise of a pixel as a function of the level of its sky.

    Attributes
    ----------
    level : numpy.ndarray of float64, shape (n,)
        The sky levels of the bins in ascending order; empty if no noise could be estimated.
    noise : numpy.ndarray of float64, shape (n,)
        The noise at each level.
    noise_with_structure : numpy.ndarray of float64, shape (n,), optional
        The noise at each level including the structure of stars; `noise` if it is not given.
    """

    level: Doubles
    noise: Doubles
    noise_with_structure: Doubles | None = None

    @classmethod
    def of(cls, level: Floats, depth: Floats, difference: Floats) -> "NoiseModel":
        """Estimate the noise at each level from a sample of pixels.

        Parameters
        ----------
        level, depth, difference : numpy.ndarray of float32, shape (n,)
            The local sky of each pixel, how far the pixel lies below it, and its second
            difference.

        Notes
        -----
        There are two estimates in each bin, of which the smaller one is used: one from the
        pixels below their sky, which stars and cosmic rays do not affect, and one from second
        differences, which dark lanes and clouds do not affect.
        """
        order = np.argsort(level)
        levels, noises = [], []
        for start, end in pairwise(_bin_ends(order.size)):
            inside = order[start:end]
            both = (_deviation(depth[inside]), _deviation(np.abs(difference[inside])))
            noise = min(both)  # NaN if one of them is
            if np.isfinite(noise):
                levels.append(float(level[order[(start + end) // 2]]))
                noises.append(noise)
        level_of_bins, with_structure = np.asarray(levels), np.asarray(noises)
        return cls(level_of_bins, _photon_noise(level_of_bins, with_structure), with_structure)

    def __bool__(self) -> bool:
        return self.level.size > 0

    @property
    def least(self) -> float:
        """The smallest noise of any level."""
        return float(self.noise.min())

    def sigma(self, level: Floats) -> Doubles:
        """Return the noise at given levels; above the highest bin it is proportional to them."""
        return self._interpolated(level, self.noise)

    def sigma_with_structure(self, level: Floats) -> Doubles:
        """Return the noise at given levels, including the structure of stars."""
        noise = self.noise if self.noise_with_structure is None else self.noise_with_structure
        return self._interpolated(level, noise)

    def _interpolated(self, level: Floats, noise: Doubles) -> Doubles:
        inside = np.interp(level, self.level, noise)
        top = max(float(self.level[-1]), float(noise[-1]))
        with np.errstate(over="ignore"):  # no pixel is low if its noise is infinite
            return np.asarray(inside * np.maximum(1.0, level / top))


def _photon_noise(level: Doubles, noise: Doubles) -> Doubles:
    """Limit the noise to what photons can cause.

    The variance of photon noise, divided by the level, is the same at all levels; any constant
    noise makes this ratio fall with the level.  Where it rises, the wings of stars are the cause.
    """
    positive = level > 0
    ratio = noise[positive] ** 2 / level[positive]
    least = np.inf
    limited = []
    for number in range(ratio.size):
        smoothed = ratio[max(0, number - _SMOOTHED_BINS) : number + _SMOOTHED_BINS + 1]
        least = min(least, float(np.median(smoothed)))  # a single bin can be low by chance
        limited.append(min(least, ratio[number]))
    noise = noise.copy()
    noise[positive] = np.sqrt(limited * level[positive])
    return noise


def _bin_ends(count: int) -> list[int]:
    """Divide `count` pixels, sorted by level, into bins.

    All bins have equally many pixels, but the last one is halved repeatedly, because bright sky
    is rare and its noise varies most.
    """
    ends = [number * count // _BINS for number in range(_BINS)]
    tail = count - ends[-1]
    while tail > 2 * _TAIL_BIN:
        tail //= 2
        ends.append(count - tail)
    return [*ends, count]
