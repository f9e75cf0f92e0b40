"""Iterative sigma clipping: mode and rms of a chip, as stsci.imagestats computes them.

The algorithm is that of ``ImageStats`` of stsci.imagestats 1.8, called as in drizzlepac 3.11
(``nclip=3, lsig=usig=3, binwidth=0.1``), so that the masks are the same to the bit.  Comments mark
its quirks.  Two differences are intended: pixels that are not finite never count (the reference
fails on them), and a chip that cannot be clipped has ``nbins < 2``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ChipError
from staticmask_cli.stats.blocks import Blocks
from staticmask_cli.stats.histogram import Histogram
from staticmask_cli.stats.moments import Moments, WindowMoments
from staticmask_cli.stats.pixelset import FlatIndices, PixelSet

__all__ = ["ChipStatistics", "Clipping", "chip_statistics", "clip_chip", "low_pixels",
           "pixels_below"]

_CLIPPING_PASSES = 3
_CLIPPING_SIGMA = 3.0
_BIN_WIDTH = 0.1  # width of a histogram bin, in units of the rms
_SMALLEST_WIDTH = 10.0 * float(np.finfo(np.float32).eps)  # of a bin, in the units of the pixels


@dataclass(frozen=True)
class ChipStatistics:
    """Sky level and noise of a chip, in the units of its pixels.

    Attributes
    ----------
    npix : int
        The number of pixels inside the last clipping window.
    mean, rms : float
        The mean and the sample standard deviation (n - 1) of these pixels, rounded to float32.
    mode : float
        The peak of their histogram, by parabolic interpolation; NaN if `npix` is 0.
    minimum, maximum : float
        The ends of the histogram: the smallest and largest of these pixels, or the
        end of the window beyond which the first pixel of the chip lies.
    nbins : int
        The number of bins of the histogram.  With fewer than 2 the chip cannot be clipped.
    """

    npix: int
    mean: float
    rms: float
    mode: float
    minimum: float
    maximum: float
    nbins: int

    @property
    def clippable(self) -> bool:
        """Whether the chip has a valid threshold, which takes at least two bins."""
        return self.nbins > 1

    @property
    def too_small_a_unit(self) -> bool:
        """Whether the pixels differ, but by so little in their unit that there is one bin."""
        return self.nbins == 1 and 0 < self.rms < _SMALLEST_WIDTH / _BIN_WIDTH

    def threshold(self, static_sig: float) -> float:
        """Return ``mode - static_sig * rms`` in double precision; pixels below it are bad."""
        return self.mode - static_sig * self.rms


_NO_INDICES: FlatIndices = np.empty(0, dtype=np.intp)


class Clipping(NamedTuple):
    """Statistics of a chip, and further results of the same passes over its pixels.

    Attributes
    ----------
    statistics : ChipStatistics
        The sky level and the noise, from which the threshold of the mask follows.
    median : float
        The median of all finite pixels, to a fraction of a bin; NaN without a histogram.
    finite : int
        The number of finite pixels of the chip.
    low_end : float
        A value below which only a few pixels lie.
    low_indices : numpy.ndarray of intp
        The flat indices of exactly the pixels below `low_end`.
    """

    statistics: ChipStatistics
    median: float
    finite: int = 0
    low_end: float = -math.inf
    low_indices: FlatIndices = _NO_INDICES


_NOTHING = Clipping(  # of a chip without finite pixels
    ChipStatistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0), math.nan
)


def chip_statistics(data: object) -> ChipStatistics:
    """Estimate the sky level and the noise of a chip by iterative sigma clipping.

    The window starts as [minimum, maximum] of the finite pixels and shrinks
    three times to ``mean +- 3 std``, both ends included.  The pixels inside the last
    window determine `rms` and a histogram with bins of a tenth of it, whose peak is
    the mode.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        Pixels of any real dtype and byte order, in any unit.  They are converted to
        float32 and never modified.  NaN, infinities and masked pixels never count.  A Quantity,
        NDData or CCDData of astropy, an image HDU, and an HDUList with one image or one SCI
        extension are allowed, too.

    Returns
    -------
    ChipStatistics
        The numbers.  For a chip without finite pixels `npix` and `nbins` are 0, and all
        others are NaN.

    Raises
    ------
    ChipError
        If `data` is complex, not numeric, or has no pixels.

    Notes
    -----
    The numbers are those of ``stsci.imagestats.ImageStats(data, nclip=3, fields="mode",
    lower=nanmin, upper=nanmax)`` (version 1.8) where all pixels are finite.
    Two of its quirks are kept on purpose, because the masks depend on them: the
    histogram starts at the end of the window if the very first pixel lies beyond it,
    and the mode counts bins in units of ``0.1 rms`` although they are slightly wider.

    Examples
    --------
    >>> import numpy as np
    >>> sky = np.random.default_rng(1).normal(100.0, 4.0, size=(200, 300))
    >>> statistics = chip_statistics(sky)
    >>> round(statistics.rms, 1), statistics.nbins
    (3.9, 60)
    """
    from staticmask_cli.stats.arrays import as_pixels  # noqa: PLC0415 - files are read without it

    return clip_chip(as_pixels(data)).statistics


def clip_chip(data: npt.ArrayLike) -> Clipping:
    """Return the statistics of a chip and its lowest pixels; see `chip_statistics`."""
    array = np.asarray(data)
    if array.dtype.kind not in "buif":
        msg = f"a chip must be of a real numeric dtype, found {array.dtype}"
        raise ChipError(msg)
    if array.size == 0:
        return _NOTHING
    pixels = Blocks(array)
    windows = WindowMoments(pixels)
    window, moments = _clipped(windows.moments, windows)
    if math.isfinite(pixels.first) and not window[0] <= pixels.first <= window[1]:
        # The histogram starts at the end of the window, which depends on the last digit of the
        # rms, and with it the bins of the pixels: use the arithmetic of the reference.
        window, moments = _clipped(windows.as_in_reference, windows)
    if moments.npix == 0:
        return _NOTHING._replace(finite=windows.finite)
    minimum, maximum = _histogram_ends(windows.extremes(*window), window, pixels.first)
    width = _BIN_WIDTH * moments.rms
    nbins = _number_of_bins(maximum - minimum, width)
    if nbins == 1:
        mode, median = minimum + 0.5 * width, math.nan
    else:
        histogram = Histogram.of(pixels, minimum, maximum, nbins, windows.outside)
        mode, median = histogram.mode(width), histogram.median()
    return Clipping(
        ChipStatistics(moments.npix, moments.mean, moments.rms, mode, minimum, maximum, nbins),
        median, windows.finite, windows.low_end, windows.low_indices,
    )


def low_pixels(data: npt.NDArray[Any], clipping: Clipping, threshold: float) -> PixelSet:
    """Find the pixels strictly below a threshold among the lowest pixels of a chip.

    This is fast for thresholds as low as those of masks; for others all pixels are compared.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    clipping : Clipping
        The result of `clip_chip` for these pixels.
    threshold : float
        The threshold, in the units of `data`.

    Returns
    -------
    PixelSet
        The pixels for which `pixels_below` is True.
    """
    # Rounded to float32, a pixel below the threshold is at most the next float32 above it.
    if not _not_below(threshold) < clipping.low_end:
        return PixelSet(data.shape, bits=pixels_below(data, threshold))
    indices = clipping.low_indices
    low = pixels_below(data.reshape(-1)[indices], threshold)
    return PixelSet(data.shape, indices=indices[low])


def pixels_below(data: npt.NDArray[Any], threshold: float) -> npt.NDArray[np.bool_]:
    """Compare all pixels with a threshold in double precision.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    threshold : float
        The threshold, in the units of `data`.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        True = strictly below the threshold, hence bad.  A NaN pixel is never below.
    """
    below: npt.NDArray[np.bool_]
    if data.dtype.kind == "f" and data.dtype.itemsize == np.float32().itemsize:
        # For float32 pixels, v < threshold is equivalent to v < the next float32 above it.
        below = np.less(data, _not_below(threshold))
    else:
        below = np.less(data, np.float64(threshold), signature="dd->?", casting="unsafe")
    return below


def _not_below(threshold: float) -> np.float32:
    """Return the smallest float32 that is not below a threshold."""
    with np.errstate(over="ignore"):
        limit = np.float32(threshold)
    return np.nextafter(limit, np.float32(np.inf)) if float(limit) < threshold else limit


def _clipped(
    moments_of: Callable[[float, float], Moments], windows: WindowMoments
) -> tuple[tuple[float, float], Moments]:
    """Clip three times; return the last window and the moments of the pixels inside it."""
    lower, upper = windows.minimum, windows.maximum
    window = (lower, upper)
    moments = moments_of(*window)
    for _ in range(_CLIPPING_PASSES):
        reach = _CLIPPING_SIGMA * moments.rms
        window = _rounded(max(lower, moments.mean - reach), min(upper, moments.mean + reach))
        moments = moments_of(*window)
    return window, moments


def _rounded(lower: float, upper: float) -> tuple[float, float]:
    """Round the ends of a window to float32."""
    with np.errstate(over="ignore"):
        return float(np.float32(lower)), float(np.float32(upper))


def _histogram_ends(
    extremes: tuple[float, float], window: tuple[float, float], first: float
) -> tuple[float, float]:
    """Return the extremes inside the window, or its end if the first pixel lies beyond it."""
    minimum, maximum = extremes
    if math.isfinite(first) and first < window[0]:
        minimum = window[0]
    if math.isfinite(first) and first > window[1]:
        maximum = window[1]
    return minimum, maximum


def _number_of_bins(extent: float, width: float) -> int:
    """Return how many bins cover `extent`; 1 if it or `width` is too small or not finite."""
    if not math.isfinite(width) or width < _SMALLEST_WIDTH or extent < _SMALLEST_WIDTH:
        return 1
    return 1 if width > extent else int(extent / width) + 1
