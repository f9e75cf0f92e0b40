"""A mask with ``agree = joint`` whose low pixels are known."""

import numpy as np
import numpy.typing as npt

from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask

SHAPE = (120, 170)
SKY, NOISE = 100.0, 10.0


def joint_rule(static_sig: float, *, high: bool = False) -> MaskRule:
    """Return the rule ``joint`` with a threshold."""
    return MaskRule(static_sig, "local", "joint", high=high)


def joint_mask(
    depth: npt.NDArray[np.float64], *, exposures: int = 9, static_sig: float = 5.0,
    high: bool = False,
) -> StaticMask:
    """Return the mask of exposures of Gaussian noise, each at a pointing of its own.

    Parameters
    ----------
    depth : numpy.ndarray, shape (ny, nx)
        The depth of each pixel below the sky, in units of the noise.
    """
    rng = np.random.default_rng(22)
    signature = Signature("ACSWFC", (depth.shape[0], depth.shape[1]), 1)
    mask = StaticMask(signature, **vars(joint_rule(static_sig, high=high)))
    for number in range(exposures):
        data = SKY + NOISE * (rng.standard_normal(depth.shape) - depth)
        mask.add(data.astype(np.float32), label=f"{number}_flt.fits")
    return mask


def known_depths() -> npt.NDArray[np.float64]:
    """Return the depths of seven pixels (2.5), one pixel (9) and a hot pixel (-9); others are 0."""
    depth = np.zeros(SHAPE)
    depth[30, 10:150:20] = 2.5
    depth[80, 60] = 9.0
    depth[100, 110] = -9.0
    return depth
