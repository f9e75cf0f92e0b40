"""What a simulation knows about its chip, and what that says of the good pixels in a mask.

Both simulators return a `Truth` with their exposures.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CAUSES", "Truth", "causes", "grown", "truth_of"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

# The causes of false pixels, in the order in which they are looked for.
CAUSES = (
    "whole column", "whole row", "edge row or column", "beside saturation",
    "steep structure", "noise",
)
_REACH = 2  # pixels from a pixel to the edge of the 5 x 5 pixels around it
_BESIDE = 3  # pixels from saturation that count as beside it
_EDGE = 2  # columns and rows that count as the edge of a chip
_STEEP = 0.7  # scatter of the noiseless pixels around a pixel, in noise, that counts as structure
_LINE = 0.3  # fraction of a column or row that is false if the line was marked as a whole


@dataclass(frozen=True)
class Truth:
    """Which pixels are low, how deep they lie, and what lies around the others.

    Attributes
    ----------
    depth : numpy.ndarray of float32, shape (ny, nx)
        The depth of the planted single pixels in the noise of that pixel: below the median of the
        5 x 5 pixels around without defects and without noise, or below what the pixel itself would
        be without its defect if that is less, since beside a star good pixels lie below the
        median too; the median over the exposures.  NaN elsewhere.
    lines : numpy.ndarray of bool, shape (ny, nx)
        True on bad columns and rows.
    sides : numpy.ndarray of int8, shape (ny, nx)
        The side of the square cluster of bad pixels to which a pixel belongs; 0 elsewhere.
    excluded : numpy.ndarray of bool, shape (ny, nx)
        True for pixels that are neither planted nor false: saturated in an exposure, or NaN.
    beside : numpy.ndarray of bool, shape (ny, nx)
        True within 3 pixels of a pixel that is saturated in an exposure.
    steepness : numpy.ndarray of float32, shape (ny, nx)
        The standard deviation of the 5 x 5 pixels around each pixel without defects and without
        noise, in the noise of that pixel; the largest over the exposures.
    pointings : tuple of int
        The number of the pointing of each exposure.
    skies, noises : tuple of numpy.ndarray of float32, shape (ny, nx)
        The pixels of each exposure without defects and without noise, and their noise, in the
        units of the image.
    """

    depth: Image
    lines: Bits
    sides: npt.NDArray[np.int8]
    excluded: Bits
    beside: Bits
    steepness: Image
    pointings: tuple[int, ...]
    skies: tuple[Image, ...]
    noises: tuple[Image, ...]

    @property
    def noise(self) -> Image:
        """The noise of each pixel in the first exposure, in the units of the image."""
        return self.noises[0]

    @property
    def planted(self) -> Bits:
        """Pixels that may be bad, however deep."""
        return np.isfinite(self.depth) | self.lines | (self.sides > 0)

    @property
    def good(self) -> Bits:
        """Pixels that are false if they are in a mask."""
        return ~(self.planted | self.excluded)


def truth_of(
    skies: Sequence[Numbers], noises: Sequence[Numbers], lowered: Sequence[Numbers], *,
    lines: Bits, sides: npt.NDArray[np.int8], saturated: Bits, missing: Bits,
    pointings: tuple[int, ...],
) -> Truth:
    """Work out the truth from what a simulation knows.

    Parameters
    ----------
    skies, noises : sequence of numpy.ndarray, shape (ny, nx)
        The pixels of each exposure without defects and without noise, and their noise.
    lowered : sequence of numpy.ndarray, shape (ny, nx)
        By how much the defects lower the pixels of each exposure; 0 for good pixels.
    lines, sides, pointings
        As in `Truth`.
    saturated, missing : numpy.ndarray of bool, shape (ny, nx)
        The pixels that are saturated in an exposure, and those that are NaN.
    """
    single = (lowered[0] > 0) & ~lines & (sides == 0)
    rows, columns = np.nonzero(single)
    depth = np.full(single.shape, np.nan, np.float32)
    depth[single] = np.median([
        (np.minimum(_medians_around(sky, rows, columns) - sky[single], 0.0) + low[single])
        / noise[single]
        for sky, noise, low in zip(skies, noises, lowered, strict=True)
    ], axis=0)
    steepness = np.max([_scatter_around(sky) / noise
                        for sky, noise in zip(skies, noises, strict=True)], axis=0)
    return Truth(depth, lines, sides, saturated | missing, grown(saturated, _BESIDE),
                 steepness.astype(np.float32), pointings,
                 _single_precision(skies), _single_precision(noises))


def causes(bad: Bits, truth: Truth) -> dict[str, int]:
    """Count the false pixels of a mask by what lies around them.

    Each false pixel has one cause, the first of `CAUSES` that applies.
    """
    left = bad & truth.good
    good = np.maximum(truth.good.sum(axis=0), 1), np.maximum(truth.good.sum(axis=1), 1)
    columns = left.sum(axis=0) > _LINE * good[0]
    rows = left.sum(axis=1) > _LINE * good[1]
    edge = np.ones(bad.shape, np.bool_)
    edge[_EDGE:-_EDGE, _EDGE:-_EDGE] = False
    everywhere = np.ones(bad.shape, np.bool_)
    places = (columns & everywhere, rows[:, None] & everywhere, edge, truth.beside,
              truth.steepness > _STEEP, everywhere)
    counts = {}
    for cause, place in zip(CAUSES, places, strict=True):
        counts[cause] = int((left & place).sum())
        left &= ~place
    return counts


def grown(bits: Bits, reach: int) -> Bits:
    """Return True for the pixels at most so many pixels from a True one, along both axes."""
    padded = np.pad(bits, reach)
    size = 2 * reach + 1
    tall = np.any([padded[i : i + bits.shape[0]] for i in range(size)], axis=0)
    return np.asarray(np.any([tall[:, i : i + bits.shape[1]] for i in range(size)], axis=0))


def _single_precision(images: Sequence[Numbers]) -> tuple[Image, ...]:
    return tuple(image.astype(np.float32) for image in images)


def _medians_around(sky: Numbers, rows: Numbers, columns: Numbers) -> Numbers:
    """Return the medians of the 5 x 5 pixels around some pixels; the edge pixels are repeated."""
    reach = np.arange(-_REACH, _REACH + 1)
    y = np.clip(rows[:, None, None] + reach[:, None], 0, sky.shape[0] - 1)
    x = np.clip(columns[:, None, None] + reach[None, :], 0, sky.shape[1] - 1)
    return np.asarray(np.median(sky[y, x], axis=(1, 2)))


def _scatter_around(sky: Numbers) -> Numbers:
    """Return the standard deviation of the 5 x 5 pixels around each pixel."""
    padded = np.pad(sky.astype(np.float64), _REACH, mode="edge")
    mean, square = (_box_mean(values, sky.shape) for values in (padded, padded**2))
    return np.asarray(np.sqrt(np.maximum(square - mean**2, 0)))


def _box_mean(padded: Numbers, shape: tuple[int, ...]) -> Numbers:
    size = 2 * _REACH + 1
    tall = np.sum([padded[i : i + shape[0]] for i in range(size)], axis=0)
    return np.asarray(np.mean([tall[:, i : i + shape[1]] for i in range(size)], axis=0) / size)
