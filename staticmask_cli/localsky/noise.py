"""The noise of pixels, from what next neighbours differ by: at large, and by the level of the sky.

Structure of the sky can only add to such differences, never hide noise.  So where there are two
estimates, the smaller one holds.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["NoiseModel", "pixel_noise", "second_differences"]

Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_ONE_SIGMA = 0.6827  # of a Gaussian lies within one sigma
_SAMPLE_ROWS = 24  # that show the noise of a chip
_BINS = 40  # of the level of the sky
_FEWEST = 20  # differences that show the noise of a level
_NEAR_BINS = 4  # to each side of one, which smooth what is read off it
_TAIL_BIN = 400  # pixels in the bin of the highest level


def second_differences(rows: Floats) -> Floats:
    """Differences that neither slopes nor ridges along the axes show, with the noise of a pixel.

    The mask ``(1, -2, 1)`` along both axes, divided by 6, the root of the sum of its squares
    (Immerkaer 1996, Computer Vision and Image Understanding 64, 300).

    Parameters
    ----------
    rows : numpy.ndarray of float32, shape (ny, nx)
        NaN and infinities give NaN or infinities.

    Returns
    -------
    numpy.ndarray of float32, shape (ny - 2, nx - 2)
    """
    with np.errstate(invalid="ignore", over="ignore"):
        across = rows[:, :-2] + rows[:, 2:]
        across -= 2 * rows[:, 1:-1]
        both: Floats = across[:-2] + across[2:]
        both -= 2 * across[1:-1]
        both /= np.float32(6)
    return both


def pixel_noise(data: npt.NDArray[Any]) -> float:
    """Noise of a pixel, as the differences between next neighbours show it.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.  Some rows of a large chip stand for all.

    Returns
    -------
    float
        In the units of `data`; NaN where hardly any neighbours differ.
    """
    ny = data.shape[0]
    groups = max(1, _SAMPLE_ROWS // 3)
    starts = sorted({number * max(ny - 3, 0) // max(groups - 1, 1) for number in range(groups)})
    with np.errstate(over="ignore"):
        rows = [data[start : start + 3].astype(np.float32) for start in starts]
    differences = np.concatenate([second_differences(some).ravel() for some in rows])
    return _deviation(np.abs(differences))


def _deviation(distances: Floats) -> float:
    """Estimate a standard deviation from absolute distances, as their quantile of one sigma.

    Distances of 0 do not count, so that counts of few photons show steps and not nothing.
    """
    seen = distances[np.isfinite(distances) & (distances > 0)]
    if seen.size < _FEWEST:
        return float("nan")
    place = int(_ONE_SIGMA * (seen.size - 1))
    return float(np.partition(seen, place)[place])


@dataclass(frozen=True)
class NoiseModel:
    """Noise of a pixel as a function of the level of its sky.

    Attributes
    ----------
    level, noise : numpy.ndarray of float64
        Of each bin, in ascending levels; empty where nothing can be said.
    rough : numpy.ndarray of float64, optional
        As `noise`, together with the structure that stars leave at a level; else the same.
    """

    level: Doubles
    noise: Doubles
    rough: Doubles | None = None

    @classmethod
    def of(cls, level: Floats, depth: Floats, difference: Floats) -> "NoiseModel":
        """Read the relation off a sample of pixels.

        Parameters
        ----------
        level, depth, difference : numpy.ndarray of float32, of one dimension
            Local sky of each pixel, how far the pixel lies below it, and its second difference.

        Notes
        -----
        Two estimates in each bin, of which the smaller holds: from the pixels below their sky,
        which stars and cosmic rays do not touch, and from second differences, which lanes and
        clouds do not touch.
        """
        order = np.argsort(level)
        ends = _bin_ends(order.size)
        levels, noises = [], []
        for start, end in pairwise(ends):
            inside = order[start:end]
            both = (_deviation(depth[inside]), _deviation(np.abs(difference[inside])))
            noise = min(both)  # NaN if one of them is
            if np.isfinite(noise):
                levels.append(float(level[order[(start + end) // 2]]))
                noises.append(noise)
        level_of, rough = np.asarray(levels), np.asarray(noises)
        return cls(level_of, _like_photons(level_of, rough), rough)

    def __bool__(self) -> bool:
        return self.level.size > 0

    @property
    def least(self) -> float:
        """The smallest noise of any level."""
        return float(self.noise.min())

    def at(self, level: Floats) -> Doubles:
        """Noise at given levels; beyond the highest bin it grows like the level."""
        return self._at(level, self.noise)

    def sigma_with_structure(self, level: Floats) -> Doubles:
        """Noise at given levels with the structure that stars leave there, likewise."""
        return self._at(level, self.noise if self.rough is None else self.rough)

    def _at(self, level: Floats, noise: Doubles) -> Doubles:
        inside = np.interp(level, self.level, noise)
        top = max(float(self.level[-1]), float(noise[-1]))
        with np.errstate(over="ignore"):  # nothing is low in infinite noise
            return np.asarray(inside * np.maximum(1.0, level / top))


def _like_photons(level: Doubles, noise: Doubles) -> Doubles:
    """Take off noise what photons cannot cause: variance per level does not rise with the level.

    It is the same for photons at every level, and falls for whatever comes on top of them.  What
    rises all the same are the wings of stars.
    """
    above = level > 0
    per_level = noise[above] ** 2 / level[above]
    least = np.inf
    lower = []
    for number in range(per_level.size):
        near = per_level[max(0, number - _NEAR_BINS) : number + _NEAR_BINS + 1]
        least = min(least, float(np.median(near)))  # for a single bin is low by chance
        lower.append(min(least, per_level[number]))
    noise = noise.copy()
    noise[above] = np.sqrt(lower * level[above])
    return noise


def _bin_ends(count: int) -> list[int]:
    """Bins of equally many pixels, the last one halved again and again: bright sky is rare."""
    ends = [number * count // (_BINS - 8) for number in range(_BINS - 8)]
    tail = count - ends[-1]
    while tail > 2 * _TAIL_BIN:
        tail //= 2
        ends.append(count - tail)
    return [*ends, count]
