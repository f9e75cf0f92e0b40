"""Masks with chosen bad pixels, on disk."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from hypothesis import strategies as st

from staticmask_cli.forms.listed import Target
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from tests.support.strategies import shapes

__all__ = ["FACTS", "bad_pixels", "target_of", "write_mask", "write_mask_of_drizzlepac"]

Bits = npt.NDArray[np.bool_]

FACTS: dict[str, str | float] = {
    "TELESCOP": "HST", "INSTRUME": "ACS", "DETECTOR": "WFC", "CCDCHIP": 2.0, "LTV1": 0.0,
}


@st.composite
def bad_pixels(draw: st.DrawFn) -> Bits:
    """Bad pixels: none, all, some, lines, edges, and all but some."""
    shape = draw(shapes())
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    bad = rng.random(shape) < draw(st.sampled_from([0.0, 0.02, 0.3, 0.9, 1.1]))
    for part in draw(st.lists(st.sampled_from(["row", "column", "edges", "block"]), max_size=3)):
        y, x = rng.integers(0, shape[0]), rng.integers(0, shape[1])
        if part == "row":
            bad[y] = True
        elif part == "column":
            bad[:, x] = True
        elif part == "edges":
            bad[0] = bad[-1] = bad[:, 0] = bad[:, -1] = True
        else:
            bad[y : y + 4, x : x + 5] = True
    return bad


def write_mask(
    folder: Path, bad: Bits, *, detector: str = "ACSWFC", number: int = 1,
    facts: dict[str, str | float] | None = None,
) -> str:
    """Write a mask of ours under its own name, and return its path."""
    mask = StaticMask(Signature(detector, (bad.shape[0], bad.shape[1]), number),
                      facts=FACTS if facts is None else facts)
    mask.below = bad
    path = str(folder / mask.signature.filename)
    mask.write(path)
    return path


def write_mask_of_drizzlepac(path: Path, bad: Bits) -> str:
    """Write a mask as drizzlepac does: an image of int16, 1 good and 0 bad, and no more."""
    fits.PrimaryHDU((~bad).astype(np.int16)).writeto(path, overwrite=True)
    return str(path)


def target_of(
    bad: Bits, *, detector: str = "ACSWFC", number: int = 1,
    facts: dict[str, str | float] | None = None,
) -> Target:
    """Return the mask of a run that bad pixels of this shape can belong to."""
    signature = Signature(detector, (bad.shape[0], bad.shape[1]), number)
    name = signature.filename.removesuffix("_staticMask.fits")
    return Target(name, signature, FACTS if facts is None else facts)
