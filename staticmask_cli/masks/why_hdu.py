"""The causes in the mask file: the image WHY, compressed."""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.compressed import compressed_image
from staticmask_cli.fits.writer import NewHDU
from staticmask_cli.masks.causes import CAUSES, DESCRIPTIONS

__all__ = ["causes_in", "why_hdu"]


def why_hdu(why: npt.NDArray[np.uint8]) -> NewHDU:
    """Return the image WHY, whose header has the bit of each cause."""
    return compressed_image(why, [
        (name.upper(), bit, DESCRIPTIONS[name]) for name, bit in CAUSES.items()
    ], name="WHY")


def causes_in(hdus: Any, shape: tuple[int, int]) -> npt.NDArray[np.uint8] | None:  # noqa: ANN401
    """Return the pixels of WHY in a mask file, whose data are untrusted; None if it has no WHY.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        The HDUs of the file.
    shape : tuple of int
        The shape ``(ny, nx)`` of the mask.

    Raises
    ------
    ValueError
        If its shape or its pixels cannot be those of WHY.
    """
    if "WHY" not in hdus:
        return None
    why = np.asarray(hdus["WHY"].data)
    if why.dtype != np.uint8 or why.shape != shape or why.max(initial=0) >= 1 << len(CAUSES):
        msg = f"its WHY is not an image of causes, of shape {shape}"
        raise FaultError(msg)
    return why
