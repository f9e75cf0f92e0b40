"""Residuals: how far the pixels of a chip lie above what their neighbours predict, block by block.

On a flat sky the mean of the pixels around predicts a pixel, and among stars a weighted sum of
them, with weights that are learned from the chip.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, median_filter
from staticmask_cli.localsky.network import Network
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.prediction import (
    CLASSES,
    FEWEST,
    PAIRS,
    SAMPLE,
    Fit,
    Windows,
    sums_of_opposites,
)
from staticmask_cli.localsky.windows import (
    mirrored,
    neighbourhoods,
    sample_positions,
    tile_of,
)
from staticmask_cli.stats.pixelset import positions_of

__all__ = ["UNKNOWN", "ChipResiduals", "Residuals"]

UNKNOWN = CLASSES.size + 1
"""The class of a pixel that is missing, or whose neighbours are.

The others are those of `prediction.CLASSES`, where structure is the range of the eight neighbours
of a pixel without the extremes; class 0 is a flat sky.
"""

Floats = npt.NDArray[np.float32]
Indices = npt.NDArray[np.intp]
Classes = npt.NDArray[np.uint8]

_BLOCK = 1 << 16  # pixels of a block, which with its temporaries stays in the cache
_MARGIN = 2 * REACH  # pixels around a block: neighbours of a pixel need medians of their own
_OUTLIER = 3.5  # distance from the median in units of the noise; such pixels predict no other
_CHUNK = 1 << 15  # pixels that are processed together, which limits the memory
_MEASURED = 1 << 19  # pixels of a sample
# A pixel in single precision is not below a limit of a class if it is not below these.
_LIMITS = [low if (low := np.float32(limit)) >= limit else np.nextafter(low, np.float32(np.inf))
           for limit in CLASSES]
# From a pixel to the second of each pair of opposite pixels, in the order of `Fit.weights`.
_OFFSETS = [(-y, -x) for y in range(-3, 4) for x in range(-3, 4)][:PAIRS]
# A network that sorts eight values (19 comparators, Knuth, The Art of Computer Programming 3).
_SORT = ((0, 1), (2, 3), (4, 5), (6, 7), (0, 2), (1, 3), (4, 6), (5, 7), (1, 2), (5, 6), (0, 4),
         (3, 7), (1, 5), (2, 6), (1, 4), (3, 6), (2, 4), (3, 5), (3, 4))
_AROUND = [(y, x) for y in range(3) for x in range(3) if (y, x) != (1, 1)]
_SECOND_AND_SEVENTH = Network("around", _AROUND, _SORT, (1, 6))


class Residuals(NamedTuple):
    """Distances of the pixels of a block above what is expected, in units of the noise.

    Attributes
    ----------
    predicted : numpy.ndarray of float32, shape (rows, nx)
        From the prediction by the neighbours.
    median : numpy.ndarray of float32, shape (rows, nx)
        From the median of 5 x 5 pixels, and near the edge from pixels along it if that is less.
    classes : numpy.ndarray of uint8, shape (rows, nx)
        The class of structure; 0 is a flat sky.
    """

    predicted: Floats
    median: Floats
    classes: Classes


class ChipResiduals:
    """A chip, of which the residuals are computed block by block."""

    def __init__(self, data: npt.NDArray[Any], noise_model: NoiseModel) -> None:
        self._data = data
        ny, nx = data.shape
        self._rows = min(ny, max(1, _BLOCK // nx))
        self._y = mirrored(-REACH, ny + REACH, ny)
        self._noise = noise_model.table(mirrored(-REACH, nx + REACH, nx))
        fits = self._learned()
        self._weights = np.array([fit.weights for fit in fits], np.float32).T.copy()
        self._spreads = np.array([fit.tail.spread for fit in fits], np.float32)
        self._sampled: dict[int, Residuals] = {}

    def blocks(self) -> Iterator[tuple[int, Residuals]]:
        """Yield the first row and the residuals of each block, in arrays of its own."""
        for start in range(0, self._data.shape[0], self._rows):
            yield start, (self._sampled.pop(start) if start in self._sampled
                          else self._residuals(start))

    def sample(self) -> Residuals:
        """Return the residuals of some blocks, evenly distributed over the chip."""
        step = self._rows * max(1, self._data.size // _MEASURED)
        self._sampled = {start: self._residuals(start)
                         for start in range(0, self._data.shape[0], step)}
        parts = zip(*self._sampled.values(), strict=True)
        return Residuals(*(np.concatenate([values.ravel() for values in part]) for part in parts))

    def _learned(self) -> list[Fit]:
        """Return the weights of the neighbours for each class of structure."""
        rows, columns = sample_positions(self._data.shape, SAMPLE)
        squares = neighbourhoods(self._data, rows, columns, REACH).reshape(rows.size, -1)
        level = np.median(np.nan_to_num(squares), axis=1)
        noise = self._noise.at(level, rows, columns)
        nearest = squares.reshape(-1, 5, 5)[:, 1:4, 1:4].reshape(-1, 9)
        ordered = np.sort(np.delete(nearest, 4, axis=1), axis=1)
        with np.errstate(invalid="ignore", over="ignore"):
            depth = (level - squares[:, squares.shape[1] // 2]) / noise
            classes = _classes_of((ordered[:, 6] - ordered[:, 1]) / noise)
        classes[~np.isfinite(depth)] = UNKNOWN
        fits = [Fit.none()] * (UNKNOWN + 1)
        for number in range(1, UNKNOWN):
            members = np.flatnonzero(classes == number)
            if members.size >= FEWEST:
                pairs, centre = self._pairs(rows[members], columns[members], level[members],
                                            noise[members])
                windows = Windows(pairs.astype(np.float64), centre.astype(np.float64),
                                  np.zeros(0), depth[members].astype(np.float64))
                fits[number] = Fit.of(windows, flat=False)
        return fits

    def _pairs(
        self, rows: Indices, columns: Indices, level: Floats, noise: Floats
    ) -> tuple[Floats, Floats]:
        """Return the sums of opposite neighbours, shape (n, 24), and the pixels, shape (n,).

        Both are relative to the level and in units of the noise.  A missing pixel is replaced by
        the one opposite.
        """
        pixels = neighbourhoods(self._data, rows, columns, 3).reshape(rows.size, -1)
        with np.errstate(invalid="ignore", over="ignore"):
            values = (pixels - level[:, None]) / noise[:, None]
        return sums_of_opposites(values), values[:, PAIRS]

    def _residuals(self, start: int) -> Residuals:
        """Return the residuals of the block that starts at a row."""
        ny, nx = self._data.shape
        end = min(start + self._rows, ny)
        tile = tile_of(self._data, slice(start, end), slice(0, nx), _MARGIN)
        pixels, median, noise, structure, predicted = self._on_flat_sky(tile, start)
        classes = np.zeros(pixels.shape, np.uint8)
        y, x = positions_of(~(structure < np.float32(CLASSES[0])))
        classes[y, x] = _classes_of(structure[y, x])
        with np.errstate(invalid="ignore", over="ignore"):
            depth = pixels - median
            depth /= noise
            np.subtract(pixels, predicted, out=predicted)
            predicted /= noise
            for part in range(0, y.size, _CHUNK):
                some = y[part : part + _CHUNK], x[part : part + _CHUNK]
                predicted[some] = self._structured(
                    tile, *some, level=median[some], noise=noise[some], classes=classes[some])
            for rows, columns, along in _edges(start, end, ny, nx):
                expected = _median_of_four(tile, rows, columns, along)
                distance = (pixels[rows, columns] - expected) / noise[rows, columns]
                depth[rows, columns] = np.fmax(depth[rows, columns], distance)
        known = np.isfinite(predicted)
        known &= np.isfinite(depth)
        if not known.all():
            classes[~known] = UNKNOWN
        return Residuals(predicted, depth, classes)

    def _on_flat_sky(self, tile: Floats, start: int) -> tuple[Floats, ...]:
        """Return pixels, medians, noise, structure, and the mean of the neighbours, of a block."""
        inner = tile[REACH:-REACH, REACH:-REACH]
        median = median_filter(tile)
        noise = self._noise.block(median, self._y[start : start + len(median)])
        with np.errstate(invalid="ignore", over="ignore"):
            filled = np.where(np.isfinite(inner), inner, median)
            distance = filled - median
            np.abs(distance, out=distance)
            typical = np.where(distance < _OUTLIER * noise, filled, median)
            rows_of_five = _sum_of_five(typical, 0)
            mean = _sum_of_five(rows_of_five, 1)
            mean -= typical[REACH:-REACH, REACH:-REACH]
            mean /= np.float32(24)
            second, seventh = _SECOND_AND_SEVENTH.run(filled)
            noise = noise[REACH:-REACH, REACH:-REACH]
            structure = (seventh - second)[1:-1, 1:-1]
            structure /= noise
        middle = np.s_[REACH:-REACH, REACH:-REACH]
        return inner[middle], median[middle], noise, structure, mean

    def _structured(
        self, tile: Floats, rows: Indices, columns: Indices, *,
        level: Floats, noise: Floats, classes: Classes,
    ) -> Floats:
        """Return the distances of pixels above what their neighbours predict, where there is light.

        A pair of neighbours that alone lifts the prediction by more than its scatter is left out:
        it may hold a hot pixel, beside which a good one would look low.  So is a pair of which a
        pixel is missing.
        """
        pixels, width = tile.reshape(-1), tile.shape[1]
        index = (rows + _MARGIN) * width + columns + _MARGIN
        number = classes.astype(np.intp)
        predicted = self._from_pairs(tile, index, level, noise, number, may_miss=False)
        missed = np.flatnonzero(~np.isfinite(predicted))
        predicted[missed] = self._from_pairs(
            tile, index[missed], level[missed], noise[missed], number[missed], may_miss=True)
        distance = (pixels[index] - level) / noise - predicted
        distance[np.isinf(self._spreads.take(number))] = np.nan
        return np.asarray(distance)

    def _from_pairs(
        self, tile: Floats, index: Indices, level: Floats, noise: Floats, classes: Indices, *,
        may_miss: bool,
    ) -> Floats:
        """Return what the pairs of neighbours predict, not finite where a pixel is missing.

        With `may_miss` such a pair is left out, which takes twice as long.
        """
        pixels, width = tile.reshape(-1), tile.shape[1]
        middle = _MARGIN * (width + 1)
        corner, twice = index - middle, 2 * level
        spread = self._spreads.take(classes)
        predicted = np.zeros(index.size, np.float32)
        for weights, (y, x) in zip(self._weights, _OFFSETS, strict=True):
            offset = y * width + x
            pair = pixels[middle - offset :].take(corner)
            pair += pixels[middle + offset :].take(corner)
            pair -= twice
            pair /= noise
            pair *= weights.take(classes)
            if may_miss:
                pair[~np.isfinite(pair) | (pair > spread)] = 0.0
            else:
                pair *= pair <= spread
            predicted += pair
        return predicted


def _classes_of(structure: Floats) -> Classes:
    classes = np.zeros(structure.shape, np.uint8)
    for limit in _LIMITS:
        classes += structure >= limit
    classes[~np.isfinite(structure)] = UNKNOWN
    return classes


def _sum_of_five(values: Floats, axis: int) -> Floats:
    """Return the sums of five adjacent values along an axis."""
    parts = [values[i : values.shape[0] - 4 + i] if axis == 0
             else values[:, i : values.shape[1] - 4 + i] for i in range(5)]
    total = parts[0] + parts[1]
    for part in parts[2:]:
        total += part
    return total


def _edges(start: int, end: int, ny: int, nx: int) -> Iterator[tuple[slice, slice, int]]:
    """Yield the rows and columns of a block with mirrored medians, and the axis along the edge."""
    rows, columns = slice(0, end - start), slice(0, nx)
    for first, last in ((0, REACH), (ny - REACH, ny)):
        if max(first, start) < min(last, end):
            yield slice(max(first, start) - start, min(last, end) - start), columns, 1
    yield rows, slice(0, min(REACH, nx)), 0
    yield rows, slice(max(nx - REACH, 0), nx), 0


def _median_of_four(tile: Floats, rows: slice, columns: slice, axis: int) -> Floats:
    """Return the median of the two pixels on each side along an axis, for a part of a block."""
    four = []
    for offset in (-2, -1, 1, 2):
        y, x = (_MARGIN + offset, _MARGIN) if axis == 0 else (_MARGIN, _MARGIN + offset)
        four.append(tile[rows.start + y : rows.stop + y, columns.start + x : columns.stop + x])
    a, b, c, d = four
    larger_minimum = np.maximum(np.minimum(a, b), np.minimum(c, d))
    smaller_maximum = np.minimum(np.maximum(a, b), np.maximum(c, d))
    return np.asarray((larger_minimum + smaller_maximum) / 2)
