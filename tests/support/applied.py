"""Masks with known bad pixels, applied to exposures."""

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from staticmask_cli import StaticMask, apply_masks
from staticmask_cli.masks.signature import Signature

__all__ = ["SHAPE", "applied", "bad_pixels", "dq_of", "history_of", "with_dq", "write_mask"]

SHAPE = (60, 80)


def bad_pixels(*positions: tuple[int, int], shape: tuple[int, int] = SHAPE) -> npt.NDArray[Any]:
    """Return an array that is True at positions (y, x)."""
    bad = np.zeros(shape, bool)
    for y, x in positions:
        bad[y, x] = True
    return bad


def write_mask(
    path: Path, bad: npt.NDArray[Any], *, detector: str = "ACSWFC", number: int = 1, **facts: Any  # noqa: ANN401
) -> str:
    """Write a mask of staticmask with these bad pixels."""
    mask = StaticMask(Signature(detector, (bad.shape[0], bad.shape[1]), number), facts=facts)
    mask.below = bad
    mask.write(str(path))
    return str(path)


def applied(tmp_path: Path, masks: Any, inputs: Any, **more: Any) -> list[str]:  # noqa: ANN401
    """Apply masks to copies in the folder ``out``."""
    return apply_masks(masks, inputs, output_dir=tmp_path / "out", **more)


def dq_of(path: str | Path, number: int = 1) -> npt.NDArray[Any]:
    return np.asarray(fits.getdata(path, ("DQ", number)))


def history_of(path: str | Path, number: int = 1) -> list[str]:
    header = fits.getheader(path, ("DQ", number))
    return list(header["HISTORY"]) if "HISTORY" in header else []


def with_dq(path: Path, dq: Any, **writing: Any) -> Path:  # noqa: ANN401
    """Add a DQ extension to an exposure, and another HDU after it."""
    with fits.open(path) as hdus:
        parts = [hdu.copy() for hdu in hdus]
    fits.HDUList([*parts, dq, fits.ImageHDU(np.arange(12.0).reshape(3, 4), name="TIME")]).writeto(
        path, overwrite=True, **writing
    )
    return path
