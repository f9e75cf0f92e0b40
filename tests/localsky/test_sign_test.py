"""The sign test finds the columns and rows that are mostly low."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from staticmask_cli.localsky.local_sky import pixels_below_local_sky
from staticmask_cli.localsky.sign_test import SignTest
from staticmask_cli.localsky.windows import RowBlocks

SHAPE = (300, 420)


def signs_of(data: npt.NDArray[np.float32], size: int) -> SignTest:
    """Count the signs of a chip in row blocks of some size."""
    signs = SignTest(data, 5.0)
    for start, tile in RowBlocks(data, size):
        signs.add(start, tile)
    return signs


def field(seed: int = 3) -> npt.NDArray[np.float32]:
    """Return a flat sky with noise 1 and lines low by 1.5: two columns and a part of a row."""
    data = np.random.default_rng(seed).normal(100.0, 1.0, SHAPE).astype(np.float32)
    data[:, 77] -= 1.5
    data[:, 0] -= 1.5
    data[211, 100:350] -= 1.5
    return data


@pytest.mark.parametrize("size", [1, 3000, 130 * 424, 1 << 17])
def test_low_lines_are_found_whatever_the_size_of_the_row_blocks(size: int) -> None:
    signs = signs_of(field(), size)
    assert np.flatnonzero(signs.low_columns()).tolist() == [0, 77]
    assert np.flatnonzero(signs.low_rows()).tolist() == [211]


@pytest.mark.parametrize(("excess", "found"), [(0.34, [7]), (0.26, [])])
def test_a_long_line_is_low_in_65_percent_of_its_pixels_at_least(
    excess: float, found: list[int]
) -> None:
    data = np.full((2000, 31), 100.0, np.float32)
    below = np.diff(np.floor(np.arange(2001) * (1 + excess) / 2)) > 0  # evenly distributed
    data[:, 7] += np.where(below, -1.0, 1.0)
    signs = signs_of(data, 5000)
    assert np.flatnonzero(signs.low_columns()).tolist() == found
    assert not signs.low_rows().any()


def test_noise_has_no_lines() -> None:
    for seed in range(5):
        data = np.random.default_rng(seed).normal(100.0, 1.0, SHAPE).astype(np.float32)
        signs = signs_of(data, 1 << 17)
        assert not signs.low_columns().any()
        assert not signs.low_rows().any()


def test_a_line_three_wide_beside_missing_pixels_is_found() -> None:
    data = field()
    data[:, 200:203] -= 3.0
    data[:, 203:206] = np.nan
    found = np.flatnonzero(signs_of(data, 5000).low_columns()).tolist()
    assert set(found) >= {0, 77, 200}
    assert set(found) <= {0, 77, 200, 201, 202}


def test_ridges_beside_bright_stars_do_not_make_columns_between_them_low(
    real_exposure: Path,
) -> None:
    with fits.open(real_exposure) as hdus:
        data = hdus["SCI", 1].data
    assert signs_of(data, 1 << 17).low_columns()[440]
    assert pixels_below_local_sky(data, 5.0).sum(axis=0).max() < 64  # shorter than any line
