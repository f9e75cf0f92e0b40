"""Images of stars from diffraction at a telescope's pupil, and the grid on which light is drawn.

The pupil has a central obstruction, four vanes, and small aberrations, as that of HST; the images
therefore have rings and spikes.  Light is drawn on a grid of a third of a pixel.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["CAMERAS", "FINE", "MARGIN", "axes", "binned", "convolved"]

Numbers = npt.NDArray[Any]

FINE = 3  # grid points in a pixel, along each axis
MARGIN = 20  # pixels of sky around the chip, into which the dither reaches
# Wavelength over diameter in grid points, and the diffusion of charge in pixels.
CAMERAS = {"WF": (3.1, 0.35), "HRC": (5.7, 0.3), "IR": (1.6, 0.15)}
_PUPIL = 512  # grid points along a side of the pupil's plane
_OBSTRUCTION, _VANE, _VANE_ANGLE = 0.33, 0.022, 0.72  # in radii of the pupil, and in radians
_DEFOCUS, _COMA = 0.035, 0.03  # in wavelengths
_COLOURS = (0.88, 0.94, 1.0, 1.06, 1.12)  # wavelengths of the filter, in the middle one


@cache
def _star_image(camera: str) -> Numbers:
    """Return the image of a star, of sum 1, with its centre at [0, 0]."""
    sampling, diffusion = CAMERAS[camera]
    y, x = np.mgrid[:_PUPIL, :_PUPIL] - _PUPIL / 2 + 0.5
    image = np.zeros((_PUPIL, _PUPIL))
    for colour in _COLOURS:
        radius = _PUPIL / (sampling * colour) / 2
        image += np.abs(np.fft.fft2(_pupil(y / radius, x / radius, colour))) ** 2
    k = np.fft.fftfreq(_PUPIL)
    blur = np.exp(-2 * (np.pi * diffusion * FINE) ** 2 * (k[:, None] ** 2 + k[None, :] ** 2))
    image = np.maximum(np.fft.ifft2(np.fft.fft2(image) * blur).real, 0)
    return np.asarray(image / image.sum())


def _pupil(v: Numbers, u: Numbers, colour: float) -> Numbers:
    """Return the complex amplitude in the pupil, of radius 1."""
    r = np.hypot(v, u)
    is_open = (r < 1) & (r > _OBSTRUCTION)
    for angle in (_VANE_ANGLE, _VANE_ANGLE + np.pi / 2):
        is_open &= np.abs(u * np.sin(angle) - v * np.cos(angle)) > _VANE
    waves = _DEFOCUS * (2 * r**2 - 1) + _COMA * (3 * r**2 - 2) * v
    return np.asarray(is_open * np.exp(2j * np.pi * waves / colour))


def convolved(light: Numbers, camera: str) -> Numbers:
    """Return light on the grid as the telescope images it."""
    image = _star_image(camera)
    reach = np.fft.fftfreq(_PUPIL, 1 / _PUPIL).astype(int)
    kernel = np.zeros(light.shape)
    at = (reach % light.shape[0])[:, None], (reach % light.shape[1])[None, :]
    np.add.at(kernel, at, image)
    return np.asarray(np.fft.irfft2(np.fft.rfft2(light) * np.fft.rfft2(kernel), s=light.shape))


def binned(light: Numbers, dither: Numbers, shape: tuple[int, int]) -> Numbers:
    """Return the pixels of a chip that sees the light at an offset in grid points."""
    y, x = MARGIN * FINE + dither
    seen = light[y : y + FINE * shape[0], x : x + FINE * shape[1]]
    pixels = seen.reshape(shape[0], FINE, shape[1], FINE).mean(axis=(1, 3))
    return np.asarray(np.maximum(pixels, 0))


def axes(shape: tuple[int, int]) -> tuple[Numbers, Numbers]:
    """Return the positions of the grid points in pixels from the middle, as a column and a row."""
    y, x = ((np.arange(size) - size / 2 + 0.5) / FINE for size in shape)
    return y[:, None], x[None, :]
