"""Prediction of a pixel from its neighbours, with weights fitted to the chip by least squares.

No quadratic surface follows the image of a star two pixels wide, but the pixels of such an image
are strongly correlated.  Bad pixels have been replaced by a linear interpolation that is trained on
their own image (astrofix: Zhang and Brandt 2021, Astronomical Journal 162, 139).  Here such an
interpolation predicts the value of a pixel, and the scatter of good pixels around their predictions
shows which distance from it is significant.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.windows import neighbourhoods

__all__ = ["Prediction"]

Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_REACH = 3  # pixels that the neighbourhood extends to each side
_PAIRS = ((2 * _REACH + 1) ** 2 - 1) // 2  # pairs of opposite pixels, which have the same weight
_SAMPLE = 1 << 15  # pixels from which the training samples are chosen
_GOLDEN = 0.6180339887  # of the chip between two of these pixels, which distributes them evenly
# Limits of the classes of structure around a pixel, in units of the noise: the best interpolation
# is an average on a flat sky, and sharp among stars.
_CLASSES = 6.0 * 2.0 ** (np.arange(13) / 2)
_FLAT = 3.0  # structure of a flat sky; noise alone has 1.7 on average, and rarely more than this
_MOST, _FEWEST = 3000, 100  # pixels in the training sample of a class
_FITS = 3  # fits in a row, each without the outliers of the one before
_OUTLIER = 4.0  # distance from the prediction, in units of the scatter, that makes an outlier
# Quantile of the most deviating neighbours.  Larger values would dominate the fit, and beside a
# saturated star the weights are not valid.
_FAR = 0.99
_TAIL, _TAIL_SIGMA = 0.9332, 1.5  # quantile of the distances below the prediction, and its sigma
# Fraction of the scatter that is noise of the pixel itself; the rest is that of its neighbours.
_SELF_NOISE_FRACTION = 0.9
_RIDGE = 1e-3  # added to the normal equations, so that a fit to equal pixels has a solution
_CHUNK = 8192  # pixels that are processed together, which limits the memory


class Prediction:
    """Weights that predict a pixel from its neighbours, and the scatter of good pixels around it.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip, of any real dtype; not modified.
    noise_model : NoiseModel
        The noise of the chip.

    Notes
    -----
    The weights minimize the squared distances, in units of the noise, of a sample of pixels from
    their predictions, separately for classes of structure.  Defects, stars and cosmic rays are left
    out as outliers.  The distances below the prediction are not Gaussian; their scatter is measured
    by the quantile of 93%, which is 1.5 sigma of a Gaussian distribution.
    """

    def __init__(self, data: npt.NDArray[Any], noise_model: NoiseModel) -> None:
        self._data = data
        self._noise_model = noise_model
        self._weights = np.zeros((_CLASSES.size + 1, _PAIRS))
        self._spread = np.zeros(_CLASSES.size + 1)  # 0 where no weights could be fitted
        self._farthest = np.full(_CLASSES.size + 1, np.inf)
        for number, windows in self._training_samples():
            if windows is not None:
                farthest = float(np.quantile(windows.farthest, _FAR))
                self._weights[number], self._spread[number] = _fitted_weights(windows, farthest)
                self._farthest[number] = farthest
            elif number:  # use the weights for less structure, whose predictions are worse here
                self._weights[number] = self._weights[number - 1]
                self._spread[number] = self._spread[number - 1] * np.sqrt(2)
                self._farthest[number] = self._farthest[number - 1] * np.sqrt(2)

    def _training_samples(self) -> Iterator[tuple[int, "_Windows | None"]]:
        """Yield the number of each class and a sample of its pixels; None if there are too few."""
        size = self._data.size
        stride = int(_GOLDEN * size) | 1
        indices = np.sort(np.arange(min(_SAMPLE, size)) * stride % size)
        rows, columns = np.divmod(indices, self._data.shape[1])
        squares = neighbourhoods(self._data, rows, columns, 1)
        _, structure, _ = _local_sky(squares, self._noise_model)
        classes = np.searchsorted(_CLASSES, structure)
        known = np.isfinite(structure) & np.isfinite(squares[:, 1, 1])
        for number in range(_CLASSES.size + 1):
            members = np.flatnonzero((classes == number) & known)
            sample = members[:: -(-members.size // _MOST) or 1]
            windows = None
            if sample.size >= _FEWEST:
                windows = _Windows.of(
                    self._data, rows[sample], columns[sample], self._noise_model
                )
            yield number, windows

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
        below : numpy.ndarray of bool, shape (n,)
            True = below the prediction.
        certain : numpy.ndarray of bool, shape (n,)
            True = below the prediction on a flat sky, where no further check is needed.
        """
        below = np.zeros(rows.size, dtype=np.bool_)
        certain = below.copy()
        for start in range(0, rows.size, _CHUNK):
            chunk = slice(start, start + _CHUNK)
            windows = _Windows.of(self._data, rows[chunk], columns[chunk], self._noise_model)
            classes = np.searchsorted(_CLASSES, windows.structure)
            depth = np.einsum("ij,ij->i", windows.pairs, self._weights[classes]) - windows.centre
            spread = self._spread[classes]
            valid = windows.farthest <= self._farthest[classes]
            below[chunk] = valid & (depth > static_sig * _SELF_NOISE_FRACTION * spread)
            flat = valid & (windows.structure < _FLAT) & (spread > 0)
            certain[chunk] = flat & (depth > static_sig * spread)
        return below, certain


