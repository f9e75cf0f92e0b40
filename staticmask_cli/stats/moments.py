"""Mean and rms of the pixels in any clipping window, from one pass over a chip.

Clipping changes only the tails: nearly all pixels lie inside every window.  So the pixels between
two limits estimated from a sparse sample (the core) are summed once, and the others (the tails)
are stored.  The moments of a window follow from the sums of the core and from a part of the tails.
If a window excludes a part of the core, all pixels are visited again.
"""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.blocks import BLOCK, MOST_OUTSIDE, SCRATCH, Blocks, Tails

__all__ = ["ExactSums", "FastSums", "Moments", "WindowMoments", "fast_sums_hold"]

Floats = npt.NDArray[np.float32]

_CLIPPING_PASSES = 3
_CORE_SIGMA = 2.8  # half width of the core in rms; the windows extend to 3 rms
_FAR_FROM_ZERO = 1.0  # in rms; if the mean is closer to zero than this, no pivot is needed
# If the variance is a smaller fraction of (mean - pivot)^2 than this, cancellation has destroyed
# its digits.
_CANCELLED = 1e-6
_ROW = 256  # numbers that are summed in float32, before their sums are added in double precision
_LEAST_FOR_FAST_SUMS = 1 << 16  # numbers of a piece: the errors of so many rows average out
_ONES = np.ones(_ROW, dtype=np.float32)
_SAFE = (1e-12, 1e12)  # range of numbers whose squares neither vanish nor overflow in float32


class Moments(NamedTuple):
    """Count, mean and sample standard deviation (n - 1) of the pixels in a window.

    Attributes
    ----------
    npix : int
        The number of pixels.
    mean, rms : float
        Their mean and standard deviation, rounded to float32.
    """

    npix: int
    mean: float
    rms: float


