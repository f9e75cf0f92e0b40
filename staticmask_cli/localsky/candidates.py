"""Candidates: the pixels that lie far below the median of the 5 x 5 pixels around them."""

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH, far_below_median
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.windows import neighbourhoods

__all__ = ["MARGIN", "Candidates", "far_below_sky"]

Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

MARGIN = 0.4
"""Of the threshold, by which the neighbours of a low pixel must lie above it."""

_EDGE = 3  # pixels from the edge of a chip, within which neighbours must lie above by all of it
_CONTRAST = 0.1  # of the rise to the second highest neighbour, below which a depth means nothing
_CENTRE = 4  # index of the central pixel of 3 x 3
_SHORTEST_RUN = 3  # pixels


class Candidates(NamedTuple):
    """Pixels of a chip that lie far below their local sky.

    Attributes
    ----------
    rows, columns : numpy.ndarray of integer, shape (n,)
        The positions of the pixels.
    depth : numpy.ndarray of float32, shape (n,)
        The distances of the pixels below their sky.
    noise : numpy.ndarray of float64, shape (n,)
        The noise at the level of each sky.
    """

    rows: Indices
    columns: Indices
    depth: Floats
    noise: Doubles

    @classmethod
    def joined(cls, parts: Sequence["Candidates"]) -> "Candidates":
        """Join several groups of candidates into one."""
        return cls(*(np.concatenate(values) for values in zip(*parts, strict=True)))

    def select(self, selected: Bits) -> "Candidates":
        """Return the candidates for which `selected` is True."""
        return Candidates._make(values[selected] for values in self)

    def in_runs(self, axis: int) -> Bits:
        """Return which candidates are part of three or more adjacent ones along an axis.

        Parameters
        ----------
        axis : int
            0 for runs along a column, 1 for runs along a row.
        """
        along, across = (self.columns, self.rows) if axis else (self.rows, self.columns)
        order = np.lexsort((along, across))
        line = across[order] * (int(along.max(initial=0)) + _SHORTEST_RUN) + along[order]
        begins = line[_SHORTEST_RUN - 1 :] - line[: -_SHORTEST_RUN + 1] == _SHORTEST_RUN - 1
        found = np.zeros(line.size, np.bool_)
        for number in range(_SHORTEST_RUN):
            found[order[number : number + begins.size][begins]] = True
        return found

    def lowest_of_neighbours(self, data: npt.NDArray[Any], low: Bits, static_sig: float) -> Bits:
        """Return which candidates lie clearly below the eight pixels around them.

        The pixels at the end of a dark lane do not.  One of the eight may be lower, as on the slope
        of a star, and so may any number of them that are low themselves.  At the edge of a chip,
        where a slope looks like the bottom of a lane, none may be.  Beside a saturated star no
        prediction is better than a part of the step to it, so a candidate must be deeper than that.

        Parameters
        ----------
        data : numpy.ndarray, shape (ny, nx)
            Pixels of any real dtype; not modified.  NaN is never lower than another pixel.
        low : numpy.ndarray of bool, shape (ny, nx)
            All pixels that were found to be low, True = low.
        static_sig : float
            The threshold, in units of the noise.

        Returns
        -------
        numpy.ndarray of bool, shape (n,)
            True = clearly below its neighbours.
        """
        from_edge = np.minimum.reduce([self.rows, data.shape[0] - 1 - self.rows,
                                       self.columns, data.shape[1] - 1 - self.columns])
        at_edge = from_edge < _EDGE
        margin = np.where(at_edge, 1.0, MARGIN) * static_sig * self.noise
        pixels = neighbourhoods(data, self.rows, self.columns, 1).reshape(-1, 9)
        excused = neighbourhoods(low, self.rows, self.columns, 1).reshape(-1, 9) > 0
        with np.errstate(invalid="ignore", over="ignore"):
            rises = pixels - pixels[:, _CENTRE, None]
            above = rises > margin[:, None]
        above |= np.isnan(pixels)
        above[:, _CENTRE] = True
        step = np.partition(np.where(np.isfinite(rises), rises, 0), -2, axis=1)[:, -2]
        all_but_one = np.count_nonzero(above, axis=1) >= above.shape[1] - 1
        inside = all_but_one | (above | excused).all(axis=1)
        lowest = np.where(at_edge, above.all(axis=1), inside)
        return np.asarray(lowest & (self.depth >= _CONTRAST * step))


def far_below_sky(
    tiles: Iterable[tuple[int, int, Floats]], noise_model: NoiseModel, static_sig: float
) -> Candidates:
    """Find the pixels that lie more than `static_sig` times the noise below their local sky.

    Parameters
    ----------
    tiles : iterable of tuple
        The tiles of a chip, each with the numbers of its first row and column (`windows.tiles`).
    noise_model : NoiseModel
        The noise of the chip.
    static_sig : float
        The threshold, in units of the noise.
    """
    # Comparing all pixels with the least noise of any level first is fast, and leaves few.
    with np.errstate(over="ignore"):
        limit = np.float32(static_sig * noise_model.least)
    parts = []
    for row, column, tile in tiles:
        rows, columns, sky = far_below_median(tile, limit)
        depth = sky - tile[rows + REACH, columns + REACH]
        rows, columns = rows + row, columns + column
        noise = noise_model.sigma(sky, rows, columns)
        far = depth > static_sig * noise
        parts.append(Candidates(rows[far], columns[far], depth[far], noise[far]))
    return Candidates.joined(parts)
