"""The local rule: a pixel is low if it lies far below its local sky, in units of the local noise.

The local sky is the median of the 5 x 5 pixels around the pixel.  The noise is a function of the
level of the local sky, and this function is estimated from the chip itself.  Pixels far below
their local sky are candidates: each is compared with the prediction from its neighbours, with a
surface fitted through them, and with each neighbour.  Whole columns and rows are found separately.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.bad_lines import mark_low_lines
from staticmask_cli.localsky.median import REACH, far_below_median, median_filter
from staticmask_cli.localsky.noise import NoiseModel, second_differences
from staticmask_cli.localsky.prediction import Prediction
from staticmask_cli.localsky.sign_test import SignTest
from staticmask_cli.localsky.surface_fit import below_surface_fit
from staticmask_cli.localsky.windows import RowBlocks, lowest_of_neighbours

__all__ = ["pixels_below_local_sky"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Indices = npt.NDArray[np.intp]

# Pixels in a block of rows: smaller blocks stay in the cache, but then threads wait for each other.
_BLOCK = 1 << 17
_ENOUGH = 1 << 14  # candidates that are checked together
_LARGEST = float(np.finfo(np.float32).max)
_SAMPLE = 1 << 19  # pixels whose local sky is computed for the noise model
_PIXELS_FOR_FIT = 1 << 17  # pixels of these from which the noise model is estimated
# Fractions of the scatter around a fitted surface that count as noise; _ROUGH_SCATTER is for
# candidates that the prediction does not confirm.  If the whole scatter counted, low pixels would
# be overlooked: the scatter of 49 pixels is uncertain by 15% (which is not where the 0.15 comes
# from), and in crowded fields the wings of stars dominate it.  If none of it counted, many valleys
# between stars would be low.
_SCATTER, _ROUGH_SCATTER = 0.15, 0.6


def pixels_below_local_sky(data: npt.NDArray[Any], static_sig: float) -> Bits:
    """Find the pixels that lie more than `static_sig` times the local noise below the local sky.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order, which are converted to float32; not modified.
    static_sig : float
        The threshold, in units of the local noise.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        True = low, hence bad.  A NaN pixel is never low; a pixel of minus infinity always is.

    Notes
    -----
    The memory is that of the result and of a few blocks of rows, whatever the size of the chip.
    """
    low = np.zeros(data.shape, dtype=np.bool_)
    if data.dtype.kind == "f":
        np.less(data, -_LARGEST, out=low)
    blocks = RowBlocks(data, _BLOCK)
    noise_model = _noise_model(data, blocks)
    if not noise_model:
        return low
    signs = SignTest(data, static_sig)
    prediction = Prediction(data, noise_model)
    confirmed = []
    for candidates in _in_batches(_candidates(blocks, signs, noise_model, static_sig)):
        below_prediction, certain = prediction.below(
            candidates.rows, candidates.columns, static_sig
        )
        uncertain = candidates.select(~certain).still_low(below_prediction[~certain], static_sig)
        below_surface = below_surface_fit(
            data, uncertain.rows, uncertain.columns, uncertain.noise, static_sig,
            scatter=uncertain.scatter,
        )
        confirmed += [candidates.select(certain), uncertain.select(below_surface)]
    rows, columns, _, noise, *_ = Candidates.joined(confirmed)
    low[rows, columns] = True
    lowest = lowest_of_neighbours(data, low, rows, columns, static_sig * noise)
    low[rows[~lowest], columns[~lowest]] = False
    mark_low_lines(low, data, signs, noise_model, static_sig)
    return low


class Candidates(NamedTuple):
    """Pixels of a chip that lie far below their local sky.

    Attributes
    ----------
    rows, columns : numpy.ndarray of integer, shape (n,)
        The positions of the pixels.
    depth : numpy.ndarray of float32, shape (n,)
        The distances of the pixels below their sky.
    noise : numpy.ndarray of float64, shape (n,)
        The noise with which each pixel is compared.
    noise_with_structure : numpy.ndarray of float64, shape (n,)
        The noise at the level of each sky, including the structure that stars cause there.
    scatter : numpy.ndarray of float64, shape (n,)
        The fraction of the scatter around a surface that counts as noise.
    """

    rows: Indices
    columns: Indices
    depth: Floats
    noise: Doubles
    noise_with_structure: Doubles
    scatter: Doubles

    @classmethod
    def joined(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """Join several groups of candidates into one."""
        return cls(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def select(self, selected: Bits) -> "Candidates":
        """Return the candidates for which `selected` is True."""
        return Candidates._make(values[selected] for values in self)

    def still_low(self, below_prediction: Bits, static_sig: float) -> "Candidates":
        """Return the candidates below their prediction, or low even if structure counts as noise.

        Adjacent low pixels lower the prediction of each other, so a low pixel need not be below
        its prediction.  One that is not must be low even if all structure that stars cause at the
        level of its sky counts as noise.
        """
        noise = np.where(below_prediction, self.noise, self.noise_with_structure)
        scatter = np.where(below_prediction, _SCATTER, _ROUGH_SCATTER)
        low = below_prediction | (self.depth > static_sig * self.noise_with_structure)
        return self._replace(noise=noise, scatter=scatter).select(low)


def _candidates(
    blocks: RowBlocks, signs: SignTest, noise_model: NoiseModel, static_sig: float
) -> Iterator[Candidates]:
    """Yield the candidates of each block of rows, and count the signs of its pixels."""
    # Comparing all pixels with the least noise of any level first is fast, and leaves few.
    with np.errstate(over="ignore"):
        limit = np.float32(static_sig * noise_model.least)
    for start, tile in blocks:
        signs.add(start, tile)
        rows, columns, sky = far_below_median(tile, limit)
        depth = sky - tile[rows + REACH, columns + REACH]
        noise = noise_model.sigma(sky)
        far = depth > static_sig * noise
        with_structure = noise_model.sigma_with_structure(sky[far])
        yield Candidates(rows[far] + start, columns[far], depth[far], noise[far], with_structure,
                         np.full(with_structure.shape, _SCATTER))


def _in_batches(groups: Iterable[Candidates]) -> Iterator[Candidates]:
    """Join groups of candidates until there are enough, because checking a few takes longer."""
    waiting: list[Candidates] = []
    for group in groups:
        waiting.append(group)
        if sum(candidates.rows.size for candidates in waiting) > _ENOUGH:
            yield Candidates.joined(waiting)
            waiting.clear()
    if waiting:
        yield Candidates.joined(waiting)


def _noise_model(data: npt.NDArray[Any], blocks: RowBlocks) -> NoiseModel:
    """Estimate the noise as a function of sky level, from blocks of rows all over the chip."""
    ny, nx = data.shape
    if min(ny, nx) <= 2 * REACH:
        return NoiseModel(np.empty(0), np.empty(0))
    count = min(-(-ny // blocks.rows), max(1, _SAMPLE // (blocks.rows * nx)))
    step = max(1, ny * nx // _PIXELS_FOR_FIT // max(1, ny // (count * blocks.rows))) | 1
    parts = []
    for number in range(count):
        tile = blocks.read(number * (ny - blocks.rows) // max(count - 1, 1))
        sky = median_filter(tile)
        difference = second_differences(tile[REACH - 1 : 1 - REACH, REACH - 1 : 1 - REACH])
        with np.errstate(invalid="ignore", over="ignore"):
            depth = sky - tile[REACH:-REACH, REACH:-REACH]
        known = np.isfinite(difference) & np.isfinite(depth)
        parts.append([array[known][::step] for array in (sky, depth, difference)])
    return NoiseModel.of(*(np.concatenate(part) for part in zip(*parts, strict=True)))
