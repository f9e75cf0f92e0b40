"""The median filter is compared with sorting, and the fast search with the median of all pixels."""

import itertools

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from staticmask_cli.localsky.median import REACH, far_below_median, fill_missing, median_filter

SIDE = 2 * REACH + 1


def sorted_median(tile: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return the median of every 5 x 5 window by sorting it."""
    windows = np.lib.stride_tricks.sliding_window_view(tile, (SIDE, SIDE))
    return np.sort(windows.reshape(*windows.shape[:2], -1), axis=-1)[..., SIDE * SIDE // 2]


@pytest.mark.parametrize("shape", [(5, 5), (5, 31), (44, 6), (37, 53)])
@pytest.mark.parametrize("kind", ["noise", "counts", "infinities"])
def test_the_filter_returns_the_median_around_each_pixel(shape: tuple[int, int], kind: str) -> None:
    rng = np.random.default_rng(5)
    tile = rng.normal(100.0, 5.0, shape).astype(np.float32)
    if kind == "counts":
        tile = rng.poisson(1.5, shape).astype(np.float32)
    if kind == "infinities":
        tile[rng.random(shape) < 0.2] = np.inf
        tile[rng.random(shape) < 0.2] = -np.inf
    before = tile.copy()
    filtered = median_filter(tile)
    assert filtered.dtype == np.float32
    np.testing.assert_array_equal(filtered, sorted_median(before))
    np.testing.assert_array_equal(tile, before)


def test_the_network_finds_the_median_of_all_zeros_and_ones() -> None:
    # By the 0-1 principle a network that is right for all zeros and ones is right for all numbers.
    # The columns of a window are sorted first, so only their numbers of ones matter.
    rng = np.random.default_rng(6)
    windows = []
    for ones in itertools.product(range(SIDE + 1), repeat=SIDE):
        window = np.array([[row < count for count in ones] for row in range(SIDE)], np.float32)
        windows.append(rng.permuted(window, axis=0))
    tile = np.concatenate(windows, axis=1)
    found = median_filter(tile)[0, ::SIDE]
    expected = [float(window.sum() > SIDE * SIDE / 2) for window in windows]
    assert found.tolist() == expected


def test_tiles_of_different_sizes_can_follow_each_other() -> None:
    rng = np.random.default_rng(7)
    for shape in ((40, 50), (20, 50), (7, 9), (40, 50)):
        tile = rng.normal(size=shape).astype(np.float32)
        np.testing.assert_array_equal(median_filter(tile), sorted_median(tile))


def number_far_below(tile: np.ndarray, limit: float) -> int:
    """Count the pixels far below the median, after a comparison with the median of all pixels."""
    before = tile.copy()
    rows, columns, medians = far_below_median(tile, np.float32(limit))
    np.testing.assert_array_equal(tile, before)
    expected = sorted_median(tile)
    with np.errstate(invalid="ignore", over="ignore"):
        depth = expected - tile[REACH:-REACH, REACH:-REACH]
    far = np.nonzero((depth > np.float32(limit)) & np.isfinite(depth))
    np.testing.assert_array_equal(np.stack([rows, columns]), np.stack(far))
    np.testing.assert_array_equal(medians, expected[far])
    return int(rows.size)


@pytest.mark.parametrize("shape", [(5, 5), (5, 40), (31, 6), (60, 91)])
@pytest.mark.parametrize("missing", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("limit", [0.0, 8.0, 25.0])
def test_the_pixels_far_below_are_those_that_the_median_of_all_shows(
    shape: tuple[int, int], missing: float, limit: float
) -> None:
    rng = np.random.default_rng(4)
    tile = rng.normal(100.0, 5.0, shape).astype(np.float32)
    tile[rng.random(shape) < 0.05] += 3000  # cosmic rays
    tile[rng.random(shape) < 0.05] -= 60
    tile[rng.random(shape) < missing] = np.nan
    fill_missing(tile)
    assert number_far_below(tile, limit) > 0 or min(shape) < 9


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(5, 12), st.integers(5, 12)),
        elements=st.sampled_from([0.0, 1.0, 2.0, -1e30, 3e38, -3e38, np.inf, -np.inf]),
    ),
    st.sampled_from([0.0, 0.5, 1.0, 1e30]),
)
def test_extreme_pixels_are_compared_with_their_median_too(
    tile: np.ndarray, limit: float
) -> None:
    number_far_below(tile, limit)


def test_missing_pixels_become_infinities_of_both_signs() -> None:
    rows = np.arange(42.0, dtype=np.float32).reshape(6, 7)
    rows[1:5, 1:5] = np.nan
    rows[0, 0] = np.inf
    fill_missing(rows)
    missing = rows[1:5, 1:5]
    assert np.count_nonzero(missing == np.inf) == np.count_nonzero(missing == -np.inf) == 8
    assert rows[0, 0] == -np.inf
    assert np.isfinite(rows).sum() == 42 - 17
