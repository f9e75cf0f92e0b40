"""The clipping core: arrays in, numbers out.

The algorithm is that of ``ImageStats`` of stsci.imagestats 1.8, as drizzlepac
3.11 calls it (``nclip=3, lsig=usig=3, binwidth=0.1``), reproduced to the bit of
the mask; its quirks are marked where they occur.  Intended differences: pixels
that are not finite never count (the reference fails on them), and a chip that
cannot be clipped is reported by ``nbins < 2``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

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
_BIN_WIDTH = 0.1  # of a histogram bin, in units of rms
_SMALLEST_WIDTH = 10.0 * float(np.finfo(np.float32).eps)


@dataclass(frozen=True)
class ChipStatistics:
    """Sky level and noise of a chip, in the units of its pixels.

    Attributes
    ----------
    npix : int
        Pixels inside the last clipping window.
    mean, rms : float
        Their mean and sample standard deviation (n - 1), as float32 has them.
    mode : float
        Peak of their histogram, by parabolic interpolation; NaN if `npix` is 0.
    minimum, maximum : float
        Ends of the histogram: the smallest and largest of these pixels, or the
        window's end where the chip's first pixel lies beyond it.
    nbins : int
        Bins of the histogram.  With fewer than 2 the chip cannot be clipped.
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
        """Whether a threshold can be trusted: at least two bins."""
        return self.nbins > 1

    def threshold(self, static_sig: float) -> float:
        """Value below which a pixel is bad, ``mode - static_sig * rms``, in double precision."""
        return self.mode - static_sig * self.rms


@dataclass(frozen=True)
class Clipping:
    """Statistics of a chip and what else the same passes over its pixels gave.

    Attributes
    ----------
    statistics : ChipStatistics
        The numbers that make the mask.
    median : float
        Median of all finite pixels, to a fraction of a bin; NaN without a histogram.
    low_end : float
        A value that most pixels lie above.
    low_places : numpy.ndarray of intp
        Where all pixels below it are, and none that is not, in the chip as one row.
    """

    statistics: ChipStatistics
    median: float
    low_end: float = -math.inf
    low_places: FlatIndices = field(default_factory=lambda: np.empty(0, dtype=np.intp))


def chip_statistics(data: npt.ArrayLike) -> ChipStatistics:
    """Estimate sky level and noise of a chip by iterative clipping.

    The window starts as [minimum, maximum] of the finite pixels and shrinks
    three times to ``mean +- 3 std``, both ends included; the fourth set of
    pixels gives `rms` and a histogram in bins of a tenth of it, whose peak is
    the mode.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        Pixels of any real dtype and byte order, in any unit.  They are seen as
        float32 and never modified.  NaN and infinities never count.

    Returns
    -------
    ChipStatistics
        For a chip without finite pixels `npix` and `nbins` are 0 and the rest is NaN.

    Raises
    ------
    ChipError
        If `data` is complex or not numeric.

    Notes
    -----
    Same numbers as ``stsci.imagestats.ImageStats(data, nclip=3, fields="mode",
    lower=nanmin, upper=nanmax)`` (version 1.8) where all pixels are finite.
    Two of its quirks are kept on purpose, because the masks depend on them: the
    histogram starts at the window's end if the very first pixel lies beyond it,
    and the mode counts bins in units of ``0.1 rms`` though they are a little wider.

    Examples
    --------
    >>> import numpy as np
    >>> sky = np.random.default_rng(1).normal(100.0, 4.0, size=(200, 300))
    >>> statistics = chip_statistics(sky)
    >>> round(statistics.rms, 1), statistics.nbins
    (3.9, 60)
    """
    return clip_chip(data).statistics


