"""Simulated fields whose defects are known to the pixel: what the benchmark of truth looks at.

Everything is in electrons until an exposure leaves with its gain.  The light moves with the
dither; the defects stay on the detector.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SCENES", "Defects", "Scene", "Truth"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

_PHASES = 8  # positions of a star inside a pixel, along each axis
_REACH = 12  # pixels from the centre of a star to the end of its image
_SHALLOWEST, _DEEPEST = 3.0, 40.0  # planted pixels, in noise of their own place


@dataclass(frozen=True)
class Defects:
    """How pixels are made low.

    Attributes
    ----------
    count : int
        Single pixels.
    kind : str
        ``noise``: lower by a multiple of the noise there; ``fixed``: by the same
        electrons in every exposure; ``factor``: multiplied.
    columns, rows : mapping of int to float
        Whole lines: below 1 a factor, else the depth in noise of the sky.
    """

    count: int = 2500
    kind: str = "noise"
    columns: Mapping[int, float] = field(default_factory=dict)
    rows: Mapping[int, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Scene:
    """A field and the camera that looks at it.

    Attributes
    ----------
    field : callable
        Takes a generator and the shape, and returns the light of the sky without stars.
    stars : int
        Per chip of 1024 x 1200 pixels.
    psf : float
        Full width at half maximum, in pixels.
    read_noise : float
        In electrons; 0 for a photon counter.
    cosmic_rays : float
        Per pixel and exposure.
    gain : float
        Electrons in a unit of the pixel values.
    blobs : int
        Places that the flat field does not correct, a dozen pixels wide.
    """

    field: Callable[[np.random.Generator, tuple[int, int]], Image]
    stars: int = 800
    psf: float = 2.1
    read_noise: float = 4.0
    cosmic_rays: float = 2e-4
    gain: float = 1.0
    blobs: int = 0
    defects: Defects = Defects()

    def exposures(
        self, seed: int, shape: tuple[int, int] = (1024, 1200), count: int = 4
    ) -> tuple[list[Image], "Truth"]:
        """Simulate dithered exposures, and say which pixels are low in them."""
        rng = np.random.default_rng(seed)
        ny, nx = shape
        margin = 16
        wide = (ny + 2 * margin, nx + 2 * margin)
        light = self.field(rng, wide)
        number = int(self.stars * ny * nx / (1024 * 1200))
        stars = np.stack([
            rng.uniform(0, wide[0], number), rng.uniform(0, wide[1], number),
            np.minimum(300.0 * (1 + rng.pareto(0.9, number)), 3e6),
        ])
        places = rng.choice(ny * nx, self.defects.count, replace=False)
        strength = rng.uniform(_SHALLOWEST, _DEEPEST, self.defects.count)
        flat = _blobs(rng, shape, self.blobs)
        base = float(np.median(light))
        images, depths = [], []
        for _ in range(count):
            dither = rng.integers(-12, 13, 2)
            part = rng.uniform(-0.5, 0.5, 2)
            y, x = margin + dither
            sky = light[y : y + ny, x : x + nx].copy()
            _add_stars(sky, stars, np.array([y, x]) + part, self.psf)
            sky *= flat
            noise = np.sqrt(sky + self.read_noise**2)
            good = sky.copy()
            self._plant(sky, noise, places, strength, base)
            depths.append((_surroundings(good, places, shape) - sky.flat[places])
                          / noise.flat[places])
            images.append(self._expose(rng, sky))
        return images, self._truth(shape, places, np.median(depths, axis=0))

    def _plant(
        self, sky: Image, noise: Image, places: Numbers, strength: Numbers, base: float
    ) -> None:
        one = float(np.hypot(np.sqrt(base), self.read_noise))
        for lines, axis in ((self.defects.columns, 1), (self.defects.rows, 0)):
            for number, depth in lines.items():
                line = np.moveaxis(sky, axis, 0)[number]
                line[...] = line * (1 - depth) if depth < 1 else line - depth * one
        if self.defects.kind == "noise":
            sky.flat[places] -= strength * noise.flat[places]
        elif self.defects.kind == "fixed":
            sky.flat[places] -= strength * one
        else:
            sky.flat[places] *= 1 - strength / _DEEPEST
        if not self.read_noise:
            np.maximum(sky, 0, out=sky)  # there are no counts below 0

    def _expose(self, rng: np.random.Generator, sky: Image) -> Image:
        image = rng.poisson(np.maximum(sky, 0)).astype(np.float32) + np.minimum(sky, 0)
        if not self.read_noise:
            return np.maximum(np.rint(image), 0).astype(np.float32) / np.float32(self.gain)
        _add_cosmic_rays(image, rng, self.cosmic_rays)
        image += self.read_noise * rng.standard_normal(sky.shape, np.float32)
        np.minimum(image, 84_000.0, out=image)
        return image / np.float32(self.gain)

    def _truth(self, shape: tuple[int, int], places: Numbers, depth: Numbers) -> "Truth":
        pixels = np.full(shape, np.nan, np.float32)
        pixels.flat[places] = depth
        lines = np.zeros(shape, np.bool_)
        lines[:, list(self.defects.columns)] = True
        lines[list(self.defects.rows)] = True
        return Truth(pixels, lines)


@dataclass(frozen=True)
class Truth:
    """Which pixels are low, and how deep they lie.

    Attributes
    ----------
    depth : numpy.ndarray of float32, shape (ny, nx)
        Of planted pixels, below the median of the 5 x 5 pixels around them without
        defects and without noise, in noise of that place; the median over the exposures.
        NaN elsewhere.
    lines : numpy.ndarray of bool, shape (ny, nx)
        True on bad columns and rows.
    """

    depth: Image
    lines: Bits

    @property
    def planted(self) -> Bits:
        """Pixels that may be bad, however deep."""
        return np.isfinite(self.depth) | self.lines


def _surroundings(good: Image, places: Numbers, shape: tuple[int, int]) -> Numbers:
    rows, columns = np.divmod(places, shape[1])
    reach = np.arange(-2, 3)
    y = np.clip(rows[:, None, None] + reach[:, None], 0, shape[0] - 1)
    x = np.clip(columns[:, None, None] + reach[None, :], 0, shape[1] - 1)
    return np.median(good[y, x].reshape(places.size, -1), axis=1)


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


def _add_stars(sky: Image, stars: Numbers, origin: Numbers, width: float) -> None:
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


def _add_cosmic_rays(image: Image, rng: np.random.Generator, density: float) -> None:
    ny, nx = image.shape
    count = int(image.size * density)
    y, x = rng.uniform(0, ny, count), rng.uniform(0, nx, count)
    angle, length = rng.uniform(0, np.pi, count), 1 + rng.exponential(4.0, count)
    energy = rng.lognormal(6.5, 1.0, count)
    for step in np.arange(0, 30.0):
        row, column = (y + step * np.sin(angle)).astype(int), (x + step * np.cos(angle)).astype(int)
        hit = (step < length) & (row < ny) & (column >= 0) & (column < nx)
        np.add.at(image, (row[hit], column[hit]), energy[hit].astype(np.float32))


def _blobs(rng: np.random.Generator, shape: tuple[int, int], count: int) -> Image:
    flat = np.ones(shape, np.float32)
    y, x = np.ogrid[: shape[0], : shape[1]]
    for _ in range(count):
        at = rng.uniform(0, shape[0]), rng.uniform(0, shape[1])
        width, depth = rng.uniform(4, 9), rng.uniform(0.05, 0.15)
        flat -= depth * np.exp(-((y - at[0]) ** 2 + (x - at[1]) ** 2) / (2 * width**2))
    return flat


def _flat_sky(level: float) -> Callable[[np.random.Generator, tuple[int, int]], Image]:
    return lambda _rng, shape: np.full(shape, level, np.float32)


def _gradient(_rng: np.random.Generator, shape: tuple[int, int]) -> Image:
    y, x = np.mgrid[: shape[0], : shape[1]]
    return np.asarray(60.0 + 0.5 * x + 0.2 * y, np.float32)


def _galaxy(_rng: np.random.Generator, shape: tuple[int, int]) -> Image:
    y, x = np.mgrid[: shape[0], : shape[1]].astype(float)
    y, x = y - 0.45 * shape[0], x - 0.55 * shape[1]
    radius = np.hypot(0.8 * x + 0.6 * y, (0.8 * y - 0.6 * x) / 0.6)
    sersic = 4000.0 * np.exp(-5.0 * ((np.maximum(radius, 1.0) / 180.0) ** 0.4 - 1))
    return np.asarray(80.0 + sersic, np.float32)


def _nebula(rng: np.random.Generator, shape: tuple[int, int]) -> Image:
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


# A fifth of the sky low, and 6 times its noise.
_LINES = Defects(columns={301: 0.2, 700: 6.0}, rows={411: 0.2, 600: 6.0})

SCENES: Mapping[str, Scene] = {
    "sparse": Scene(_flat_sky(80.0)),
    "crowded": Scene(_flat_sky(80.0), stars=30_000),
    "nebula": Scene(_nebula),
    "galaxy": Scene(_galaxy),
    "gradient": Scene(_gradient),
    "bad columns": Scene(_flat_sky(80.0), defects=_LINES),
    "SBC counts": Scene(_flat_sky(40.0), read_noise=0.0),
    "IR with blobs": Scene(_flat_sky(900.0), psf=1.2, read_noise=12.0, gain=2.5, blobs=40),
    "undersampled": Scene(_flat_sky(60.0), stars=8_000, psf=1.3, gain=7.0),
}
