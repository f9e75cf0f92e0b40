"""The noise of a pixel, as a function of the level of its sky and of its place on the chip.

Structure of the sky increases the estimates of the noise and never reduces them.  So wherever
there are two estimates, the smaller one is used.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.differences import FEWEST, ONE_SIGMA, positive_quantile
from staticmask_cli.localsky.median import REACH
from staticmask_cli.localsky.patches import COMPRESSED, TAIL, TAIL_SIGMA, Patches
from staticmask_cli.localsky.windows import quantile_of_rows

__all__ = ["NoiseModel", "NoiseTable"]

Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_PIXELS_FOR_LEVELS = 1 << 17  # pixels of the patches from which the noise at a level is estimated
_BINS = 32  # bins of the sky level, before the highest one is divided further
_STEPS = 4096  # of the level in a table
_TOGETHER = 128  # patches that are looked at together and stay in the cache
_TAIL_BIN = 400  # pixels in the bin of the highest level, at least


@dataclass(frozen=True)
class NoiseModel:
    """The noise of a pixel as a function of the level of its sky and of its place on the chip.

    Attributes
    ----------
    level : numpy.ndarray of float64, shape (n,)
        The sky levels of the bins in ascending order; empty if no noise could be estimated.
    noise : numpy.ndarray of float64, shape (n,)
        The noise at each level.
    excess : numpy.ndarray of float64, shape (cells of y, cells of x)
        The factor, at least 1, by which the noise is larger in each cell of the chip.
    cell : float
        The number of pixels along each side of a cell.
    """

    level: Doubles
    noise: Doubles
    excess: Doubles
    cell: float

    @classmethod
    def of(cls, data: npt.NDArray[Any]) -> "NoiseModel":
        """Estimate the noise of a chip from patches of its pixels.

        Parameters
        ----------
        data : numpy.ndarray, shape (ny, nx)
            Pixels of any real dtype; not modified.
        """
        nothing = cls(np.empty(0), np.empty(0), np.ones((1, 1)), 1)
        if min(data.shape) <= 2 * REACH:
            return nothing
        patches = Patches.of(data)
        step = max(1, patches.level.size // _PIXELS_FOR_LEVELS) | 1
        known = (np.isfinite(patches.depth) & np.isfinite(patches.difference)).ravel()
        if np.count_nonzero(known) < FEWEST:
            return nothing
        level, depth, difference = (
            values.ravel()[known][::step]
            for values in (patches.level, patches.depth, patches.difference)
        )
        levels, noise = _noise_by_level(level, depth, difference)
        model = replace(nothing, level=levels, noise=noise)
        return replace(model, excess=_excess(patches, model), cell=patches.cell) if model else model

    def __bool__(self) -> bool:
        return self.level.size > 0

    @property
    def least(self) -> float:
        """The smallest noise of any level."""
        return float(self.noise.min())

    def transposed(self) -> "NoiseModel":
        """Return the noise of the transposed chip."""
        return replace(self, excess=self.excess.T)

    def of_blocks(self, side: int) -> "NoiseModel":
        """Return the noise of the means of square blocks of pixels, if it is not correlated."""
        return replace(self, noise=self.noise / side, cell=self.cell / side)

    def sigma(self, level: Floats, rows: Indices | int, columns: Indices | int) -> Doubles:
        """Return the noise at given levels and places.

        Above the highest bin it is proportional to the level.

        Parameters
        ----------
        level : numpy.ndarray of float32
            The levels of the sky.
        rows, columns : int or numpy.ndarray of int
            The places on the chip, which are broadcast to the shape of `level`.
        """
        inside = np.interp(level, self.level, self.noise)
        top = max(float(self.level[-1]), float(self.noise[-1]))
        with np.errstate(over="ignore"):  # no pixel is low if its noise is infinite
            noise = inside * np.maximum(1.0, level / top)
            y, x = (np.asarray(index / self.cell, dtype=np.intp) for index in (rows, columns))
            return np.asarray(noise * self.excess[y, x])

    def table(self, columns: Indices) -> "NoiseTable":
        """Return the same noise from a table, for many pixels of these columns."""
        return NoiseTable(self, columns)


class NoiseTable:
    """The noise of many pixels, from a table of equal steps of the level."""

    def __init__(self, model: NoiseModel, columns: Indices) -> None:
        self._model = model
        self._first = np.float32(model.level[0])
        self._step = np.float32(max(model.level[-1] - model.level[0], 1e-30) / (_STEPS - 1))
        levels = self._first + self._step * np.arange(_STEPS, dtype=np.float32)
        self._noise = np.interp(levels, model.level, model.noise).astype(np.float32)
        self._top = np.float32(max(model.level[-1], model.noise[-1]))
        cells = (columns / model.cell).astype(np.intp)
        self._excess = model.excess.astype(np.float32)[:, cells]

    def block(self, level: Floats, rows: Indices) -> Floats:
        """Return the noise of some rows of pixels.

        Parameters
        ----------
        level : numpy.ndarray of float32, shape (ny, nx)
            The levels of the sky, which are not NaN.
        rows : numpy.ndarray of integer, shape (ny,)
            The places of the rows on the chip.
        """
        with np.errstate(over="ignore"):
            number = level - self._first
            number /= self._step
            np.clip(number, 0, _STEPS - 1, out=number)
            noise: Floats = self._noise.take(number.astype(np.intp))
            np.divide(level, self._top, out=number)
            np.maximum(number, 1, out=number)
            noise *= number
            noise *= self._excess[(rows / self._model.cell).astype(np.intp)]
        return noise

    def at(self, level: Floats, rows: Indices, columns: Indices) -> Floats:
        """Return the noise of single pixels, all arrays of shape (n,)."""
        return self._model.sigma(level, rows, columns).astype(np.float32)


def _noise_by_level(level: Floats, depth: Floats, difference: Floats) -> tuple[Doubles, Doubles]:
    """Return the levels of the bins, and the noise at each of them.

    There are two estimates in each bin, of which the smaller one is used: one from the pixels below
    their sky, which stars and cosmic rays do not affect, and one from second differences, which
    dark lanes and clouds do not affect.
    """
    order = np.argsort(level)
    level, depth, difference = level[order], depth[order], np.abs(difference[order])
    levels, noises = [], []
    start = 0
    for end in _bin_ends(level.size):
        by_difference = positive_quantile(difference[start:end], ONE_SIGMA)
        # A median that is low by chance has pixels close below it: bins must be wider than noise.
        margin = (end - start) // 10
        width = level[end - 1 - margin] - level[start + margin]
        if end < level.size and not width > by_difference:
            continue
        by_depth = positive_quantile(depth[start:end], TAIL) / TAIL_SIGMA
        noise = min(by_depth / COMPRESSED, by_difference)
        if np.isfinite(noise):  # which it is not if one estimate is NaN
            levels.append(float(level[(start + end) // 2]))
            noises.append(noise)
        start = end
    level_of_bins = np.asarray(levels)
    return level_of_bins, _photon_noise(level_of_bins, np.asarray(noises))


def _photon_noise(level: Doubles, noise: Doubles) -> Doubles:
    """Limit the noise to what photons can cause.

    The variance of photon noise, divided by the level, is the same at all levels; any constant
    noise makes this ratio fall with the level.  Where it rises, the wings of stars are the cause.
    So it is limited by the ratios at lower levels, and never by those at higher ones.
    """
    positive = level > 0
    ratio = noise[positive] ** 2 / level[positive]
    least = np.inf
    limited = []
    for number in range(ratio.size):
        # A single bin can be low by chance.
        least = min(least, float(np.median(ratio[: number + 1])))
        limited.append(min(least, ratio[number]))
    noise = noise.copy()
    noise[positive] = np.sqrt(limited * level[positive])
    return noise


def _excess(patches: Patches, model: NoiseModel) -> Doubles:
    """Return by which factor the noise of each cell exceeds that of its level, at least 1.

    Only the darker half of each patch counts, which structure of the sky affects least.  The factor
    is the median of 3 x 3 cells.
    """
    parts = []
    for start in range(0, len(patches.level), _TOGETHER):
        some = slice(start, start + _TOGETHER)
        parts.append(_excess_of_patches(
            patches.level[some], patches.depth[some], patches.difference[some], model))
    by_cell = np.concatenate(parts).reshape(patches.cells)
    padded = np.pad(by_cell, 1, mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (3, 3))
    median = quantile_of_rows(windows.reshape(-1, 9), 0.5)
    return np.asarray(np.fmax(1.0, median).reshape(patches.cells))


def _excess_of_patches(
    level: Floats, depth: Floats, difference: Floats, model: NoiseModel
) -> Doubles:
    """Return the factor of each patch from its own pixels."""
    noise = model.sigma(level, 0, 0)  # whose excess is 1
    darker = level <= quantile_of_rows(level, 0.5)[:, None]
    with np.errstate(invalid="ignore"):
        low, steps = (np.where(darker, values / noise, np.nan)
                      for values in (depth, np.abs(difference)))
    by_depth = quantile_of_rows(low, (1 + TAIL) / 2, FEWEST) / (TAIL_SIGMA * COMPRESSED)
    return np.asarray(np.fmin(by_depth, quantile_of_rows(steps, ONE_SIGMA, FEWEST)))


def _bin_ends(count: int) -> list[int]:
    """Return the ends of the bins of `count` pixels, sorted by level.

    All bins have equally many pixels, but the last one is halved repeatedly, because bright sky
    is rare and its noise varies most.
    """
    ends = [number * count // _BINS for number in range(1, _BINS)]
    tail = count - ends[-1]
    while tail > 2 * _TAIL_BIN:
        tail //= 2
        ends.append(count - tail)
    return [*ends, count]
