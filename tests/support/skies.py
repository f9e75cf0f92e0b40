"""Simulated skies for the tests of the local rule."""

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.noise import NoiseModel

Floats = npt.NDArray[np.float64]

READ_NOISE = 4.0
UNIT_NOISE = NoiseModel(np.array([-1e6, 1e6]), np.ones(2), np.ones((1, 1)), 1e9)
"""A noise of 1 at all levels and places."""


def grid(shape: tuple[int, int]) -> tuple[Floats, Floats]:
    """Return the row and the column of each pixel of a chip."""
    y, x = np.indices(shape).astype(float)
    return y, x


def with_stars(sky: Floats, count: int, *, seed: int = 2) -> Floats:
    """Add stars of all brightnesses, two pixels wide, at random positions to a sky."""
    rng = np.random.default_rng(seed)
    light = sky.copy()
    y, x = grid((sky.shape[0], sky.shape[1]))
    for _ in range(count):
        row, column = rng.uniform(0, sky.shape[0]), rng.uniform(0, sky.shape[1])
        around = np.s_[max(int(row) - 9, 0) : int(row) + 10,
                       max(int(column) - 9, 0) : int(column) + 10]
        distance = (y[around] - row) ** 2 + (x[around] - column) ** 2
        light[around] += 60.0 * (1 + rng.pareto(0.9)) * (1 + distance / 2.5) ** -3.0
    return light


def noise_of(light: Floats) -> Floats:
    """Return the photon noise and read noise of each pixel."""
    return np.asarray(np.sqrt(light + READ_NOISE**2))


def exposed(light: Floats, *, seed: int = 1) -> Floats:
    """Add Gaussian noise, as large as photon noise and read noise, to a sky."""
    noise = np.random.default_rng(seed).normal(size=light.shape)
    return np.asarray(light + noise_of(light) * noise)
