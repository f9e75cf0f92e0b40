"""The local rule: a pixel is low when it lies far below the sky around it, in noise of that sky.

Local sky is the median of the 5 x 5 pixels around.  Its noise follows from its level, by a
relation that the chip itself shows.  Pixels that are low by both are looked at once more: against
what their neighbours predict, against a surface through them, and against each of them; and whole
columns and rows count as one.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.lines import LineSearch
from staticmask_cli.medianfilter import REACH, MedianFilter
from staticmask_cli.neighbours import lowest_of_neighbours, mirrored
from staticmask_cli.noise import NoiseRelation, second_differences
from staticmask_cli.prediction import Prediction
from staticmask_cli.surface import below_surface, fill_missing

__all__ = ["pixels_below_local_sky"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]
Places = npt.NDArray[np.intp]

# Pixels in a band of rows: smaller ones stay in the cache, but then threads wait for each other.
_BAND = 1 << 17
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
    bands = _Bands(data)
    relation = bands.relation()
    if not relation:
        return low
    prediction = Prediction(data, relation)
    lines = LineSearch(data, static_sig)
    found = []
    for band in bands.all():
        lines.add(band.start, band.depth)
        far = _far_below(band, relation, static_sig)
        predicted, plainly = prediction.below(far.rows, far.columns, static_sig)
        plain = far.kept(plainly)
        rest = far.kept(~plainly).checked(predicted[~plainly], static_sig)
        rest = rest.kept(below_surface(data, rest.rows, rest.columns, rest.noise, static_sig,
                                       scatter=rest.scatter))
        for some in (plain, rest):
            low[some.rows, some.columns] = True
            found.append((some.rows, some.columns, some.noise))
    rows, columns, noise = (np.concatenate(part) for part in zip(*found, strict=True))
    lowest = lowest_of_neighbours(data, low, rows, columns, static_sig * noise)
    low[rows[~lowest], columns[~lowest]] = False
    lines.mark(low, relation)
    return low


@dataclass(frozen=True)
class _Band:
    """Some rows of a chip: where they start, their local sky, and how far pixels lie below it."""

    start: int
    sky: Floats
    depth: Floats


class _Far(NamedTuple):
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

    rows: Places
    columns: Places
    depth: Floats
    noise: Doubles
    rough: Doubles
    scatter: Doubles

    def kept(self, kept: Bits) -> "_Far":
        """Return some of them."""
        return _Far(self.rows[kept], self.columns[kept], self.depth[kept], self.noise[kept],
                    self.rough[kept], self.scatter[kept])

    def checked(self, predicted: Bits, static_sig: float) -> "_Far":
        """Return those below what their neighbours predict, or far below in rough noise.

        Low pixels side by side predict each other; they must stand out from all structure.
        """
        noise = np.where(predicted, self.noise, self.rough)
        scatter = np.where(predicted, _SCATTER, _ROUGH_SCATTER)
        kept = predicted | (self.depth > static_sig * self.rough)
        return self._replace(noise=noise, scatter=scatter).kept(kept)


def _far_below(band: _Band, relation: NoiseRelation, static_sig: float) -> _Far:
    """Pixels of a band that lie below their sky by more than the noise of its level allows."""
    # First against the least noise there is, which is quick and leaves few.
    rows, columns = np.nonzero(band.depth > np.float32(static_sig * relation.least))
    sky, depth = band.sky[rows, columns], band.depth[rows, columns]
    noise = relation.at(sky)
    far = (depth > static_sig * noise) & np.isfinite(depth)
    rough = relation.rough_at(sky[far])
    return _Far(rows[far] + band.start, columns[far], depth[far], noise[far], rough,
                np.full(rough.shape, _SCATTER))


class _Bands:
    """Bands of rows of a chip with their local sky, one after the other in the same memory."""

    def __init__(self, data: npt.NDArray[Any]) -> None:
        self._data = data
        ny, nx = data.shape
        self._rows = min(ny, max(1, _BAND // (nx + 2 * REACH)))
        self._y = mirrored(-REACH, ny + REACH, ny)
        self._x = mirrored(-REACH, nx + REACH, nx)
        size = (self._rows + 2 * REACH) * (nx + 2 * REACH)
        self._tile = np.empty(size, dtype=np.float32)
        self._depth = np.empty(self._rows * nx, dtype=np.float32)
        self._filter = MedianFilter(size)

    def all(self) -> Iterator[_Band]:
        """Yield every band; each is valid until the next one is asked for."""
        for start in range(0, self._data.shape[0], self._rows):
            yield self._band(self._read(start), start)

    def relation(self) -> NoiseRelation:
        """Noise by level of the sky, from bands all over the chip."""
        ny, nx = self._data.shape
        if min(ny, nx) <= 2 * REACH:
            return NoiseRelation(np.empty(0), np.empty(0))
        count = min(-(-ny // self._rows), max(1, _SAMPLE // (self._rows * nx)))
        step = max(1, ny * nx // _READ_OFF // max(1, ny // (count * self._rows))) | 1
        parts = []
        for number in range(count):
            start = number * (ny - self._rows) // max(count - 1, 1)
            tile = self._read(start)
            band = self._band(tile, start)
            difference = second_differences(tile[REACH - 1 : 1 - REACH, REACH - 1 : 1 - REACH])
            known = np.isfinite(difference) & np.isfinite(band.depth)
            parts.append([array[known][::step]
                          for array in (band.sky, band.depth, difference)])
        return NoiseRelation.of(*(np.concatenate(part) for part in zip(*parts, strict=True)))

    def _read(self, start: int) -> Floats:
        """Rows from `start` with margins, mirrored at the edges; missing pixels as infinities."""
        end = min(start + self._rows, self._data.shape[0])
        nx = self._data.shape[1]
        rows = self._y[start : end + 2 * REACH]
        tile = self._tile[: rows.size * (nx + 2 * REACH)].reshape(rows.size, -1)
        with np.errstate(over="ignore"):
            for row, source in enumerate(rows):
                np.copyto(tile[row, REACH:-REACH], self._data[source], casting="unsafe")
        for column in (*range(REACH), *range(nx + REACH, nx + 2 * REACH)):
            tile[:, column] = tile[:, REACH + self._x[column]]
        fill_missing(tile)
        return tile

    def _band(self, tile: Floats, start: int) -> _Band:
        sky = self._filter(tile)
        depth = self._depth[: sky.size].reshape(sky.shape)
        with np.errstate(invalid="ignore"):
            np.subtract(sky, tile[REACH:-REACH, REACH:-REACH], out=depth)
        return _Band(start, sky, depth)
