"""Neighbourhoods of pixels are mirrored at the edges; low pixels must be the lowest of theirs."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.windows import lowest_of_neighbours, mirrored, neighbourhoods

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


def lowest(data: npt.NDArray[np.float64], low: list[tuple[int, int]]) -> list[bool]:
    """Return which low pixels are the lowest of their neighbours, for a limit of 5."""
    bits = np.zeros(SHAPE, np.bool_)
    bits[tuple(np.transpose(low))] = True
    rows, columns = np.transpose(low)
    found = lowest_of_neighbours(data, bits, rows, columns, np.full(rows.size, 5.0))
    return [bool(is_lowest) for is_lowest in found]


def test_a_pixel_must_lie_below_all_of_its_neighbours_but_one() -> None:
    data = np.full(SHAPE, 50.0)
    data[4, 5] = 47.9
    assert lowest(data, [(4, 5)]) == [True]
    data[4, 5] = 48.1  # the margin is 2
    assert lowest(data, [(4, 5)]) == [False]
    data[4, 5], data[3, 4] = 30.0, 20.0
    assert lowest(data, [(4, 5)]) == [True]
    data[4, 4] = 31.0
    assert lowest(data, [(4, 5)]) == [False]


def test_clusters_of_low_pixels_are_kept_and_ends_of_lanes_are_not() -> None:
    data = np.full(SHAPE, 50.0)
    data[4:7, 5:7] = 20.0
    cluster = [(y, x) for y in (4, 5, 6) for x in (5, 6)]
    assert lowest(data, cluster) == [True] * 6
    data[7:, 5:7] = 20.0  # now it is the end of a lane, whose other pixels were not found to be low
    assert lowest(data, cluster) == [True, True, True, True, False, False]


def test_missing_and_infinite_neighbours_do_not_count_as_lower() -> None:
    data = np.full(SHAPE, 50.0)
    data[0, 0] = 40.0
    data[0, 1] = data[1, 0] = np.nan
    data[4, 5], data[4, 6], data[4, 4] = 40.0, np.inf, -np.inf
    data[7, 5:7] = -np.inf
    assert lowest(data, [(0, 0), (4, 5), (7, 5), (7, 6)]) == [True] * 4