def _fitted_weights(windows: "_Windows", farthest: float) -> tuple[Doubles, float]:
    """Return the weights of the pairs for one class, and the scatter in units of the noise."""
    usable = windows.farthest <= farthest
    pairs, centre = windows.pairs[usable], windows.centre[usable]
    inlier = np.ones(centre.size, dtype=np.bool_)
    weights = np.zeros(_PAIRS)
    for _ in range(_FITS):
        inner = pairs[inlier]
        matrix = inner.T @ inner + _RIDGE * centre.size * np.eye(_PAIRS)
        # lstsq, because beside extremely large pixels the ridge has no effect.
        solution, *_ = np.linalg.lstsq(matrix, inner.T @ centre[inlier])
        weights = np.asarray(solution, dtype=np.float64)
        distance = np.abs(pairs @ weights - centre)
        inlier = distance < _OUTLIER * np.quantile(distance, 0.6827)
        if not inlier.any():
            break
    spread = float(np.quantile(pairs @ weights - centre, _TAIL)) / _TAIL_SIGMA
    return weights, max(spread, 0.0) * float(np.sqrt(centre.size / (centre.size - _PAIRS)))


@dataclass(frozen=True)
class _Windows:
    """Pixels and their neighbours, relative to the local level and in units of the local noise.

    Attributes
    ----------
    pairs : numpy.ndarray of float64, shape (n, 24)
        The sums of opposite neighbours.
    centre : numpy.ndarray of float64, shape (n,)
        The pixels themselves.
    structure : numpy.ndarray of float64, shape (n,)
        The range of the values next to each pixel.
    """

    pairs: Doubles
    centre: Doubles
    structure: Doubles

    @property
    def farthest(self) -> Doubles:
        """The largest absolute sum of any pair of each pixel, shape (n,)."""
        return np.asarray(np.abs(self.pairs).max(axis=1))

    @classmethod
    def of(
        cls, data: npt.NDArray[Any], rows: Indices, columns: Indices, noise_model: NoiseModel
    ) -> "_Windows":
        pixels = neighbourhoods(data, rows, columns, _REACH)
        inner = slice(_REACH - 1, _REACH + 2)
        level, structure, noise = _local_sky(pixels[:, inner, inner], noise_model)
        with np.errstate(invalid="ignore", over="ignore"):
            values = pixels.reshape(rows.size, -1) - level[:, None]
        first, last = values[:, :_PAIRS], values[:, :_PAIRS:-1]
        for half, opposite in ((first, last), (last, first)):
            missing = ~np.isfinite(half)
            if missing.any():  # then the opposite pixel counts twice, unless it is missing too
                half[missing] = np.nan_to_num(opposite[missing], posinf=0.0, neginf=0.0)
        return cls((first + last) / noise[:, None], values[:, _PAIRS] / noise, structure)


def _local_sky(pixels: Floats, noise_model: NoiseModel) -> tuple[Doubles, Doubles, Doubles]:
    """Return level, structure and noise of squares of 3 x 3 pixels, without their centres.

    The extremes are left out, so that one low and one high pixel among the eight change the
    structure no more than noise does.
    """
    around = np.sort(np.delete(pixels.reshape(-1, 9), 4, axis=1), axis=1).astype(np.float64)
    level = np.nan_to_num((around[:, 3] + around[:, 4]) / 2, posinf=0.0, neginf=0.0)
    noise = noise_model.sigma(level.astype(np.float32))
    with np.errstate(invalid="ignore"):
        structure = np.nan_to_num((around[:, 6] - around[:, 1]) / noise, nan=np.inf)
    return level, structure, noise
