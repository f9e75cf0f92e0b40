"""How many pixels of a chip lie near its sky and in the tail that a mask cuts off.

The histogram of a clipped chip: its bins, its mode and its median.
"""

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["Histogram", "SkyHistogram", "sky_histogram"]

_DENSE_BINS = 1 << 16  # above that many bins, only the occupied ones are kept
_BYTE_BINS = 1 << 8  # below that many bins, the number of each and of all beyond fits a byte

Floats = npt.NDArray[np.float32]
Bins = tuple[npt.NDArray[np.float64], npt.NDArray[np.int64]]  # their numbers and counts


@dataclass(frozen=True)
class Histogram:
    """Counts of pixels in bins of equal width; empty bins may be left out.

    The number of bins follows from the pixels: one hostile pixel in the corner
    of a chip can ask for more bins than there is memory.  Listing only the
    occupied ones bounds the size by the number of pixels.

    Attributes
    ----------
    start, width : float
        Lower end of the first bin, and the width of each, as float32 has them.
    nbins : int
        Number of bins, empty ones included; at least 2.
    below : int
        Finite pixels below `start`.
    total : int
        All finite pixels.
    index : numpy.ndarray of float64
        Numbers of the listed bins, from 0, ascending.
    count : numpy.ndarray of int64
        Pixels in each of these.
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
        """Count pixels into bins from `minimum`, in float32 arithmetic like the reference.

        Parameters
        ----------
        blocks : iterable of numpy.ndarray of float32
            The finite pixels of a chip, in pieces.
        minimum, maximum : float
            Ends of the range that ``nbins - 1`` bins span.
        nbins : int
            Number of bins, at least 2; the last one reaches beyond `maximum`.
        outside : callable
            Takes two limits and counts the pixels below the first, and those not
            below the second.
        """
        start = np.float32(minimum)
        width = np.float32((maximum - minimum) / (nbins - 1))
        end = start + width * np.float32(nbins)
        below, beyond = outside(start, end)
        count = _counter(nbins)
        total = 0
        for block in blocks:
            count.add(block, start, np.float32(1.0) / width, end)
            total += block.size
        return cls(float(start), float(width), nbins, below, total, *count.result(below, beyond))

    def mode(self, unit: float) -> float:
        """Peak by parabolic interpolation, with `unit` as the distance between bins.

        The reference counts in units of ``0.1 rms`` although its bins are
        ``range / (nbins - 1)`` wide; masks agree only if ours does the same.
        """
        highest = int(self.count.argmax())
        peak, first, last = float(self.index[highest]), 0, self.nbins - 1
        if self.nbins == 2:  # noqa: PLR2004 - two bins have no parabola
            left, right = self._at(highest, 0), self._at(highest, 1)
            return self.start + (1.0 if left == right else peak + 0.5) * unit
        if peak in (first, last):
            return self.start + (peak + 0.5) * unit
        rise = int(self.count[highest]) - self._at(highest, peak - 1)
        fall = int(self.count[highest]) - self._at(highest, peak + 1)
        shift = 0.5 * (rise - fall) / (rise + fall) if rise + fall else 0.0
        # In the reference's order of operations, so that the last digit is the same.
        return self.start + (peak + 1.0 + shift - 0.5) * unit

    def median(self) -> float:
        """Median of all finite pixels, linear inside a bin, no further than the last bin."""
        half = self.total / 2
        below = self.below + np.concatenate(([0], np.cumsum(self.count)))
        if below[0] >= half:
            return self.start
        after = int(np.searchsorted(below, half))
        if after == below.size:
            return self.start + self.nbins * self.width
        part = (half - below[after - 1]) / (below[after] - below[after - 1])
        return self.start + (float(self.index[after - 1]) + float(part)) * self.width

    def _at(self, near: int, number: float) -> int:
        """Pixels in bin `number`, which is listed next to the place `near` or is empty."""
        for place in (near - 1, near, near + 1):
            if 0 <= place < self.index.size and self.index[place] == number:
                return int(self.count[place])
        return 0


class _DenseCount:
    """Counts for every bin, without picking pixels: those outside go to the end bins first."""

    def __init__(self, nbins: int) -> None:
        self._nbins = nbins
        self._few = nbins < _BYTE_BINS
        self._count = np.zeros(_BYTE_BINS if self._few else nbins + 1, dtype=np.int64)
        self._pairs = np.zeros(_BYTE_BINS**2 if self._few else 0, dtype=np.int64)

    def add(self, block: Floats, start: np.float32, scale: np.float32, end: np.float32) -> None:
        scaled = SCRATCH.get("numbers", block.size, np.float32)
        numbers = SCRATCH.get("bytes", block.size, np.uint8 if self._few else np.intp)
        block.clip(start, end, out=scaled)
        scaled -= start
        np.multiply(scaled, scale, out=numbers, casting="unsafe")
        if self._few:
            # Two bytes are one number: half as many to count, and seldom the same one in a row.
            paired = numbers.size // 2 * 2
            _count(numbers[:paired].view(np.uint16), self._pairs)
            numbers = numbers[paired:]
        _count(numbers, self._count)

    def result(self, below: int, beyond: int) -> Bins:
        count = self._count
        if self._few:
            pairs = self._pairs.reshape(_BYTE_BINS, _BYTE_BINS)
            count = count + pairs.sum(axis=0) + pairs.sum(axis=1)
        inside, outside = count[: self._nbins].copy(), int(count[self._nbins])
        inside[0] -= below
        inside[-1] -= max(0, beyond - outside)  # that rounding took for inside
        return np.arange(self._nbins, dtype=np.float64), inside


def _count(numbers: npt.NDArray[Any], into: npt.NDArray[np.int64]) -> None:
    """Add how often each number occurs, all of which are below the size of `into`."""
    found = np.bincount(numbers)
    into[: found.size] += found


class _SparseCount:
    """Counts for the occupied bins alone."""

    def __init__(self, nbins: int) -> None:
        self._nbins = nbins
        self._parts: list[npt.NDArray[Any]] = []

    def add(self, block: Floats, start: np.float32, scale: np.float32, end: np.float32) -> None:
        inside = block[(block >= start) & (block < end)]
        inside -= start
        inside *= scale
        numbers = np.trunc(inside, out=inside)
        self._parts.append(numbers[numbers < self._nbins])

    def result(self, _below: int, _beyond: int) -> Bins:
        index, count = np.unique(np.concatenate(self._parts), return_counts=True)
        return index.astype(np.float64), count


def _counter(nbins: int) -> _DenseCount | _SparseCount:
    return _SparseCount(nbins) if nbins > _DENSE_BINS else _DenseCount(nbins)


_BINS_PER_RMS = 10
_MOST_BINS = 400
_RMS_ABOVE = 6.0  # shown above the mode
_RMS_BELOW = 4.0  # shown below the threshold, at least
_BLOCK = 1 << 18  # pixels whose temporaries are in memory at the same time


@dataclass(frozen=True)
class SkyHistogram:
    """Counts of pixels from below the threshold of a chip to above its mode.

    Attributes
    ----------
    mode, threshold : float
        Of the chip, in its units.
    width : float
        Of each bin; the threshold is an edge.
    tail : numpy.ndarray of int64, shape (nt,)
        Pixels below the threshold, from low to high.  The first bin also has all
        pixels that lie lower.
    body : numpy.ndarray of int64, shape (nb,)
        Pixels from the threshold upwards; those above its last bin are left out.
    """

    mode: float
    threshold: float
    width: float
    tail: npt.NDArray[np.int64]
    body: npt.NDArray[np.int64]

    @property
    def tail_edges(self) -> npt.NDArray[np.float64]:
        """Edges of the bins of `tail`, shape (nt + 1,), the last one being the threshold."""
        return self.threshold + self.width * np.arange(-self.tail.size, 1, dtype=np.float64)

    @property
    def body_edges(self) -> npt.NDArray[np.float64]:
        """Edges of the bins of `body`, shape (nb + 1,), the first one being the threshold."""
        return self.threshold + self.width * np.arange(self.body.size + 1, dtype=np.float64)


def sky_histogram(
    data: npt.NDArray[Any], mode: float, rms: float, threshold: float
) -> SkyHistogram:
    """Count the pixels of a chip in bins of a tenth of its rms, or wider ones if those were many.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.  NaN and infinities never count.
    mode, rms, threshold : float
        Of the chip, in its units; `rms` > 0 and `threshold` <= `mode`.
    """
    depth = max(_RMS_BELOW * rms, 0.5 * (mode - threshold))
    height = mode - threshold + _RMS_ABOVE * rms
    width = max(rms / _BINS_PER_RMS, (depth + height) / _MOST_BINS)
    ntail, nbody = math.ceil(depth / width), math.ceil(height / width)
    counts = np.zeros(ntail + nbody + 1, dtype=np.int64)  # the last one takes what lies above
    flat = data.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        with np.errstate(over="ignore"):
            number = block[np.isfinite(block)].astype(np.float64)
            number -= threshold
            number /= width
        np.floor(number, out=number)
        np.clip(number, -ntail, nbody, out=number)
        number += ntail
        counts += np.bincount(number.astype(np.intp), minlength=counts.size)
    return SkyHistogram(mode, threshold, width, counts[:ntail], counts[ntail:-1])
