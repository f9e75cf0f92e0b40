"""Distances from the local sky are those of the local rule, in units of the local noise."""

import numpy as np

from staticmask_cli.localsky.distances import distances_from_local_sky
from tests.support.exposures import sky


def test_noise_has_a_scatter_of_one_and_low_pixels_have_their_depth() -> None:
    data = sky((150, 230), seed=3)
    data[::25, ::30] -= 40.0  # 8 times the noise
    data[70, 11], data[71, 100] = np.nan, -np.inf
    before = data.copy()
    distances = distances_from_local_sky(data)
    np.testing.assert_array_equal(data, before)
    assert distances.dtype == np.float32
    assert np.argwhere(np.isnan(distances)).tolist() == [[70, 11], [71, 100]]
    assert 0.9 < np.nanstd(distances[5:20]) < 1.1
    assert abs(np.median(distances[::25, ::30]) + 8) < 0.5


def test_a_chip_that_is_too_small_or_constant_has_no_distances() -> None:
    for data in (np.zeros((2, 3)), np.full((40, 50), np.nan)):
        assert np.isnan(distances_from_local_sky(data)).all()
