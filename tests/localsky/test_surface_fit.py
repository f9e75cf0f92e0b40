"""Pixels are compared with quadratic surfaces, which defects beside them do not change."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.candidates import Candidates
from staticmask_cli.localsky.surface_fit import below_surface_fit
from tests.support.skies import grid

SHAPE = (24, 31)
Y, X = grid(SHAPE)
LANE = 0.5 * np.minimum((X - 13.0) ** 2, 49.0)  # whose bottom lies below the median around it


def pixels(rows: list[int], columns: list[int]) -> Candidates:
    """Return pixels with a noise of 1, whose depth is of no importance here."""
    count = len(rows)
    return Candidates(np.array(rows), np.array(columns), np.zeros(count, np.float32),
                      np.ones(count))


def below(
    data: npt.NDArray[np.float64], row: int, column: int, *, static_sig: float = 5.0
) -> bool:
    """Return whether one pixel lies below the surfaces around it; the noise is 1."""
    return bool(below_surface_fit(data, pixels([row], [column]), static_sig)[0])


def noisy(sky: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Add noise a little below 1, so that the scatter never replaces it."""
    return np.asarray(sky + np.random.default_rng(3).normal(0.0, 0.8, SHAPE))


@pytest.mark.parametrize("sky", [np.zeros(SHAPE), 3.0 * X - 2.0 * Y, LANE],
                         ids=["flat", "slope", "lane"])
@pytest.mark.parametrize("position", [(12, 13), (0, 13), (23, 30), (1, 1), (12, 0)])
def test_a_pixel_counts_by_its_distance_from_the_surface(
    sky: npt.NDArray[np.float64], position: tuple[int, int]
) -> None:
    data = noisy(sky)
    assert not below(data, *position)
    data[position] = sky[position] - 9.0
    assert below(data, *position)
    assert not below(data, *position, static_sig=13.0)


def test_stars_rays_and_other_defects_beside_a_pixel_are_left_out() -> None:
    data = noisy(np.zeros(SHAPE))
    data[10:12, 12:15] += 500.0
    data[13, 14:20] += 3000.0
    data[11, 11] = -400.0
    data[14, 11:13] = np.nan
    assert not below(data, 12, 13)
    data[12, 13] = -8.0
    assert below(data, 12, 13)


@pytest.mark.parametrize(("distance", "is_low"), [(4.6, True), (3.4, False)])
def test_pixels_beyond_4_sigma_are_left_out_of_the_surface_and_others_are_not(
    distance: float, *, is_low: bool
) -> None:
    data = np.zeros(SHAPE)
    data[10:15:2, 11:16:2] = -distance
    data[12, 13] = -5.4
    assert below(data, 12, 13) == is_low


@pytest.mark.parametrize(("sigma", "is_low"), [(1.0, True), (4.0, True), (6.0, False)])
def test_a_fraction_of_the_scatter_replaces_the_noise_if_it_is_larger(
    sigma: float, *, is_low: bool
) -> None:
    data = np.random.default_rng(4).normal(0.0, sigma, SHAPE)
    data[12, 13] = -15.0  # 5 times 0.6 of a scatter of 5
    assert below(data, 12, 13) == is_low
    data[12, 13] = -8.0 * sigma
    assert below(data, 12, 13)


def test_the_bottom_of_a_hollow_that_a_narrow_surface_follows_is_not_low() -> None:
    hollow = -12.0 * np.exp(-((Y - 12.0) ** 2 + (X - 13.0) ** 2) / 2.9)
    data = hollow + np.random.default_rng(3).normal(0.0, 0.3, SHAPE)
    data[12, 13] = hollow[12, 13]  # 7 below the wide surface, and 4 below the narrow one
    assert not below(data, 12, 13)
    assert below(data, 12, 13, static_sig=3.5)


def test_many_pixels_give_the_same_result_as_each_alone() -> None:
    data = noisy(LANE)
    rows, columns = np.divmod(np.tile(np.arange(data.size), 4), SHAPE[1])
    data[5::7, 3::6] -= 10.0
    before = data.copy()
    many = pixels(rows.tolist(), columns.tolist())  # more than are processed together
    together = below_surface_fit(data, many, 5.0)
    assert 10 < together[: data.size].sum() <= 20
    for number in range(0, data.size, 41):
        assert together[number] == below(data, rows[number], columns[number])
    np.testing.assert_array_equal(together, np.tile(together[: data.size], 4))
    np.testing.assert_array_equal(data, before)
