"""Other ways to find shallow low pixels in many exposures, and how well a mask finds them.

A rival is a statistic of each pixel, large where the pixel is low.  Its threshold is tuned on the
truth, to `ALLOWED` good pixels per million, which no user can do: the rivals are as good as they
can be.  The oracle, which knows the noiseless sky and the noise, is the limit of what is possible.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.local_sky import pixels_below_local_sky
from staticmask_cli.localsky.median import REACH, median_filter
from tests.bench.truth import Truth

__all__ = [
    "ALLOWED", "best_votes", "curve", "depth_found", "low_in_maximum", "low_in_median", "oracle",
    "per_million", "tuned", "vote_statistics",
]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

ALLOWED = 10.0
"""The good pixels per million that a tuned mask may hold."""

_DEEPER = 0.01  # of the planted pixels must be deeper than a depth, for it to be measured
_BRIGHTEST = 5.0  # sigma; a cosmic ray counts no more than that


def oracle(
    images: Sequence[Image], truth: Truth, weights: Iterable[float] | None = None
) -> Image:
    """Return how far each pixel lies below its noiseless sky, summed over the exposures.

    Parameters
    ----------
    images : sequence of numpy.ndarray, shape (ny, nx)
        The exposures.
    truth : Truth
        Their truth.
    weights : iterable of float, optional
        The depth of a defect in the noise of each exposure, relative to the others.
    """
    total = np.zeros(images[0].shape, np.float32)
    weights = [1.0] * len(images) if weights is None else weights
    for image, sky, noise, weight in zip(
        images, truth.skies, truth.noises, weights, strict=True
    ):
        total += np.float32(weight) * np.maximum((sky - image) / noise, -_BRIGHTEST)
    return total


def vote_statistics(images: Sequence[Image], truth: Truth) -> Iterator[Image]:
    """Yield, for each number of votes, the threshold up to which a pixel has so many.

    A pixel of an exposure has a vote if it lies far enough below the median of the 5 x 5 pixels
    around it, in units of its known noise.
    """
    depths = np.stack([(_median(image) - image) / noise
                       for image, noise in zip(images, truth.noises, strict=True)], axis=-1)
    depths.sort(axis=-1)
    yield from np.moveaxis(depths, -1, 0)[::-1]


def best_votes(images: Sequence[Image], truth: Truth) -> Image:
    """Return the statistic of that number of votes which finds the shallowest pixels."""
    return min(vote_statistics(images, truth),
               key=lambda statistic: depth_found(tuned(statistic, truth), truth))


def low_in_maximum(images: Sequence[Image]) -> Image:
    """Return how far each pixel of the maximum image lies below the 5 x 5 pixels around it.

    It is the minimum image in which the pipeline of JWST looks for warm pixels, turned for low
    pixels.  Where stars lie on other pixels at each pointing, good pixels between them are low.
    """
    maximum = np.max(images, axis=0)
    return np.asarray(_median(maximum) - maximum)


def low_in_median(images: Sequence[Image], static_sig: float) -> Bits:
    """Return the mask that the local rule makes of the median image, True = bad."""
    return pixels_below_local_sky(np.nanmedian(images, axis=0), static_sig)[0]


def tuned(statistic: Image, truth: Truth) -> Bits:
    """Return the mask with the lowest threshold that allows `ALLOWED` good pixels per million."""
    good = statistic[truth.good]
    allowed = int(ALLOWED * good.size / 1e6)
    return np.asarray(statistic > np.partition(good, -allowed - 1)[-allowed - 1])


def per_million(bad: Bits, truth: Truth) -> float:
    """Return the good pixels in a mask, per million."""
    return 1e6 * float(np.count_nonzero(bad & truth.good)) / max(int(truth.good.sum()), 1)


def depth_found(bad: Bits, truth: Truth, level: float = 0.5) -> float:
    """Return the depth at which a fraction of the planted single pixels is in a mask.

    It is where the isotonic regression of the found pixels on their depth crosses the fraction,
    and infinite if it does so nowhere or among the deepest hundredth of the pixels alone.
    """
    single = _single(truth)
    order = np.argsort(truth.depth[single])
    surplus = np.cumsum(bad[single][order] - level)
    first = int(np.argmin(surplus)) + 1
    if order.size - first < _DEEPER * order.size:
        return float("inf")
    return float(truth.depth[single][order][first])


def curve(
    statistic: Image, truth: Truth, depths: tuple[float, float]
) -> tuple[Numbers, Numbers]:
    """Return the good pixels per million, and the fraction found, as the threshold runs.

    The fraction is of the planted single pixels between two depths.
    """
    good = np.sort(statistic[truth.good])[::-1]
    counts = np.unique(np.geomspace(1, good.size / 100, 60).astype(int))
    planted = np.sort(statistic[_single(truth, depths)])
    found = 1 - np.searchsorted(planted, good[counts], side="right") / max(planted.size, 1)
    return 1e6 * counts / good.size, found


def found_between(bad: Bits, truth: Truth, depths: tuple[float, float]) -> float:
    """Return the fraction of the planted single pixels between two depths that is in a mask."""
    return float(bad[_single(truth, depths)].mean())


def _single(truth: Truth, depths: tuple[float, float] = (-np.inf, np.inf)) -> Bits:
    """Return the planted single pixels of these depths that are not beside saturation."""
    with np.errstate(invalid="ignore"):
        inside = (truth.depth >= depths[0]) & (truth.depth < depths[1])
    return np.asarray(inside & ~truth.excluded & ~truth.beside)


def _median(image: Image) -> Image:
    """Return the median of the 5 x 5 pixels around each pixel."""
    return median_filter(np.pad(image.astype(np.float32), REACH, mode="reflect")).copy()
