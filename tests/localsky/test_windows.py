"""Chips are mirrored at their edges; quantiles are those of the finite values."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from staticmask_cli.localsky.windows import (
    lines_through,
    mirrored,
    neighbourhoods,
    quantile_of_rows,
    tile_of,
    tiles,
)

SHAPE = (9, 12)


def test_indices_are_mirrored_at_the_ends_as_often_as_needed() -> None:
    assert mirrored(-3, 8, 5).tolist() == [3, 2, 1, 0, 1, 2, 3, 4, 3, 2, 1]
    assert mirrored(-3, 4, 2).tolist() == [1, 0, 1, 0, 1, 0, 1]
    assert mirrored(-2, 3, 1).tolist() == [0] * 5


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2", "uint8", "bool"])
def test_neighbourhoods_are_those_of_a_mirrored_chip(dtype: str) -> None:
    data = (np.arange(108).reshape(SHAPE) % 97).astype(dtype)
    rows, columns = np.divmod(np.arange(data.size), SHAPE[1])
    squares = neighbourhoods(data, rows, columns, 3)
    padded = np.pad(data.astype(np.float32), 3, mode="reflect")
    expected = np.lib.stride_tricks.sliding_window_view(padded, (7, 7)).reshape(-1, 7, 7)
    assert squares.dtype == np.float32
    np.testing.assert_array_equal(squares, expected)


@pytest.mark.parametrize("dtype", [">f4", ">i2", "bool"])
def test_lines_are_the_middles_of_neighbourhoods(dtype: str) -> None:
    data = (np.arange(108).reshape(SHAPE) % 97).astype(dtype)
    rows, columns = np.divmod(np.arange(data.size), SHAPE[1])
    squares = neighbourhoods(data, rows, columns, 4)
    for axis, expected in ((0, squares[:, :, 4]), (1, squares[:, 4, :])):
        lines = lines_through(data, rows, columns, 4, axis)
        assert lines.dtype == (np.bool_ if dtype == "bool" else np.float32)
        np.testing.assert_array_equal(lines, expected)


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2"])
@pytest.mark.parametrize("shape", [(1, 1), (4, 12), (9, 5), (64, 2048)])
def test_tiles_together_are_the_mirrored_chip(dtype: str, shape: tuple[int, int]) -> None:
    data = (np.arange(108).reshape(SHAPE) % 97).astype(dtype)
    padded = np.pad(data.astype(np.float32), 2, mode="reflect")
    seen = np.zeros(SHAPE, int)
    for row, column, tile in tiles(data, shape):
        assert tile.dtype == np.float32
        np.testing.assert_array_equal(
            tile, padded[row : row + shape[0] + 4, column : column + shape[1] + 4])
        seen[row : row + shape[0], column : column + shape[1]] += 1
    assert (seen == 1).all()


def test_a_tile_can_have_margins_wider_than_the_chip() -> None:
    data = np.arange(12.0).reshape(3, 4)
    tile = tile_of(data, slice(1, 2), slice(1, 4), 4)
    padded = np.pad(data, 4, mode="reflect")
    np.testing.assert_array_equal(tile, padded[1:10, 1:12])


@given(
    arrays.arrays(np.float64, st.tuples(st.integers(1, 5), st.integers(1, 9)),
                  elements=st.sampled_from([1.0, 2.0, 3.0, 5.0, np.nan, np.inf, -np.inf])),
    st.sampled_from([0.0, 0.25, 0.5, 0.9, 1.0]), st.integers(1, 4),
)
def test_a_quantile_is_that_of_the_finite_values_if_they_are_enough(
    values: npt.NDArray[np.float64], part: float, fewest: int
) -> None:
    for row, found in zip(values, quantile_of_rows(values, part, fewest), strict=True):
        finite = row[np.isfinite(row)]
        if finite.size < fewest:
            assert np.isnan(found)
        else:
            assert found == np.quantile(finite, part, method="lower")
