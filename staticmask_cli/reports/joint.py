"""What the evidence of all exposures together contributes to a mask with ``agree = joint``."""

from dataclasses import dataclass

import numpy as np

from staticmask_cli.masks.partial import PartialMask

__all__ = ["DeepPixel", "Joint", "joint_of"]

_MOST_PIXELS = 5


@dataclass(frozen=True)
class DeepPixel:
    """A bad pixel.

    Attributes
    ----------
    column, row : int
        The position, counted from 1, as in FITS.
    depth : float
        The mean depth, in units of the noise of one exposure.
    significance : float
        The significance of the evidence of all exposures, in sigma.
    """

    column: int
    row: int
    depth: float
    significance: float


@dataclass(frozen=True)
class Joint:
    """The contribution of the joint evidence; all depths are in noise of one exposure.

    Attributes
    ----------
    by_evidence : int
        The number of pixels that are bad by the evidence of all exposures.
    by_evidence_alone : int
        The number of those that the votes of pointings do not make bad.
    by_votes_alone : int
        The number of pixels that are bad only by the votes of pointings.
    depth : tuple of float, or None
        The smallest and the largest mean depth of the pixels that are bad by evidence; None if
        there are none.
    half_found : float
        The depth beyond which more than half of the pixels are found, see `Evidence.reach`; NaN
        if the evidence does not suffice for any.
    deepest : tuple of DeepPixel
        The deepest bad pixels, the deepest first.
    """

    by_evidence: int
    by_evidence_alone: int
    by_votes_alone: int
    depth: tuple[float, float] | None
    half_found: float
    deepest: tuple[DeepPixel, ...]


def joint_of(mask: PartialMask) -> Joint | None:
    """Describe the joint evidence of a mask; None unless it was made with ``agree = joint``."""
    if mask.evidence is None or mask.votes is None:
        return None
    low, voted = mask.evidence.low(mask.rule), mask.votes >= mask.votes_needed
    depth, significance = mask.evidence.depth, mask.evidence.significance
    rows, columns = np.nonzero((low | voted) & np.isfinite(depth))
    deepest = np.argsort(-depth[rows, columns], kind="stable")[:_MOST_PIXELS]
    found = depth[low]
    return Joint(
        int(np.count_nonzero(low)),
        int(np.count_nonzero(low & ~voted)),
        int(np.count_nonzero(voted & ~low)),
        (float(found.min()), float(found.max())) if found.size else None,
        mask.evidence.reach(mask.rule),
        tuple(
            DeepPixel(int(x) + 1, int(y) + 1, float(depth[y, x]), float(significance[y, x]))
            for y, x in zip(rows[deepest], columns[deepest], strict=True)
        ),
    )
