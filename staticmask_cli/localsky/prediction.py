"""Prediction of a pixel from its neighbours, with weights fitted to the chip by least squares.

No smooth surface follows the image of a star two pixels wide, but the pixels of such an image are
strongly correlated.  Bad pixels have been replaced by a linear interpolation that is trained on
their own image (astrofix: Zhang and Brandt 2021, Astronomical Journal 162, 139).  Here such an
interpolation predicts the value of a pixel, and the scatter of good pixels around their predictions
shows which distance from it is significant.
"""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.tails import Tail
from staticmask_cli.localsky.windows import neighbourhoods, quantile_of_rows, sample_positions

__all__ = [
    "CLASSES", "FEWEST", "PAIRS", "SAMPLE", "Fit", "Prediction", "Windows", "sums_of_opposites",
]

Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

PAIRS = 24
"""Pairs of opposite pixels around a pixel, within 7 x 7; both have the same weight."""

SAMPLE = 1 << 15
"""Pixels from which the training samples are chosen."""

CLASSES = 3.5 * 2.0 ** np.array([0.0, 0.5, 1.5, 2.5, 3.5, 4.5, 5.5, 6.5])
"""Limits of the classes of structure around a pixel, in units of the noise.

The best interpolation is an average on a flat sky, and sharp among stars.
"""

FEWEST = 200
"""Pixels of a class of structure, with fewer of which nothing is known about it."""

_REACH = 3  # pixels that the neighbourhood extends to each side
_SIDE = 2 * _REACH + 1
_MOST = 3000  # pixels in the training sample of a class
_FITS = 3  # fits in a row, each without the outliers of the one before
_OUTLIER = 4.0  # distance from the prediction, in units of the scatter, that makes an outlier
_RIDGE = 1e-3  # of the normal equations, added to them, so that a fit to stripes has a solution
_OUTLYING = 3.0  # largest distance of a neighbour from the level, in units of the structure
_UNKNOWN = -1  # the class of a pixel that is missing, or most of whose neighbours are
_FLAT = 2  # classes of hardly more structure than noise has
_EXTREMES = 3  # of 24 pixels on each side, which do not count as structure
_CHUNK = 4096  # pixels that are processed together and stay in the cache
_PART = 256  # pixels of a fit, of which a matrix product is too small for threads


