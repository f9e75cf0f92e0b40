"""Distances of the pixels of a chip from their local sky, in units of the local noise."""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, median_filter
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.windows import tiles

__all__ = ["distances_from_local_sky"]


def distances_from_local_sky(data: npt.NDArray[Any]) -> npt.NDArray[np.float32]:
    """Return how far each pixel lies above the median of the 5 x 5 pixels around it.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.

    Returns
    -------
    numpy.ndarray of float32, shape (ny, nx)
        The distances in units of the noise at the level of that median, negative for low pixels;
        NaN for pixels that are not finite, and for all pixels of a chip without enough of them to
        estimate the noise.
    """
    distances = np.full(data.shape, np.nan, np.float32)
    noise_model = NoiseModel.of(data)
    if not noise_model:
        return distances
    for row, column, tile in tiles(data):
        sky = median_filter(tile)
        part = np.s_[row : row + sky.shape[0], column : column + sky.shape[1]]
        noise = noise_model.table(np.arange(part[1].start, part[1].stop))
        with np.errstate(invalid="ignore", over="ignore"):
            distance = tile[REACH:-REACH, REACH:-REACH] - sky
            distance /= noise.block(sky, np.arange(part[0].start, part[0].stop))
        distance[~np.isfinite(distance)] = np.nan
        distances[part] = distance
    return distances
