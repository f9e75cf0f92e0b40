"""One pass over a chip that answers for all clipping passes.

Clipping changes only the tails: nearly all pixels lie inside every window.  So
the pixels between two limits that a thin sample suggests (the core) are summed
once, the others (the tails) are kept, and the moments of a window follow from
the core's sums and a part of the tails.  Where a window turns out to cut into
the core, the pixels are visited again.

Sums of many numbers and of their squares, in more digits than float32 has.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.blocks import BLOCK, MOST_OUTSIDE, SCRATCH, Blocks, Tails

__all__ = ["ExactSums", "FastSums", "Moments", "WindowMoments", "fast_sums_hold"]

Floats = npt.NDArray[np.float32]

_ROW = 256  # numbers that are summed in float32, before their sums are in double precision
_MANY = 1 << 16  # numbers, in rows enough to even out what is rounded in each
_ONES = np.ones(_ROW, dtype=np.float32)
_SAFE = (1e-12, 1e12)  # sizes of numbers whose squares neither vanish nor overflow in float32


class ExactSums:
    """Sums in double precision, of numbers that come in pieces."""

    def __init__(self) -> None:
        self._total, self._squares = 0.0, 0.0

    def add(self, numbers: Floats) -> None:
        """Add a piece."""
        self._total += float(np.add.reduce(numbers, dtype=np.float64))
        self._squares += float(np.einsum("i,i->", numbers, numbers, dtype=np.float64))

    def totals(self) -> tuple[float, float]:
        """Return the sum of all, and of their squares."""
        return self._total, self._squares


class FastSums(ExactSums):
    """The same, but the first few are summed in float32, which is three times as fast.

    What is rounded in a row is as often too much as too little; over many rows it
    is less than what rounding the result to float32 takes away.  Small pieces, and what
    is left of a piece, are summed exactly.

    Parameters
    ----------
    size : int
        Numbers that will come, at the most.
    """

    def __init__(self, size: int) -> None:
        super().__init__()
        self._rows = np.empty((2, size // _ROW), dtype=np.float32)  # their sums, of squares too
        self._count = 0

    def add(self, numbers: Floats) -> None:
        """Add a piece."""
        count = numbers.size // _ROW if numbers.size >= _MANY else 0
        rows = numbers[: count * _ROW].reshape(count, _ROW)
        end = self._count + count
        for sums, others in zip(self._rows, (_ONES, rows), strict=True):
            np.vecdot(rows, others, out=sums[self._count : end])
        self._count = end
        if rows.size < numbers.size:
            super().add(numbers[rows.size :])

    def totals(self) -> tuple[float, float]:
        """Return the sum of all, and of their squares."""
        total, squares = np.add.reduce(self._rows[:, : self._count], axis=1, dtype=np.float64)
        rest, their_squares = super().totals()
        return float(total) + rest, float(squares) + their_squares


def fast_sums_hold(largest: float) -> bool:
    """Whether numbers are of a size that float32 can square."""
    return _SAFE[0] < largest < _SAFE[1]


_CLIPPING_PASSES = 3
_CORE_SIGMA = 2.8  # half width of the core; windows reach to 3 sigma
_FAR_FROM_ZERO = 1.0  # rms; nearer to it, sums about zero lose no digits that count
_CANCELLED = 1e-6  # of the squared distance from the pivot: what is left has lost its digits


@dataclass(frozen=True)
class Moments:
    """Count, mean and sample standard deviation (n - 1) of the pixels in a window."""

    npix: int
    mean: float
    rms: float


class WindowMoments:
    """What one pass over the pixels of a chip tells about any window.

    Parts of it lie in the memory of the thread: it is valid until the next one is made.

    Parameters
    ----------
    pixels : Blocks
        Of the chip.

    Attributes
    ----------
    minimum, maximum : float
        Smallest and largest finite pixel; infinite with the wrong sign if there is none.
    low_end : float
        A value that most pixels lie above.
    low_places : numpy.ndarray of intp
        Where the others are, in the chip as one row.
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
        """Moments of the pixels inside ``[lower, upper]``, both ends included.

        Sums are taken in double precision, mean and standard deviation rounded to
        float32.  The standard deviation is infinite where a squared deviation
        overflows in float32, as in the reference.
        """
        if not self._useful or lower > self._core_ends[0] or upper < self._core_ends[1]:
            return _visit_window(self._pixels, lower, upper)
        inside = _inside(self._tails, lower, upper)
        npix = self._count + int(np.count_nonzero(inside))
        if npix == 0:
            return Moments(0, math.nan, math.nan)
        # Those outside become zero, which is quicker than leaving them out.
        distances = SCRATCH.get("numbers", inside.size, np.float64)
        np.multiply(self._distances, inside, out=distances)
        total = self._sum + float(np.add.reduce(distances))
        # Not by numpy.vecdot, whose threads would get into the way of ours.
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

    def visited(self, lower: float, upper: float) -> Moments:
        """Moments of a window in the reference's own arithmetic: all pixels are visited again."""
        return _visit_window(self._pixels, lower, upper)

    def extremes(self, lower: float, upper: float) -> tuple[float, float]:
        """Smallest and largest pixel inside ``[lower, upper]``."""
        if self._useful and lower <= self._core_ends[0] and upper >= self._core_ends[1]:
            tails = self._tails[_inside(self._tails, lower, upper)]
            low, high = tails.min(initial=np.inf), tails.max(initial=-np.inf)
            if low < self._core_ends[0] and high > self._core_ends[1]:
                return float(low), float(high)
        blocks = (block[_inside(block, lower, upper)] for block in self._pixels)
        ends = [(float(block.min()), float(block.max())) for block in blocks if block.size]
        return min(low for low, _ in ends), max(high for _, high in ends)

    def outside(self, lower: np.float32, upper: np.float32) -> tuple[int, int]:
        """Count the finite pixels below `lower`, and those not below `upper`."""
        if self._useful and lower <= self._core_ends[0] and upper > self._core_ends[1]:
            return _beyond(self._tails, lower, upper)
        below = above = 0
        for block in self._pixels:
            low, high = _beyond(block, lower, upper)
            below, above = below + low, above + high
        return below, above

    def _visit(self) -> Floats:
        """Sum the core, and return the finite pixels outside of it, which count as 0 there."""
        outside = Tails(self._pixels.size, *self._core_ends)
        pivot = np.float32(self._pivot)
        # A mean near zero, which has no pivot, has digits beyond those that rounding leaves.
        reach = max(abs(end - self._pivot) for end in self._core_ends)
        fast = pivot and fast_sums_hold(reach)
        sums = FastSums(self._pixels.size) if fast else ExactSums()
        memory = SCRATCH.get("numbers", min(BLOCK, self._pixels.size), np.float32)
        with np.errstate(over="ignore", invalid="ignore"):
            for block in self._pixels.blocks():
                distances = memory[: block.size]
                places = outside.add(block, distances)
                np.subtract(block, pivot, out=distances)
                distances[places] = 0
                sums.add(distances)
        self._sum, self._squares = sums.totals()
        self._core_ends = outside.core_ends  # as the distances of pixels were rounded
        outer = outside.values
        self.low_end, self.low_places = outside.below(self._core_ends[0])
        self._count = self._pixels.size - outer.size
        finite = np.isfinite(outer)
        self._pixels.all_finite = bool(finite.all())
        return outer if self._pixels.all_finite else outer[finite]

    def _ends(self) -> tuple[float, float]:
        """Find the extremes, in the core only if there is no tail on both sides."""
        low, high = self._tails.min(initial=np.inf), self._tails.max(initial=-np.inf)
        if low >= self._core_ends[0] or high <= self._core_ends[1]:
            for block in self._pixels:
                low, high = min(low, block.min()), max(high, block.max())
        return float(low), float(high)


