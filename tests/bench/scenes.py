"""The first simulator: simple fields and cameras, with defects known to the pixel.

Everything is in electrons until an exposure leaves with its gain.  The light moves with the
dither; the defects stay on the detector.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from tests.bench.sky_models import (
    add_cosmic_rays,
    add_stars,
    blobs,
    flat_sky,
    galaxy,
    gradient,
    nebula,
)
from tests.bench.truth import Truth, truth_of

__all__ = ["SCENES", "Defects", "Scene"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

_DARK = 40.0  # the depth of a pixel without any light, where defects are factors
_FULL_WELL = 84_000.0  # electrons


@dataclass(frozen=True)
class Defects:
    """How pixels are made low.

    Attributes
    ----------
    count : int
        Single pixels per chip of 1024 x 1200 pixels.
    depths : tuple of two floats
        The smallest and the largest depth of single pixels, in the unit that `kind` says.
    kind : str
        ``noise``: lower by a multiple of the noise there; ``fixed``: by the same
        electrons in every exposure; ``factor``: by so many fortieths of the light.
    columns, rows : mapping of int to float
        Whole lines: below 1 a factor, else the depth in noise of the sky.
    """

    count: int = 2500
    depths: tuple[float, float] = (3.0, 40.0)
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
    pattern : callable, optional
        Takes a generator and the shape, and returns a factor and an offset in electrons for each
        pixel, the same in all exposures.
    times : tuple of float
        The light of each exposure relative to that of the field; 1 for any further exposures.
    per_pointing : int
        The number of successive exposures at each pointing.
    """

    field: Callable[[np.random.Generator, tuple[int, int]], Image]
    stars: int = 800
    psf: float = 2.1
    read_noise: float = 4.0
    cosmic_rays: float = 2e-4
    gain: float = 1.0
    blobs: int = 0
    defects: Defects = Defects()
    pattern: Callable[[np.random.Generator, tuple[int, int]], tuple[Image, Image]] | None = None
    times: tuple[float, ...] = ()
    per_pointing: int = 1
    chip: ClassVar[tuple[int, int]] = (1024, 1200)
    repeats: ClassVar[int] = 1

    def exposures(
        self, seed: int, shape: tuple[int, int] | None = None, count: int = 4
    ) -> tuple[list[Image], Truth]:
        """Simulate dithered exposures, and say which pixels are low in them."""
        rng = np.random.default_rng(seed)
        ny, nx = shape = self.chip if shape is None else shape
        margin = 16
        wide = (ny + 2 * margin, nx + 2 * margin)
        light = self.field(rng, wide)
        scale = ny * nx / (self.chip[0] * self.chip[1])
        number = int(self.stars * scale)
        stars = np.stack([
            rng.uniform(0, wide[0], number), rng.uniform(0, wide[1], number),
            np.minimum(300.0 * (1 + rng.pareto(0.9, number)), 3e6),
        ])
        defects = round(self.defects.count * scale)
        places = rng.choice(ny * nx, defects, replace=False)
        strength = rng.uniform(*self.defects.depths, defects)
        flat, offset = blobs(rng, shape, self.blobs), np.zeros(shape, np.float32)
        if self.pattern is not None:
            flat, offset = self.pattern(rng, shape)
        base = float(np.median(light))
        images, skies, noises, lowered = [], [], [], []
        times = self.times + (1.0,) * (count - len(self.times))
        for number, time in zip(range(count), times, strict=False):
            if number % self.per_pointing == 0:
                dither = rng.integers(-12, 13, 2)
                part = rng.uniform(-0.5, 0.5, 2)
            y, x = margin + dither
            sky = light[y : y + ny, x : x + nx].copy()
            add_stars(sky, stars, np.array([y, x]) + part, self.psf)
            sky *= flat * np.float32(time)
            sky += offset
            noise = np.sqrt(sky + self.read_noise**2)
            good = sky.copy()
            self._plant(sky, noise, places, strength, base)
            skies.append(good / self.gain)
            noises.append(noise / self.gain)
            lowered.append((good - sky) / self.gain)
            images.append(self._expose(rng, sky))
        saturated = np.any([sky * self.gain > _FULL_WELL for sky in skies], axis=0)
        nowhere = np.zeros(shape, np.bool_)
        return images, truth_of(
            skies, noises, lowered, lines=self._lines(shape), sides=np.zeros(shape, np.int8),
            saturated=saturated, missing=nowhere,
            pointings=tuple(number // self.per_pointing for number in range(count)),
        )

    def _plant(
        self, sky: Image, noise: Image, places: Numbers, strength: Numbers, base: float
    ) -> None:
        one = float(np.hypot(np.sqrt(base), self.read_noise))
        for lines, axis in ((self.defects.columns, 1), (self.defects.rows, 0)):
            for number in _inside(lines, sky.shape[axis]):
                line, depth = np.moveaxis(sky, axis, 0)[number], lines[number]
                line[...] = line * (1 - depth) if depth < 1 else line - depth * one
        if self.defects.kind == "noise":
            sky.flat[places] -= strength * noise.flat[places]
        elif self.defects.kind == "fixed":
            sky.flat[places] -= strength * one
        else:
            sky.flat[places] *= 1 - strength / _DARK
        if not self.read_noise:
            np.maximum(sky, 0, out=sky)  # there are no counts below 0

    def _expose(self, rng: np.random.Generator, sky: Image) -> Image:
        image = rng.poisson(np.maximum(sky, 0)).astype(np.float32) + np.minimum(sky, 0)
        if not self.read_noise:
            return np.maximum(np.rint(image), 0).astype(np.float32) / np.float32(self.gain)
        add_cosmic_rays(image, rng, self.cosmic_rays)
        image += self.read_noise * rng.standard_normal(sky.shape, np.float32)
        np.minimum(image, _FULL_WELL, out=image)
        return image / np.float32(self.gain)

    def _lines(self, shape: tuple[int, int]) -> Bits:
        lines = np.zeros(shape, np.bool_)
        lines[:, _inside(self.defects.columns, shape[1])] = True
        lines[_inside(self.defects.rows, shape[0])] = True
        return lines


def _inside(lines: Mapping[int, float], size: int) -> list[int]:
    """Those columns or rows that a smaller chip has too."""
    return [number for number in lines if number < size]


# A fifth of the sky low, and 6 times its noise.
_LINES = Defects(columns={301: 0.2, 700: 6.0}, rows={411: 0.2, 600: 6.0})

SCENES: Mapping[str, Scene] = {
    "sparse": Scene(flat_sky(80.0)),
    "crowded": Scene(flat_sky(80.0), stars=30_000),
    "nebula": Scene(nebula),
    "galaxy": Scene(galaxy),
    "gradient": Scene(gradient),
    "bad columns": Scene(flat_sky(80.0), defects=_LINES),
    "SBC counts": Scene(flat_sky(40.0), read_noise=0.0),
    "IR with blobs": Scene(flat_sky(900.0), psf=1.2, read_noise=12.0, gain=2.5, blobs=40),
    "undersampled": Scene(flat_sky(60.0), stars=8_000, psf=1.3, gain=7.0),
}
