"""A closer look at single pixels: the sky as a surface of second order through their neighbours.

The median around a pixel lies too high at the bottom of a dark lane and between two stars.  A
surface fitted to the pixels around follows both; stars, cosmic rays and other defects on it are
left out of the fit.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.median import REACH as MEDIAN_REACH
from staticmask_cli.localsky.median import fill_missing, median_filter
from staticmask_cli.localsky.windows import neighbourhoods

__all__ = ["below_surface_fit"]

Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_REACHES = (3, 2)  # pixels that the surfaces extend to each side: no lane fits both badly
_FITS = 2  # the second without what the first one left out
_OUTLIER = 4.0  # noise from the surface
_CHUNK = 2048  # pixels looked at together, so that memory does not follow their number
_TO_SIGMA = 1.4826  # from a median distance
_RIDGE = 1e-6  # keeps a fit to too few pixels solvable


def below_surface_fit(
    data: npt.NDArray[Any], rows: Indices, columns: Indices, noise: Doubles, static_sig: float,
    *, scatter: Doubles,
) -> Bits:
    """Whether pixels lie more than `static_sig` times their noise below the surface around them.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.
    rows, columns : numpy.ndarray of integer, shape (n,)
        Where these pixels are; they are finite.
    noise : numpy.ndarray of float64, shape (n,)
        Of each.
    static_sig : float
        The threshold.
    scatter : numpy.ndarray of float64, shape (n,)
        How much of the scatter around the surface counts instead of the noise, if it is larger.
    """
    below = np.zeros(rows.size, dtype=np.bool_)
    for start in range(0, rows.size, _CHUNK):
        some = slice(start, start + _CHUNK)
        pixels = neighbourhoods(data, rows[some], columns[some], max(_REACHES))
        smooth = _medians(pixels)
        limit = noise[some]
        under_all = np.ones(limit.size, dtype=np.bool_)
        for surface in _SURFACES:  # the widest first: its scatter counts for all
            depth, around = surface.depth(pixels, smooth, noise[some])
            if surface is _SURFACES[0]:
                limit = np.maximum(limit, scatter[some] * around)
            under_all &= depth > static_sig * limit
        below[some] = under_all
    return below


class _Surface:
    """Fits of a surface of second order to square windows, all at once.

    Parameters
    ----------
    reach : int
        Pixels of the window to each side of its centre.
    """

    def __init__(self, reach: int) -> None:
        self._reach = reach
        y, x = np.divmod(np.arange((2 * reach + 1) ** 2), 2 * reach + 1)
        y, x = (y - reach) / reach, (x - reach) / reach
        self._terms = np.stack([np.ones(y.size), x, y, x * x, x * y, y * y], axis=1)
        self._products = (self._terms[:, :, None] * self._terms[:, None, :]).reshape(y.size, -1)
        self._inverse = np.linalg.pinv(self._terms)

    def depth(self, pixels: Floats, smooth: Floats, noise: Doubles) -> tuple[Doubles, Doubles]:
        """How far the centre of each window lies below its surface, and the scatter around it.

        Parameters
        ----------
        pixels, smooth : numpy.ndarray of float32, shape (n, side, side)
            Windows at least as wide as the surface, and their medians, likewise.
        noise : numpy.ndarray of float64, shape (n,)
            Of the pixels of each window.
        """
        values, medians = self._part(pixels), self._part(smooth)
        centre = values.shape[1] // 2
        origin = medians[:, centre].copy()
        usable = np.isfinite(values)
        usable[:, centre] = False
        values = np.where(np.isfinite(values), values - origin[:, None], 0.0)
        medians = np.where(np.isfinite(medians), medians - origin[:, None], 0.0)
        shape = medians @ self._inverse.T  # the first surface goes through the medians
        for _ in range(_FITS):
            distance = np.abs(values - shape @ self._terms.T)
            shape = self._fit(values, usable & (distance < _OUTLIER * noise[:, None]))
        distance = np.abs(values - shape @ self._terms.T)
        scatter = _TO_SIGMA * _median_of_rows(np.where(usable, distance, np.nan))
        return shape[:, 0] - values[:, centre], scatter

    def _part(self, windows: Floats) -> Doubles:
        """Middle of windows, one a row, in double precision."""
        margin = windows.shape[1] // 2 - self._reach
        end = windows.shape[1] - margin
        return windows[:, margin:end, margin:end].reshape(len(windows), -1).astype(np.float64)

    def _fit(self, values: Doubles, kept: Bits) -> Doubles:
        """Coefficients of the least-squares surface through the kept pixels of each window."""
        weights = kept.astype(np.float64)
        terms = self._terms.shape[1]
        matrix = (weights @ self._products).reshape(-1, terms, terms)
        count = np.maximum(weights.sum(axis=1), 1.0)
        matrix += _RIDGE * count[:, None, None] * np.eye(terms)
        right = (weights * values) @ self._terms
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])


_SURFACES = tuple(_Surface(reach) for reach in _REACHES)


def _median_of_rows(values: Doubles) -> Doubles:
    """Lower median of each row without its NaN, which sorting puts last; 0 without any value."""
    ordered = np.sort(values, axis=1)
    count = np.count_nonzero(np.isfinite(values), axis=1)
    middle = np.maximum(count - 1, 0) // 2
    return np.nan_to_num(np.take_along_axis(ordered, middle[:, None], axis=1)[:, 0])


def _medians(windows: Floats) -> Floats:
    """Median around every pixel of every window, from the pixels of the window alone."""
    count, side, _ = windows.shape
    margin = MEDIAN_REACH
    stack = np.pad(windows, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    # Side by side in long rows, which the filter takes faster than short ones.
    beside = stack.transpose(1, 0, 2).reshape(side + 2 * margin, -1)
    fill_missing(beside)
    smooth = np.full((side, beside.shape[1]), np.nan, dtype=np.float32)
    smooth[:, : -2 * margin] = median_filter(beside)
    return smooth.reshape(side, count, -1)[:, :, :side].transpose(1, 0, 2)
