"""Scores of good pixels have the variance of their weights; low pixels have negative scores."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.localsky import residuals
from staticmask_cli.localsky.evidence import SCORE_UNIT, WEIGHT_UNIT, gain_of, scores_of_chip
from tests.support.skies import exposed, grid, with_stars

Floats = npt.NDArray[np.float64]

SHAPE = (220, 300)
Y, X = grid(SHAPE)
FIELDS = {
    "flat": np.full(SHAPE, 80.0),
    "gradient": 40.0 + 0.5 * X + 0.3 * Y,
    "stars": with_stars(np.full(SHAPE, 80.0), 800),
    "waves": 400.0 * (1.5 + np.sin(X / 9.0) * np.cos(Y / 7.0)),
}
PLANTED = np.zeros(SHAPE, bool)
PLANTED[4::13, 5::17] = True


def standardized(data: npt.NDArray[np.generic], gain: float = 4.0) -> Floats:
    """Return the scores in units of their expected standard deviation; NaN where unknown."""
    scores = scores_of_chip(data, gain)
    assert scores.score.dtype == scores.weight.dtype == np.int32
    assert not scores.score[scores.weight == 0].any()
    sigma = np.sqrt(np.where(scores.weight > 0, scores.weight, np.nan) / WEIGHT_UNIT)
    return np.asarray(scores.score / SCORE_UNIT / sigma)


@pytest.mark.parametrize("name", FIELDS)
def test_good_pixels_have_the_variance_of_their_weights(name: str) -> None:
    z = standardized(exposed(FIELDS[name], seed=1))
    assert np.isfinite(z).mean() > 0.97
    assert -0.02 < np.nanmean(z) < (0.3 if name == "stars" else 0.05)  # stars lift, none lowers
    low, middle = np.nanquantile(z, [0.1587, 0.5])
    assert 0.92 < middle - low < 1.05


@pytest.mark.parametrize("name", FIELDS)
def test_low_pixels_have_negative_scores_by_their_depth(name: str) -> None:
    light = FIELDS[name]
    data = exposed(light, seed=2) - np.where(PLANTED, 2.0 * np.sqrt(light + 16.0), 0.0)
    assert -2.1 < np.nanmean(standardized(data)[PLANTED]) < (-1.1 if name == "stars" else -1.5)


def test_one_exposure_counts_no_more_than_its_limit() -> None:
    data = exposed(FIELDS["flat"], seed=3)
    data[100, 200], data[200, 100] = 0.0, 84_000.0
    z = standardized(data)
    assert -3.2 < z[100, 200] < -2.9
    assert 2.9 < z[200, 100] < 3.2


def test_neighbours_of_hot_and_dead_pixels_are_not_low_and_not_high() -> None:
    data = exposed(FIELDS["flat"], seed=4)
    data[5::20, 7::20], data[15::20, 17::20] = 9000.0, 0.0
    z = standardized(data)
    for y, x in ((5, 8), (15, 18), (6, 7), (16, 17)):
        assert abs(np.nanmean(z[y::20, x::20])) < 0.25


@pytest.mark.parametrize("gain", [1.0, 30.0])
def test_the_gain_weights_an_exposure(gain: float) -> None:
    data = exposed(FIELDS["flat"], seed=5)
    weight = scores_of_chip(data, gain).weight
    assert np.median(weight) == pytest.approx(WEIGHT_UNIT * gain**2, rel=0.15)
    np.testing.assert_allclose(standardized(data, gain), standardized(data, 8.0), atol=0.35)


def test_a_steep_slope_at_the_edge_of_the_chip_is_neither_low_nor_high() -> None:
    light = 100.0 + 10.0 * np.minimum(Y, 25.0)
    rows = np.nanmean([standardized(exposed(light, seed=seed)) for seed in range(3)], axis=(0, 2))
    np.testing.assert_allclose(rows[:6], 0.0, atol=0.15)


def test_few_counts_that_hardly_scatter_do_not_outweigh_many() -> None:
    rng = np.random.default_rng(3)
    data = rng.poisson(0.25, SHAPE) / rng.normal(1.0, 0.03, SHAPE)
    data[PLANTED] = 0.0
    # The median of most pixels is 0, and so are they.  Many counts weigh as much as one unit.
    assert 0 < np.median(scores_of_chip(data, 1.0).weight) < 6 * WEIGHT_UNIT
    assert -0.7 < np.nanmean(standardized(data, 1.0)[PLANTED]) < -0.3


def test_the_gain_is_the_sky_in_units_of_its_noise_within_limits() -> None:
    assert gain_of(80.0, 10.0) == 8.0
    assert gain_of(0.1, 10.0) == gain_of(-5.0, 10.0) == gain_of(80.0, 0.0) == 1.0
    assert gain_of(np.nan, 10.0) == gain_of(80.0, np.nan) == 1.0
    assert gain_of(1e9, 1.0) == 64.0


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2", "int32"])
def test_the_dtype_does_not_matter_and_pixels_are_not_modified(dtype: str) -> None:
    data = np.rint(exposed(FIELDS["waves"], seed=6)).astype(dtype)
    before = data.copy()
    scores = scores_of_chip(data, 4.0)
    np.testing.assert_array_equal(data, before)
    expected = scores_of_chip(data.astype(np.float32), 4.0)
    np.testing.assert_array_equal(scores.score, expected.score)


def test_the_size_of_the_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = exposed(FIELDS["stars"], seed=7)
    expected = scores_of_chip(data, 4.0)
    monkeypatch.setattr(residuals, "_BLOCK", 1 << 11)
    monkeypatch.setattr(residuals, "_CHUNK", 100)
    scores = scores_of_chip(data, 4.0)
    # Only sums of float32 differ in their last digits.
    assert np.abs(scores.score - expected.score).max() <= 1
    np.testing.assert_array_equal(scores.weight, expected.weight)


def test_nothing_is_known_about_missing_pixels_and_their_neighbours_are_scored() -> None:
    data = exposed(FIELDS["flat"], seed=8)
    data[:, 50], data[20:60, 100:140] = np.nan, np.inf
    z = standardized(data)
    assert np.isnan(z[:, 50]).all()
    assert np.isnan(z[22:58, 102:138]).all()
    assert np.isfinite(z[:, [48, 49, 51, 52]]).mean() > 0.95
    assert 0.85 < np.nanstd(z[:, [48, 49, 51, 52]]) < 1.15


@pytest.mark.parametrize("shape", [(1, 1), (3, 7), (9, 400), (40, 23)])
@pytest.mark.parametrize("level", [np.nan, 0.0, 80.0])
def test_small_and_constant_chips_have_scores_of_nothing_or_of_noise(
    shape: tuple[int, int], level: float
) -> None:
    assert not scores_of_chip(np.full(shape, level), 4.0).weight.any()
    z = standardized(exposed(np.full(shape, 80.0), seed=9))
    assert np.isnan(z).all() or 0.8 < np.nanstd(z) < 1.2


@settings(max_examples=25)
@given(st.integers(0, 99), st.sampled_from([1e-20, 1e-3, 1e3, 1e18, 1e36]),
       st.sampled_from([0.0, 0.3, 1e4]))
def test_pixels_of_any_magnitude_have_scores(seed: int, unit: float, level: float) -> None:
    rng = np.random.default_rng(seed)
    data = (rng.poisson(level, (60, 70)) + rng.normal(0, 2, (60, 70))) * unit
    data[rng.random(data.shape) < 0.05] = rng.choice([np.nan, np.inf, -np.inf, 1e300, -1e300])
    scores = scores_of_chip(data, 64.0)
    assert np.abs(scores.score).max() <= 64 * SCORE_UNIT * 64
