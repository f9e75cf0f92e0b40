"""Small exposures for the tests, and fingerprints of files."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Chip = dict[str, Any]
WriteExposure = Callable[..., Path]


def sky(shape: tuple[int, int] = (60, 80), *, seed: int = 1, level: float = 100.0,
        noise: float = 5.0) -> npt.NDArray[np.float32]:
    """Flat sky with Gaussian noise, float32."""
    rng = np.random.default_rng(seed)
    return rng.normal(level, noise, shape).astype(np.float32)


def coordinates(dx: float = 0.0, dy: float = 0.0, *, turn: float = 0.0, ra: float = 0.0,
                dec: float = -72.0) -> dict[str, Any]:
    """Return the coordinates of a SCI header, of a field that is moved by dx and dy pixels.

    The camera is turned about the pixel (41, 31) by `turn` degrees; its pixels are of 0.05 arcsec.
    """
    angle, scale = math.radians(30.0 + turn), 0.05 / 3600
    return {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec,
        "CRPIX1": 41.0 + dx, "CRPIX2": 31.0 + dy,
        "CD1_1": -scale * math.cos(angle), "CD1_2": scale * math.sin(angle),
        "CD2_1": scale * math.sin(angle), "CD2_2": scale * math.cos(angle),
    }


def digest(path: Path) -> str:
    """Fingerprint of a file, to prove that it was not changed."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
