"""Signs are counted, and show the columns and rows that are mostly low."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.sign_counts import SignCounts
from staticmask_cli.localsky.windows import tiles

SHAPE = (300, 420)


def signs_of(data: npt.NDArray[np.generic], width: int = 2048) -> SignCounts:
    """Count the signs of a chip in tiles of some width."""
    signs = SignCounts((data.shape[0], data.shape[1]))
    for row, column, tile in tiles(data, (64, width)):
        signs.add(row, column, tile)
    return signs


def columns_of(data: npt.NDArray[np.generic], static_sig: float = 5.0) -> list[int]:
    """Return the columns with a low part."""
    return [int(column) for column in np.flatnonzero(signs_of(data).low_columns(static_sig))]


def noisy(seed: int = 3) -> npt.NDArray[np.float32]:
    """Return a flat sky with a noise of 1."""
    return np.random.default_rng(seed).normal(100.0, 1.0, SHAPE).astype(np.float32)


def field() -> npt.NDArray[np.float32]:
    """Return a flat sky with noise 1 and lines low by 1.5: two columns and a part of a row."""
    data = noisy()
    data[:, 77] -= 1.5
    data[:, 0] -= 1.5
    data[211, 100:350] -= 1.5
    return data


@pytest.mark.parametrize("width", [64, 320, 2048])
def test_low_lines_are_found_whatever_the_width_of_the_tiles(width: int) -> None:
    signs = signs_of(field(), width)
    assert np.flatnonzero(signs.low_columns(5.0)).tolist() == [0, 77]
    assert np.flatnonzero(signs.low_rows(5.0)).tolist() == [211]


def test_tiles_are_yielded_as_they_are_counted() -> None:
    signs = SignCounts(SHAPE)
    starts = [start for start, _, tile in signs.counted(tiles(field())) if tile.size]
    assert starts == list(range(0, 300, 64))
    assert np.flatnonzero(signs.low_columns(5.0)).tolist() == [0, 77]


@pytest.mark.parametrize(("excess", "found"), [(0.34, [7]), (0.2, [])])
def test_a_long_line_is_low_in_65_percent_of_its_pixels_at_least(
    excess: float, found: list[int]
) -> None:
    data = np.full((2000, 31), 100.0, np.float32)
    below = np.diff(np.floor(np.arange(2001) * (1 + excess) / 2)) > 0  # evenly distributed
    data[:, 7] += np.where(below, -1.0, 1.0)
    assert columns_of(data) == found
    assert not signs_of(data).low_rows(5.0).any()


@pytest.mark.parametrize("length", [64, 128, 150, 250])
def test_a_part_of_a_line_is_enough_if_most_of_its_pixels_are_low(length: int) -> None:
    data = noisy()
    data[40 : 40 + length, 123] -= 3.0
    assert columns_of(data) == [123]


def test_a_higher_threshold_finds_fewer_lines() -> None:
    data = noisy()
    data[:, 50::40] -= 0.5
    assert len(columns_of(data, 3.0)) > 5
    assert columns_of(data, 30.0) == []


def test_noise_has_no_lines() -> None:
    for seed in range(5):
        signs = signs_of(noisy(seed))
        assert not signs.low_columns(5.0).any()
        assert not signs.low_rows(5.0).any()


@pytest.mark.parametrize(("offset", "most"), [(0.3, 0), (0.5, 10), (1.0, 45)])
def test_where_all_rows_are_offset_few_of_them_are_candidates(offset: float, most: int) -> None:
    for seed in range(4):
        offsets = offset * np.random.default_rng(seed + 50).normal(size=(SHAPE[0], 1))
        assert np.count_nonzero(signs_of(noisy(seed) + offsets).low_rows(5.0)) <= most


def test_fifty_low_lines_are_all_candidates() -> None:
    data = noisy()
    data[:, 10:410:8] -= 3.0
    assert columns_of(data) == list(range(10, 410, 8))


def test_lines_that_are_low_in_all_pixels_are_candidates_even_among_such_rows() -> None:
    data = noisy() + np.random.default_rng(4).normal(size=(SHAPE[0], 1))
    data[100] -= 20.0
    assert signs_of(data).low_rows(5.0)[100]


@pytest.mark.parametrize("depth", [0.5, 1.0, 2.0, 20.0])
def test_a_chip_has_at_most_64_candidates_along_an_axis(depth: float) -> None:
    data = noisy()
    data[:, ::2] -= depth
    assert len(columns_of(data)) <= 64
    assert np.count_nonzero(signs_of(data.T).low_rows(5.0)) <= 64


def test_of_too_many_candidates_those_with_most_low_pixels_stay() -> None:
    data = noisy()
    data[:, ::2] -= 1.0
    data[:, 222] -= 20.0
    assert 222 in columns_of(data)


def test_a_line_three_wide_beside_missing_pixels_is_found() -> None:
    data = field()
    data[:, 200:203] -= 3.0
    data[:, 203:206] = np.nan
    found = columns_of(data)
    assert set(found) >= {0, 77, 200}
    assert set(found) <= {0, 77, 200, 201, 202}
