"""Gaps and valleys: pixels of the sky that are low across a line, but not along it.

Between two trails of saturated stars, or on the floor of a narrow dark lane, the sky is far below
the median around it, and below what any smooth surface or weighted sum of its neighbours predicts.
Unlike a bad pixel it is as high as other pixels along the gap or the lane.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.candidates import MARGIN, Candidates
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.windows import lines_through

__all__ = ["in_valleys", "softness"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_NEAR = 6  # pixels on each side, the lowest of which shows the sky beyond a bright feature
_FAR = 16  # pixels on each side, among which the first that is not low is looked for
_SOFT = 0.7  # of the rise across a valley, which comes after the first pixel on each side
_ALONG = 0.25  # of the rise across a valley, by which a bad pixel must lie below those along it


def in_valleys(
    candidates: Candidates, data: npt.NDArray[Any], low: Bits, noise_model: NoiseModel,
    static_sig: float,
) -> Bits:
    """Return which candidates lie in a gap between bright features, or in a valley.

    In a gap, the lowest of the closest pixels of the row, or of the column, is not clearly higher
    on either side.  In a valley, the rise from the candidate to the first pixel along it that is
    not low is a small part of the rise across it.  So is that of a bad column whose pixels are not
    all known to be low; but a valley falls along its length, or has soft sides.

    Parameters
    ----------
    candidates : Candidates
        The pixels to check, which are finite.
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.  NaN is passed over.
    low : numpy.ndarray of bool, shape (ny, nx)
        All pixels that were found to be low, True = low; they do not count as sky.
    noise_model : NoiseModel
        The noise of the chip.
    static_sig : float
        The threshold, in units of the noise.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
        True = in a gap or in a valley.
    """
    values = data[candidates.rows, candidates.columns].astype(np.float32)
    noise = noise_model.sigma(values, candidates.rows, candidates.columns)
    threshold = static_sig * np.maximum(candidates.noise, noise)  # noise of saturated pixels is 0
    lines = [_Lines(candidates, data, low, axis) for axis in (0, 1)]
    found = np.logical_or(*(line.is_gap(values + MARGIN * threshold) for line in lines))
    for along, across in (lines, lines[::-1]):
        with np.errstate(over="ignore"):
            rise, rise_across = np.fmin(*along.first) - values, np.minimum(*across.first) - values
        falls, is_soft = rise < -threshold, across.softness > _SOFT * rise_across
        found |= (rise_across > 0) & (rise < _ALONG * rise_across) & (falls | is_soft)
    return found


class _Lines:
    """Lines of pixels through candidates, along an axis.

    Attributes
    ----------
    first : list of two numpy.ndarray of float32, shape (n,)
        The first pixel on each side that is not low; NaN where there is none.
    softness : numpy.ndarray of float32, shape (n,)
        See `softness`.
    """

    def __init__(
        self, candidates: Candidates, data: npt.NDArray[Any], low: Bits, axis: int
    ) -> None:
        self.softness, self._sides = _sides(candidates, data, low, _NEAR, axis)
        self.first = [_first_known(side) for side in self._sides]
        unknown = np.logical_or(*np.isnan(self.first))  # of few
        _, sides = _sides(candidates.select(unknown), data, low, _FAR, axis)
        for first, side in zip(self.first, sides, strict=True):
            first[unknown] = _first_known(side)

    def is_gap(self, limit: npt.NDArray[Any]) -> Bits:
        """Return where there is a pixel below the limit close on both sides."""
        lowest = (np.fmin.reduce(side, axis=1) for side in self._sides)
        return np.asarray(np.logical_and(*(level < limit for level in lowest)))


def _sides(
    candidates: Candidates, data: npt.NDArray[Any], low: Bits, reach: int, axis: int
) -> tuple[Floats, tuple[Floats, Floats]]:
    """Return the softness of lines, and their pixels on both sides from the middle; NaN = low."""
    pixels, is_low = (lines_through(image, candidates.rows, candidates.columns, reach, axis)
                      for image in (data, low))
    soft = softness(pixels[:, reach - 2 : reach + 3])
    pixels[is_low] = np.nan
    return soft, (pixels[:, reach - 1 :: -1], pixels[:, reach + 1 :])


def softness(lines: Floats) -> Floats:
    """Return how much lines of five pixels rise from the second to the outer pixels, shape (n,).

    It is the mean of both sides, and about nothing where the edges of a defect are sharp.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        return np.asarray((lines[:, 0] + lines[:, 4] - lines[:, 1] - lines[:, 3]) / 2)


def _first_known(values: Floats) -> Floats:
    """Return the first value of each row that is not NaN, or NaN."""
    first = values[:, -1]
    for number in range(values.shape[1] - 2, -1, -1):
        first = np.where(np.isnan(values[:, number]), first, values[:, number])
    return first
