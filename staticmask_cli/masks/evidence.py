"""Joint evidence: pixels that many exposures together show to be low or high, and none alone.

The scores of all exposures are added, pixel by pixel, and so are their weights, which are the
variances of the scores of good pixels.  Both are whole numbers: exposures can be added in any order
and in any groups, on any worker, with the same result to the last bit.
"""

import math
from functools import cached_property

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ChipError, FaultError
from staticmask_cli.localsky.evidence import LARGEST_DISTANCE, SCORE_UNIT, WEIGHT_UNIT, Scores
from staticmask_cli.localsky.windows import median_and_scatter
from staticmask_cli.masks.evidence_lines import low_lines
from staticmask_cli.masks.grow import grown
from staticmask_cli.masks.rule import MaskRule

__all__ = ["Evidence"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.integer]

_HIGH = 1.2  # of the threshold for low pixels, since the light of stars is on the high side
_FEWEST_FOR_LINES = 8  # exposures
_ITERATIONS = 40  # to solve for the true depth; the error is below 1% unless that exceeds 4
_LARGEST_SUM = 1 << 29  # of the squared gains, so that no sum of weights reaches 2**31


class Evidence:
    """The sums of the scores and weights of the exposures of one chip.

    Parameters
    ----------
    shape : tuple of int
        The shape ``(ny, nx)`` of the chip.

    Attributes
    ----------
    score, weight : numpy.ndarray of int32, shape (ny, nx)
        The sums, see `localsky.evidence.Scores`; not to be modified.
    exposures : int
        The number of exposures.
    gain : int
        The sum of the squares of their gains, in units of ``1 / WEIGHT_UNIT``.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self.score = np.zeros(shape, np.int32)
        self.weight = np.zeros(shape, np.int32)
        self.exposures = 0
        self.gain = 0

    def __getstate__(self) -> dict[str, object]:
        """Return what is sent to another process, without what follows from it."""
        names = ("score", "weight", "exposures", "gain")
        return {name: getattr(self, name) for name in names}

    @property
    def nbytes(self) -> int:
        """The number of bytes of its arrays."""
        return self.score.nbytes + self.weight.nbytes

    def add(self, scores: Scores) -> None:
        """Add an exposure."""
        self._add(scores.score, scores.weight, 1, round(WEIGHT_UNIT * scores.gain**2))

    def merge(self, other: "Evidence") -> None:
        """Add the exposures of another sum; `other` is not modified."""
        self._add(other.score, other.weight, other.exposures, other.gain)

    @classmethod
    def restored(
        cls, score: Integers, weight: Integers, exposures: int, gain: int
    ) -> "Evidence":
        """Return the sums that a mask file holds.

        Raises
        ------
        FaultError
            If they contradict each other.
        """
        evidence = cls((score.shape[0], score.shape[1]))
        if weight.min(initial=0) < 0 or gain < 0 or np.count_nonzero(score[weight == 0]):
            msg = "its SCORE and WEIGHT contradict each other"
            raise FaultError(msg)
        evidence._add(score, weight, exposures, gain)
        return evidence

    def _add(self, score: Integers, weight: Integers, exposures: int, gain: int) -> None:
        if self.gain + gain > _LARGEST_SUM:  # no weight is larger than that of the gain, nearly
            msg = "the sums of evidence are too large for more exposures of so many photons"
            raise ChipError(msg)
        np.add(self.score, score, out=self.score, casting="unsafe")
        np.add(self.weight, weight, out=self.weight, casting="unsafe")
        self.exposures += exposures
        self.gain += gain
        for name in ("significance", "depth", "_lines"):
            self.__dict__.pop(name, None)

    @cached_property
    def significance(self) -> Floats:
        """How significantly each pixel is low, float32 of shape (ny, nx), in sigma.

        It is the sum of the scores divided by the root of the sum of the weights, below the
        median of all pixels and in units of their scatter on the low side; positive where a
        pixel is low, and NaN where nothing is known.
        """
        z = self._z()
        middle, scatter = self._null(z)
        return np.asarray((np.float32(middle) - z) / np.float32(scatter))

    @property
    def _gain(self) -> float:
        """The root mean square of the gains of the exposures."""
        return math.sqrt(self.gain / WEIGHT_UNIT / max(self.exposures, 1))

    def _z(self) -> Floats:
        """Return the sum of the scores divided by the root of the sum of the weights."""
        with np.errstate(invalid="ignore", divide="ignore"):
            sigma = np.sqrt(self.weight.astype(np.float32) / np.float32(WEIGHT_UNIT))
            return np.asarray(self.score.astype(np.float32) / np.float32(SCORE_UNIT) / sigma)

    def _null(self, z: Floats) -> tuple[float, float]:
        """Return the median of `z` and its scatter on the low side; NaN if nothing is known."""
        known = z[self.weight > 0]
        if not known.size:
            return np.nan, np.nan
        middle, scatter = median_and_scatter(known)
        return middle, max(scatter, 1.0)

    @cached_property
    def depth(self) -> Floats:
        """The mean depth of each pixel in units of the noise of one exposure, shape (ny, nx).

        It is NaN where nothing is known.
        """
        with np.errstate(invalid="ignore", divide="ignore"):
            ratio = self.score.astype(np.float32) / self.weight.astype(np.float32)
            return np.asarray(ratio * np.float32(-self._gain * WEIGHT_UNIT / SCORE_UNIT))

    def low(self, rule: MaskRule) -> Bits:
        """Return the pixels that are low by the evidence of all exposures, shape (ny, nx).

        These are more than `static_sig` sigma low, and on average `least_depth`.  From eight
        exposures on, whole columns and rows are among them, see `evidence_lines`.
        """
        with np.errstate(invalid="ignore"):
            low = (self.significance > rule.static_sig) & (self.depth > rule.least_depth)
        return np.asarray(low | self._lines)

    def high(self, rule: MaskRule) -> Bits:
        """Return the pixels that are high by this evidence, if the rule asks for them.

        A pixel is high if it lies more than 1.2 times `static_sig` above the median of all pixels,
        in units of their scatter on the high side, and on average more than `least_depth`.  A good
        pixel beside a low one looks high, so none there is.
        """
        z = self._z()
        known = z[self.weight > 0]
        if not rule.high or not known.size:
            return np.zeros(z.shape, np.bool_)
        middle, scatter = median_and_scatter(-known)
        threshold = np.float32(_HIGH * rule.static_sig * max(scatter, 1.0) - middle)
        with np.errstate(invalid="ignore"):
            high = (z > threshold) & (self.depth < -rule.least_depth)
        return np.asarray(high & ~grown(self.low(rule), 1))

    @cached_property
    def _lines(self) -> Bits:
        if self.exposures < _FEWEST_FOR_LINES:
            return np.zeros(self.score.shape, np.bool_)
        return low_lines(self.score, self.weight, self.depth)

    def reach(self, rule: MaskRule) -> float:
        """Return how deep a pixel must be to be found in half of all cases.

        Parameters
        ----------
        rule : MaskRule
            The significance and the mean depth that are required, as in `low`.

        Returns
        -------
        float
            The depth at which a pixel of median weight has this significance on average, in units
            of the noise of one exposure.  It is NaN if nothing is known, or if no pixel reaches the
            significance however deep it is, since the distance that counts is limited.
        """
        known = self.weight[self.weight > 0]
        if not known.size:
            return math.nan
        middle, scatter = self._null(self._z())
        sigma = math.sqrt(float(np.median(known)) / WEIGHT_UNIT)
        mean = self._gain * (rule.static_sig * scatter - middle) / sigma
        return _true_depth(max(mean, rule.least_depth))


def _true_depth(mean: float) -> float:
    """Return the depth of a pixel whose distances, of Gaussian noise and limited, have this mean.

    It solves ``mean = depth - E[max(0, depth + noise - LARGEST_DISTANCE)]``.
    """
    if mean >= LARGEST_DISTANCE:
        return math.nan
    depth = mean
    for _ in range(_ITERATIONS):
        margin = LARGEST_DISTANCE - depth
        density = math.exp(-margin * margin / 2) / math.sqrt(2 * math.pi)
        depth = mean + density - margin * math.erfc(margin / math.sqrt(2)) / 2
    return depth