def _core_of(sample: Floats) -> tuple[float, tuple[float, float]]:
    """Pivot for the sums, and limits that surely lie inside every clipping window.

    The pivot is zero, or, far from it, a pixel of the sample: among float32 numbers
    that are so close together, distances are exact.
    """
    if sample.size == 0:
        return 0.0, (0.0, 0.0)
    inside, mean, rms = sample, 0.0, 0.0
    for _ in range(_CLIPPING_PASSES):
        mean, rms = float(inside.mean(dtype=np.float64)), float(inside.std(dtype=np.float64))
        kept = sample[np.abs(sample - np.float32(mean)) <= 3 * rms]
        inside = kept if kept.size else inside
    reach = _CORE_SIGMA * rms
    pivot = 0.0
    if abs(mean) > _FAR_FROM_ZERO * rms:
        pivot = float(np.partition(inside, inside.size // 2)[inside.size // 2])
    return pivot, (float(np.float32(mean - reach)), float(np.float32(mean + reach)))


def _inside(pixels: Floats, lower: float, upper: float) -> npt.NDArray[np.bool_]:
    """Which pixels lie inside ``[lower, upper]``."""
    inside: npt.NDArray[np.bool_] = (pixels >= np.float32(lower)) & (pixels <= np.float32(upper))
    return inside


def _beyond(pixels: Floats, lower: np.float32, upper: np.float32) -> tuple[int, int]:
    """Count pixels below `lower`, and those not below `upper`."""
    return int(np.count_nonzero(pixels < lower)), int(np.count_nonzero(pixels >= upper))


def _visit_window(pixels: Blocks, lower: float, upper: float) -> Moments:
    """Moments of a window the plain way, in two passes over the pixels."""
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
