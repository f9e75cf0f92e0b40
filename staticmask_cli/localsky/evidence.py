"""Evidence: how low each pixel of an exposure is, in whole numbers that add up over exposures.

A pixel that is low by 2 sigma in each of sixteen exposures is certain, though no exposure shows it.
The distance of each pixel from what its neighbours predict is limited, so that a cosmic ray or a
star in one exposure does not decide, and divided by the scatter of good pixels of similar structure
(an M-estimate of location: Huber 1964, Annals of Mathematical Statistics 35, 73).  The sum of these
scores, with the weights that belong to them, is what `masks.evidence` tests.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.prediction import FEWEST
from staticmask_cli.localsky.residuals import UNKNOWN, ChipResiduals, Residuals
from staticmask_cli.localsky.windows import median_and_scatter

__all__ = [
    "LARGEST_DISTANCE", "SCORE_UNIT", "WEIGHT_UNIT", "Scores", "gain_of", "scores_of_chip",
]

SCORE_UNIT = 2
"""Steps of a score of 1, which is one sigma of an exposure with a gain of 1."""

WEIGHT_UNIT = 64
"""Steps of a weight of 1."""

LARGEST_DISTANCE = 3.0
"""The distance that a deeper pixel counts with, in units of the scatter."""

Floats = npt.NDArray[np.float32]
Integers = npt.NDArray[np.int32]
Indices = npt.NDArray[np.intp]

_LEAST_SCATTER = 0.3  # of the distances from a median, in units of the noise
_SMALLEST_GAIN, _LARGEST_GAIN = 1.0, 64.0


def gain_of(level: float, noise: float) -> float:
    """Return the weight of an exposure: its sky level in units of its noise, within limits.

    A pixel of no sensitivity is as deep as that.  Where the sky was subtracted or is unknown, the
    weight is 1.
    """
    ratio = level / noise if noise > 0 else _SMALLEST_GAIN
    return min(max(ratio, _SMALLEST_GAIN), _LARGEST_GAIN) if np.isfinite(ratio) else _SMALLEST_GAIN


class Scores(NamedTuple):
    """The evidence of one exposure.

    Attributes
    ----------
    score : numpy.ndarray of int32, shape (ny, nx)
        In units of ``1 / SCORE_UNIT``; negative where a pixel is low, 0 where nothing is known.
        Its variance, over good pixels, is the weight.
    weight : numpy.ndarray of int32, shape (ny, nx)
        In units of ``1 / WEIGHT_UNIT``; 0 where nothing is known.
    gain : float
        The weight of the exposure, see `gain_of`.
    """

    score: Integers
    weight: Integers
    gain: float


def scores_of_chip(
    data: npt.NDArray[Any], gain: float, noise_model: NoiseModel | None = None
) -> Scores:
    """Return the evidence of one exposure.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.  Nothing is known about a NaN pixel.
    gain : float
        The weight of the exposure, see `gain_of`.
    noise_model : NoiseModel, optional
        The noise of the chip, which is otherwise estimated.
    """
    scores = Scores(np.zeros(data.shape, np.int32), np.zeros(data.shape, np.int32), gain)
    noise_model = NoiseModel.of(data) if noise_model is None else noise_model
    if not noise_model:
        return scores
    chip = ChipResiduals(data, noise_model)
    scales = _Scales.of(chip.sample(), gain)
    for start, residuals in chip.blocks():
        rows = slice(start, start + residuals.classes.shape[0])
        scales.score(residuals, Scores(scores.score[rows], scores.weight[rows], gain))
    return scores


@dataclass(frozen=True)
class _Scales:
    """What turns the residuals of each class of structure into scores.

    Attributes
    ----------
    predicted, median : numpy.ndarray of float32
        The scatter of both residuals on their low side, of each class.
    centre : numpy.ndarray of float32
        The mean of the limited distances.
    factor : numpy.ndarray of float32
        The score of a distance of 1 from that mean; 0 for a class about which nothing is known.
    weight : numpy.ndarray of int32
        The weights.
    """

    predicted: Floats
    median: Floats
    centre: Floats
    factor: Floats
    weight: Integers

    @classmethod
    def of(cls, sample: Residuals, gain: float) -> "_Scales":
        """Measure the scales on a sample of the pixels of a chip."""
        scales = np.ones((4, UNKNOWN + 1))
        scales[3] = 0.0
        weight = np.zeros(UNKNOWN + 1, np.int32)
        centre_of_flat = np.inf
        for number in range(UNKNOWN):
            members = np.flatnonzero(sample.classes == number)
            if members.size < FEWEST:
                continue
            predicted, median = sample.predicted[members], sample.median[members]
            scatter = (median_and_scatter(predicted)[1],
                       max(median_and_scatter(median)[1], _LEAST_SCATTER))
            if not scatter[0] > 0:
                continue
            distance = np.maximum(predicted / scatter[0], median / scatter[1])
            limited = np.clip(distance, -LARGEST_DISTANCE, LARGEST_DISTANCE).astype(np.float64)
            # Pixels that stars lift on average must not make others look low.
            centre = min(float(limited.mean()), centre_of_flat)
            centre_of_flat = min(centre_of_flat, centre) if number == 0 else centre_of_flat
            spread = float(limited.std())
            inside = np.count_nonzero(np.abs(distance) < LARGEST_DISTANCE) / distance.size
            efficiency = inside / (max(scatter) * spread)
            scales[:, number] = *scatter, centre, SCORE_UNIT * gain * efficiency / spread
            weight[number] = round(WEIGHT_UNIT * (gain * efficiency) ** 2)
        first, second, centres, factor = scales.astype(np.float32)
        return cls(first, second, centres, factor, weight)

    def score(self, residuals: Residuals, scores: Scores) -> None:
        """Write the scores of a block into arrays of its shape."""
        predicted, median = residuals.predicted.reshape(-1), residuals.median.reshape(-1)
        classes = residuals.classes.reshape(-1)
        score, weight = scores.score.reshape(-1), scores.weight.reshape(-1)
        others = np.flatnonzero(classes != 0)
        number = classes[others].astype(np.intp)
        with np.errstate(invalid="ignore", over="ignore"):
            score[:] = self._scores(predicted, median, 0)
            distance = self._scores(predicted[others], median[others], number)
        distance[number == UNKNOWN] = 0.0
        score[others] = distance
        weight[:] = self.weight[0]
        weight[others] = self.weight[number]

    def _scores(self, predicted: Floats, median: Floats, number: Indices | int) -> Floats:
        """Return the scores of pixels, whose classes are given as an array or are all the same."""
        distance = predicted / self.predicted[number]
        np.maximum(distance, median / self.median[number], out=distance)
        np.clip(distance, -LARGEST_DISTANCE, LARGEST_DISTANCE, out=distance)
        distance -= self.centre[number]
        distance *= self.factor[number]
        return np.rint(distance, out=distance)
