"""What a detector and its calibration do to light: noise, bleeding, trails, rows, amplifiers.

Everything is in electrons; the defects, too, are subtracted as electrons.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["Detector"]

Numbers = npt.NDArray[Any]
Shape = tuple[int, int]
Rng = np.random.Generator
Amplifiers = tuple[float, float, float, float]

_TAIL_FRACTION, _TAIL_WIDTH = 0.05, 3.0  # pixels with heavy-tailed noise; in sigma
_LONG_RAYS = 1 / 8000  # per pixel
_DARK = 1.0  # electrons, where no light arrives


@dataclass(frozen=True)
class Detector:
    """The properties of a detector, with those of ACS/WFC as defaults.

    Attributes
    ----------
    optics : str
        The images of stars: ``WF``, ``HRC`` or ``IR`` of `optics.CAMERAS`.
    read_noise, bias : tuple of four floats
        The read noise and the offset of each amplifier, in electrons: of the lower left, lower
        right, upper left and upper right quadrants.
    full_well : float
        The largest charge of a pixel, in electrons; the rest flows along the column.
    cosmic_rays : float
        The number of tracks per pixel.
    flat_error : float
        The scatter of the sensitivity that the flat field does not correct.
    gain : float
        The electrons in a count, of which an exposure has whole numbers, less a bias and divided
        by a flat field with a scatter of 1%; 0 if the pixels are electrons.
    row_noise, odd_even : float
        The scatter of the rows, anew in each exposure, and the offset by which even columns are
        higher and odd ones lower, in sigma of the sky; the noise of the truth is without them.
    correlation : float
        The part of a pixel that goes to its neighbours, as in a drizzled product.
    unlit, outside : int
        The columns at the left that no light reaches but the dark current of an electron, and
        the NaN pixels along all edges.
    long_rays, satellites, fringes, traps, vignetting, sky_subtracted, heavy_tails : bool
        Whether there are long cosmic rays, a satellite in each exposure, static fringes, tails
        behind charge, corners without light that are flat-fielded, a sky of 0, and noise far
        from Gaussian in the first exposure.
    """

    optics: str = "WF"
    read_noise: Amplifiers = (4.6, 4.6, 4.6, 4.6)
    bias: Amplifiers = (0.0, 0.0, 0.0, 0.0)
    full_well: float = 84_000.0
    cosmic_rays: float = 2e-4
    flat_error: float = 0.003
    gain: float = 0.0
    row_noise: float = 0.0
    odd_even: float = 0.0
    correlation: float = 0.0
    unlit: int = 0
    outside: int = 0
    long_rays: bool = False
    satellites: bool = False
    fringes: bool = False
    traps: bool = False
    vignetting: bool = False
    sky_subtracted: bool = False
    heavy_tails: bool = False

    def sensitivity(self, rng: Rng, shape: Shape) -> Numbers:
        """Return the light that arrives, as a part of that which the flat field assumes."""
        part = 1 + self.flat_error * rng.standard_normal(shape)
        if self.fringes:
            y, x = np.mgrid[: shape[0], : shape[1]]
            part *= 1 + 0.06 * np.sin(0.011 * x * np.sqrt(y + 200) + 0.05 * y)
        part[:, : self.unlit] = 0
        return np.asarray(part)

    def dark(self, shape: Shape) -> Numbers:
        """Return the dark current, which matters where no light arrives."""
        return np.asarray(np.arange(shape[1]) < self.unlit) * _DARK * np.ones(shape)

    def flat_field(self, rng: Rng, shape: Shape) -> Numbers:
        """Return the flat field, by which the light is multiplied and the counts divided."""
        field = np.ones(shape)
        if self.vignetting:
            y, x = np.mgrid[: shape[0], : shape[1]]
            r = np.hypot(y - shape[0] / 2, x - shape[1] / 2) / (np.hypot(*shape) / 2)
            field = 0.03 + 0.97 / (1 + np.exp((r - 0.8) / 0.03))
        if self.gain:
            field = field * rng.normal(1, 0.01, shape)
        return np.asarray(field)

    def bled(self, image: Numbers) -> Numbers:
        """Return an image whose charge above the full well flows along the columns, both ways.

        The charge of a column is conserved, except for what flows over its ends.
        """
        held = np.minimum(image, self.full_well)
        half = (image - held) / 2
        for up, more in ((held, half), (held[::-1], half[::-1])):
            flowing = np.zeros(image.shape[1])
            for row, surplus in enumerate(more):
                flowing += surplus
                stays = np.minimum(flowing, self.full_well - up[row])
                up[row] += stays
                flowing -= stays
        return held

    def noise(self, electrons: Numbers) -> Numbers:
        """Return the noise of each pixel: of photons, reading, and rounding."""
        reading = _by_quadrant(self.read_noise, electrons.shape) ** 2 + self.gain**2 / 12
        noise = np.sqrt(electrons + reading)
        return np.asarray(noise * (self._kernel**2).sum())

    def exposed(self, rng: Rng, light: Numbers, lowered: Numbers, *, first: bool) -> Numbers:
        """Return the electrons that are read, with defects that lower some by so many."""
        image = rng.poisson(light).astype(float)
        _add_tracks(rng, image, int(image.size * self.cosmic_rays), 2.0)
        if self.long_rays:
            _add_tracks(rng, image, int(image.size * _LONG_RAYS), 25.0)
        if self.satellites:
            image += rng.poisson(_satellite(rng, image.shape))
        if np.isfinite(self.full_well):
            image = self.bled(image)
        if self.traps:
            _add_tails(image)
        read_noise = _by_quadrant(self.read_noise, image.shape)
        image += read_noise * rng.standard_normal(image.shape)
        image = _spread(image, self._kernel)
        noise = self.noise(light)
        if self.heavy_tails and first:
            jumps = rng.uniform(0, 1, image.shape) < _TAIL_FRACTION
            image += jumps * _TAIL_WIDTH * noise * rng.standard_t(3, image.shape)
        sigma = np.median(noise)
        image += sigma * self.row_noise * rng.standard_normal((image.shape[0], 1))
        image += sigma * self.odd_even * (1 - np.arange(image.shape[1]) % 2 * 2)
        return np.asarray(image - lowered + _by_quadrant(self.bias, image.shape))

    def calibrated(self, rng: Rng, image: Numbers, flat: Numbers) -> Numbers:
        """Return the exposure as the observer gets it."""
        if self.gain:
            image = np.rint(image / self.gain) - rng.normal(0, 0.03, image.shape)
        image = image / flat
        if self.sky_subtracted:
            image -= np.median(image)
        image[self.missing(image.shape)] = np.nan
        return image.astype(np.float32)

    def missing(self, shape: tuple[int, ...]) -> npt.NDArray[np.bool_]:
        """Return True for the NaN pixels along the edges."""
        missing = np.zeros(shape, np.bool_)
        if self.outside:
            missing[...] = True
            missing[self.outside : -self.outside, self.outside : -self.outside] = False
        return missing

    @property
    def unit(self) -> float:
        """The electrons in the unit of the pixels."""
        return self.gain or 1.0

    @property
    def _kernel(self) -> Numbers:
        """The parts of a pixel that its predecessor, itself and its successor get."""
        return np.array([self.correlation / 2, 1 - self.correlation, self.correlation / 2])


def _by_quadrant(values: Amplifiers, shape: tuple[int, ...]) -> Numbers:
    y, x = (np.arange(size) * 2 // size for size in shape)
    return np.array(values).reshape(2, 2)[y[:, None], x[None, :]]


def _add_tracks(rng: Rng, image: Numbers, count: int, length: float) -> None:
    """Add cosmic rays, with as much charge in each quarter of a pixel of their path."""
    y, x = rng.uniform(0, image.shape[0], count), rng.uniform(0, image.shape[1], count)
    angle = rng.uniform(0, 2 * np.pi, count)
    steps = np.ceil(4 * (0.5 + rng.exponential(length, count))).astype(int)
    charge = rng.lognormal(4.8, 0.7, count)
    track = np.repeat(np.arange(count), steps)
    path = (np.arange(track.size) - np.repeat(np.cumsum(steps) - steps, steps)) / 4
    rows = np.floor(y[track] + path * np.sin(angle[track])).astype(int)
    columns = np.floor(x[track] + path * np.cos(angle[track])).astype(int)
    hit = (rows >= 0) & (rows < image.shape[0]) & (columns >= 0) & (columns < image.shape[1])
    np.add.at(image, (rows[hit], columns[hit]), charge[track][hit])


def _satellite(rng: Rng, shape: tuple[int, ...]) -> Numbers:
    """Return the light of a satellite that crosses the chip."""
    y, x = (np.arange(size) - size / 2 for size in shape)
    angle, offset = rng.uniform(0, np.pi), rng.uniform(-0.3, 0.3) * shape[0]
    across = x[None, :] * np.sin(angle) - y[:, None] * np.cos(angle) - offset
    return np.asarray(10 ** rng.uniform(2, 3.5) * np.exp(-((across / 2.0) ** 2)))


def _add_tails(image: Numbers) -> None:
    """Move charge from each pixel to the next rows, as traps do that release it slowly."""
    held = np.zeros(image.shape[1])
    for number in range(image.shape[0]):
        caught = np.minimum(0.025 * np.maximum(image[number], 0) ** 0.6, image[number].clip(0) / 10)
        freed = 0.2 * held
        held += caught - freed
        image[number] += freed - caught


def _spread(image: Numbers, kernel: Numbers) -> Numbers:
    """Convolve with the kernel along both axes."""
    if kernel[1] == 1:
        return image
    ny, nx = image.shape
    padded = np.pad(image, 1, mode="reflect")
    tall = sum(part * padded[i : i + ny] for i, part in enumerate(kernel))
    return np.asarray(sum(part * tall[:, i : i + nx] for i, part in enumerate(kernel)))