class WindowMoments:
    """The moments of the pixels in any window, from one pass over the chip.

    It uses scratch buffers of the thread, hence it is valid until the thread creates the next one.

    Parameters
    ----------
    pixels : Blocks
        The pixels of the chip.

    Attributes
    ----------
    minimum, maximum : float
        The smallest and the largest finite pixel; inf and -inf if there is none.
    finite : int
        The number of finite pixels.
    low_end : float
        A value below which only a few pixels lie.
    low_indices : numpy.ndarray of intp
        The flat indices of exactly the pixels below `low_end`.
    """

    def __init__(self, pixels: Blocks) -> None:
        self._pixels = pixels
        self._pivot, self._core_ends = _core_of(pixels.sample())
        self._tails = self._visit()
        self.minimum, self.maximum = self._ends()
        self._useful = self._tails.size <= MOST_OUTSIDE * self._count + BLOCK
        if self._useful:
            self._distances = SCRATCH.get("distances", self._tails.size, np.float64)
            np.subtract(self._tails, self._pivot, out=self._distances, dtype=np.float64)

    def moments(self, lower: float, upper: float) -> Moments:
        """Return the moments of the pixels inside ``[lower, upper]``, both ends included.

        The sums are in double precision; mean and standard deviation are rounded to
        float32.  The standard deviation is infinite if a squared deviation
        overflows in float32, as in stsci.imagestats.
        """
        if not self._useful or lower > self._core_ends[0] or upper < self._core_ends[1]:
            return _visit_window(self._pixels, lower, upper)
        inside = _inside(self._tails, lower, upper)
        npix = self._count + int(np.count_nonzero(inside))
        if npix == 0:
            return Moments(0, math.nan, math.nan)
        # Pixels outside become zero, which is faster than leaving them out.
        distances = SCRATCH.get("numbers", inside.size, np.float64)
        np.multiply(self._distances, inside, out=distances)
        total = self._sum + float(np.add.reduce(distances))
        # numpy.vecdot would start threads of its own for so long an array, which slow down those
        # of the run.
        squares = self._squares + float(np.einsum("i,i->", distances, distances))
        mean = np.float32(self._pivot + total / npix)
        if npix == 1:
            return Moments(1, float(mean), math.nan)
        shift = float(mean) - self._pivot
        variance = (squares - 2 * shift * total + npix * shift * shift) / (npix - 1)
        if variance < _CANCELLED * shift * shift:
            return _visit_window(self._pixels, lower, upper)
        rms = np.float32(math.sqrt(variance))
        with np.errstate(over="ignore"):
            reach = max(distances.max(initial=0) - shift, shift - distances.min(initial=0))
            overflow = np.isinf(np.square(np.float32(reach)))
        return Moments(npix, float(mean), math.inf if overflow else float(rms))

    def as_in_reference(self, lower: float, upper: float) -> Moments:
        """Return the moments of a window in the arithmetic of stsci.imagestats, from all pixels."""
        return _visit_window(self._pixels, lower, upper)

    def extremes(self, lower: float, upper: float) -> tuple[float, float]:
        """Return the smallest and the largest pixel inside ``[lower, upper]``."""
        if self._useful and lower <= self._core_ends[0] and upper >= self._core_ends[1]:
            tails = self._tails[_inside(self._tails, lower, upper)]
            low, high = tails.min(initial=np.inf), tails.max(initial=-np.inf)
            if low < self._core_ends[0] and high > self._core_ends[1]:
                return float(low), float(high)
        blocks = (block[_inside(block, lower, upper)] for block in self._pixels)
        ends = [(float(block.min()), float(block.max())) for block in blocks if block.size]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def outside(self, lower: np.float32, upper: np.float32) -> tuple[int, int]:
        """Count the finite pixels below `lower`, and those that are not below `upper`."""
        if self._useful and lower <= self._core_ends[0] and upper > self._core_ends[1]:
            return _beyond(self._tails, lower, upper)
        below = above = 0
        for block in self._pixels:
            low, high = _beyond(block, lower, upper)
            below, above = below + low, above + high
        return below, above

    def _visit(self) -> Floats:
        """Sum the core, and return the finite pixels outside it."""
        tails = Tails(self._pixels.size, *self._core_ends)
        pivot = np.float32(self._pivot)
        # If the mean is near zero, the pivot is zero and fast sums are not used, because their
        # rounding errors would be large compared with the mean.
        reach = max(abs(end - self._pivot) for end in self._core_ends)
        fast = pivot and fast_sums_hold(reach)
        sums = FastSums(self._pixels.size) if fast else ExactSums()
        memory = SCRATCH.get("numbers", min(BLOCK, self._pixels.size), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for block in self._pixels.blocks():
                distances = memory[: block.size]
                indices = tails.add(block)
                np.subtract(block, pivot, out=distances)
                distances[indices] = 0
                sums.add(distances)
        self._sum, self._squares = sums.totals()
        outer = tails.values
        self.low_end, self.low_indices = tails.below(self._core_ends[0])
        self._count = self._pixels.size - outer.size
        finite = np.isfinite(outer)
        self.finite = self._count + int(np.count_nonzero(finite))
        self._pixels.all_finite = self.finite == self._pixels.size
        return outer if self._pixels.all_finite else outer[finite]

    def _ends(self) -> tuple[float, float]:
        """Find the extremes; the core is only searched where there is no tail on both sides."""
        low, high = self._tails.min(initial=np.inf), self._tails.max(initial=-np.inf)
        if low >= self._core_ends[0] or high <= self._core_ends[1]:
            for block in self._pixels:
                low, high = min(low, block.min()), max(high, block.max())
        return float(low), float(high)


def _core_of(sample: Floats) -> tuple[float, tuple[float, float]]:
    """Estimate a pivot for the sums, and limits that should lie inside every clipping window.

    The pivot is zero, or a pixel of the sample if the mean is far from zero: differences
    of float32 numbers that lie so close together are exact.
    """
    if sample.size == 0:
        return 0.0, (0.0, 0.0)
    inside, mean, rms = sample, 0.0, 0.0
    for _ in range(_CLIPPING_PASSES):
        mean, rms = float(inside.mean(dtype=np.float64)), float(inside.std(dtype=np.float64))
        clipped = sample[np.abs(sample - np.float32(mean)) <= 3 * rms]
        inside = clipped if clipped.size else inside
    reach = _CORE_SIGMA * rms
    pivot = 0.0
    if abs(mean) > _FAR_FROM_ZERO * rms:
        pivot = float(np.partition(inside, inside.size // 2)[inside.size // 2])
    largest = float(np.finfo(np.float32).max)
    lower, upper = max(mean - reach, -largest), min(mean + reach, largest)
    return pivot, (float(np.float32(lower)), float(np.float32(upper)))


def _inside(pixels: Floats, lower: float, upper: float) -> npt.NDArray[np.bool_]:
    """Return which pixels lie inside ``[lower, upper]``, True = inside."""
    inside: npt.NDArray[np.bool_] = (pixels >= np.float32(lower)) & (pixels <= np.float32(upper))
    return inside


def _beyond(pixels: Floats, lower: np.float32, upper: np.float32) -> tuple[int, int]:
    """Count the pixels below `lower`, and those that are not below `upper`."""
    return int(np.count_nonzero(pixels < lower)), int(np.count_nonzero(pixels >= upper))


def _visit_window(pixels: Blocks, lower: float, upper: float) -> Moments:
    """Compute the moments of a window in two passes over the pixels, as stsci.imagestats does."""
    npix, total, squares = 0, 0.0, 0.0
    for block in pixels:
        inside = block[_inside(block, lower, upper)]
        npix += inside.size
        total += float(inside.sum(dtype=np.float64))
    if npix == 0:
        return Moments(0, math.nan, math.nan)
    mean = np.float32(total / npix)
    with np.errstate(over="ignore"):
        for block in pixels:
            deviation = block[_inside(block, lower, upper)]
            deviation -= mean
            squares += float(np.square(deviation, out=deviation).sum(dtype=np.float64))
        rms = float(np.float32(math.sqrt(squares / (npix - 1)))) if npix > 1 else math.nan
    return Moments(npix, float(mean), rms)


class ExactSums:
    """Sums in double precision of numbers and of their squares, added piece by piece."""

    def __init__(self) -> None:
        self._total, self._squares = 0.0, 0.0

    def add(self, numbers: Floats) -> None:
        """Add a piece of the numbers."""
        self._total += float(np.add.reduce(numbers, dtype=np.float64))
        self._squares += float(np.einsum("i,i->", numbers, numbers, dtype=np.float64))

    def totals(self) -> tuple[float, float]:
        """Return the sum of all numbers, and the sum of their squares."""
        return self._total, self._squares


class FastSums(ExactSums):
    """The same sums three times as fast: rows of 256 numbers are summed in float32.

    The rounding errors of the rows have both signs; over many rows their mean is smaller than
    the error of rounding the result to float32.  Small pieces, and numbers that do not fill a
    row, are summed exactly.

    Parameters
    ----------
    size : int
        An upper limit on how many numbers will be added in total.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._rows = np.empty((2, size // _ROW), dtype=np.float32)  # sums, of squares too
        self._count = 0

    def add(self, numbers: Floats) -> None:
        """Add a piece of the numbers."""
        count = numbers.size // _ROW if numbers.size >= _LEAST_FOR_FAST_SUMS else 0
        rows = numbers[: count * _ROW].reshape(count, _ROW)
        end = self._count + count
        for sums, others in zip(self._rows, (_ONES, rows), strict=True):
            # This starts no threads, as numpy passes one row at a time to the BLAS library, which
            # uses threads only for long vectors.
            np.vecdot(rows, others, out=sums[self._count : end])
        self._count = end
        if rows.size < numbers.size:
            super().add(numbers[rows.size :])

    def totals(self) -> tuple[float, float]:
        """Return the sum of all numbers, and the sum of their squares."""
        total, squares = np.add.reduce(self._rows[:, : self._count], axis=1, dtype=np.float64)
        exact_total, exact_squares = super().totals()
        return float(total) + exact_total, float(squares) + exact_squares


def fast_sums_hold(largest: float) -> bool:
    """Return whether the squares of numbers up to `largest` are in the range of float32."""
    return _SAFE[0] < largest < _SAFE[1]
