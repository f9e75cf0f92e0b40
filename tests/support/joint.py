"""A mask with ``agree = joint`` whose low pixels are known."""

import functools
import pickle

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
    shape = (depth.shape[0], depth.shape[1])
    mask: StaticMask = pickle.loads(  # noqa: S301 - our own
        _pickled(depth.tobytes(), shape, exposures, joint_rule(static_sig, high=high)))
    return mask


@functools.cache
def _pickled(depths: bytes, shape: tuple[int, int], exposures: int, rule: MaskRule) -> bytes:
    """Make a mask once in each process; a copy of it is loaded in a hundredth of the time."""
    rng = np.random.default_rng(22)
    depth = np.frombuffer(depths).reshape(shape)
    mask = StaticMask(Signature("ACSWFC", shape, 1), **vars(rule))
    for number in range(exposures):
        data = SKY + NOISE * (rng.standard_normal(shape) - depth)
        mask.add(data.astype(np.float32), label=f"{number}_flt.fits")
    return pickle.dumps(mask)


def known_depths() -> npt.NDArray[np.float64]:
    """Return the depths of seven pixels (2.5), one pixel (9) and a hot pixel (-9); others are 0."""
    depth = np.zeros(SHAPE)
    depth[30, 10:150:20] = 2.5
    depth[80, 60] = 9.0
    depth[100, 110] = -9.0
    return depth
