"""Pixels far below the median around, held against that median of all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from staticmask_cli.farbelow import far_below_median
from staticmask_cli.medianfilter import REACH, fill_missing
from tests.test_medianfilter import sorted_median


def check(tile: np.ndarray, limit: float) -> int:
    """Compare with the median of all pixels; how many are far below."""
    before = tile.copy()
    rows, columns, medians = far_below_median(tile, np.float32(limit))
    np.testing.assert_array_equal(tile, before)
    expected = sorted_median(tile)
    with np.errstate(invalid="ignore", over="ignore"):
        depth = expected - tile[REACH:-REACH, REACH:-REACH]
    places = np.nonzero((depth > np.float32(limit)) & np.isfinite(depth))
    np.testing.assert_array_equal(np.stack([rows, columns]), np.stack(places))
    np.testing.assert_array_equal(medians, expected[places])
    return int(rows.size)


@pytest.mark.parametrize("shape", [(5, 5), (5, 40), (31, 6), (60, 91)])
@pytest.mark.parametrize("missing", [0.0, 0.02, 0.3])
@pytest.mark.parametrize("limit", [0.0, 8.0, 25.0])
def test_they_are_those_that_the_median_of_all_shows(
    shape: tuple[int, int], missing: float, limit: float
) -> None:
    rng = np.random.default_rng(4)
    tile = rng.normal(100.0, 5.0, shape).astype(np.float32)
    tile[rng.random(shape) < 0.05] += 3000  # cosmic rays
    tile[rng.random(shape) < 0.05] -= 60
    tile[rng.random(shape) < missing] = np.nan
    fill_missing(tile)
    assert check(tile, limit) > 0 or min(shape) < 9


@given(
    arrays.arrays(
        np.float32, st.tuples(st.integers(5, 12), st.integers(5, 12)),
        elements=st.sampled_from([0.0, 1.0, 2.0, -1e30, 3e38, -3e38, np.inf, -np.inf]),
    ),
    st.sampled_from([0.0, 0.5, 1.0, 1e30]),
)
def test_hostile_pixels_are_compared_as_the_median_has_them(
    tile: np.ndarray, limit: float
) -> None:
    check(tile, limit)
