"""Quadratic surface fits around single pixels, which show how far each lies below its sky.

The median around a pixel lies too high at the bottom of a dark lane and between two stars.  A
quadratic surface fitted to the pixels around it follows both.  Stars, cosmic rays and other defects
on this surface are left out of the fit.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.candidates import Candidates
from staticmask_cli.localsky.median import REACH as MEDIAN_REACH
from staticmask_cli.localsky.median import fill_missing, median_filter
from staticmask_cli.localsky.windows import neighbourhoods, scatter_of_rows

__all__ = ["below_surface_fit", "quadratic_terms"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_REACHES = (3, 2)  # pixels that the surfaces extend to each side: any lane fits one of them well
# Fraction of the scatter around a surface that counts as noise.  If the whole scatter counted, low
# pixels would be overlooked in crowded fields, where the wings of stars dominate it.  If none of it
# counted, many valleys between stars would be low.
_SCATTER = 0.6
_FITS = 2  # fits in a row, each without the outliers of the one before
_OUTLIER = 4.0  # distance from the surface, in units of the noise, that makes a pixel an outlier
_CHUNK = 256  # pixels that are processed together, with matrix products too small for threads
_RIDGE = 1e-6  # added to the normal equations, so that a fit to too few pixels has a solution


def below_surface_fit(data: npt.NDArray[Any], candidates: Candidates, static_sig: float) -> Bits:
    """Return which candidates lie more than `static_sig` times their noise below the surfaces.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.
    candidates : Candidates
        The pixels to check, which are finite.
    static_sig : float
        The threshold, in units of the noise, or of 0.6 of the scatter around the wider surface if
        that is larger.

    Returns
    -------
    numpy.ndarray of bool, shape (n,)
        True = below both surfaces.
    """
    below = np.zeros(candidates.rows.size, dtype=np.bool_)
    for start in range(0, below.size, _CHUNK):
        chunk = slice(start, start + _CHUNK)
        noise = candidates.noise[chunk]
        pixels = neighbourhoods(
            data, candidates.rows[chunk], candidates.columns[chunk], max(_REACHES)
        )
        medians = _medians(pixels)
        (wide, others), (narrow, _) = (
            surface.depth(pixels, medians, noise) for surface in _SURFACES)
        scatter = np.nan_to_num(scatter_of_rows(others))  # of the wider surface, for both
        limit = np.maximum(noise, _SCATTER * scatter)
        below[chunk] = np.minimum(wide, narrow) > static_sig * limit
    return below


def quadratic_terms(reach: int) -> Doubles:
    """Return 1, x, y, x^2, xy and y^2 of the pixels of a square, row by row, shape (n, 6).

    Parameters
    ----------
    reach : int
        The number of pixels that the square extends to each side; there x and y are 1.
    """
    y, x = np.indices((2 * reach + 1,) * 2).reshape(2, -1) / reach - 1.0
    return np.stack([np.ones(y.size), x, y, x * x, x * y, y * y], axis=1)


class _Surface:
    """Fits of a quadratic surface to many square windows at once.

    Parameters
    ----------
    reach : int
        The number of pixels that the surface extends to each side of its centre.
    """

    def __init__(self, reach: int) -> None:
        self._reach = reach
        self._terms = terms = quadratic_terms(reach)
        self._products = (terms[:, :, None] * terms[:, None, :]).reshape(len(terms), -1)
        self._inverse = np.linalg.pinv(self._terms)

    def depth(self, pixels: Floats, medians: Floats, noise: Doubles) -> tuple[Doubles, Doubles]:
        """Return how far the centre of each window lies below its surface.

        Parameters
        ----------
        pixels, medians : numpy.ndarray of float32, shape (n, side, side)
            Windows at least as wide as the surface, and the local medians of their pixels.
        noise : numpy.ndarray of float64, shape (n,)
            The noise of the pixels of each window.

        Returns
        -------
        depth : numpy.ndarray of float64, shape (n,)
            The distance of the centre from the surface, positive below it.
        others : numpy.ndarray of float64, shape (n, pixels)
            The absolute distances of the other pixels; NaN for those that do not count.
        """
        values, levels = self._part(pixels), self._part(medians)
        centre = values.shape[1] // 2
        origin = levels[:, centre].copy()
        usable = np.isfinite(values)
        usable[:, centre] = False
        values = np.where(np.isfinite(values), values - origin[:, None], 0.0)
        levels = np.where(np.isfinite(levels), levels - origin[:, None], 0.0)
        coefficients = levels @ self._inverse.T  # the first surface is fitted to the medians
        for _ in range(_FITS):
            distance = np.abs(values - coefficients @ self._terms.T)
            coefficients = self._fit(values, usable & (distance < _OUTLIER * noise[:, None]))
        distance = np.abs(values - coefficients @ self._terms.T)
        distance[~usable] = np.nan
        return coefficients[:, 0] - values[:, centre], distance

    def _part(self, windows: Floats) -> Doubles:
        """Return the central part of each window as a row, in double precision."""
        margin = windows.shape[1] // 2 - self._reach
        end = windows.shape[1] - margin
        return windows[:, margin:end, margin:end].reshape(len(windows), -1).astype(np.float64)

    def _fit(self, values: Doubles, used: Bits) -> Doubles:
        """Return the least-squares coefficients for the pixels of each window that are used."""
        weights = used.astype(np.float64)
        terms = self._terms.shape[1]
        matrix = (weights @ self._products).reshape(-1, terms, terms)
        count = np.maximum(weights.sum(axis=1), 1.0)
        matrix += _RIDGE * count[:, None, None] * np.eye(terms)
        right = (weights * values) @ self._terms
        return np.asarray(np.linalg.solve(matrix, right[:, :, None])[:, :, 0])


_SURFACES = tuple(_Surface(reach) for reach in _REACHES)


def _medians(windows: Floats) -> Floats:
    """Return the median around every pixel of every window, from the pixels of the window alone."""
    count, side, _ = windows.shape
    margin = MEDIAN_REACH
    stack = np.pad(windows, ((0, 0), (margin, margin), (margin, margin)), mode="reflect")
    # The windows are put side by side, because the filter is faster with long rows.
    beside = stack.transpose(1, 0, 2).reshape(side + 2 * margin, -1)
    fill_missing(beside)
    medians = np.full((side, beside.shape[1]), np.nan, dtype=np.float32)
    medians[:, : -2 * margin] = median_filter(beside)
    return medians.reshape(side, count, -1)[:, :, :side].transpose(1, 0, 2)
