"""Known noise is recovered from skies that are not flat."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.noise import NoiseModel, pixel_noise, second_differences

SHAPE = (300, 410)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]]
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


def noise_model_of(sky: npt.NDArray[np.float64], pixels: npt.NDArray[np.float64]) -> NoiseModel:
    """Estimate the noise model from pixels whose sky is known."""
    inside = np.s_[1:-1, 1:-1]
    return NoiseModel.of(
        sky[inside].ravel().astype(np.float32),
        (sky - pixels)[inside].ravel().astype(np.float32),
        second_differences(pixels.astype(np.float32)).ravel(),
    )


def test_the_noise_model_follows_photon_noise_over_all_levels() -> None:
    sky = np.asarray(40.0 * np.exp(X / 80.0))
    model = noise_model_of(sky, RNG.poisson(sky) + RNG.normal(0.0, 4.0, SHAPE))
    level = np.array([50.0, 200.0, 1000.0, 4000.0], np.float32)
    np.testing.assert_allclose(model.sigma(level), np.sqrt(level + 16), rtol=0.12)
    assert model.least == pytest.approx(np.sqrt(56.0), rel=0.12)


def test_stars_and_clouds_do_not_increase_the_noise() -> None:
    pixels = SKIES["flat"] + NOISE
    pixels[::5, ::4] += 300.0  # which lie above their sky
    clouds = 40.0 * np.sin(X / 2.0)  # which are similar in adjacent pixels
    for data in (pixels, SKIES["flat"] + NOISE + np.minimum(clouds, 0.0)):
        model = noise_model_of(SKIES["flat"], data)
        assert model.sigma(np.array([100.0], np.float32))[0] < 1.2 * 7.0


def test_wings_of_stars_do_not_count_as_photon_noise() -> None:
    sky = np.asarray(40.0 * np.exp(X / 80.0))
    rough = sky * (1 + 0.3 * RNG.standard_normal(SHAPE) * np.clip((X - 100) / 100, 0, 1))
    model = noise_model_of(sky, rough + np.sqrt(sky + 16) * RNG.standard_normal(SHAPE))
    level = np.array([50.0, 100.0, 400.0, 2000.0, 5000.0], np.float32)
    np.testing.assert_allclose(model.sigma(level), np.sqrt(level + 16), rtol=0.2)


def test_levels_below_zero_have_the_noise_of_their_own_pixels() -> None:
    sky = X - 300.0  # the sky is subtracted
    model = noise_model_of(sky, sky + RNG.normal(size=SHAPE) * np.where(X < 150, 3.0, 9.0))
    level = np.array([-250.0, -170.0, -130.0, -10.0], np.float32)
    np.testing.assert_allclose(model.sigma(level), [3.0, 3.0, 9.0, 9.0], rtol=0.12)


def noise_model_by_level(noise: npt.NDArray[np.float64]) -> NoiseModel:
    """Estimate the noise model from pixels with a given noise, at levels that rise slightly."""
    rng = np.random.default_rng(12)
    level = 1000.0 + np.arange(noise.size) / noise.size
    depth, difference = noise * rng.normal(size=(2, noise.size))
    return NoiseModel.of(*(values.astype(np.float32) for values in (level, depth, difference)))


def sigma_of(model: NoiseModel, part: float) -> float:
    """Return the noise at the level that a part of these pixels does not exceed."""
    return float(model.sigma(np.array([1000.0 + part], np.float32))[0])


@pytest.mark.parametrize(("part", "expected"), [(31 / 64, 3.0), (33 / 64, 9.0)])
def test_a_step_of_the_noise_is_resolved_to_a_64th_of_the_pixels(
    part: float, expected: float
) -> None:
    model = noise_model_by_level(np.repeat([3.0, 9.0], 64_000))
    assert model.noise_with_structure is not None
    found = np.interp(1000.0 + part, model.level, model.noise_with_structure)
    assert found == pytest.approx(expected, rel=0.05)


@pytest.mark.parametrize(("count", "size", "resolved"), [(450, 900, True), (350, 700, False)])
def test_the_noise_of_the_brightest_sky_comes_from_400_pixels_at_least(
    count: int, size: int, *, resolved: bool
) -> None:
    model = noise_model_by_level(np.repeat([3.0, 2.0], [32 * 4 * size - count, count]))
    assert (model.noise[-1] < 2.25) == resolved


@pytest.mark.parametrize(("bins", "limited"), [(4, False), (5, True)])
def test_less_noise_in_a_few_bins_of_level_does_not_limit_that_of_brighter_sky(
    bins: int, *, limited: bool
) -> None:
    noise = np.full((32, 3000), 6.0)
    noise[10 : 10 + bins] = 3.0
    found = sigma_of(noise_model_by_level(noise.ravel()), 0.9)
    assert found == pytest.approx(3.0 if limited else 6.0, rel=0.1)


@pytest.mark.parametrize(("count", "known"), [(16, False), (24, True)])
def test_the_noise_is_estimated_from_20_differences_at_least(count: int, *, known: bool) -> None:
    data = np.zeros((3, 60))
    data[1, :count] = np.random.default_rng(1).normal(0.0, 7.0, count)
    assert np.isfinite(pixel_noise(data)) == known


def test_above_the_brightest_sky_noise_is_proportional_to_the_level() -> None:
    model = NoiseModel(np.array([10.0, 100.0]), np.array([3.0, 9.0]))
    level = np.array([-5.0, 55.0, 100.0, 400.0], np.float32)
    assert model.sigma(level).tolist() == [3.0, 6.0, 9.0, 36.0]


def test_a_noise_model_without_noise_is_false() -> None:
    zeros = np.zeros(SHAPE)
    assert not noise_model_of(zeros, zeros)
    assert noise_model_of(SKIES["flat"], SKIES["flat"] + NOISE)
