"""The local rule: a pixel is low when it lies far below the sky around it, in noise of that sky.

Local sky is the median of the 5 x 5 pixels around.  Its noise follows from its level, by a
relation that the chip itself shows.  Pixels that are low by both are looked at once more: against
what their neighbours predict, against a surface through them, and against each of them; and whole
columns and rows count as one.
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

# Pixels in a band of rows: smaller ones stay in the cache, but then threads wait for each other.
_BAND = 1 << 17
_ENOUGH = 1 << 14  # pixels that are looked at once more together
_LARGEST = float(np.finfo(np.float32).max)
_SAMPLE = 1 << 19  # pixels whose noise and level are looked at
# Of the scatter around a surface not all counts: that of 49 pixels is uncertain by 15%, and among
# crowded stars it is their wings; but without it many a valley between them would count as low.
_SCATTER, _ROUGH_SCATTER = 0.15, 0.6
_READ_OFF = 1 << 17  # of these, from which the relation is read off


def pixels_below_local_sky(data: npt.NDArray[Any], static_sig: float) -> Bits:
    """Pixels that lie more than `static_sig` times the local noise below the local sky.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; seen as float32, not modified.
    static_sig : float
        The threshold.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        True = low, hence bad.  A NaN pixel is not below anything; minus infinity is
        below everything.

    Notes
    -----
    Memory is that of the result and of some bands of rows, whatever the chip.
    """
    low = np.zeros(data.shape, dtype=np.bool_)
    if data.dtype.kind == "f":
        np.less(data, -_LARGEST, out=low)
    bands = RowBlocks(data, _BAND)
    relation = _relation(data, bands)
    if not relation:
        return low
    signs = SignTest(data, static_sig)
    prediction = Prediction(data, relation)
    found = []
    for far in _many_at_once(_far_below(bands, signs, relation, static_sig)):
        predicted, plainly = prediction.below(far.rows, far.columns, static_sig)
        plain = far.kept(plainly)
        rest = far.kept(~plainly).checked(predicted[~plainly], static_sig)
        rest = rest.kept(below_surface_fit(data, rest.rows, rest.columns, rest.noise, static_sig,
                                       scatter=rest.scatter))
        found += [plain, rest]
    rows, columns, _, noise, *_ = Candidates.of(found)
    low[rows, columns] = True
    lowest = lowest_of_neighbours(data, low, rows, columns, static_sig * noise)
    low[rows[~lowest], columns[~lowest]] = False
    mark_low_lines(low, data, signs, relation, static_sig)
    return low


class Candidates(NamedTuple):
    """Pixels of a chip that lie far below their sky.

    Attributes
    ----------
    rows, columns : numpy.ndarray of integer, shape (n,)
    depth : numpy.ndarray of float32, shape (n,)
        How far.
    noise : numpy.ndarray of float64, shape (n,)
        That counts for each.
    rough : numpy.ndarray of float64, shape (n,)
        With the structure that stars leave at its level.
    scatter : numpy.ndarray of float64, shape (n,)
        How much of the scatter around a surface counts.
    """

    rows: Indices
    columns: Indices
    depth: Floats
    noise: Doubles
    rough: Doubles
    scatter: Doubles

    @classmethod
    def of(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """Put some together."""
        return cls(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def kept(self, kept: Bits) -> "Candidates":
        """Return some of them."""
        return Candidates(self.rows[kept], self.columns[kept], self.depth[kept], self.noise[kept],
                    self.rough[kept], self.scatter[kept])

    def checked(self, predicted: Bits, static_sig: float) -> "Candidates":
        """Return those below what their neighbours predict, or far below in rough noise.

        Low pixels side by side predict each other; they must stand out from all structure.
        """
        noise = np.where(predicted, self.noise, self.rough)
        scatter = np.where(predicted, _SCATTER, _ROUGH_SCATTER)
        kept = predicted | (self.depth > static_sig * self.rough)
        return self._replace(noise=noise, scatter=scatter).kept(kept)


def _far_below(
    bands: RowBlocks, signs: SignTest, relation: NoiseModel, static_sig: float
) -> Iterator[Candidates]:
    """Yield the pixels of each band that lie far below their sky, in the noise of its level."""
    # First against the least noise there is, which is quick and leaves few.
    with np.errstate(over="ignore"):
        limit = np.float32(static_sig * relation.least)
    for start, tile in bands:
        signs.add(start, tile)
        rows, columns, sky = far_below_median(tile, limit)
        depth = sky - tile[rows + REACH, columns + REACH]
        noise = relation.at(sky)
        far = depth > static_sig * noise
        rough = relation.sigma_with_structure(sky[far])
        yield Candidates(rows[far] + start, columns[far], depth[far], noise[far], rough,
                   np.full(rough.shape, _SCATTER))


def _many_at_once(parts: Iterable[Candidates]) -> Iterator[Candidates]:
    """Put parts together until they are many: few at a time take longer."""
    waiting: list[Candidates] = []
    for part in parts:
        waiting.append(part)
        if sum(far.rows.size for far in waiting) > _ENOUGH:
            yield Candidates.of(waiting)
            waiting.clear()
    if waiting:
        yield Candidates.of(waiting)


def _relation(data: npt.NDArray[Any], bands: RowBlocks) -> NoiseModel:
    """Noise by level of the sky, from bands all over the chip."""
    ny, nx = data.shape
    if min(ny, nx) <= 2 * REACH:
        return NoiseModel(np.empty(0), np.empty(0))
    count = min(-(-ny // bands.rows), max(1, _SAMPLE // (bands.rows * nx)))
    step = max(1, ny * nx // _READ_OFF // max(1, ny // (count * bands.rows))) | 1
    parts = []
    for number in range(count):
        tile = bands.read(number * (ny - bands.rows) // max(count - 1, 1))
        sky = median_filter(tile)
        difference = second_differences(tile[REACH - 1 : 1 - REACH, REACH - 1 : 1 - REACH])
        with np.errstate(invalid="ignore", over="ignore"):
            depth = sky - tile[REACH:-REACH, REACH:-REACH]
        known = np.isfinite(difference) & np.isfinite(depth)
        parts.append([array[known][::step] for array in (sky, depth, difference)])
    return NoiseModel.of(*(np.concatenate(part) for part in zip(*parts, strict=True)))
