"""Hypothesis strategies for chips, shared by the tests of the core."""

from typing import Any

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st

KINDS = (
    "gaussian", "rounded", "poisson", "cauchy", "few values", "bimodal", "stars", "constant",
)
DTYPES = ("f2", "f4", "f8", "i1", "i2", "i4", "i8", "u1", "u2", "u4", "u8")
OUTLIERS = (None, "first low", "first high", "hot", "huge", "both ends")


@st.composite
def shapes(draw: st.DrawFn) -> tuple[int, int]:
    """Shapes of chips that are not square."""
    ny, nx = draw(st.integers(1, 48)), draw(st.integers(1, 72))
    return (ny, nx) if ny != nx else (ny, nx + 1)


@st.composite
def chips(draw: st.DrawFn) -> npt.NDArray[Any]:
    """Finite chips of every dtype and byte order, tame and hostile; seeds keep them fast."""
    shape = draw(shapes())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dtype = np.dtype(draw(st.sampled_from(DTYPES)))
    scale = 10.0 ** draw(st.floats(-3, 3)) if dtype.kind == "f" else draw(st.floats(0.3, 20))
    level = draw(st.floats(-20, 20)) * scale if dtype.kind in "fi" else 4 * scale
    pixels = level + scale * _distribution(rng, draw(st.sampled_from(KINDS)), shape)
    _add_outliers(pixels, rng, draw(st.sampled_from(OUTLIERS)), scale)
    return _cast(pixels, dtype).astype(dtype.newbyteorder(draw(st.sampled_from("<>"))))


def _distribution(
    rng: np.random.Generator, kind: str, shape: tuple[int, int]
) -> npt.NDArray[np.float64]:
    noise = rng.normal(size=shape)
    spread: dict[str, npt.NDArray[np.float64]] = {
        "gaussian": noise,
        "rounded": np.round(4 * noise) / 4,
        "poisson": rng.poisson(10.0 ** rng.uniform(-2, 2), shape).astype(float),
        "cauchy": rng.standard_cauchy(shape),
        "few values": rng.choice([0.0, 1.0, 3.0], shape, p=[0.6, 0.3, 0.1]),
        "bimodal": noise + 20 * (rng.random(shape) < rng.uniform(0.1, 0.9)),
        "stars": noise + (rng.random(shape) < 0.05) * rng.pareto(0.8, shape) * 10,
        "constant": np.zeros(shape),
    }
    return spread[kind]


def _add_outliers(
    pixels: npt.NDArray[np.float64], rng: np.random.Generator, kind: str | None, scale: float
) -> None:
    far = scale * 10.0 ** rng.uniform(0, 6)
    if kind in ("first low", "both ends"):
        pixels.flat[0] -= far
    if kind == "first high":
        pixels.flat[0] += far
    if kind in ("hot", "both ends"):
        pixels.flat[rng.integers(0, pixels.size, 3)] += 1e9
    if kind == "huge":
        pixels.flat[rng.integers(0, pixels.size)] = 1e30


def _cast(pixels: npt.NDArray[np.float64], dtype: np.dtype[Any]) -> npt.NDArray[Any]:
    """Pixels of a dtype, those beyond its range at its ends."""
    info = np.iinfo(dtype) if dtype.kind in "iu" else np.finfo(dtype)
    # A little inside, because the ends of 64-bit integers are no doubles.
    low, high = float(info.min) * (1 - 1e-10), float(info.max) * (1 - 1e-10)
    return np.clip(pixels, low, high).astype(dtype)
