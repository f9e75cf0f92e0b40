"""Histograms of a chip: of its clipped pixels for mode and median, and near its sky for plots."""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.blocks import BLOCK, SCRATCH

__all__ = ["Histogram", "SkyHistogram", "sky_histogram"]

Floats = npt.NDArray[np.float32]
Counts = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]  # of bins, after their numbers

_DENSE_BINS = 1 << 16  # with more bins than that, only the occupied ones are stored
_MOST_PAIRED = 1 << 8  # of bins whose pairs, as one number, fit into two bytes

_BINS_PER_RMS = 10
_MOST_BINS = 400
_RMS_ABOVE = 6.0  # that a plot shows above the mode
_RMS_BELOW = 4.0  # that a plot shows below the threshold, at least


@dataclass(frozen=True)
class Histogram:
    """Counts of pixels in bins of equal width; empty bins may be left out.

    The number of bins depends on the pixels: a single extreme pixel in the corner
    of a chip can require more bins than there is memory.  Storing only the
    occupied ones limits the size to the number of pixels.

    Attributes
    ----------
    start, width : float
        The lower end of the first bin and the width of each, rounded to float32.
    nbins : int
        The number of bins, empty ones included; at least 2.
    below : int
        The number of finite pixels below `start`.
    total : int
        The number of all finite pixels.
    index : numpy.ndarray of float64, shape (n,)
        The numbers of the stored bins, from 0, in ascending order.
    count : numpy.ndarray of int64, shape (n,)
        The number of pixels in each of these bins.
    """

    start: float
    width: float
    nbins: int
    below: int
    total: int
    index: npt.NDArray[np.float64]
    count: npt.NDArray[np.int64]

    @classmethod
    def of(
        cls,
        blocks: Iterable[Floats],
        minimum: float,
        maximum: float,
        nbins: int,
        outside: Callable[[np.float32, np.float32], tuple[int, int]],
    ) -> "Histogram":
        """Count pixels in bins from `minimum` on, in float32 arithmetic like stsci.imagestats.

        Parameters
        ----------
        blocks : iterable of numpy.ndarray of float32
            The finite pixels of a chip, block by block.
        minimum, maximum : float
            The ends of the range that ``nbins - 1`` bins span.
        nbins : int
            The number of bins, at least 2; the last one extends beyond `maximum`.
        outside : callable
            A function of two limits that counts the pixels below the first limit and
            those that are not below the second one.
        """
        start = np.float32(minimum)
        width = np.float32((maximum - minimum) / (nbins - 1))
        end = start + width * np.float32(nbins)
        below, beyond = outside(start, end)
        count = _counter(_Bins(nbins, start, np.float32(1.0) / width, end))
        total = 0
        for block in blocks:
            count.add(block)
            total += block.size
        return cls(float(start), float(width), nbins, below, total, *count.result(below, beyond))

    def mode(self, unit: float) -> float:
        """Return the peak by parabolic interpolation, with `unit` as the distance between bins.

        The reference counts in units of ``0.1 rms`` although its bins are
        ``range / (nbins - 1)`` wide.  The masks are the same only if this method does so too.
        """
        highest = int(self.count.argmax())
        peak, first, last = float(self.index[highest]), 0, self.nbins - 1
        if self.nbins == 2:  # noqa: PLR2004 - two bins have no parabola
            left, right = self._count_of(0, highest), self._count_of(1, highest)
            return self.start + (1.0 if left == right else peak + 0.5) * unit
        if peak in (first, last):
            return self.start + (peak + 0.5) * unit
        rise = int(self.count[highest]) - self._count_of(peak - 1, highest)
        fall = int(self.count[highest]) - self._count_of(peak + 1, highest)
        shift = 0.5 * (rise - fall) / (rise + fall) if rise + fall else 0.0
        # In the order of operations of stsci.imagestats, so that the last digit is the same.
        return self.start + (peak + 1.0 + shift - 0.5) * unit

    def median(self) -> float:
        """Return the median of all finite pixels, by linear interpolation inside its bin.

        A median beyond the bins becomes the end of the nearest one.
        """
        half = self.total / 2
        below = self.below + np.concatenate(([0], np.cumsum(self.count)))
        if below[0] >= half:
            return self.start
        after = int(np.searchsorted(below, half))
        if after == below.size:
            return self.start + self.nbins * self.width
        part = (half - below[after - 1]) / (below[after] - below[after - 1])
        return self.start + (float(self.index[after - 1]) + float(part)) * self.width

    def _count_of(self, number: float, position: int) -> int:
        """Return the pixels in a bin that is stored at or beside a position, or is empty."""
        for beside in (position - 1, position, position + 1):
            if 0 <= beside < self.index.size and self.index[beside] == number:
                return int(self.count[beside])
        return 0


class _Bins(NamedTuple):
    """Bins from `start` to `end`; `scale` is the number of bins in a unit of the pixels."""

    number: int
    start: np.float32
    scale: np.float32
    end: np.float32


