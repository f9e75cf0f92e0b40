"""The light of real kinds of field: star clusters, galaxies with dust, nebulae, a planet, slopes.

Each field is a function that takes a random generator and the shape of the grid of `optics`, and
returns the light there, in electrons a pixel, before the telescope blurs it.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from tests.bench.optics import FINE, MARGIN, axes

__all__ = [
    "Field", "bleeding", "edge_on", "globular", "orion", "planet", "planetary_nebula", "slope",
    "spiral", "stars",
]

Numbers = npt.NDArray[Any]
Shape = tuple[int, int]
Rng = np.random.Generator
Field = Callable[[Rng, Shape], Numbers]

_MAGNITUDES = 13.0  # from the brightest star to the faintest
_TURN_OFF = 6.6  # of a globular cluster, in magnitudes below its brightest star


def stars(level: float, per_million: float, brightest: float = 1e6) -> Field:
    """Return a field of stars of the galactic disc, so many per million pixels, over a sky."""
    def draw(rng: Rng, shape: Shape) -> Numbers:
        light = np.full(shape, level)
        count = _number(per_million, shape)
        flux = _fluxes(rng, count, _disc_counts, brightest)
        _add(light, rng.uniform(0, shape[0], count), rng.uniform(0, shape[1], count), flux)
        return light
    return draw


def bleeding(level: float, per_million: float) -> Field:
    """Return a field with so many stars per million pixels far above the full well."""
    def draw(rng: Rng, shape: Shape) -> Numbers:
        light = stars(level, 1500)(rng, shape)
        count = max(1, _number(per_million, shape))
        flux = 10 ** rng.uniform(6.2, 7.8, count)
        _add(light, rng.uniform(0, shape[0], count), rng.uniform(0, shape[1], count), flux)
        return light
    return draw


def globular(level: float, per_million: float, brightest: float) -> Field:
    """Return the middle of a globular cluster, with the profile of King."""
    def draw(rng: Rng, shape: Shape) -> Numbers:
        light = np.full(shape, level)
        count = _number(per_million, shape)
        share = rng.uniform(0, 0.9, count)
        r = 0.35 * min(shape) * np.sqrt(share / (1 - share))
        angle = rng.uniform(0, 2 * np.pi, count)
        flux = _fluxes(rng, count, _globular_counts, brightest)
        _add(light, 0.48 * shape[0] + r * np.sin(angle), 0.53 * shape[1] + r * np.cos(angle), flux)
        return light
    return draw


def edge_on(tilt: float) -> Field:
    """Return a disc seen edge-on behind a thin lane of dust, so many radians from the rows."""
    def draw(rng: Rng, shape: Shape) -> Numbers:
        y, x = axes(shape)
        along, up = x * np.cos(tilt) + y * np.sin(tilt), y * np.cos(tilt) - x * np.sin(tilt)
        disc = 30_000 * np.exp(-np.abs(along) / 150) / np.cosh(up / 14) ** 2
        bulge = 50_000 * np.exp(-3.7 * (np.hypot(along, up / 0.7) / 30 + 0.01) ** 0.5)
        clumps = np.exp(0.8 * _turbulence(rng, shape, 3.0, 0.3))
        depth = 3.0 * np.exp(-((up / 0.8) ** 2) - np.abs(along) / 260) * clumps
        light = 90 + (disc + bulge) * (0.3 + 0.7 * np.exp(-depth))
        count = _number(1200, shape)
        clusters_y = shape[0] / 2 + FINE * rng.normal(0, 8, count)
        clusters_x = shape[1] / 2 + FINE * rng.normal(0, 150, count)
        _add(light, clusters_y, clusters_x, 10 ** rng.uniform(2.5, 4.5, count))
        return np.asarray(light + stars(0, 1500)(rng, shape))
    return draw


def spiral(rng: Rng, shape: Shape) -> Numbers:
    """Draw a disc with two arms, thin lanes of dust at their inner edges, and young clusters."""
    y, x = axes(shape)
    y = y / 0.75
    r, angle = np.hypot(y, x) + 1e-3, np.arctan2(y, x)
    phase = 2 * (angle - np.log(r / 20) / np.tan(0.30)) + 0.35 * _turbulence(rng, shape, 3.4, 0.6)
    arm = np.exp(3 * (np.cos(phase) - 1))
    clumps = np.exp(0.7 * _turbulence(rng, shape, 2.8, 0.6))
    lane = np.exp(800 * (np.cos(phase - 0.9) - 1)) * (r > 25) * clumps
    feathers = np.exp(-((_turbulence(rng, shape, 3.4, 0.6) / 0.05) ** 2)) * arm * (r > 25)
    light = 3500 * np.exp(-r / 130) * (0.5 + 1.6 * arm) + 25_000 * np.exp(-4.5 * (r / 25) ** 0.5)
    light *= np.exp(-1.4 * lane - 0.7 * feathers)
    at = rng.integers(0, light.size, _number(60_000, shape))
    at = at[rng.uniform(0, 1, at.size) < (arm * np.exp(-r / 160)).flat[at]]
    light.flat[at] += 10 ** rng.uniform(2, 4.3, at.size) * FINE**2
    return np.asarray(light + 80 + stars(0, 800)(rng, shape))


def orion(rng: Rng, shape: Shape) -> Numbers:
    """Draw turbulent gas with bright filaments, sharp ionisation fronts and dark globules."""
    light = 1500 * np.exp(0.9 * _turbulence(rng, shape, 3.4, 0.0))
    for number in range(4):
        ridge = _turbulence(rng, shape, 3.6, 0.7)
        light *= 1 + 1.5 * np.exp(-((ridge / 0.03) ** 2))
        front = _turbulence(rng, shape, 4.0, 0.5) - 0.4 * (number - 1)
        light *= 1 - 0.35 * _step(front / 0.008)
    y, x = axes(shape)
    for _ in range(_number(12, shape) + 8):
        cy, cx = rng.uniform(-0.5, 0.5) * np.ptp(y), rng.uniform(-0.5, 0.5) * np.ptp(x)
        light *= 1 - 0.8 * _step((rng.uniform(1.5, 8) - np.hypot(y - cy, x - cx)) / 0.4)
    return np.asarray(60 + light + stars(0, 1500)(rng, shape))


def planet(rng: Rng, shape: Shape) -> Numbers:
    """Draw a limb-darkened disc with belts, which fills the chip."""
    y, x = axes(shape)
    size = min(shape) / FINE - 2 * MARGIN
    r = np.hypot(y + rng.uniform(-2, 2), x + rng.uniform(-2, 2)) / (0.5 * size)
    belts = 1 + 0.12 * np.tanh(4 * np.sin(y / size * 30)) + 0.02 * _turbulence(rng, shape, 3.0, 0.6)
    light = 7000 * belts * np.maximum(1 - r**2, 0.02) ** 0.15 * (r < 1)
    return np.asarray(20 + light + stars(0, 600)(rng, shape))


def planetary_nebula(rng: Rng, shape: Shape) -> Numbers:
    """Draw a bright shell with a sharp rim and knots, around a star."""
    y, x = axes(shape)
    size = min(shape) / FINE - 2 * MARGIN
    r = np.hypot(y, x / 1.2) / (0.35 * size) + 0.05 * _turbulence(rng, shape, 3.0, 0.6)
    shell = 2500 * np.exp(-(((r - 0.85) / 0.25) ** 2)) * _step((1 - r) / 0.015)
    light = 40 + shell * np.exp(0.35 * _turbulence(rng, shape, 2.8, 0.6))
    light[shape[0] // 2, shape[1] // 2] += 3e4 * FINE**2
    return np.asarray(light + stars(0, 600)(rng, shape))


def slope(axis: int, sigma: float) -> Field:
    """Return a slope of so many sigma a pixel at row or column 0, which is the lowest there."""
    def draw(_rng: Rng, shape: Shape) -> Numbers:
        at = axes(shape)[axis]
        at = at - at.min() - MARGIN
        root = 60 + sigma / 2 * 60 * (1 - np.exp(-at / 60))  # the noise; the light is its square
        return np.broadcast_to(np.maximum(root, 5) ** 2, shape).copy()
    return draw


def _number(per_million: float, shape: Shape) -> int:
    """Return a number of sources from their number per million pixels."""
    return int(per_million * shape[0] * shape[1] / FINE**2 / 1e6)


def _add(light: Numbers, y: Numbers, x: Numbers, flux: Numbers) -> None:
    """Add stars, of so many electrons, at positions on the grid."""
    inside = (y >= 0) & (y < light.shape[0]) & (x >= 0) & (x < light.shape[1])
    at = y[inside].astype(int), x[inside].astype(int)
    np.add.at(light, at, flux[inside] * FINE**2)


def _fluxes(
    rng: Rng, count: int, luminosity: Callable[[Numbers], Numbers], brightest: float
) -> Numbers:
    """Draw fluxes from a luminosity function of the magnitudes below the brightest star."""
    magnitudes = np.linspace(0, _MAGNITUDES, 2000)
    total = np.cumsum(luminosity(magnitudes))
    drawn = np.interp(rng.uniform(0, total[-1], count), total, magnitudes)
    return np.asarray(brightest * 10 ** (-0.4 * drawn))


def _disc_counts(m: Numbers) -> Numbers:
    """Return star counts of the galactic disc: steep for bright stars and flat for faint ones."""
    return np.where(m < 6, 10 ** (0.32 * (m - 6)), 10 ** (0.12 * (m - 6)))


def _globular_counts(m: Numbers) -> Numbers:
    """Return star counts of an old cluster: giants, horizontal branch, and the main sequence."""
    giants = 0.012 * 10 ** (0.18 * m) * (m < _TURN_OFF)
    horizontal = 0.25 * np.exp(-(((m - 3.2) / 0.15) ** 2))
    main_sequence = 10 ** (0.09 * (m - _TURN_OFF)) * _step((m - _TURN_OFF) / 0.12)
    return np.asarray(giants + horizontal + main_sequence)


def _turbulence(rng: Rng, shape: Shape, power: float, finest: float) -> Numbers:
    """Return Gaussian noise of deviation 1 with a power law as its spectrum, cut off in pixels."""
    ky, kx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    k = FINE * np.hypot(ky, kx)
    k[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * k ** (-power / 2)
    k[0, 0] = 0
    noise = np.fft.irfft2(spectrum * np.exp(-((k * finest) ** 2)), s=shape)
    return np.asarray(noise / noise.std())


def _step(distance: Numbers) -> Numbers:
    """Return a smooth step from 0 to 1."""
    return np.asarray(0.5 * (1 + np.tanh(distance / 2)))
