"""The causes in the mask file: the image WHY, compressed."""

from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.compressed import compressed_image
from staticmask_cli.fits.open import data_of
from staticmask_cli.fits.writer import NewHDU
from staticmask_cli.masks.causes import CAUSES, DESCRIPTIONS
from staticmask_cli.stats.pixelset import PixelSet, read_only

if TYPE_CHECKING:
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["causes_in", "set_causes", "why_hdu"]


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
    why = np.asarray(data_of(hdus["WHY"]))
    if why.dtype != np.uint8 or why.shape != shape or why.max(initial=0) >= 1 << len(CAUSES):
        msg = f"its WHY is not an image of causes, of shape {shape}"
        raise FaultError(msg)
    return why


def set_causes(
    mask: "StaticMask", bad: npt.NDArray[np.bool_], why: npt.NDArray[np.uint8] | None
) -> None:
    """Set the pixels of each cause from the bad ones of a mask file, and from WHY if it has one.

    Where somebody has changed the pixels of the mask, the causes are unknown.
    """
    changed = mask.rule.agree == "any" and not np.array_equal(bad, why != 0)
    if why is None or changed:
        mask.below, mask.causes_known = bad, mask.has_one_cause
        return
    mask.below = (why & (CAUSES[mask.rule.sky] | CAUSES["line"])) != 0
    mask.lines = PixelSet(mask.signature.shape, bits=(why & CAUSES["line"]) != 0)
    flagged, included = (read_only((why & CAUSES[name]) != 0) for name in ("dq", "included"))
    mask.flagged = flagged if mask.rule.final_bits is not None or flagged.any() else None
    mask.included = included if included.any() else None
