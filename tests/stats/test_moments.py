"""Fast sums agree with exact ones to more digits than float32 has."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.stats.moments import ExactSums, FastSums, fast_sums_hold

_CLOSE = 5e-8  # less than the rounding error of a float32


@settings(max_examples=25)
@given(
    seed=st.integers(0, 1 << 30),
    pieces=st.lists(st.integers(1, 150_000), min_size=1, max_size=4),
    noise=st.floats(1e-9, 1e9),
    offset=st.floats(-2, 2),
)
def test_fast_sums_are_exact_to_more_digits_than_float32_has(
    seed: int, pieces: list[int], noise: float, offset: float
) -> None:
    rng = np.random.default_rng(seed)
    numbers = [rng.normal(offset * noise, noise, size).astype(np.float32) for size in pieces]
    fast = FastSums(sum(pieces))
    for piece in numbers:
        fast.add(piece)
    whole = np.concatenate(numbers).astype(np.float64)
    total, squares = fast.totals()
    assert total == pytest.approx(whole.sum(), abs=_CLOSE * np.abs(whole).sum())
    assert squares == pytest.approx(np.square(whole).sum(), rel=_CLOSE)


def test_counts_are_summed_without_any_error() -> None:
    rng = np.random.default_rng(5)
    counts = rng.poisson(40.0, 200_001).astype(np.float32)
    fast, exact = FastSums(counts.size), ExactSums()
    for sums in (fast, exact):
        sums.add(counts)
    expected = float(counts.sum(dtype=np.float64)), float(np.square(counts).sum(dtype=np.float64))
    assert fast.totals() == exact.totals() == expected


def test_few_numbers_are_summed_exactly() -> None:
    numbers = np.array([1e20, 1.0, -1e20], dtype=np.float32)
    fast, exact = FastSums(numbers.size), ExactSums()
    for sums in (fast, exact):
        sums.add(numbers)
    assert fast.totals() == exact.totals()


def test_fast_sums_are_not_for_numbers_whose_squares_leave_the_range_of_float32() -> None:
    assert fast_sums_hold(3.0)
    assert not fast_sums_hold(0.0)
    assert not fast_sums_hold(1e-13)
    assert not fast_sums_hold(1e13)
