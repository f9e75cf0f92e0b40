"""Sums of many numbers and of their squares, in more digits than float32 has."""

import numpy as np
import numpy.typing as npt

__all__ = ["exact_sums", "fast_sums", "fast_sums_hold"]

Floats = npt.NDArray[np.float32]

_ROW = 128  # numbers that are summed in float32, before their sums are in double precision
_MANY = 1 << 16  # numbers, in rows enough to even out what is rounded in each
_ONES = np.ones(_ROW, dtype=np.float32)
_SAFE = (1e-12, 1e12)  # sizes of numbers whose squares neither vanish nor overflow in float32


def exact_sums(numbers: Floats) -> tuple[float, float]:
    """Sum numbers, and their squares, in double precision."""
    return (float(np.add.reduce(numbers, dtype=np.float64)),
            float(np.einsum("i,i->", numbers, numbers, dtype=np.float64)))


def fast_sums(numbers: Floats) -> tuple[float, float]:
    """Sum numbers, and their squares, the first few in float32, which is three times as fast.

    What is rounded in a row is as often too much as too little; over many rows it
    is less than what rounding the result to float32 takes away.  Few are summed exactly.
    """
    whole = numbers.size - numbers.size % _ROW if numbers.size >= _MANY else 0
    rows = numbers[:whole].reshape(-1, _ROW)
    total, squares = (
        float(np.add.reduce(np.vecdot(rows, others), dtype=np.float64)) for others in (_ONES, rows)
    )
    if whole == numbers.size:
        return total, squares
    more, their_squares = exact_sums(numbers[whole:])
    return total + more, squares + their_squares


def fast_sums_hold(largest: float) -> bool:
    """Whether numbers are of a size that float32 can square."""
    return _SAFE[0] < largest < _SAFE[1]
