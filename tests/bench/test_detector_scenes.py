"""The second simulator does what it says: its truth is true of its images."""

from dataclasses import replace

import numpy as np
import pytest

from tests.bench.detector_scenes import DETECTOR_SCENES
from tests.bench.detectors import Detector
from tests.bench.optics import convolved

SHAPE = (90, 130)


@pytest.mark.parametrize(
    "name", ["drizzled", "globular", "Orion", "unlit border", "one ADU", "vignetting"]
)
def test_the_noise_is_that_of_the_truth(name: str) -> None:
    scene = replace(DETECTOR_SCENES[name], per_pointing=2)
    (first, second), truth = scene.exposures(5, SHAPE, 2)
    difference = (first - second) / truth.noise / np.sqrt(2)
    difference = difference[truth.good & ~truth.beside]
    assert np.std(difference[np.abs(difference) < 4]) == pytest.approx(1, abs=0.03)


def test_planted_pixels_are_as_low_as_the_truth_says() -> None:
    images, truth = DETECTOR_SCENES["clusters of 20 sigma, flat"].exposures(5, SHAPE, 3)
    low = (80 - np.median(images, axis=0)) / truth.noise
    assert set(np.unique(truth.sides)) == {0, 2, 3, 4, 5, 6}
    assert np.median(low[truth.sides > 0]) == pytest.approx(20, abs=0.5)
    single = np.isfinite(truth.depth)
    assert np.median((low - truth.depth)[single]) == pytest.approx(0, abs=0.5)
    assert not (truth.planted & truth.good).any()


def test_charge_above_the_full_well_stays_in_its_column() -> None:
    light = np.full((50, 7), 10.0)
    light[20, 3] = 2000.0
    bled = Detector(full_well=100.0).bled(light)
    assert bled.max() == 100
    np.testing.assert_allclose(bled.sum(axis=0), light.sum(axis=0))
    assert (bled[:, 3] > 50).nonzero()[0].tolist() == list(range(9, 32))


def test_a_star_has_spikes_and_keeps_its_light() -> None:
    light = np.zeros((600, 610))
    light[300, 300] = 1.0
    star = convolved(light, "HRC")
    assert star.sum() == pytest.approx(1)
    around = np.round(300 + 150 * np.array([np.sin(0.72), np.cos(0.72)])).astype(int)
    between = np.round(300 + 150 * np.array([np.sin(1.505), np.cos(1.505)])).astype(int)
    spike, dark = (star[y - 3 : y + 4, x - 3 : x + 4].mean() for y, x in (around, between))
    assert spike > 2 * dark
