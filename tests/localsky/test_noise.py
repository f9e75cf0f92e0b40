"""The noise of simulated chips is recovered at all levels and places."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.noise import NoiseModel
from tests.support.skies import READ_NOISE, exposed, grid, noise_of, with_stars

Floats = npt.NDArray[np.float64]
Bits = npt.NDArray[np.bool_]

SHAPE = (300, 420)
Y, X = grid(SHAPE)
NOISE = np.random.default_rng(8).normal(size=SHAPE)
ALL = np.ones(SHAPE, np.bool_)


def counts(light: Floats | float) -> Floats:
    """Count photons and add the read noise."""
    return np.asarray(np.random.default_rng(9).poisson(light, SHAPE) + READ_NOISE * NOISE)


def ratio(data: npt.NDArray[np.generic], sky: Floats | float, truth: Floats | float,
          part: Bits = ALL) -> float:
    """Return the median, over a part of a chip, of the estimated noise divided by the true one."""
    before = data.tobytes()
    model = NoiseModel.of(data)
    assert data.tobytes() == before
    level = np.broadcast_to(np.asarray(sky, np.float32), SHAPE)
    sigma = model.sigma(level, *np.indices(SHAPE))
    return float(np.median((sigma / truth)[part]))


@pytest.mark.parametrize("dtype", ["float32", ">f4", "float64", ">i2"])
@pytest.mark.parametrize("sky", [0.0, 100.0, 3000.0])
def test_the_noise_of_a_flat_sky_is_found(dtype: str, sky: float) -> None:
    assert ratio((sky + 7.0 * NOISE).astype(dtype), sky, 7.0) == pytest.approx(1.0, abs=0.05)


def test_photon_noise_is_found_at_all_levels() -> None:
    light = 40.0 * np.exp(X / 80.0)  # up to 7,500
    for start in range(0, SHAPE[1], 70):
        part = (start <= X) & (start + 70 > X)
        assert ratio(counts(light), light, noise_of(light), part) == pytest.approx(1.0, abs=0.1)


def test_photon_noise_of_small_chips_is_right_on_average() -> None:
    y, x = grid((90, 140))
    light = 40.0 * np.exp(x / 27.0)
    ratios = []
    for seed in range(40):
        sigma = NoiseModel.of(exposed(light, seed=seed)).sigma(
            light.astype(np.float32), y.astype(int), x.astype(int))
        ratios.append([np.median((sigma / noise_of(light))[:, start : start + 28])
                       for start in range(0, 140, 28)])
    # One chip is right to 3%; if the smallest estimate of all levels counted, it would be 6% less.
    np.testing.assert_allclose(np.median(ratios, axis=0), 1.0, atol=0.03)


def model_with_places() -> NoiseModel:
    """Return a noise that differs between cells of 15 x 15 pixels."""
    excess = np.array([[1.0, 2.0, 1.0], [3.0, 1.0, 4.0]])
    return NoiseModel(np.array([10.0, 100.0]), np.array([3.0, 9.0]), excess, 15.0)


def test_above_the_brightest_sky_noise_is_proportional_to_the_level() -> None:
    level = np.array([-5.0, 55.0, 100.0, 400.0], np.float32)
    assert model_with_places().sigma(level, 0, 0).tolist() == [3.0, 6.0, 9.0, 36.0]
    assert model_with_places().least == 3.0


def test_an_unlit_border_has_its_read_noise_and_the_sky_beside_it_has_its_own() -> None:
    border = X < 60
    light = np.where(border, 0.0, 21.6)
    data = counts(light) + border
    for part in (border, ~border):
        assert ratio(data, light + border, noise_of(light), part) == pytest.approx(1.0, abs=0.1)


def test_vignetted_noise_is_not_smaller_than_it_is_at_any_place() -> None:
    shade = 1 - 0.8 * (np.hypot(X - 210.0, Y - 150.0) / 260.0) ** 2
    data = counts(200.0 * shade) / shade
    for y in range(0, SHAPE[0], 100):
        for x in range(0, SHAPE[1], 140):
            part = (y <= Y) & (y + 100 > Y) & (x <= X) & (x + 140 > X)
            # In the middle it is larger, because the noise differs where the level does not.
            assert 0.9 < ratio(data, 200.0, noise_of(200.0 * shade) / shade, part) < 1.3


@pytest.mark.parametrize("light", [1.0, 4.0])
def test_few_counts_divided_by_a_flat_field_have_the_noise_of_counts(light: float) -> None:
    flat = 1 + 0.03 * NOISE
    data = np.random.default_rng(9).poisson(light, SHAPE) / flat
    # No pixel lies more than the light below it, so the noise of low pixels is a little smaller.
    assert 0.7 < ratio(data, light, np.sqrt(light) / flat) < 1.1


def test_whole_data_numbers_of_several_photons_have_the_noise_of_both() -> None:
    data = np.rint(counts(35.0) / 7.0) / (1 + 0.03 * NOISE)
    assert ratio(data, 5.0, np.hypot(noise_of(np.array(35.0)) / 7.0, 0.29)) == pytest.approx(
        1.0, abs=0.1)


def test_a_sky_that_was_subtracted_has_the_noise_of_its_pixels() -> None:
    assert ratio(5.0 * NOISE, 0.0, 5.0) == pytest.approx(1.0, abs=0.05)
    sky = X - 300.0
    sigma = np.where(X < 150, 3.0, 9.0)
    for part in (X < 130, X > 170):
        assert ratio(sky + sigma * NOISE, sky, sigma, part) == pytest.approx(1.0, abs=0.1)


def test_each_amplifier_has_at_least_its_own_noise() -> None:
    sigma = np.where(X < 210, 3.0, 5.0) * np.where(Y < 150, 1.0, 1.5)
    for number in np.unique(sigma):
        # A quiet one has the noise that is usual at its level on the whole chip.
        assert 0.85 < ratio(100.0 + sigma * NOISE, 100.0, sigma, sigma == number) < 1.7


def test_missing_columns_do_not_hide_that_noise_is_larger_beside_them() -> None:
    sigma = np.where(X < 340, 3.0, 9.0)
    data = 100.0 + sigma * NOISE
    data[:, 364:388] = np.nan
    beside = (X > 350) & (X < 364)
    assert ratio(data, 100.0, sigma, beside) == pytest.approx(1.0, abs=0.2)


def smoothed(weight: float) -> Floats:
    """Return noise that was convolved with a kernel of 3 x 3 pixels, as drizzling does."""
    noise = np.random.default_rng(3).normal(size=(SHAPE[0] + 2, SHAPE[1] + 2))
    noise = weight * (noise[2:] + noise[:-2]) + noise[1:-1]
    return np.asarray(weight * (noise[:, 2:] + noise[:, :-2]) + noise[:, 1:-1])


@pytest.mark.parametrize("weight", [0.25, 0.5])
def test_correlated_noise_is_that_of_pixels_below_their_median(weight: float) -> None:
    noise = smoothed(weight)
    windows = np.lib.stride_tricks.sliding_window_view(noise, (5, 5))
    # The median of the pixels around follows correlated noise, so the distances from it are smaller
    # than the noise, and they are what the rule compares with it.
    depth = np.median(windows, axis=(2, 3)) - noise[2:-2, 2:-2]
    assert 0.9 < ratio(100.0 + noise, 100.0, depth.std()) < 1.2
    assert ratio(100.0 + noise, 100.0, noise.std()) > 0.7


def test_offsets_of_rows_hardly_count_as_noise_of_pixels() -> None:
    rows = 5.0 * np.random.default_rng(3).normal(size=(SHAPE[0], 1))
    assert 0.95 < ratio(100.0 + 5.0 * NOISE + rows, 100.0, 5.0) < 1.3  # both together have 1.41


@pytest.mark.parametrize("count", [700, 1500, 3000])
def test_stars_hardly_increase_the_noise(count: int) -> None:
    light = with_stars(np.full(SHAPE, 80.0), count)
    data = light + noise_of(light) * NOISE
    assert 0.9 < ratio(data, light, noise_of(light)) < 1.2


@pytest.mark.parametrize("seed", range(3))
def test_the_noise_of_the_images_of_stars_is_that_of_photons(seed: int) -> None:
    light = with_stars(np.full(SHAPE, 80.0), 1500, seed=seed)
    data = exposed(light, seed=seed)
    for faintest, brightest in ((90, 120), (120, 200), (200, 500)):
        part = (light > faintest) & (light < brightest)
        # The differences between the pixels of these images are up to five times the noise.
        assert 0.9 < ratio(data, light, noise_of(light), part) < 1.35


def test_structure_of_bright_sky_does_not_count_as_photon_noise() -> None:
    bright = X % 16 > 8
    sky = np.where(bright, 1000.0, 100.0) * np.exp(X / 400.0)
    rough = np.where(bright, 0.3 * sky, 0.0) * np.random.default_rng(5).normal(size=SHAPE)
    data = sky + noise_of(sky) * NOISE + rough
    # It is some seven times the noise.
    assert 0.9 < ratio(data, sky, noise_of(sky), bright) < 1.3


def test_clouds_do_not_count_as_noise() -> None:
    clouds = 60.0 * np.sin(X / 3.0) + 60.0 * np.cos(Y / 4.0)
    assert 0.9 < ratio(300.0 + clouds + 7.0 * NOISE, 300.0 + clouds, 7.0) < 1.25


def test_low_and_missing_pixels_hardly_change_the_noise() -> None:
    data = 100.0 + 7.0 * NOISE
    data[::13, ::17] = -1e4
    data[4::31, 5::29], data[:, 33:70], data[7, 7] = 1e30, np.nan, -np.inf
    assert ratio(data, 100.0, 7.0) == pytest.approx(1.0, abs=0.1)


def test_the_noise_of_the_transposed_chip_is_that_of_the_same_pixels() -> None:
    rows, columns = np.indices((30, 45))
    level = np.full(rows.shape, 55.0, np.float32)
    model = model_with_places()
    sigma = model.sigma(level, rows, columns)
    np.testing.assert_array_equal(sigma[::15, ::15], [[6.0, 12.0, 6.0], [18.0, 6.0, 24.0]])
    np.testing.assert_array_equal(model.transposed().sigma(level, columns, rows), sigma)


def test_the_noise_of_blocks_is_that_of_means_of_independent_pixels_at_the_same_place() -> None:
    rows, columns = np.indices((10, 15))
    level = np.full(rows.shape, 55.0, np.float32)
    model = model_with_places()
    np.testing.assert_allclose(model.of_blocks(3).sigma(level, rows, columns),
                               model.sigma(level, 3 * rows + 1, 3 * columns + 1) / 3)


@pytest.mark.parametrize(
    "data",
    [np.zeros(SHAPE), np.full(SHAPE, np.nan), np.zeros((0, 7)), NOISE[:4], NOISE[:, :4],
     np.where(X == Y, NOISE, np.nan)],
    ids=["zeros", "nan", "no row", "four rows", "four columns", "lonely pixels"],
)
def test_a_noise_model_without_noise_is_false(data: Floats) -> None:
    assert not NoiseModel.of(data)


@pytest.mark.parametrize("shape", [(5, 5), (5, 90), (17, 6), (16, 40)])
def test_small_chips_have_noise_too(shape: tuple[int, int]) -> None:
    model = NoiseModel.of(NOISE[: shape[0], : shape[1]])
    assert not model or 0.3 < model.least < 2.0
