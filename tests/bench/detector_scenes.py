"""The second simulator: real kinds of field and detector, with defects known to the pixel.

It was written apart from the first one, `scenes`, and shares nothing with it but `truth`: stars
have diffraction images and real luminosity functions, and detectors what real ones have.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tests.bench.detectors import Detector
from tests.bench.optics import FINE, MARGIN, binned, convolved
from tests.bench.real_fields import (
    Field,
    bleeding,
    edge_on,
    globular,
    orion,
    planet,
    planetary_nebula,
    slope,
    spiral,
    stars,
)
from tests.bench.truth import Truth, grown, truth_of

__all__ = ["DETECTOR_SCENES", "DetectorScene"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]
Shape = tuple[int, int]

_LINE_DEPTH = 6.0  # of a bad column and row, in sigma
_FEWEST = 8  # single bad pixels on a small chip
_DITHER = 12  # pixels at most, along each axis
_SATURATED = 0.98  # of the full well
_CLEAR = 3  # pixels from saturation in which nothing is planted
_SIDES = range(2, 7)  # of clusters
_PIXELS_FOR_CLUSTER = 12_000  # for each side
_AROUND_CLUSTER = 6  # pixels to the next cluster

_WFC = Detector()


@dataclass(frozen=True)
class DetectorScene:
    """A field, a detector that looks at it, and the defects of this detector.

    Attributes
    ----------
    field : callable
        Draws the light, as the functions of `real_fields` do.
    detector : Detector
        What happens to the light.
    chip : tuple of int
        The shape of the chip at full scale.
    repeats : int
        The number of chips to look at, each with another seed, because small ones have few pixels.
    clusters : float
        The depth of clusters of 2 x 2 to 6 x 6 bad pixels, in sigma; 0 for none.
    has_lines : bool
        Whether a column and a row are bad.
    per_pointing : int
        The number of successive exposures at each pointing.
    depths : tuple of two floats
        The smallest and the largest depth of single bad pixels, in sigma.
    density : float
        The part of the pixels that are single bad ones.
    """

    field: Field
    detector: Detector = _WFC
    chip: Shape = (600, 800)
    repeats: int = 1
    clusters: float = 0.0
    has_lines: bool = False
    per_pointing: int = 1
    depths: tuple[float, float] = (3.0, 40.0)
    density: float = 1 / 500

    def exposures(
        self, seed: int, shape: Shape | None = None, count: int = 4
    ) -> tuple[list[Image], Truth]:
        """Simulate dithered exposures, and say which pixels are low in them."""
        rng = np.random.default_rng(seed)
        shape = self.chip if shape is None else shape
        detector = self.detector
        wide = (FINE * (shape[0] + 2 * MARGIN), FINE * (shape[1] + 2 * MARGIN))
        light = convolved(self.field(rng, wide), detector.optics)
        sensitivity, flat = detector.sensitivity(rng, shape), detector.flat_field(rng, shape)
        pointings = tuple(number // self.per_pointing for number in range(count))
        dithers = rng.integers(-_DITHER * FINE, _DITHER * FINE + 1, (count, 2))
        seen = [binned(light, dithers[number], shape) * sensitivity * flat + detector.dark(shape)
                for number in pointings]
        held = [detector.bled(electrons) for electrons in seen]
        saturated = np.any([sky > _SATURATED * detector.full_well for sky in held], axis=0)
        missing = detector.missing(shape)
        planted = self._planted(rng, ~grown(saturated, _CLEAR) & ~missing)
        images, noises = [], []
        for number, (electrons, sky) in enumerate(zip(seen, held, strict=True)):
            noise = detector.noise(sky)
            image = detector.exposed(rng, electrons, planted.depth * noise, first=number == 0)
            noises.append(noise / flat / detector.unit)
            images.append(detector.calibrated(rng, image, flat))
        truth = truth_of(
            [sky / flat / detector.unit for sky in held], noises,
            [planted.depth * noise for noise in noises], lines=planted.lines,
            sides=planted.sides, saturated=saturated, missing=missing, pointings=pointings,
        )
        return images, truth

    def _planted(self, rng: np.random.Generator, usable: Bits) -> "_Planted":
        """Choose the defects, single ones and clusters among the usable pixels."""
        planted = _Planted(np.zeros(usable.shape, np.float32), np.zeros_like(usable),
                           np.zeros(usable.shape, np.int8))
        if self.has_lines:
            ny, nx = usable.shape
            planted.lines[int(0.62 * ny)] = planted.lines[:, int(0.37 * nx)] = True
            planted.depth[planted.lines] = _LINE_DEPTH
        if self.clusters:
            _plant_clusters(rng, planted, usable & ~planted.lines, self.clusters)
        free = np.flatnonzero(usable & ~planted.lines & (planted.sides == 0))
        count = max(_FEWEST, int(usable.size * self.density))
        places = rng.choice(free, min(count, free.size), replace=False)
        shallowest, deepest = self.depths
        exponent = rng.uniform(np.log(shallowest), np.log(deepest), places.size)
        planted.depth.flat[places] = np.exp(exponent)
        return planted


class _Planted(NamedTuple):
    """The depths of all defects in sigma, which are lines, and the sides of clusters."""

    depth: Image
    lines: Bits
    sides: npt.NDArray[np.int8]


def _plant_clusters(
    rng: np.random.Generator, planted: _Planted, usable: Bits, depth: float
) -> None:
    ny, nx = usable.shape
    for side in np.repeat(_SIDES, 1 + usable.size // _PIXELS_FOR_CLUSTER):
        y, x = rng.integers(2, ny - side - 2), rng.integers(2, nx - side - 2)
        cluster = np.s_[y : y + side, x : x + side]
        around = np.s_[max(y - _AROUND_CLUSTER, 0) : y + side + _AROUND_CLUSTER,
                       max(x - _AROUND_CLUSTER, 0) : x + side + _AROUND_CLUSTER]
        if usable[cluster].all() and not planted.sides[around].any():
            planted.depth[cluster] = depth
            planted.sides[cluster] = side


_SKY = stars(80.0, 1500)
_HRC = Detector(optics="HRC", full_well=155_000.0)
_PRODUCT = Detector(correlation=0.4, cosmic_rays=0.0, full_well=np.inf)
_IR = Detector(optics="IR", read_noise=(12.0,) * 4, cosmic_rays=5e-5, full_well=np.inf)
_RAW = Detector(optics="HRC", bias=(2200.0, 2207.0, 2195.0, 2203.0), full_well=62_000.0)

_GLOBULAR = DetectorScene(globular(40.0, 60_000, 2e7), _HRC)
_EDGE_ON = DetectorScene(edge_on(0.03))
_BLEEDING = DetectorScene(bleeding(80.0, 50))
_SMALL = {64: 30, 128: 10, 256: 4}  # rows of a small chip, and how many chips to look at

DETECTOR_SCENES: Mapping[str, DetectorScene] = {
    "long rays": DetectorScene(_SKY, Detector(long_rays=True), has_lines=True),
    "satellites": DetectorScene(_SKY, Detector(satellites=True)),
    "fringes": DetectorScene(stars(900.0, 1500), Detector(fringes=True)),
    "CTE tails": DetectorScene(_SKY, Detector(traps=True)),
    "NaN border": DetectorScene(_SKY, Detector(outside=12)),
    "drizzled": DetectorScene(_SKY, _PRODUCT),
    "drizzled, rows": DetectorScene(_SKY, replace(_PRODUCT, row_noise=0.7)),
    **{f"{name}, {size}": DetectorScene(field, chip=(size, size * 5 // 4), repeats=repeats)
       for name, field in (("planet", planet), ("planetary nebula", planetary_nebula))
       for size, repeats in _SMALL.items()},
    "rows of 0.5 sigma": DetectorScene(_SKY, Detector(row_noise=0.5)),
    "rows of 1 sigma": DetectorScene(_SKY, Detector(row_noise=1.0)),
    "odd-even columns": DetectorScene(_SKY, Detector(odd_even=0.5)),
    "globular": _GLOBULAR,
    "bleeding": _BLEEDING,
    "edge-on": _EDGE_ON,
    "edge-on, along rows": DetectorScene(edge_on(0.0)),
    "spiral": DetectorScene(spiral),
    "Orion": DetectorScene(orion),
    "IR, 0.4 pixels": DetectorScene(stars(300.0, 120_000), _IR),
    "unlit border": DetectorScene(stars(21.6, 800), Detector(unlit=40), has_lines=True),
    "one ADU": DetectorScene(stars(2.1, 300, 3e4), Detector(read_noise=(5.3,) * 4, gain=7.0)),
    "sky of 0": DetectorScene(stars(30.0, 1500), Detector(sky_subtracted=True)),
    "slope at row 0": DetectorScene(slope(0, 1.6)),
    "slope at column 0": DetectorScene(slope(1, 2.0)),
    "vignetting": DetectorScene(_SKY, Detector(vignetting=True)),
    "four amplifiers": DetectorScene(_SKY, Detector(
        read_noise=(3.5, 5.0, 7.0, 12.0), bias=(0.0, 4.0, -3.0, 8.0))),
    "raw trails": DetectorScene(bleeding(12.0, 25), _RAW),
    "heavy tails": DetectorScene(_SKY, Detector(heavy_tails=True)),
    "globular, pairs": replace(_GLOBULAR, per_pointing=2),
    "edge-on, pairs": replace(_EDGE_ON, per_pointing=2),
    "bleeding, pairs": replace(_BLEEDING, per_pointing=2),
    **{f"clusters of {depth} sigma, {name}": DetectorScene(field, clusters=depth)
       for depth in (20, 8)
       for name, field in (("flat", _SKY), ("edge-on", _EDGE_ON.field), ("Orion", orion))},
}
