"""Sums of many numbers and of their squares, in more digits than float32 has."""

import numpy as np
import numpy.typing as npt

__all__ = ["ExactSums", "FastSums", "fast_sums_hold"]

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
