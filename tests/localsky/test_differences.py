"""The noise of a pixel is recovered from the differences between adjacent pixels."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.differences import (
    pixel_noise,
    positive_quantile,
    second_differences,
)
from tests.support.skies import grid

SHAPE = (300, 410)
Y, X = grid(SHAPE)
RNG = np.random.default_rng(8)
NOISE = RNG.normal(0.0, 7.0, SHAPE)
SKIES = {
    "flat": np.full(SHAPE, 100.0),
    "slope": 3.0 * X - 2.0 * Y,
    "lane": 5000.0 * (1 - 0.9 * np.exp(-(((X + 0.4 * Y - 250) / 8.0) ** 2))),
    "bright and faint half": np.where(X < 200, 0.0, 1e5),
}


def test_second_differences_have_the_noise_of_a_pixel_and_cancel_slopes() -> None:
    rows = RNG.normal(size=(7, 9)).astype(np.float32)
    mask = np.outer([1, -2, 1], [1, -2, 1]) / 6
    expected = [
        [(rows[y : y + 3, x : x + 3] * mask).sum() for x in range(7)] for y in range(5)
    ]
    np.testing.assert_allclose(second_differences(rows), expected, atol=1e-5)
    assert np.abs(second_differences((3 * X + 2 * Y).astype(np.float32))).max() == 0
    assert second_differences(NOISE.astype(np.float32)).std() == pytest.approx(7.0, rel=0.02)


@pytest.mark.parametrize("name", SKIES)
@pytest.mark.parametrize("dtype", ["float32", ">f4", ">i2", "float64"])
def test_the_noise_of_pixels_is_found_whatever_the_sky(name: str, dtype: str) -> None:
    sky = SKIES[name] if dtype != ">i2" else SKIES[name] / 10
    data = (sky + NOISE).astype(dtype)
    before = data.tobytes()
    assert pixel_noise(data) == pytest.approx(7.0, rel=0.06)
    assert data.tobytes() == before


def test_rows_from_all_over_the_chip_count() -> None:
    data = NOISE.copy()
    data[:200] = 0.0  # which do not count, because their pixels do not differ
    assert pixel_noise(data) == pytest.approx(7.0, rel=0.1)


def test_defects_stars_and_missing_pixels_hardly_change_the_noise() -> None:
    data = SKIES["flat"] + NOISE
    data[::23, ::17] = -1e4
    data[4::31, 5::29] = 1e30
    data[:, 100] = 0
    data[:, 33:70] = np.nan
    data[7, 7] = -np.inf
    assert pixel_noise(data) == pytest.approx(7.0, rel=0.2)


@pytest.mark.parametrize(
    "data",
    [np.full(SHAPE, 5.0), np.zeros(SHAPE, np.int16), np.full(SHAPE, np.nan), np.zeros((2, 9)),
     np.zeros((0, 5)), np.ones((1, 1)), RNG.normal(size=(4, 5))],
    ids=["constant", "zeros", "nan", "two rows", "none", "one", "too few"],
)
def test_without_differences_the_noise_is_nan(data: npt.NDArray[np.float64]) -> None:
    assert np.isnan(pixel_noise(data))


@pytest.mark.parametrize(("count", "known"), [(16, False), (24, True)])
def test_the_noise_is_estimated_from_20_differences_at_least(count: int, *, known: bool) -> None:
    data = np.zeros((3, 60))
    data[1, :count] = np.random.default_rng(1).normal(0.0, 7.0, count)
    assert np.isfinite(pixel_noise(data)) == known


def test_a_quantile_counts_positive_and_finite_distances_only() -> None:
    distances = np.repeat(np.array([0.0, -1.0, np.nan, np.inf], np.float32), 50)
    assert np.isnan(positive_quantile(distances, 0.5))
    distances = np.concatenate([distances, np.arange(1, 22, dtype=np.float32)])
    assert positive_quantile(distances, 0.5) == 11.0
