"""Light of simulated fields: stars, rays, clouds, galaxies, and flat fields with blobs."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Image = npt.NDArray[np.float32]
Numbers = npt.NDArray[Any]

_PHASES = 8  # positions of a star inside a pixel, along each axis
_REACH = 12  # pixels from the centre of a star to the end of its image


def _star_images(width: float) -> Image:
    """Images of a star (Moffat, beta 3) at every phase, integrated over the pixels."""
    core = width / (2 * float(np.sqrt(2 ** (1 / 3) - 1)))
    fine = 5
    step = (np.arange(fine) + 0.5) / fine - 0.5
    pixel = (np.arange(-_REACH, _REACH + 1)[:, None] + step).ravel()
    images = []
    for phase_y in range(_PHASES):
        for phase_x in range(_PHASES):
            y = pixel - ((phase_y + 0.5) / _PHASES - 0.5)
            x = pixel - ((phase_x + 0.5) / _PHASES - 0.5)
            image = (1 + (y[:, None] ** 2 + x[None, :] ** 2) / core**2) ** -3.0
            size = 2 * _REACH + 1
            image = image.reshape(size, fine, size, fine).sum(axis=(1, 3))
            images.append(image / image.sum())
    return np.asarray(images, np.float32)


def add_stars(sky: Image, stars: Numbers, origin: Numbers, width: float) -> None:
    """Add stars, given as rows of y, x and brightness, seen from an origin."""
    images = _star_images(width)
    y, x = stars[0] - origin[0], stars[1] - origin[1]
    row, column = np.rint(y).astype(int), np.rint(x).astype(int)
    phase = (np.floor((y - row + 0.5) * _PHASES).clip(0, _PHASES - 1) * _PHASES
             + np.floor((x - column + 0.5) * _PHASES).clip(0, _PHASES - 1)).astype(int)
    padded = np.pad(sky, 2 * _REACH)
    reach = np.arange(2 * _REACH + 1)
    seen = ((row >= -_REACH) & (row < sky.shape[0] + _REACH)
            & (column >= -_REACH) & (column < sky.shape[1] + _REACH))
    for start in range(0, seen.sum(), 2000):
        some = np.flatnonzero(seen)[start : start + 2000]
        where = ((row[some] + _REACH)[:, None, None] + reach[:, None],
                 (column[some] + _REACH)[:, None, None] + reach[None, :])
        brightness = stars[2, some].astype(np.float32)
        np.add.at(padded, where, images[phase[some]] * brightness[:, None, None])
    sky[...] = padded[2 * _REACH : -2 * _REACH, 2 * _REACH : -2 * _REACH]


def add_cosmic_rays(image: Image, rng: np.random.Generator, density: float) -> None:
    """Add tracks of cosmic rays, so many per pixel."""
    ny, nx = image.shape
    count = int(image.size * density)
    y, x = rng.uniform(0, ny, count), rng.uniform(0, nx, count)
    angle, length = rng.uniform(0, np.pi, count), 1 + rng.exponential(4.0, count)
    energy = rng.lognormal(6.5, 1.0, count)
    for step in np.arange(0, 30.0):
        row, column = (y + step * np.sin(angle)).astype(int), (x + step * np.cos(angle)).astype(int)
        hit = (step < length) & (row < ny) & (column >= 0) & (column < nx)
        np.add.at(image, (row[hit], column[hit]), energy[hit].astype(np.float32))


def blobs(rng: np.random.Generator, shape: tuple[int, int], count: int) -> Image:
    """Make a flat field with so many dark blobs, a dozen pixels wide."""
    flat = np.ones(shape, np.float32)
    y, x = np.ogrid[: shape[0], : shape[1]]
    for _ in range(count):
        at = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        width, depth = rng.uniform(4, 9), rng.uniform(0.05, 0.15)
        flat -= depth * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * width**2))
    return flat


def flat_sky(level: float) -> Callable[[np.random.Generator, tuple[int, int]], Image]:
    """Make a field of one level."""
    return lambda _rng, shape: np.full(shape, level, np.float32)


def gradient(_rng: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Make a slope along both axes."""
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(60.0 + 0.5 * x + 0.2 * y, np.float32)


def galaxy(_rng: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Make an inclined Sersic profile on a flat sky."""
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    y, x = y - 0.45 * shape[0], x - 0.55 * shape[1]
    radius = np.hypot(0.8 * x + 0.6 * y, (0.8 * y - 0.6 * x) / 0.6)
    sersic = 4000.0 * np.exp(-5.0 * ((np.maximum(radius, 1.0) / 180.0) ** 0.4 - 1))
    return np.asarray(80.0 + sersic, np.float32)


def nebula(rng: np.random.Generator, shape: tuple[int, int]) -> Image:
    """Bright clouds with a power-law spectrum, crossed by dark lanes a dozen pixels wide."""
    clouds = _clouds(rng, shape, 3.2)
    light = 80.0 + 1500.0 * np.exp(0.8 * clouds)
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    for _ in range(14):
        angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.4, 0.4) * min(shape)
        bend = 25.0 * np.sin((x * np.cos(angle) + y * np.sin(angle)) / rng.uniform(60, 200))
        across = ((x - shape[1] / 2) * np.sin(angle) - (y - shape[0] / 2) * np.cos(angle)
                  + bend - offset)
        light *= 1 - rng.uniform(0.6, 0.95) * np.exp(-((across / 6.0) ** 2))
    return _blurred(light, 0.9)


def _blurred(light: Numbers, width: float) -> Image:
    """Light as a telescope sees it: convolved with a Gaussian, of that deviation in pixels."""
    ky, kx = np.fft.fftfreq(light.shape[0])[:, None], np.fft.rfftfreq(light.shape[1])[None, :]
    transfer = np.exp(-2 * (np.pi * width) ** 2 * (ky**2 + kx**2))
    return np.asarray(np.fft.irfft2(np.fft.rfft2(light) * transfer, s=light.shape), np.float32)


def _clouds(rng: np.random.Generator, shape: tuple[int, int], slope: float) -> Numbers:
    """Gaussian noise with a power-law spectrum, of mean 0 and deviation 1."""
    ky, kx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    k = np.hypot(ky, kx)
    k[0, 0] = 1.0
    white = np.fft.rfft2(rng.standard_normal(shape))
    clouds = np.fft.irfft2(white * k ** (-slope / 2), s=shape)
    return np.asarray((clouds - clouds.mean()) / clouds.std())
