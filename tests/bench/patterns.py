"""Static patterns of detectors, which stay on the same pixels at all pointings and are not bad.

Each function has the form that `scenes.Scene.pattern` describes: it returns a factor and an offset
in electrons for each pixel.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from tests.bench.scenes import SCENES, Scene
from tests.bench.sky_models import blobs, flat_sky

__all__ = ["PATTERNS"]

Image = npt.NDArray[np.float32]
Shape = tuple[int, int]
Pattern = tuple[Image, Image]
Rng = np.random.Generator

_FAINT, _MIDDLE, _BRIGHT = 80.0, 900.0, 3000.0  # skies in electrons
_SIGMA = 9.8  # noise of the faint sky, in electrons
_LEVELS = np.array([[0.0, 4.0], [-3.0, 8.0]])  # of the quadrants, in electrons
_GLOW, _GLOW_WIDTH = 300.0, 60.0  # electrons in the corner, and the pixels to a factor of e
_BLOBS = 60  # specks of dust
_DUST = 1 / 3  # depth of the dust relative to that of the blobs, which are 5 to 15% deep


def _odd_even(_rng: Rng, shape: Shape) -> Pattern:
    """Lift the even columns by half a sigma, and lower the odd ones."""
    columns = _SIGMA / 2 * (1 - np.arange(shape[1]) % 2 * 2)
    return _pattern(shape, 1.0, columns)


def _quadrants(_rng: Rng, shape: Shape) -> Pattern:
    y, x = (np.arange(size) * 2 // size for size in shape)
    return _pattern(shape, 1.0, _LEVELS[y[:, None], x[None, :]])


def _fringes(_rng: Rng, shape: Shape) -> Pattern:
    y, x = np.ogrid[: shape[0], : shape[1]]
    return _pattern(shape, 1 + 0.06 * np.sin(0.011 * x * np.sqrt(y + 200) + 0.05 * y), 0.0)


def _glow(_rng: Rng, shape: Shape) -> Pattern:
    """Add the light of an amplifier in a corner."""
    y, x = np.ogrid[: shape[0], : shape[1]]
    return _pattern(shape, 1.0, _GLOW * np.exp(-np.hypot(y, x) / _GLOW_WIDTH))


def _dust(rng: Rng, shape: Shape) -> Pattern:
    """Make specks of dust a dozen pixels wide, of a few percent."""
    return _pattern(shape, 1 - _DUST * (1 - blobs(rng, shape, _BLOBS)), 0.0)


def _flat_residuals(rng: Rng, shape: Shape) -> Pattern:
    """Leave an error of 1% in the sensitivity of each pixel."""
    return _pattern(shape, rng.normal(1, 0.01, shape), 0.0)


def _pattern(shape: Shape, factor: npt.ArrayLike, offset: npt.ArrayLike) -> Pattern:
    first, second = (np.broadcast_to(np.asarray(values, np.float32), shape)
                     for values in (factor, offset))
    return first, second


def _scene(level: float, pattern: Callable[[Rng, Shape], Pattern]) -> Scene:
    return replace(SCENES["sparse"], field=flat_sky(level), pattern=pattern)


PATTERNS: Mapping[str, Scene] = {
    "no pattern": SCENES["sparse"],
    "odd-even columns": _scene(_FAINT, _odd_even),
    "quadrants": _scene(_FAINT, _quadrants),
    "fringes": _scene(_MIDDLE, _fringes),
    "glow": _scene(_FAINT, _glow),
    "dust": _scene(_MIDDLE, _dust),
    "flat residuals": _scene(_BRIGHT, _flat_residuals),
}