class _DenseCount:
    """Counts of every bin.

    Selecting the pixels inside would take longer than moving all others to the end bins, from
    which their number is subtracted afterwards.
    """

    def __init__(self, bins: _Bins) -> None:
        self._bins = bins
        # The bin of the pixels at the end and beyond it: the one after the last, unless the
        # rounding of the end to float32 moves it.
        self._beyond = int((bins.end - bins.start) * bins.scale)
        size = max(bins.number, self._beyond + 1)
        self._count = np.zeros(size, dtype=np.int64)
        self._pairs = np.zeros(size**2 if size <= _MOST_PAIRED else 0, dtype=np.int64)

    def add(self, block: Floats) -> None:
        bins = self._bins
        scaled = SCRATCH.get("numbers", block.size, np.float32)
        dtype = np.uint16 if self._pairs.size else np.intp
        numbers: npt.NDArray[Any] = SCRATCH.get("bins", block.size, dtype)
        block.clip(bins.start, bins.end, out=scaled)
        scaled -= bins.start
        np.multiply(scaled, bins.scale, out=numbers, casting="unsafe")
        if self._pairs.size:
            # Two bins as one number: this halves the numbers to count, and equal numbers seldom
            # follow each other, which slows counting down.
            half = numbers.size // 2
            pairs = numbers[:half]
            pairs *= self._count.size
            pairs += numbers[half : 2 * half]
            self._pairs += np.bincount(pairs, minlength=self._pairs.size)
            numbers = numbers[2 * half :]
        if numbers.size:
            self._count += np.bincount(numbers, minlength=self._count.size)

    def result(self, below: int, beyond: int) -> Counts:
        count = self._count.copy()
        if self._pairs.size:
            pairs = self._pairs.reshape(count.size, count.size)
            count += pairs.sum(axis=0) + pairs.sum(axis=1)
        count[0] -= below
        count[self._beyond] -= beyond
        number = self._bins.number
        return np.arange(number, dtype=np.float64), count[:number]


class _SparseCount:
    """Counts of the occupied bins alone."""

    def __init__(self, bins: _Bins) -> None:
        self._bins = bins
        self._parts: list[npt.NDArray[Any]] = []

    def add(self, block: Floats) -> None:
        bins = self._bins
        inside = block[(block >= bins.start) & (block < bins.end)]
        inside -= bins.start
        inside *= bins.scale
        numbers = np.trunc(inside, out=inside)
        self._parts.append(numbers[numbers < bins.number])

    def result(self, _below: int, _beyond: int) -> Counts:
        index, count = np.unique(np.concatenate(self._parts), return_counts=True)
        return index.astype(np.float64), count


def _counter(bins: _Bins) -> _DenseCount | _SparseCount:
    """Choose how to count by the number of bins."""
    return _SparseCount(bins) if bins.number > _DENSE_BINS else _DenseCount(bins)


class SkyHistogram(NamedTuple):
    """Counts of pixels from below the threshold of a chip to above its mode, for plots.

    Attributes
    ----------
    mode, threshold : float
        The mode and the threshold of the chip, in the units of its pixels.
    width : float
        The width of each bin; the threshold is an edge between two bins.
    tail : numpy.ndarray of int64, shape (nt,)
        The counts of the bins below the threshold, from low to high.  The first bin also
        contains all pixels below it.
    body : numpy.ndarray of int64, shape (nb,)
        The counts of the bins from the threshold upwards; pixels above the last bin are
        left out.
    """

    mode: float
    threshold: float
    width: float
    tail: npt.NDArray[np.int64]
    body: npt.NDArray[np.int64]

    @property
    def tail_edges(self) -> npt.NDArray[np.float64]:
        """The edges of the bins of `tail`, shape (nt + 1,); the last one is the threshold."""
        return self.threshold + self.width * np.arange(-self.tail.size, 1, dtype=np.float64)

    @property
    def body_edges(self) -> npt.NDArray[np.float64]:
        """The edges of the bins of `body`, shape (nb + 1,); the first one is the threshold."""
        return self.threshold + self.width * np.arange(self.body.size + 1, dtype=np.float64)


def sky_histogram(
    data: npt.NDArray[Any], mode: float, rms: float, threshold: float
) -> SkyHistogram:
    """Count the pixels of a chip in at most 400 bins, of a tenth of its rms where these suffice.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.  NaN and infinities never count.
    mode, rms, threshold : float
        The statistics of the chip, in the units of `data`; `rms` > 0 and `threshold` <= `mode`.
    """
    depth = max(_RMS_BELOW * rms, 0.5 * (mode - threshold))
    height = mode - threshold + _RMS_ABOVE * rms
    width = max(rms / _BINS_PER_RMS, (depth + height) / _MOST_BINS)
    ntail, nbody = math.ceil(depth / width), math.ceil(height / width)
    counts = np.zeros(ntail + nbody + 1, dtype=np.int64)  # the last one is for pixels above
    flat = data.reshape(-1)
    for start in range(0, flat.size, BLOCK):
        block = flat[start : start + BLOCK]
        with np.errstate(over="ignore"):
            number = block[np.isfinite(block)].astype(np.float64)
            number -= threshold
            number /= width
        np.floor(number, out=number)
        np.clip(number, -ntail, nbody, out=number)
        number += ntail
        counts += np.bincount(number.astype(np.intp), minlength=counts.size)
    return SkyHistogram(mode, threshold, width, counts[:ntail], counts[ntail:-1])
