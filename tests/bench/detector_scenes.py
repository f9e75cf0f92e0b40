"""The second simulator: fields and detectors as real ones are, with defects known to the pixel.

It shares no code with the first one.  Light is drawn on a grid of a third of a pixel, convolved
with the diffraction image of a telescope's pupil, and binned to pixels for each dither; the
detector then adds what detectors add.  Everything is in electrons until the end.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["DETECTOR_SCENES", "Camera", "DetectorScene", "DetectorTruth"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]
Shape = tuple[int, int]

FINE = 3  # points of the grid of light in a pixel, along each axis
_MARGIN = 20  # pixels of sky around the chip
_PUPIL = 512  # points of the pupil's grid
# Fine points in a wavelength over the diameter, and charge diffusion in pixels.
_CAMERAS = {"WF": (3.1, 0.35), "HRC": (5.7, 0.3), "IR": (2.0, 0.25)}


# ---------------------------------------------------------------------------------------------
# Optics
# ---------------------------------------------------------------------------------------------
@cache
def diffraction_image(camera: str) -> Numbers:
    """Return the image of a star on the fine grid, of sum 1, centred at [0, 0]."""
    sampling, diffusion = _CAMERAS[camera]
    y, x = np.mgrid[:_PUPIL, :_PUPIL] - _PUPIL / 2 + 0.5
    image = np.zeros((_PUPIL, _PUPIL))
    for colour in (0.88, 0.94, 1.0, 1.06, 1.12):
        radius = _PUPIL / (sampling * colour) / 2
        v, u = y / radius, x / radius
        r = np.hypot(v, u)
        open_ = (r < 1) & (r > 0.33)
        for angle in (0.72, 0.72 + np.pi / 2):
            across = u * np.sin(angle) - v * np.cos(angle)
            open_ &= np.abs(across) > 0.022
        waves = 0.035 * (2 * r**2 - 1) + 0.03 * (3 * r**3 - 2 * r) * v / np.maximum(r, 1e-9)
        pupil = open_ * np.exp(2j * np.pi * waves / colour)
        image += np.abs(np.fft.fft2(pupil)) ** 2
    k = np.fft.fftfreq(_PUPIL)
    blur = np.exp(-2 * (np.pi * diffusion * FINE) ** 2 * (k[:, None] ** 2 + k[None, :] ** 2))
    image = np.maximum(np.fft.ifft2(np.fft.fft2(image) * blur).real, 0)
    return np.asarray(image / image.sum())


def convolved(light: Numbers, camera: str) -> Numbers:
    """Return light on the fine grid as the telescope images it."""
    image = diffraction_image(camera)
    reach = np.fft.fftfreq(_PUPIL, 1 / _PUPIL).astype(int)
    kernel = np.zeros(light.shape)
    np.add.at(kernel, ((reach % light.shape[0])[:, None], (reach % light.shape[1])[None, :]), image)
    return np.fft.irfft2(np.fft.rfft2(light) * np.fft.rfft2(kernel), s=light.shape)


# ---------------------------------------------------------------------------------------------
# Light
# ---------------------------------------------------------------------------------------------
Field = Callable[[np.random.Generator, Shape], Numbers]  # fine light, in electrons a pixel


def _axes(shape: Shape) -> tuple[Numbers, Numbers]:
    """Positions in pixels from the centre, of the points of a fine grid."""
    y = (np.arange(shape[0]) - shape[0] / 2 + 0.5) / FINE
    x = (np.arange(shape[1]) - shape[1] / 2 + 0.5) / FINE
    return y[:, None], x[None, :]


def turbulence(rng: np.random.Generator, shape: Shape, slope: float, finest: float = 0.0) -> Numbers:
    """Gaussian noise with a power-law spectrum, of mean 0 and deviation 1."""
    ky, kx = np.fft.fftfreq(shape[0])[:, None], np.fft.rfftfreq(shape[1])[None, :]
    k = np.hypot(ky, kx) * FINE
    k[0, 0] = np.inf
    spectrum = np.fft.rfft2(rng.standard_normal(shape)) * k ** (-slope / 2)
    if finest:
        spectrum *= np.exp(-((k * finest) ** 2))
    noise = np.fft.irfft2(spectrum, s=shape)
    return np.asarray(noise / noise.std())


def _put(light: Numbers, y: Numbers, x: Numbers, flux: Numbers) -> None:
    """Add point sources; flux in electrons, the light in electrons a pixel."""
    inside = (y >= 0) & (y < light.shape[0]) & (x >= 0) & (x < light.shape[1])
    where = y[inside].astype(int), x[inside].astype(int)
    np.add.at(light, where, flux[inside] * FINE**2)


def _magnitudes(rng: np.random.Generator, count: int, counts: Callable[[Numbers], Numbers],
                depth: float) -> Numbers:
    """Draw magnitudes below the brightest from a luminosity function."""
    grid = np.linspace(0, depth, 2000)
    total = np.cumsum(counts(grid))
    return np.interp(rng.uniform(0, total[-1], count), total, grid)


def _disc_counts(m: Numbers) -> Numbers:
    """Star counts of the galactic disc, steep for bright stars and flat for faint ones."""
    return np.where(m < 6, 10 ** (0.32 * (m - 6)), 10 ** (0.12 * (m - 6)))


def _globular_counts(m: Numbers) -> Numbers:
    """Giant branch, horizontal branch, and a main sequence that sets in at the turn-off."""
    giants = 0.012 * 10 ** (0.18 * m)
    horizontal = 0.25 * np.exp(-(((m - 3.2) / 0.15) ** 2))
    main = np.where(m > 6.3, 10 ** (0.09 * (m - 6.3)), 0) / (1 + np.exp(-(m - 6.6) / 0.12))
    return giants * (m < 7) + horizontal + main


def stars(level: float, per_million: int, brightest: float = 1e6, depth: float = 13.0) -> Field:
    """A field of the galactic disc over a sky."""
    def draw(rng: np.random.Generator, shape: Shape) -> Numbers:
        light = np.full(shape, level)
        count = int(per_million * light.size / FINE**2 / 1e6)
        flux = brightest * 10 ** (-0.4 * _magnitudes(rng, count, _disc_counts, depth))
        _put(light, rng.uniform(0, shape[0], count), rng.uniform(0, shape[1], count), flux)
        return light
    return draw


def bleeding(level: float, count: int) -> Field:
    """A field with so many stars far above the full well."""
    def draw(rng: np.random.Generator, shape: Shape) -> Numbers:
        light = stars(level, 1200)(rng, shape)
        flux = 10 ** rng.uniform(6.2, 7.6, count)
        _put(light, rng.uniform(0, shape[0], count), rng.uniform(0, shape[1], count), flux)
        return light
    return draw


def globular(level: float, per_million: int) -> Field:
    """A globular cluster with a King profile."""
    def draw(rng: np.random.Generator, shape: Shape) -> Numbers:
        light = np.full(shape, level)
        count = int(per_million * light.size / FINE**2 / 1e6)
        core = 0.35 * min(shape)
        share = rng.uniform(0, 0.85, count)
        r = core * np.sqrt(share / (1 - share))
        angle = rng.uniform(0, 2 * np.pi, count)
        flux = 6e5 * 10 ** (-0.4 * _magnitudes(rng, count, _globular_counts, 13.0))
        _put(light, 0.48 * shape[0] + r * np.sin(angle), 0.53 * shape[1] + r * np.cos(angle), flux)
        return light
    return draw


def edge_on(rng: np.random.Generator, shape: Shape) -> Numbers:
    """An edge-on disc and a bulge behind a clumpy dust lane, on a field of stars."""
    y, x = _axes(shape)
    along, up = x * np.cos(0.31) + y * np.sin(0.31), y * np.cos(0.31) - x * np.sin(0.31)
    up = up + 2.5 * np.sin(along / 70)
    disc = 6000 * np.exp(-np.abs(along) / 130) / np.cosh(up / 16) ** 2
    bulge = 9000 * np.exp(-6.0 * (np.hypot(along, up / 0.7) / 60 + 0.01) ** (1 / 2.5))* 20
    clumps = np.exp(0.7 * turbulence(rng, shape, 3.2, 1.0))
    depth = 2.2 * np.exp(-((up / 4.5) ** 2) - np.abs(along) / 220) * clumps
    light = 90 + (disc + bulge) * (0.35 + 0.65 * np.exp(-depth))
    count = 500
    flux = 10 ** rng.uniform(2.5, 4.3, count)
    _put(light, shape[0] / 2 + FINE * (rng.normal(0, 10, count) + 0.0),
         shape[1] / 2 + FINE * rng.normal(0, 150, count), flux)
    return light + stars(0, 1500)(rng, shape)


def spiral(rng: np.random.Generator, shape: Shape) -> Numbers:
    """A disc with two arms, dust lanes at their inner edges, and clusters in them."""
    y, x = _axes(shape)
    y = y / 0.75
    r, angle = np.hypot(y, x) + 1e-3, np.arctan2(y, x)
    phase = 2 * (angle - np.log(r / 20) / np.tan(0.30)) + 0.35 * turbulence(rng, shape, 3.6, 1.0)
    arm = np.exp(3 * (np.cos(phase) - 1))
    lane = np.exp(25 * (np.cos(phase - 0.9) - 1)) * (r > 25) * np.exp(0.6 * turbulence(rng, shape, 3.0, 1.0))
    light = 2500 * np.exp(-r / 110) * (0.5 + 1.6 * arm) + 15000 * np.exp(-4.5 * (r / 25) ** 0.5)
    light *= np.exp(-1.1 * lane)
    count = 4000
    at = rng.integers(0, light.size, 12 * count)
    at = at[rng.uniform(0, 1, at.size) < (arm * np.exp(-r / 160)).flat[at]][:count]
    light.flat[at] += 10 ** rng.uniform(2, 4, at.size) * FINE**2
    return light + 80 + stars(0, 800)(rng, shape)


def orion(rng: np.random.Generator, shape: Shape) -> Numbers:
    """Turbulent gas with filaments, sharp ionisation fronts and dark globules."""
    gas = np.exp(0.9 * turbulence(rng, shape, 3.4))
    light = 1500 * gas
    for number in range(4):
        ridge = turbulence(rng, shape, 3.6, 0.7)
        light *= 1 + 1.5 * np.exp(-((ridge / 0.03) ** 2)) * (ridge > -1)
        front = turbulence(rng, shape, 4.0, 0.5)
        light *= 1 - 0.35 / (1 + np.exp(-(front - 0.4 * number + 0.4) / 0.008))
    y, x = _axes(shape)
    for _ in range(12):
        cy, cx = rng.uniform(-0.5, 0.5) * np.ptp(y), rng.uniform(-0.5, 0.5) * np.ptp(x)
        size = rng.uniform(1.5, 8)
        light *= 1 - 0.8 / (1 + np.exp(np.minimum((np.hypot(y - cy, x - cx) - size) / 0.4, 50)))
    return 60 + light + stars(0, 1500)(rng, shape)


def planet(rng: np.random.Generator, shape: Shape) -> Numbers:
    """A limb-darkened disc with belts, which nearly fills the chip."""
    y, x = _axes(shape)
    size = min(shape) / FINE - 2 * _MARGIN
    r = np.hypot(y + rng.uniform(-2, 2), x + rng.uniform(-2, 2)) / (0.45 * size)
    belts = 1 + 0.12 * np.tanh(4 * np.sin(y / size * 30)) + 0.02 * turbulence(rng, shape, 3.0, 1.0)
    light = np.where(r < 1, 7000 * belts * np.sqrt(np.maximum(1 - r**2, 0.02)) ** 0.7, 0)
    return 20 + light + stars(0, 600)(rng, shape)


def small_nebula(rng: np.random.Generator, shape: Shape) -> Numbers:
    """A planetary nebula: a bright shell with a sharp rim and knots, around a star."""
    y, x = _axes(shape)
    size = min(shape) / FINE - 2 * _MARGIN
    r = np.hypot(y, x / 1.2) / (0.35 * size) + 0.05 * turbulence(rng, shape, 3.0, 0.8)
    shell = 2500 * np.exp(-((r - 0.85) / 0.25) ** 2) / (1 + np.exp((r - 1) / 0.015))
    light = shell * np.exp(0.35 * turbulence(rng, shape, 2.8, 0.8)) + 40
    light[shape[0] // 2, shape[1] // 2] += 3e4 * FINE**2
    return light + stars(0, 600)(rng, shape)


def steep(axis: int, sigma: float) -> Field:
    """A slope of so many sigma a pixel at row or column 0, which is the lowest there."""
    def draw(_rng: np.random.Generator, shape: Shape) -> Numbers:
        at = _axes(shape)[axis]
        at = at - at.min() - _MARGIN
        root = 60 + sigma / 2 * 60 * (1 - np.exp(-at / 60))
        return np.broadcast_to(np.maximum(root, 5) ** 2, shape).copy()
    return draw


# ---------------------------------------------------------------------------------------------
# Detector
# ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Camera:
    """What a detector does to the light.

    Attributes
    ----------
    optics : str
        ``WF``, ``HRC`` or ``IR``.
    read_noise, bias : tuple of four floats
        Of the amplifiers (lower left, lower right, upper left, upper right), in electrons.
    full_well : float
        In electrons; infinite for no saturation.
    cosmic_rays : float
        Tracks per pixel.
    flat : float
        Scatter of what the flat field does not correct.
    quantised : float
        Scatter of the flat field by which integer counts are divided; 0 for no counts.
    row_noise, odd_even : float
        Offsets of rows (anew in each exposure) and between columns, in sigma of the sky.
    drizzled : float
        Part of a pixel by which the product's noise is correlated; 0 for none.
    border : int
        Columns that no light reaches.
    outside : int
        Columns and rows of NaN.
    vignette, sky_subtracted, heavy_tails, satellites, fringes, traps : bool
        Whether there are any.
    """

    optics: str = "WF"
    read_noise: tuple[float, float, float, float] = (4.6, 4.6, 4.6, 4.6)
    bias: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    full_well: float = 84_000.0
    cosmic_rays: float = 2e-4
    flat: float = 0.003
    quantised: float = 0.0
    row_noise: float = 0.0
    odd_even: float = 0.0
    drizzled: float = 0.0
    border: int = 0
    outside: int = 0
    long_rays: bool = False
    vignette: bool = False
    sky_subtracted: bool = False
    heavy_tails: bool = False
    satellites: bool = False
    fringes: bool = False
    traps: bool = False

    def by_amplifier(self, values: tuple[float, ...], shape: Shape) -> Image:
        """Spread four values over the quadrants."""
        quadrants = np.array(values, np.float32).reshape(2, 2)
        y, x = (np.arange(size) * 2 // size for size in shape)
        return quadrants[y[:, None], x[None, :]]

    def transmission(self, rng: np.random.Generator, shape: Shape) -> Image:
        """Light that arrives, of that which the flat field says."""
        seen = 1 + self.flat * rng.standard_normal(shape)
        if self.fringes:
            y, x = np.mgrid[: shape[0], : shape[1]]
            seen *= 1 + 0.06 * np.sin(0.011 * x * np.sqrt(y + 200) + 0.05 * y)
        seen[:, : self.border] = 0
        return seen.astype(np.float32)

    def flat_field(self, rng: np.random.Generator, shape: Shape) -> Image:
        """The field by which the counts are divided."""
        field = np.ones(shape)
        if self.vignette:
            y, x = np.mgrid[: shape[0], : shape[1]]
            r = np.hypot(y - shape[0] / 2, x - shape[1] / 2) / (np.hypot(*shape) / 2)
            field = 0.03 + 0.97 / (1 + np.exp((r - 0.8) / 0.03))
        return (field * (1 + self.quantised * rng.standard_normal(shape))).astype(np.float32)


def bleed(image: Numbers, well: float) -> Numbers:
    """Let charge above the full well flow along the columns, half of it each way."""
    held = np.minimum(image, well)
    half = (image - held) / 2
    if not half.any():
        return held
    for order in (1, -1):
        carry = np.zeros(image.shape[1])
        for row, more in zip(held[::order], half[::order], strict=True):
            carry += more
            taken = np.minimum(carry, well - row)
            row += taken
            carry -= taken
    return held


def _trapped(image: Numbers) -> Numbers:
    """Charge that traps hold back and release behind, away from the amplifier at row 0."""
    image = image.copy()
    held = np.zeros(image.shape[1])
    for row in image:
        caught = 0.25 * np.maximum(row, 0) ** 0.6 * 0.5
        caught = np.minimum(caught, 0.5 * np.maximum(row, 0))
        freed = 0.2 * held
        held += 0.2 * caught - freed
        row += freed - 0.2 * caught
    return image


def _tracks(rng: np.random.Generator, image: Numbers, count: int, length: float) -> None:
    """Add tracks of cosmic rays, sampled at a quarter of a pixel."""
    y, x = rng.uniform(0, image.shape[0], count), rng.uniform(0, image.shape[1], count)
    angle = rng.uniform(0, 2 * np.pi, count)
    steps = np.ceil(4 * (0.5 + rng.exponential(length, count))).astype(int).clip(1, 1200)
    charge = rng.lognormal(4.8, 0.7, count)
    which = np.repeat(np.arange(count), steps)
    step = (np.arange(which.size) - np.repeat(np.cumsum(steps) - steps, steps)) / 4
    rows = np.floor(y[which] + step * np.sin(angle[which])).astype(int)
    columns = np.floor(x[which] + step * np.cos(angle[which])).astype(int)
    hit = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
    np.add.at(image, (rows[hit], columns[hit]), charge[which][hit])


def _satellite(rng: np.random.Generator, image: Numbers) -> None:
    y, x = np.mgrid[: image.shape[0], : image.shape[1]]
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.3) * image.shape[0]
    across = ((x - image.shape[1] / 2) * np.sin(angle) - (y - image.shape[0] / 2) * np.cos(angle)
              - offset)
    image += rng.poisson(10 ** rng.uniform(2, 3.5) * np.exp(-((across / 2.0) ** 2)))


def _drizzled(image: Numbers, part: float) -> tuple[Numbers, float]:
    """Noise of neighbours mixed as in a product, and the factor by which it shrinks."""
    kernel = np.array([part / 2, 1 - part, part / 2])
    padded = np.pad(image, 1, mode="reflect")
    mixed = sum(k * padded[i : i + image.shape[0]] for i, k in enumerate(kernel))
    mixed = sum(k * mixed[:, i : i + image.shape[1]] for i, k in enumerate(kernel))
    return np.asarray(mixed), float((kernel**2).sum())


# ---------------------------------------------------------------------------------------------
# Scenes
# ---------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class DetectorTruth:
    """Which pixels are low, how deep, and what lies around them.

    Attributes
    ----------
    depth : numpy.ndarray of float32, shape (ny, nx)
        Of planted pixels, below the median of the 5 x 5 pixels around them without defects and
        noise, in noise of that pixel; the median over the exposures.  NaN elsewhere.
    lines : numpy.ndarray of bool, shape (ny, nx)
        True on bad columns and rows.
    sides : numpy.ndarray of int, shape (ny, nx)
        The side of the cluster of bad pixels to which a pixel belongs; 0 elsewhere.
    excluded : numpy.ndarray of bool, shape (ny, nx)
        Neither planted nor false: saturated in some exposure, or NaN.
    beside : numpy.ndarray of bool, shape (ny, nx)
        Within 3 pixels of saturation in some exposure.
    steepness : numpy.ndarray of float32, shape (ny, nx)
        The largest scatter of the 5 x 5 noiseless pixels around, in noise, of any exposure.
    pointings : tuple of int
        The number of each exposure's pointing.
    noise : numpy.ndarray of float32, shape (ny, nx)
        The true noise of a pixel in the first exposure, in the units of the image.
    """

    depth: Image
    lines: Bits
    sides: Numbers
    excluded: Bits
    beside: Bits
    steepness: Image
    pointings: tuple[int, ...]
    noise: Image

    @property
    def planted(self) -> Bits:
        """Pixels that may be bad, however deep."""
        return np.isfinite(self.depth) | self.lines | (self.sides > 0)


@dataclass(frozen=True)
class DetectorScene:
    """A field, a camera, and the defects that are planted.

    Attributes
    ----------
    field : callable
        Draws the light on the fine grid, in electrons a pixel.
    camera : Camera
    shape : tuple of int
        Of the chip at full scale.
    repeats : int
        How many chips to look at, with other seeds: small chips have few pixels.
    clusters : float
        Depth of clusters of 2 x 2 to 6 x 6 pixels, in sigma; 0 for none.
    has_lines : bool
        Whether a column and a row are bad.
    paired : bool
        Whether there are two exposures at each pointing.
    """

    field: Field
    camera: Camera = Camera()
    shape: Shape = (600, 800)
    repeats: int = 1
    clusters: float = 0.0
    has_lines: bool = False
    paired: bool = False

    def exposures(
        self, seed: int, shape: Shape | None = None, count: int = 4
    ) -> tuple[list[Image], DetectorTruth]:
        """Simulate dithered exposures, and say which pixels are low in them."""
        rng = np.random.default_rng(seed)
        shape = self.shape if shape is None else shape
        camera = self.camera
        wide = tuple(FINE * (size + 2 * _MARGIN) for size in shape)
        light = convolved(self.field(rng, (wide[0], wide[1])), camera.optics) / FINE**2
        seen, flat = camera.transmission(rng, shape), camera.flat_field(rng, shape)
        read = camera.by_amplifier(camera.read_noise, shape)
        pointings = tuple(number // 2 if self.paired else number for number in range(count))
        dithers = rng.integers(-12 * FINE, 12 * FINE + 1, (count, 2))
        skies = [_binned(light, dithers[p], shape) * seen * flat for p in pointings]
        held = [bleed(sky, camera.full_well) for sky in skies]
        saturated = np.any([h >= 0.98 * camera.full_well for h in held], axis=0)
        beside = _grown(saturated, 3)
        depths = np.zeros(shape, np.float32)  # in sigma
        lines = np.zeros(shape, np.bool_)
        sides = np.zeros(shape, np.int8)
        self._plant(rng, depths, lines, sides, beside)
        images, deep, steep_, noises = [], [], [], []
        for number, sky in enumerate(skies):
            noise = np.sqrt(held[number] + read**2)
            image, noise = self._exposed(rng, sky, noise, depths, number)
            bias = camera.by_amplifier(camera.bias, shape)
            good = held[number] / flat
            images.append(self._calibrated(rng, image + bias, flat, read))
            noise = noise / flat
            noises.append(noise)
            median, scatter = _around(good)
            deep.append((median - good + depths * noise) / noise)
            steep_.append(scatter / noise)
        depth = np.where(depths > 0, np.median(deep, axis=0), np.nan).astype(np.float32)
        depth[lines | (sides > 0)] = np.nan
        excluded = saturated | ~np.isfinite(images[0])
        truth = DetectorTruth(depth, lines, sides, excluded, beside,
                              np.max(steep_, axis=0).astype(np.float32), pointings,
                              noises[0].astype(np.float32))
        return images, truth

    def _plant(self, rng: np.random.Generator, depths: Image, lines: Bits, sides: Numbers,
               beside: Bits) -> None:
        ny, nx = depths.shape
        usable = ~beside
        out, dark = self.camera.outside, self.camera.border
        if out:
            usable[:out] = usable[-out:] = usable[:, :out] = usable[:, -out:] = False
        if self.has_lines:
            column, row = int(0.37 * nx) + dark, int(0.62 * ny)
            depths[:, column], lines[:, column] = 6.0, True
            depths[row], lines[row] = 6.0, True
        if self.clusters:
            free = usable & ~lines
            for side in np.repeat(np.arange(2, 7), max(4, depths.size // 12_000)):
                y, x = rng.integers(2, ny - side - 2), rng.integers(2, nx - side - 2)
                spot = np.s_[y : y + side, x : x + side]
                around = np.s_[max(y - 6, 0) : y + side + 6, max(x - 6, 0) : x + side + 6]
                if free[spot].all() and not sides[around].any():
                    depths[spot], sides[spot] = self.clusters, side
        places = np.flatnonzero(usable & (sides == 0) & ~lines)
        places = rng.choice(places, min(places.size, max(8, depths.size // 500)), replace=False)
        depths.flat[places] = np.exp(rng.uniform(np.log(3), np.log(40), places.size))

    def _exposed(self, rng: np.random.Generator, sky: Numbers, noise: Numbers, depths: Image,
                 number: int) -> tuple[Numbers, Numbers]:
        camera = self.camera
        image = rng.poisson(sky).astype(float)
        _tracks(rng, image, int(image.size * camera.cosmic_rays), 2.0)
        if camera.long_rays:
            _tracks(rng, image, image.size // 8000, 25.0)
        if camera.satellites:
            _satellite(rng, image)
        image = bleed(image, camera.full_well)
        if camera.traps:
            image = _trapped(image)
        read = camera.by_amplifier(camera.read_noise, image.shape)
        image += read * rng.standard_normal(image.shape)
        if camera.drizzled:
            image, factor = _drizzled(image, camera.drizzled)
            noise = noise * factor
        if camera.heavy_tails and number == 0:
            jumps = rng.uniform(0, 1, image.shape) < 0.05
            image += jumps * noise * 3 * rng.standard_t(3, image.shape)
        image -= depths * noise
        one = np.median(noise)
        image += camera.row_noise * one * rng.standard_normal((image.shape[0], 1))
        image += camera.odd_even * one * (np.arange(image.shape[1]) % 2 - 0.5)
        return image, noise

    def _calibrated(self, rng: np.random.Generator, image: Numbers, flat: Image,
                    _read: Image) -> Image:
        camera = self.camera
        if camera.quantised:
            image = np.rint(image) - rng.normal(0, 0.03, image.shape)
        image = image / flat
        if camera.sky_subtracted:
            image -= np.median(image)
        if camera.outside:
            out = camera.outside
            image[:out] = image[-out:] = image[:, :out] = image[:, -out:] = np.nan
        return image.astype(np.float32)


def _binned(light: Numbers, dither: Numbers, shape: Shape) -> Numbers:
    y, x = _MARGIN * FINE + dither
    cut = light[y : y + FINE * shape[0], x : x + FINE * shape[1]]
    return np.maximum(cut.reshape(shape[0], FINE, shape[1], FINE).sum(axis=(1, 3)), 0)


def _windows(image: Numbers, reach: int) -> Numbers:
    padded = np.pad(image, reach, mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, (2 * reach + 1,) * 2)


def _grown(bits: Bits, reach: int) -> Bits:
    return np.asarray(_windows(bits, reach).any(axis=(2, 3)))


def _around(good: Numbers) -> tuple[Numbers, Numbers]:
    """Median and scatter of the 5 x 5 pixels around each."""
    windows = _windows(good.astype(np.float32), 2)
    flat = windows.reshape(*good.shape, 25)
    return np.median(flat, axis=2), flat.std(axis=2)


_SKY = stars(80.0, 1500)
_QUADRANTS = Camera(read_noise=(3.5, 5.0, 7.0, 12.0), bias=(0.0, 4.0, -3.0, 8.0))
_HRC = Camera(optics="HRC")
_IR = Camera(optics="IR", read_noise=(12.0,) * 4, cosmic_rays=5e-5, full_well=float("inf"))
_DRIZZLED = Camera(drizzled=0.4, cosmic_rays=0.0, full_well=float("inf"))

DETECTOR_SCENES: Mapping[str, DetectorScene] = {
    "sparse, long rays": DetectorScene(_SKY, Camera(long_rays=True), has_lines=True),
    "satellites": DetectorScene(_SKY, Camera(satellites=True)),
    "fringes": DetectorScene(stars(900.0, 1500), Camera(fringes=True)),
    "CTE tails": DetectorScene(_SKY, Camera(traps=True)),
    "NaN border": DetectorScene(_SKY, Camera(outside=12)),
    "drizzled": DetectorScene(_SKY, _DRIZZLED),
    "drizzled, row noise": DetectorScene(_SKY, Camera(drizzled=0.4, cosmic_rays=0.0,
                                                     full_well=float("inf"), row_noise=0.7)),
    "planet, 64": DetectorScene(planet, shape=(64, 80), repeats=30),
    "planet, 128": DetectorScene(planet, shape=(128, 160), repeats=10),
    "planet, 256": DetectorScene(planet, shape=(256, 320), repeats=4),
    "small nebula, 64": DetectorScene(small_nebula, shape=(64, 80), repeats=30),
    "small nebula, 128": DetectorScene(small_nebula, shape=(128, 160), repeats=10),
    "small nebula, 256": DetectorScene(small_nebula, shape=(256, 320), repeats=4),
    "rows of 0.5 sigma": DetectorScene(_SKY, Camera(row_noise=0.5)),
    "rows of 1 sigma": DetectorScene(_SKY, Camera(row_noise=1.0)),
    "odd-even columns": DetectorScene(_SKY, Camera(odd_even=0.5)),
    "globular, HRC": DetectorScene(globular(40.0, 40_000), _HRC),
    "bleeding columns": DetectorScene(bleeding(80.0, 25)),
    "edge-on": DetectorScene(edge_on),
    "spiral": DetectorScene(spiral),
    "Orion": DetectorScene(orion),
    "undersampled IR": DetectorScene(stars(300.0, 12_000), _IR),
    "unlit border": DetectorScene(stars(21.6, 800), Camera(border=40), has_lines=True),
    "one ADU": DetectorScene(stars(0.3, 300, 3e4), Camera(read_noise=(0.75,) * 4,
                                                         quantised=0.01)),
    "around 0": DetectorScene(stars(30.0, 1500), Camera(sky_subtracted=True)),
    "steep, row 0": DetectorScene(steep(0, 1.6)),
    "steep, column 0": DetectorScene(steep(1, 2.0)),
    "vignetted": DetectorScene(_SKY, Camera(vignette=True)),
    "four amplifiers": DetectorScene(_SKY, _QUADRANTS),
    "raw trails": DetectorScene(bleeding(12.0, 12), Camera(
        optics="HRC", bias=(2200.0, 2207.0, 2195.0, 2203.0), full_well=62_000.0)),
    "heavy tails": DetectorScene(_SKY, Camera(heavy_tails=True)),
    "globular, paired": DetectorScene(globular(40.0, 40_000), _HRC, paired=True),
    "edge-on, paired": DetectorScene(edge_on, paired=True),
    "bleeding, paired": DetectorScene(bleeding(80.0, 25), paired=True),
    **{f"clusters of {depth}, {name}": DetectorScene(field, clusters=depth)
       for depth in (20, 8)
       for name, field in (("flat", _SKY), ("edge-on", edge_on), ("Orion", orion))},
}
