"""What pixels should be: weights that chips teach, on skies that no smooth surface follows."""

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
EVERY = np.divmod(np.arange(X.size), SHAPE[1])
PLACES = (X % 11 == 4) & (Y % 13 == 6)
PHOTONS = NoiseModel(np.array([0.0, 20.0, 100.0, 1e3, 1e4, 1e5]),
                        np.sqrt(np.array([0.0, 20.0, 100.0, 1e3, 1e4, 1e5]) + 16.0))


def crowd() -> Floats:
    """Stars of all brightnesses, two pixels wide, one for every 20 pixels."""
    rng = np.random.default_rng(5)
    light = np.full(SHAPE, 60.0)
    for _ in range(1500):
        y, x = rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1])
        near = np.s_[max(int(y) - 9, 0) : int(y) + 10, max(int(x) - 9, 0) : int(x) + 10]
        distance = (Y[near] - y) ** 2 + (X[near] - x) ** 2
        light[near] += 10 ** rng.uniform(2.0, 4.0) * (1 + distance / 3.85) ** -3.0
    return light


def exposed(light: Floats, depth: float = 0.0) -> Floats:
    """Add noise, and pixels that are low by `depth` of it."""
    noise = np.sqrt(light + 16.0)
    return np.asarray(light + noise * np.random.default_rng(6).standard_normal(SHAPE)
                      - depth * noise * PLACES)


def below(data: npt.NDArray[np.generic], static_sig: float = 5.0) -> npt.NDArray[np.bool_]:
    """Which pixels of a chip lie below their prediction."""
    predicted = Prediction(data, PHOTONS)
    return predicted.below(EVERY[0], EVERY[1], static_sig)[0].reshape(SHAPE)


def test_on_a_flat_sky_distances_are_noise() -> None:
    low = below(exposed(np.full(SHAPE, 300.0)), 2.0)
    assert 0.02 < low.mean() < 0.05  # 3.6% lie 0.9 times 2 sigma below
    assert below(exposed(np.full(SHAPE, 300.0))).sum() <= 2


def test_among_stars_low_pixels_are_found_that_surfaces_miss() -> None:
    light = crowd()
    data = exposed(light, 20.0)
    low = below(data)
    assert low[PLACES].mean() > 0.75
    wing = PLACES & (light > 300.0)
    rows, columns = np.nonzero(wing)
    noise = np.sqrt(light[wing] + 16.0)
    surfaces = below_surface_fit(data, rows, columns, noise, 5.0, scatter=np.zeros(noise.size))
    assert low[wing].sum() > surfaces.sum() + 5
    # Low pixels mislead what is predicted beside them, which is why others look as well.
    assert below(exposed(light)).mean() < 1e-3


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2"])
def test_kinds_of_numbers_do_not_matter_and_pixels_are_not_changed(dtype: str) -> None:
    whole = np.rint(exposed(np.full(SHAPE, 300.0), 12.0))
    data = whole.astype(dtype)
    data.flags.writeable = False
    np.testing.assert_array_equal(below(data), below(whole))
    np.testing.assert_array_equal(data, whole)


def test_many_pixels_give_what_few_give(monkeypatch: pytest.MonkeyPatch) -> None:
    data = exposed(crowd(), 20.0)
    whole = below(data)
    monkeypatch.setattr(prediction, "_CHUNK", 1000)
    np.testing.assert_array_equal(below(data), whole)


def test_missing_pixels_and_extreme_ones_spoil_neither_weights_nor_predictions() -> None:
    data = exposed(np.full(SHAPE, 300.0), 12.0)
    data[40:80, 100:160] = np.nan
    data[::29, ::31], data[3::37, 1::41], data[5::43, 2::47] = 1e30, -1e30, np.inf
    data[90:, 50] = -np.inf
    usable = np.isfinite(data) & (np.abs(data) < 1e9)
    low = below(data)
    assert low[PLACES & usable].mean() > 0.9
    assert (low & usable & ~PLACES).mean() < 0.03


def test_without_pixels_to_learn_from_nothing_speaks_against_low_ones() -> None:
    data = np.full((8, 9), 50.0)
    data[4, 5] = 40.0
    predicted = Prediction(data, PHOTONS)
    low, plainly = predicted.below(np.array([4]), np.array([5]), 5.0)
    assert (low.tolist(), plainly.tolist()) == ([True], [False])


@pytest.mark.parametrize(("step", "found"), [(2, 0.6), (3, 0.9), (5, 0.9)])
def test_missing_pixels_everywhere_do_little_harm(step: int, found: float) -> None:
    data = exposed(np.full(SHAPE, 300.0), 12.0)
    data[::step, ::step] = np.nan
    assert below(data)[PLACES & np.isfinite(data)].mean() > found


def test_what_is_plainly_low_lies_on_a_flat_sky() -> None:
    light = crowd()
    light[:, :60] = 60.0
    data = exposed(light, 12.0)
    low, plainly = (bits.reshape(SHAPE) for bits in Prediction(data, PHOTONS).below(*EVERY, 5.0))
    assert not (plainly & ~low).any()
    assert plainly[:, 4:56][PLACES[:, 4:56]].mean() > 0.9
    assert not plainly[light > 400.0].any()
    assert (plainly & ~PLACES).sum() <= 2


def test_beside_saturated_stars_nothing_is_predicted() -> None:
    data = exposed(crowd())
    data[70:75, 100:104] = 1e6
    data[75:79, 101] = 5000.0
    beside = np.zeros(SHAPE, np.bool_)
    beside[69:76, 99:105] = True
    assert not (below(data) & beside).any()
