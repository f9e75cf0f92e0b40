"""Small exposures for the tests, and fingerprints of files."""

import hashlib
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


def digest(path: Path) -> str:
    """Fingerprint of a file, to prove that it was not changed."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