def clip_chip(data: npt.ArrayLike) -> Clipping:
    """Statistics of a chip together with its median; see `chip_statistics`."""
    array = np.asarray(data)
    if array.dtype.kind not in "buif":
        msg = f"a chip must be of a real numeric dtype, found {array.dtype}"
        raise ChipError(msg)
    if array.size == 0:
        return _NOTHING
    pixels = Blocks(array)
    survey = WindowMoments(pixels)
    window, moments = _clipped(survey.moments, survey)
    if math.isfinite(pixels.first) and not window[0] <= pixels.first <= window[1]:
        # The histogram starts at the window's end, where the last digit of the rms can move
        # counts to another bin: take it in the reference's own arithmetic.
        window, moments = _clipped(survey.visited, survey)
    if moments.npix == 0:
        return _NOTHING
    minimum, maximum = _histogram_ends(survey.extremes(*window), window, pixels.first)
    width = _BIN_WIDTH * moments.rms
    nbins = _number_of_bins(maximum - minimum, width)
    if nbins == 1:
        mode, median = minimum + 0.5 * width, math.nan
    else:
        histogram = Histogram.of(pixels, minimum, maximum, nbins, survey.outside)
        mode, median = histogram.mode(width), histogram.median()
    return Clipping(
        ChipStatistics(moments.npix, moments.mean, moments.rms, mode, minimum, maximum, nbins),
        median, survey.low_end, survey.low_places,
    )


def low_pixels(data: npt.NDArray[Any], clipping: Clipping, threshold: float) -> PixelSet:
    """Pixels strictly below a threshold; quick where it is as low as those of a mask are.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    clipping : Clipping
        What `clip_chip` gave for them.
    threshold : float
        In the units of `data`.

    Returns
    -------
    PixelSet
        Those that `pixels_below` says.
    """
    # Seen as float32, which may round up, a pixel below the threshold reaches that at the most.
    if not _not_below(threshold) < clipping.low_end:
        return PixelSet(data.shape, bits=pixels_below(data, threshold))
    places = clipping.low_places
    low = pixels_below(data.reshape(-1)[places], threshold)
    return PixelSet(data.shape, places=places[low])


def pixels_below(data: npt.NDArray[Any], threshold: float) -> npt.NDArray[np.bool_]:
    """Pixels strictly below a threshold, compared in double precision.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    threshold : float
        In the units of `data`.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        True = below, hence bad.  A NaN pixel is not below anything.
    """
    below: npt.NDArray[np.bool_]
    if data.dtype.kind == "f" and data.dtype.itemsize == np.float32().itemsize:
        # Among float32 pixels, v < threshold says the same as v < the next float32 up.
        below = np.less(data, _not_below(threshold))
    else:
        below = np.less(data, np.float64(threshold), signature="dd->?", casting="unsafe")
    return below


def _not_below(threshold: float) -> np.float32:
    """Smallest float32 that is not below a threshold."""
    with np.errstate(over="ignore"):
        limit = np.float32(threshold)
    return np.nextafter(limit, np.float32(np.inf)) if float(limit) < threshold else limit


_NOTHING = Clipping(
    ChipStatistics(0, math.nan, math.nan, math.nan, math.nan, math.nan, 0), math.nan
)


def _clipped(
    moments_of: Callable[[float, float], Moments], survey: WindowMoments
) -> tuple[tuple[float, float], Moments]:
    """Clip three times; return the last window and the moments of the pixels inside."""
    lower, upper = survey.minimum, survey.maximum
    window = (lower, upper)
    moments = moments_of(*window)
    for _ in range(_CLIPPING_PASSES):
        reach = _CLIPPING_SIGMA * moments.rms
        window = _rounded(max(lower, moments.mean - reach), min(upper, moments.mean + reach))
        moments = moments_of(*window)
    return window, moments


def _rounded(lower: float, upper: float) -> tuple[float, float]:
    """Round the ends of a window as float32 has them."""
    with np.errstate(over="ignore"):
        return float(np.float32(lower)), float(np.float32(upper))


def _histogram_ends(
    extremes: tuple[float, float], window: tuple[float, float], first: float
) -> tuple[float, float]:
    """Take the extremes inside the window, but for the first pixel's quirk."""
    minimum, maximum = extremes
    if math.isfinite(first) and first < window[0]:
        minimum = window[0]
    if math.isfinite(first) and first > window[1]:
        maximum = window[1]
    return minimum, maximum


def _number_of_bins(extent: float, width: float) -> int:
    """Bins of `width` that cover `extent`; 1 if either is too small, or the rms is not finite."""
    if not math.isfinite(width) or width < _SMALLEST_WIDTH or extent < _SMALLEST_WIDTH:
        return 1
    return 1 if width > extent else int(extent / width) + 1
