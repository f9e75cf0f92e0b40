"""Patches of a chip, from which the noise is estimated at all places and levels of the sky."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.differences import FEWEST, ONE_SIGMA, second_differences
from staticmask_cli.localsky.median import REACH, fill_missing, median_filter
from staticmask_cli.localsky.windows import mirrored, quantile_of_rows

__all__ = ["COMPRESSED", "TAIL", "TAIL_SIGMA", "Patches"]

TAIL = 0.8664
"""The part of a Gaussian distribution within `TAIL_SIGMA`.

The distances of pixels below their sky are measured there, because most pixels with few photons lie
at the median or one count below it.
"""

TAIL_SIGMA = 1.5

COMPRESSED = 0.9
"""These distances, in units of the noise, where the sky was chosen because it is low."""

Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]

_SIDE = 16  # pixels along each side of a patch
_PATCHES = 2048  # patches of a chip, at equal distances along both axes
_TOGETHER = 1 << 12  # columns of adjacent patches that are filtered at once and stay in the cache
_QUIETEST = 0.1  # the part of the patches in which structure of the sky is least


@dataclass(frozen=True)
class Patches:
    """Square patches of a chip, one in the middle of each cell.

    Attributes
    ----------
    level, depth, difference : numpy.ndarray of float32, shape (patches, pixels)
        The local sky of each pixel, how far the pixel lies below it, and its second difference.
    cells : tuple of int
        The number of cells along y and x.
    cell : int
        The number of pixels along each side of a cell.
    """

    level: Floats
    depth: Floats
    difference: Floats
    cells: tuple[int, int]
    cell: int

    @classmethod
    def of(cls, data: npt.NDArray[Any]) -> "Patches":
        """Read the patches of a chip, and filter many at once, put side by side."""
        cell = max(_SIDE, int(np.sqrt(data.size / _PATCHES)))
        rows, columns = (_patch_indices(length, cell) for length in data.shape)
        together = max(1, _TOGETHER // columns.size)
        parts = [_filtered(data, rows[start : start + together], columns)
                 for start in range(0, len(rows), together)]
        level, depth, difference = (np.concatenate(values) for values in zip(*parts, strict=True))
        difference *= np.float32(_correlation(depth, difference))
        return cls(level, depth, difference, (len(rows), len(columns)), cell)


def _filtered(
    data: npt.NDArray[Any], rows: Indices, columns: Indices
) -> tuple[Floats, Floats, Floats]:
    """Return level, depth and difference of the pixels of some rows of patches."""
    with np.errstate(over="ignore"):
        tile = np.concatenate(
            [data[some[:, None], columns.ravel()].astype(np.float32) for some in rows], axis=1
        )
    fill_missing(tile)
    level = median_filter(tile)
    with np.errstate(invalid="ignore", over="ignore"):
        depth = level - tile[REACH:-REACH, REACH:-REACH]
    difference = second_differences(tile[1:-1, 1:-1])
    return _by_patch(level), _by_patch(depth), _by_patch(difference)


def _correlation(depth: Floats, difference: Floats) -> float:
    """Return by which factor, at least 1, differences of adjacent pixels are smaller than noise.

    They are in the product of a drizzle, where the noise of adjacent pixels is correlated, while
    the distances from a median are not.  They also are where the sky has structure, so the quietest
    patches decide.
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        ratio = (quantile_of_rows(depth, (1 + TAIL) / 2, FEWEST) / TAIL_SIGMA
                 / quantile_of_rows(np.abs(difference), ONE_SIGMA, FEWEST))
    ratio = ratio[np.isfinite(ratio)]
    return max(1.0, float(np.quantile(ratio, _QUIETEST)) / COMPRESSED) if ratio.size else 1.0


def _patch_indices(length: int, cell: int) -> Indices:
    """Return the indices along an axis of each patch with its margins, shape (cells, pixels)."""
    starts = np.arange(0, length, cell) + (cell - _SIDE) // 2
    inside = np.minimum(starts, max(length - _SIDE, 0))[:, None] + np.arange(_SIDE + 2 * REACH)
    return mirrored(-REACH, length + _SIDE + REACH, length)[inside]


def _by_patch(tile: Floats) -> Floats:
    """Divide a tile of adjacent patches, without its margins, into an array of patches."""
    padded = np.pad(tile, ((0, 0), (0, 2 * REACH)))
    patches = padded.reshape(_SIDE, -1, _SIDE + 2 * REACH)[:, :, :_SIDE]
    return patches.transpose(1, 0, 2).reshape(-1, _SIDE * _SIDE)
