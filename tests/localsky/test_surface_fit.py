"""Pixels are compared with quadratic surfaces, which defects beside them do not change."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.median import fill_missing
from staticmask_cli.localsky.surface_fit import below_surface_fit

SHAPE = (24, 31)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
LANE = 0.5 * np.minimum((X - 13.0) ** 2, 49.0)  # whose bottom lies below the median around it


def below(
    data: npt.NDArray[np.float64], row: int, column: int, *, static_sig: float = 5.0
) -> bool:
    """Return whether one pixel lies below the surfaces around it; the noise is 1."""
    position = np.array([row]), np.array([column])
    scatter = np.full(1, 0.6)
    return bool(below_surface_fit(data, *position, np.ones(1), static_sig, scatter=scatter)[0])


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


def test_a_fraction_of_the_scatter_replaces_the_noise_if_it_is_larger() -> None:
    data = np.random.default_rng(4).normal(0.0, 4.0, SHAPE)
    data[12, 13] = -12.0
    pixel = np.array([12]), np.array([13]), np.ones(1)
    for fraction, low in ((0.15, True), (0.6, False), (1.0, False)):
        scatter = np.full(1, fraction)
        assert below_surface_fit(data, *pixel, 5.0, scatter=scatter).tolist() == [low]
    data[12, 13] = -40.0
    assert below(data, 12, 13)


def test_many_pixels_give_the_same_result_as_each_alone() -> None:
    data = noisy(LANE)
    rows, columns = (indices.ravel() for indices in np.divmod(np.arange(data.size), SHAPE[1]))
    rows, columns = np.tile(rows, 4), np.tile(columns, 4)  # more than are processed together
    data[5::7, 3::6] -= 10.0
    before = data.copy()
    together = below_surface_fit(data, rows, columns, np.ones(rows.size), 5.0,
                                 scatter=np.full(rows.size, 0.6))
    assert 10 < together[: data.size].sum() <= 20
    for number in range(0, data.size, 41):
        assert together[number] == below(data, rows[number], columns[number])
    np.testing.assert_array_equal(together, np.tile(together[: data.size], 4))
    np.testing.assert_array_equal(data, before)


def test_missing_pixels_become_infinities_of_both_signs() -> None:
    rows = np.arange(42.0, dtype=np.float32).reshape(6, 7)
    rows[1:5, 1:5] = np.nan
    rows[0, 0] = np.inf
    fill_missing(rows)
    missing = rows[1:5, 1:5]
    assert np.count_nonzero(missing == np.inf) == np.count_nonzero(missing == -np.inf) == 8
    assert rows[0, 0] == -np.inf
    assert np.isfinite(rows).sum() == 42 - 17
