"""Grown pixels are those near a bad one, and no others."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from staticmask_cli.masks.grow import grown


@given(arrays(bool, array_shapes(min_dims=2, max_dims=2, max_side=9)), st.integers(0, 12))
def test_a_pixel_is_grown_if_a_bad_one_is_near(bad: np.ndarray, distance: int) -> None:
    before = bad.copy()
    near = grown(bad, distance)
    rows, columns = np.indices(bad.shape)
    expected = np.zeros_like(bad)
    for y, x in np.argwhere(bad):
        expected |= (abs(rows - y) <= distance) & (abs(columns - x) <= distance)
    np.testing.assert_array_equal(near, expected)
    np.testing.assert_array_equal(bad, before)
