"""The local rule: a pixel is low if it lies far below its local sky, in units of the local noise.

The local sky is the median of the 5 x 5 pixels around the pixel.  The noise is a function of the
level of the local sky and of the place on the chip, and is estimated from the chip itself.  Pixels
far below their local sky are candidates: each is compared with the prediction from its neighbours,
with a surface fitted through them where the sky has structure, and with each neighbour.  Defects
that are wider than a pixel are the sky of their own pixels, so whole columns and rows, short parts
of them, and clusters are found separately.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.bad_lines import mark_low_lines
from staticmask_cli.localsky.candidates import Candidates, far_below_sky
from staticmask_cli.localsky.clusters import BLOCK, blocks_of, mark_clusters
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.prediction import Prediction
from staticmask_cli.localsky.sign_counts import SignCounts
from staticmask_cli.localsky.surface_fit import below_surface_fit
from staticmask_cli.localsky.valleys import in_valleys, softness
from staticmask_cli.localsky.windows import lines_through, tiles

__all__ = ["pixels_below_local_sky"]

Bits = npt.NDArray[np.bool_]

_LARGEST = float(np.finfo(np.float32).max)
# Of the threshold, for each of the tests that a single pixel must pass: as many pixels of Gaussian
# noise pass all of them as lie below the whole threshold.
_EACH_TEST = 0.99
_SOFT = 0.4  # of the depth of a short line, which the pixels on its sides may have


def pixels_below_local_sky(
    data: npt.NDArray[Any], static_sig: float, noise_model: NoiseModel | None = None
) -> tuple[Bits, Bits]:
    """Find the pixels that lie more than `static_sig` times the local noise below the local sky.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order, which are converted to float32; not modified.
    static_sig : float
        The threshold, in units of the local noise.
    noise_model : NoiseModel, optional
        The noise of the chip, which is otherwise estimated.

    Returns
    -------
    low, lines : numpy.ndarray of bool, shape (ny, nx)
        True = low, hence bad; and those of them that are part of a low column or row.  A NaN pixel
        is never low; a pixel of minus infinity always is.

    Notes
    -----
    Where a chip has too few pixels of the same structure to learn from, as beside a saturated star,
    none is low.  The memory is that of the result, of a chip of 3 x 3 times fewer pixels, and of a
    few blocks of rows.
    """
    low, lines = np.zeros(data.shape, dtype=np.bool_), np.zeros(data.shape, dtype=np.bool_)
    if data.dtype.kind == "f":
        np.less(data, -_LARGEST, out=low)
    noise_model = NoiseModel.of(data) if noise_model is None else noise_model
    if not noise_model:
        return low, lines
    signs = SignCounts(data.shape)
    candidates = far_below_sky(
        signs.counted(tiles(data)), noise_model, _EACH_TEST * static_sig)
    _mark_pixels(low, data, candidates, noise_model, _EACH_TEST * static_sig)
    columns, rows = signs.low_columns(static_sig), signs.low_rows(static_sig)
    mark_low_lines(lines, data, columns, noise_model, static_sig)
    mark_low_lines(lines.T, data.T, rows, noise_model.transposed(), static_sig)
    low |= lines
    _mark_clusters(low, data, noise_model, static_sig)
    return low, lines


def _mark_pixels(
    low: Bits, data: npt.NDArray[Any], candidates: Candidates, noise_model: NoiseModel,
    static_sig: float,
) -> None:
    """Set the candidates that are low by all tests."""
    prediction = Prediction(data, noise_model)
    below, flat = prediction.below(candidates.rows, candidates.columns, static_sig)
    uncertain = candidates.select(below & ~flat)
    found = [candidates.select(below & flat),
             uncertain.select(below_surface_fit(data, uncertain, static_sig))]
    for axis in (0, 1):
        found += _short_lines(data, candidates, noise_model, static_sig, axis)
    pixels = Candidates.joined(found)
    low[pixels.rows, pixels.columns] = True
    higher = pixels.select(~pixels.lowest_of_neighbours(data, low, static_sig))
    low[higher.rows, higher.columns] = False
    pixels = pixels.select(low[pixels.rows, pixels.columns])
    valleys = pixels.select(in_valleys(pixels, data, low, noise_model, static_sig))
    low[valleys.rows, valleys.columns] = False


def _short_lines(
    data: npt.NDArray[Any], candidates: Candidates, noise_model: NoiseModel, static_sig: float,
    axis: int,
) -> Iterator[Candidates]:
    """Yield candidates that form short parts of a column (axis 0) or of a row (axis 1).

    Such a pixel is predicted from the pixels outside of its own line.  The image of a dark lane has
    soft edges, and a defect has none, so the pixels on both sides must not be low themselves.
    """
    line = candidates.select(candidates.in_runs(axis))
    across = lines_through(data, line.rows, line.columns, 2, 1 - axis)
    line = line.select(softness(across) < _SOFT * line.depth)
    line = line.select(line.in_runs(axis))
    if not line.rows.size:
        return
    prediction = Prediction(data, noise_model, without_axis=axis)
    below, _ = prediction.below(line.rows, line.columns, static_sig)
    line = line.select(below)
    yield line.select(line.in_runs(axis))


def _mark_clusters(
    low: Bits, data: npt.NDArray[Any], noise_model: NoiseModel, static_sig: float
) -> None:
    """Set the pixels of clusters, which are few pixels wide on a chip of blocks."""
    low_blocks = far_below_sky(
        tiles(blocks_of(data)), noise_model.of_blocks(BLOCK), static_sig)
    mark_clusters(low, data, low_blocks, noise_model, static_sig)