class Prediction:
    """Weights that predict a pixel from its neighbours, and the scatter of good pixels around it.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip, of any real dtype; not modified.
    noise_model : NoiseModel
        The noise of the chip.
    without_axis : int, optional
        With 0 no pixel is predicted from others of its column, with 1 from others of its row.

    Notes
    -----
    The weights minimize the squared distances, in units of the noise, of a sample of pixels from
    their predictions, separately for classes of structure.  Defects, stars and cosmic rays are left
    out as outliers.  A class of which the chip has too few pixels has no weights, and no pixel of
    it lies below its prediction.
    """

    def __init__(
        self, data: npt.NDArray[Any], noise_model: NoiseModel, *, without_axis: int | None = None
    ) -> None:
        self._data = data
        self._noise_model = noise_model
        self._used = np.ones((_SIDE, _SIDE), dtype=np.bool_)
        self._used[_REACH, _REACH] = False
        if without_axis is not None:
            np.moveaxis(self._used, without_axis, 1)[_REACH] = False
        self._pairs = self._used.ravel()[:PAIRS]
        near = self._used[1:-1, 1:-1]  # 5 x 5
        closest = np.pad(near[1:-1, 1:-1], 1)
        self._near, self._closest = np.flatnonzero(near), np.flatnonzero(closest)
        self._fits: dict[int, Fit] = {}
        self._rows, self._columns = sample_positions(data.shape, SAMPLE)
        squares = neighbourhoods(data, self._rows, self._columns, 2).reshape(-1, 25)
        self._sky = self._local_sky(squares, self._rows, self._columns)
        known = np.isfinite(self._sky.structure) & np.isfinite(squares[:, 12])
        self._classes = np.where(known, np.searchsorted(CLASSES, self._sky.structure), _UNKNOWN)

    def below(self, rows: Indices, columns: Indices, static_sig: float) -> tuple[Bits, Bits]:
        """Return which pixels lie more than `static_sig` times the scatter below their prediction.

        Parameters
        ----------
        rows, columns : numpy.ndarray of integer, shape (n,)
            The positions of the pixels to check, which are finite.
        static_sig : float
            The threshold, in units of the scatter.

        Returns
        -------
        below, flat : numpy.ndarray of bool, shape (n,)
            True = below the prediction; True = the pixels around show no more structure than noise.
        """
        below = np.zeros(rows.size, dtype=np.bool_)
        flat = below.copy()
        for start in range(0, rows.size, _CHUNK):
            chunk = slice(start, start + _CHUNK)
            windows = self._windows(rows[chunk], columns[chunk])
            classes = np.searchsorted(CLASSES, windows.structure)
            flat[chunk] = classes < _FLAT
            for number in set(classes.tolist()):
                members, fit = np.flatnonzero(classes == number), self._fit(number)
                depth = fit.depth(windows, members)
                below[start + members] = depth > fit.tail.limit(static_sig)
        return below, flat

    def _fit(self, number: int) -> "Fit":
        """Return the fit of a class of structure, which is made when it is first needed."""
        if number not in self._fits:
            members = np.flatnonzero(self._classes == number)
            sample = members[:: -(-members.size // _MOST) or 1]
            self._fits[number] = Fit.none()
            if sample.size >= FEWEST:
                sky = _Sky._make(values[sample] for values in self._sky)
                windows = self._windows(self._rows[sample], self._columns[sample], sky)
                self._fits[number] = Fit.of(windows, flat=number < _FLAT)
        return self._fits[number]

    def _windows(self, rows: Indices, columns: Indices, sky: "_Sky | None" = None) -> "Windows":
        """Return the pixels at some positions, and their neighbours; the sky, where it is known."""
        pixels = neighbourhoods(self._data, rows, columns, _REACH)
        squares = pixels[:, 1:-1, 1:-1].reshape(-1, 25)
        level, structure, noise = sky or self._local_sky(squares, rows, columns)
        median = quantile_of_rows(squares, 0.5)
        with np.errstate(invalid="ignore", over="ignore"):
            values = pixels.reshape(rows.size, -1) - level[:, None]
            limit = (_OUTLYING * structure * noise)[:, None]
            centre = values[:, PAIRS] / noise
            np.minimum(values, limit, out=values)
            np.maximum(values, -limit, out=values)
            depth = (median - pixels[:, _REACH, _REACH]) / noise
        pairs = sums_of_opposites(values)
        pairs /= noise[:, None]
        pairs[:, ~self._pairs] = 0.0
        return Windows(pairs, centre, structure, depth)

    def _local_sky(self, pixels: Floats, rows: Indices, columns: Indices) -> "_Sky":
        """Return the sky in squares of 5 x 5 pixels without the centres.

        The level is the median of the closest pixels, from which the noise follows.  The extremes
        are left out of the structure, so that three low and three high pixels change it no more
        than noise does.  Missing pixels do not count; if most are missing, it is infinite.
        """
        level = quantile_of_rows(pixels.take(self._closest, axis=1), 0.5)
        level = np.nan_to_num(level).astype(np.float64)
        noise = self._noise_model.sigma(level.astype(np.float32), rows, columns)
        ordered = pixels.take(self._near, axis=1)
        ordered.sort(axis=1)  # NaN last
        width = ordered[:, -1 - _EXTREMES].copy()
        missing = np.flatnonzero(np.isnan(ordered[:, -1]))
        known = np.count_nonzero(~np.isnan(ordered[missing]), axis=1)
        width[missing] = ordered[missing, np.maximum(known - 1 - _EXTREMES, _EXTREMES)]
        with np.errstate(invalid="ignore", over="ignore"):
            structure = np.nan_to_num((width - ordered[:, _EXTREMES]) / noise, nan=np.inf)
        structure[missing[2 * known < ordered.shape[1]]] = np.inf
        return _Sky(level, structure, noise)


class _Sky(NamedTuple):
    """The sky around pixels: its level, its structure in units of the noise, and the noise."""

    level: Doubles
    structure: Doubles
    noise: Doubles


def sums_of_opposites(values: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the sums of opposite pixels of squares of 7 x 7.

    Parameters
    ----------
    values : numpy.ndarray of float, shape (n, 49)
        The squares.  Where a pixel is missing, the opposite one takes its place, in this array too;
        0 if that is missing as well.

    Returns
    -------
    numpy.ndarray of float, shape (n, 24)
        The sums.
    """
    first, last = values[:, :PAIRS], values[:, :PAIRS:-1]
    if not np.isfinite(values).all():
        for half, opposite in ((first, last), (last, first)):
            missing = ~np.isfinite(half)
            half[missing] = np.nan_to_num(opposite[missing], posinf=0.0, neginf=0.0)
    return np.asarray(first + last)


@dataclass(frozen=True)
class Fit:
    """The weights for one class of structure.

    Attributes
    ----------
    weights : numpy.ndarray of float64, shape (24,)
        The weight of each pair of opposite pixels.
    tail : Tail
        How far good pixels lie below their predictions, in units of the noise.
    """

    weights: Doubles
    tail: Tail

    @classmethod
    def none(cls) -> "Fit":
        """Return the fit of a class without a training sample: no pixel is below it."""
        return cls(np.zeros(PAIRS), Tail(np.inf, 0.0))

    def depth(self, windows: "Windows", members: Indices) -> Doubles:
        """Return how far some of the pixels lie below their prediction, and below their median."""
        predicted: Doubles = np.einsum("ij,j->i", windows.pairs[members], self.weights)
        return np.minimum(predicted - windows.centre[members], windows.depth[members])

    @classmethod
    def of(cls, windows: "Windows", *, flat: bool) -> "Fit":
        """Fit the weights to a training sample."""
        pairs, centre = windows.pairs, windows.centre
        inlier = np.ones(centre.size, dtype=np.bool_)
        weights = np.zeros(PAIRS)
        for _ in range(_FITS):
            inner = pairs[inlier]
            matrix = np.zeros((PAIRS, PAIRS))
            for start in range(0, len(inner), _PART):
                part = inner[start : start + _PART]
                matrix += part.T @ part
            matrix += _RIDGE * np.trace(matrix) / PAIRS * np.eye(PAIRS) + np.eye(PAIRS)
            weights = np.linalg.solve(matrix, np.einsum("ij,i->j", inner, centre[inlier]))
            distance = np.abs(np.einsum("ij,j->i", pairs, weights) - centre)
            inlier = distance < _OUTLIER * np.quantile(distance, 0.6827)
            if not inlier.any():
                break
        depth = np.minimum(np.einsum("ij,j->i", pairs, weights) - centre, windows.depth)
        tail = Tail.of(depth, flat=flat)
        freedom = float(np.sqrt(centre.size / (centre.size - PAIRS)))
        return cls(weights, Tail(tail.spread * freedom if tail.spread > 0 else np.inf, tail.growth))


@dataclass(frozen=True)
class Windows:
    """Pixels and their neighbours, relative to the local level and in units of the local noise.

    Attributes
    ----------
    pairs : numpy.ndarray of float64, shape (n, 24)
        The sums of opposite neighbours.
    centre : numpy.ndarray of float64, shape (n,)
        The pixels themselves.
    structure : numpy.ndarray of float64, shape (n,)
        The range of the values next to each pixel, without the extremes.
    depth : numpy.ndarray of float64, shape (n,)
        How far the pixels lie below the median of the 5 x 5 pixels around them.
    """

    pairs: Doubles
    centre: Doubles
    structure: Doubles
    depth: Doubles
