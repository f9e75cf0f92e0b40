"""Predictions from neighbours are valid on skies that no smooth surface follows."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky import prediction
from staticmask_cli.localsky.candidates import Candidates
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.prediction import Prediction
from staticmask_cli.localsky.surface_fit import below_surface_fit
from tests.support.skies import exposed, grid, noise_of

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
SHAPE = (150, 210)
Y, X = grid(SHAPE)
PLANTED = (X % 31 == 9) & (Y % 23 == 6)  # 0.14% of the pixels
LEVELS = np.array([0.0, 20.0, 100.0, 1e3, 1e4, 1e5])
PHOTONS = NoiseModel(LEVELS, noise_of(LEVELS), np.ones((1, 1)), 1e9)
FLAT = np.full(SHAPE, 300.0)


def crowd() -> Floats:
    """Return stars of all brightnesses, two pixels wide, one for every 20 pixels."""
    rng = np.random.default_rng(5)
    light = np.full(SHAPE, 60.0)
    for _ in range(1500):
        y, x = rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1])
        around = np.s_[max(int(y) - 9, 0) : int(y) + 10, max(int(x) - 9, 0) : int(x) + 10]
        distance = (Y[around] - y) ** 2 + (X[around] - x) ** 2
        light[around] += 10 ** rng.uniform(2.0, 4.0) * (1 + distance / 3.85) ** -3.0
    return light


def with_low_pixels(light: Floats, depth: float) -> Floats:
    """Add noise, and pixels that are low by `depth` times the noise."""
    return np.asarray(exposed(light, seed=6) - depth * noise_of(light) * PLANTED)


def below(data: npt.NDArray[np.generic], static_sig: float = 5.0, *,
          without_axis: int | None = None) -> Bits:
    """Return which pixels of a chip lie below their prediction."""
    rows, columns = np.divmod(np.arange(data.size), data.shape[1])
    predicted = Prediction(data, PHOTONS, without_axis=without_axis)
    return predicted.below(rows, columns, static_sig)[0].reshape(data.shape)


def test_on_a_flat_sky_distances_from_the_prediction_are_noise() -> None:
    rows, columns = np.divmod(np.arange(FLAT.size), SHAPE[1])
    chips = [Prediction(exposed(FLAT, seed=seed), PHOTONS) for seed in range(4)]
    # The scatter is that of 3000 pixels, so it is right to 2.5%: of the pixels 3 sigma below, which
    # number changes most, that is a quarter.
    for static_sig, gaussian, most in ((1.5, 0.0668, 1.1), (2.0, 0.0228, 1.2), (3.0, 0.00135, 1.5)):
        found = np.mean([chip.below(rows, columns, static_sig)[0].mean() for chip in chips])
        assert 0.8 * gaussian < found < most * gaussian
    assert not any(chip.below(rows, columns, 5.0)[0].any() for chip in chips)


def test_among_stars_low_pixels_are_found_that_surfaces_miss() -> None:
    light = crowd()
    data = with_low_pixels(light, 20.0)
    low = below(data)
    assert low[PLANTED].mean() > 0.65
    wing = PLANTED & (light > 300.0)
    rows, columns = np.nonzero(wing)
    pixels = Candidates(rows, columns, np.ones(rows.size, np.float32), noise_of(light[wing]))
    assert low[wing].sum() > 1.5 * below_surface_fit(data, pixels, 5.0).sum()
    # Without low pixels, which lower the predictions beside them, hardly any is below.
    assert below(with_low_pixels(light, 0.0)).mean() < 1e-3


def test_a_pixel_below_its_prediction_lies_below_the_median_around_it_too() -> None:
    data = with_low_pixels(crowd(), 20.0)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(data, 2, mode="reflect"), (5, 5))
    assert (data < np.median(windows, axis=(2, 3)))[below(data)].all()


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2"])
def test_the_dtype_does_not_matter_and_pixels_are_not_modified(dtype: str) -> None:
    whole = np.rint(with_low_pixels(FLAT, 12.0))
    data = whole.astype(dtype)
    data.flags.writeable = False
    np.testing.assert_array_equal(below(data), below(whole))
    np.testing.assert_array_equal(data, whole)


def test_the_number_of_pixels_in_a_chunk_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = with_low_pixels(crowd(), 20.0)
    whole = below(data)
    monkeypatch.setattr(prediction, "_CHUNK", 1000)
    np.testing.assert_array_equal(below(data), whole)


def test_missing_and_extreme_pixels_change_neither_weights_nor_predictions() -> None:
    data = with_low_pixels(FLAT, 12.0)
    data[40:80, 100:160] = np.nan
    data[::29, ::31], data[3::37, 1::41], data[5::43, 2::47] = 1e30, -1e30, np.inf
    data[90:, 50] = -np.inf
    usable = np.isfinite(data) & (np.abs(data) < 1e9)
    low = below(data)
    assert low[PLANTED & usable].mean() > 0.85
    assert (low & usable & ~PLANTED).mean() < 0.03


@pytest.mark.parametrize(("step", "found"), [(2, 0.6), (3, 0.9), (5, 0.9)])
def test_missing_pixels_all_over_the_chip_do_little_harm(step: int, found: float) -> None:
    data = with_low_pixels(FLAT, 12.0)
    data[::step, ::step] = np.nan
    assert below(data)[PLANTED & np.isfinite(data)].mean() > found


@pytest.mark.parametrize("distance", [1, 2])
def test_missing_columns_do_not_hide_the_pixels_beside_them(distance: int) -> None:
    data = with_low_pixels(FLAT, 0.0)
    data[:, ::30] = np.nan
    low = ((X - distance) % 30 == 0) & (Y % 16 == 5)
    data[low] -= 12.0 * 17.8
    found = below(data)
    assert found[low].mean() > 0.9
    assert (found & ~low).sum() <= 1


def test_where_most_pixels_around_one_are_missing_it_is_not_low() -> None:
    data = with_low_pixels(FLAT, 0.0)
    data[:, 100:105] = data[70:75, 80:120] = np.nan
    data[72, 102] = 0.0
    assert not below(data)[72, 102]


@pytest.mark.parametrize(("shape", "found"), [((13, 14), False), ((15, 16), True)])
def test_weights_are_fitted_to_200_pixels_at_least(shape: tuple[int, int], *, found: bool) -> None:
    data = np.random.default_rng(2).normal(300.0, 17.8, shape)
    data[6, 7] = 0.0
    assert below(data)[6, 7] == found


@pytest.mark.parametrize("height", [1e3, 1e9, 1e15])
@pytest.mark.parametrize("width", [2, 3])
def test_weights_can_be_fitted_to_stripes_of_any_height(height: float, width: int) -> None:
    assert not below(100.0 + height * (X // width % 2)).any()


def test_where_the_structure_is_rare_no_pixel_is_low() -> None:
    data = with_low_pixels(FLAT, 0.0)
    data[60:80, 90:100] += 50.0 * noise_of(FLAT[0, :1]) * (X[60:80, 90:100] - 95.0)
    data[70, 95] -= 1000.0 * 17.8
    assert not below(data)[62:78, 92:98].any()


def test_beside_saturated_stars_nothing_is_predicted() -> None:
    data = with_low_pixels(crowd(), 0.0)
    data[70:75, 100:104] = 1e6
    data[75:79, 101] = 5000.0
    beside = np.zeros(SHAPE, np.bool_)
    beside[69:76, 99:105] = True
    assert not (below(data) & beside).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_pixels_of_a_bad_line_are_predicted_from_those_outside_of_it(axis: int) -> None:
    data = np.moveaxis(with_low_pixels(FLAT, 0.0), axis, 0)
    data[40:60, 100] -= 15.0 * 17.8
    data[90:110, 130:132] -= 15.0 * 17.8
    lines = np.zeros(data.shape, np.bool_)
    lines[40:60, 100] = lines[90:110, 130:132] = True
    data, lines = np.moveaxis(data, 0, axis), np.moveaxis(lines, 0, axis)
    low = below(data, without_axis=axis)
    single = lines & (np.moveaxis(X.reshape(SHAPE), 0, 0) == 100 if axis == 0 else Y == 100)
    assert low[single].all()
    assert (low & ~lines).sum() == 0
    assert below(data)[single].mean() < 0.5  # their own line belongs to the neighbours of each


@pytest.mark.parametrize(("part", "depth", "found_part"), [
    (0.005, 20.0, 0.95), (0.02, 20.0, 0.95), (0.008, 7.0, 0.85), (0.011, 7.0, 0.85),
    (0.013, 6.6, 0.6),
])
def test_many_low_pixels_on_a_flat_sky_do_not_hide_each_other(
    part: float, depth: float, found_part: float
) -> None:
    low = np.random.default_rng(3).random(SHAPE) < part
    found = below(with_low_pixels(FLAT, 0.0) - depth * 17.8 * low)
    assert found[low].mean() > found_part
    assert (found & ~low).sum() <= 1


def test_heavy_tails_of_the_noise_raise_the_scatter() -> None:
    rng = np.random.default_rng(7)
    noise = rng.normal(size=SHAPE)
    jumps = rng.random(SHAPE) < 0.05
    noise[jumps] += 3.0 * rng.standard_t(2, np.count_nonzero(jumps))
    low = below(FLAT + 17.8 * noise, 4.0)
    assert (noise < -4.0).mean() > 0.004
    assert low.mean() < 0.6 * (noise < -4.0).mean()


def test_the_threshold_follows_a_tail_that_grows_beyond_what_is_measured() -> None:
    noise = np.random.default_rng(7).normal(size=SHAPE)
    data = FLAT + 17.8 * np.sign(noise) * noise**2
    # Gaussian noise has none beyond 5 sigma.  Of this noise 3 sigma are 9, and 5 sigma 25.
    assert below(data, 3.0).sum() > 20
    assert below(data, 5.0).sum() <= 3
