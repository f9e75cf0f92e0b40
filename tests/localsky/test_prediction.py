"""Predictions from neighbours are valid on skies that no smooth surface follows."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky import prediction
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.prediction import Prediction
from staticmask_cli.localsky.surface_fit import below_surface_fit

Floats = npt.NDArray[np.float64]
SHAPE = (150, 210)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
ALL_POSITIONS = np.divmod(np.arange(X.size), SHAPE[1])
PLANTED = (X % 11 == 4) & (Y % 13 == 6)
LEVELS = np.array([0.0, 20.0, 100.0, 1e3, 1e4, 1e5])
PHOTONS = NoiseModel(LEVELS, np.sqrt(LEVELS + 16.0))


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


def exposed(light: Floats, depth: float = 0.0) -> Floats:
    """Add noise, and pixels that are low by `depth` times the noise."""
    noise = np.sqrt(light + 16.0)
    return np.asarray(light + noise * np.random.default_rng(6).standard_normal(SHAPE)
                      - depth * noise * PLANTED)


def below(data: npt.NDArray[np.generic], static_sig: float = 5.0) -> npt.NDArray[np.bool_]:
    """Return which pixels of a chip lie below their prediction."""
    prediction = Prediction(data, PHOTONS)
    return prediction.below(ALL_POSITIONS[0], ALL_POSITIONS[1], static_sig)[0].reshape(SHAPE)


def test_on_a_flat_sky_distances_from_the_prediction_are_noise() -> None:
    low = below(exposed(np.full(SHAPE, 300.0)), 2.0)
    assert 0.02 < low.mean() < 0.05  # 3.6% lie 0.9 times 2 sigma below
    assert below(exposed(np.full(SHAPE, 300.0))).sum() <= 2


def test_among_stars_low_pixels_are_found_that_surfaces_miss() -> None:
    light = crowd()
    data = exposed(light, 20.0)
    low = below(data)
    assert low[PLANTED].mean() > 0.75
    wing = PLANTED & (light > 300.0)
    rows, columns = np.nonzero(wing)
    noise = np.sqrt(light[wing] + 16.0)
    surfaces = below_surface_fit(data, rows, columns, noise, 5.0, scatter=np.zeros(noise.size))
    assert low[wing].sum() > surfaces.sum() + 5
    # Without low pixels, which lower the predictions beside them, hardly any is below.
    assert below(exposed(light)).mean() < 1e-3


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2"])
def test_the_dtype_does_not_matter_and_pixels_are_not_modified(dtype: str) -> None:
    whole = np.rint(exposed(np.full(SHAPE, 300.0), 12.0))
    data = whole.astype(dtype)
    data.flags.writeable = False
    np.testing.assert_array_equal(below(data), below(whole))
    np.testing.assert_array_equal(data, whole)


def test_the_number_of_pixels_in_a_chunk_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = exposed(crowd(), 20.0)
    whole = below(data)
    monkeypatch.setattr(prediction, "_CHUNK", 1000)
    np.testing.assert_array_equal(below(data), whole)


def test_missing_and_extreme_pixels_change_neither_weights_nor_predictions() -> None:
    data = exposed(np.full(SHAPE, 300.0), 12.0)
    data[40:80, 100:160] = np.nan
    data[::29, ::31], data[3::37, 1::41], data[5::43, 2::47] = 1e30, -1e30, np.inf
    data[90:, 50] = -np.inf
    usable = np.isfinite(data) & (np.abs(data) < 1e9)
    low = below(data)
    assert low[PLANTED & usable].mean() > 0.9
    assert (low & usable & ~PLANTED).mean() < 0.03


def test_without_training_samples_low_pixels_are_low_but_not_certain() -> None:
    data = np.full((8, 9), 50.0)
    data[4, 5] = 40.0
    prediction = Prediction(data, PHOTONS)
    low, certain = prediction.below(np.array([4]), np.array([5]), 5.0)
    assert (low.tolist(), certain.tolist()) == ([True], [False])


@pytest.mark.parametrize(("step", "found"), [(2, 0.6), (3, 0.9), (5, 0.9)])
def test_missing_pixels_everywhere_do_little_harm(step: int, found: float) -> None:
    data = exposed(np.full(SHAPE, 300.0), 12.0)
    data[::step, ::step] = np.nan
    assert below(data)[PLANTED & np.isfinite(data)].mean() > found


def test_certain_pixels_lie_on_a_flat_sky() -> None:
    light = crowd()
    light[:, :60] = 60.0
    data = exposed(light, 12.0)
    both = Prediction(data, PHOTONS).below(*ALL_POSITIONS, 5.0)
    low, certain = (bits.reshape(SHAPE) for bits in both)
    assert not (certain & ~low).any()
    assert certain[:, 4:56][PLANTED[:, 4:56]].mean() > 0.9
    assert not certain[light > 400.0].any()
    assert (certain & ~PLANTED).sum() <= 2


def test_beside_saturated_stars_nothing_is_predicted() -> None:
    data = exposed(crowd())
    data[70:75, 100:104] = 1e6
    data[75:79, 101] = 5000.0
    beside = np.zeros(SHAPE, np.bool_)
    beside[69:76, 99:105] = True
    assert not (below(data) & beside).any()


@pytest.mark.parametrize(("slope", "is_certain"), [(1.25, True), (1.75, False)])
def test_a_sky_is_flat_if_the_pixels_beside_one_differ_by_less_than_3_sigma(
    slope: float, *, is_certain: bool
) -> None:
    data = exposed(np.full(SHAPE, 100.0))
    noise = np.sqrt(116.0)
    data[60:80, 90:110] = 100.0 + slope * noise * (X[60:80, 90:110] - 100.0)
    data[70, 100] -= 20.0 * noise
    low, certain = Prediction(data, PHOTONS).below(np.array([70]), np.array([100]), 5.0)
    assert (low.tolist(), certain.tolist()) == ([True], [is_certain])


@pytest.mark.parametrize(("shape", "is_certain"), [((8, 11), False), ((9, 14), True)])
def test_weights_are_fitted_to_100_pixels_at_least(
    shape: tuple[int, int], *, is_certain: bool
) -> None:
    data = np.random.default_rng(2).normal(300.0, 5.0, shape)
    data[4, 5] = 0.0
    _, certain = Prediction(data, PHOTONS).below(np.array([4]), np.array([5]), 5.0)
    assert certain.tolist() == [is_certain]
