"""What a pixel should be, from the pixels around it: by weights that the chip itself teaches.

No surface of second order follows the image of a star two pixels wide; yet the pixels of such an
image say much about each other.  Bad pixels are filled in like that, by a linear interpolation
trained on the image they are in (astrofix: Zhang and Brandt 2021, Astronomical Journal 162, 139).
Here such an interpolation says what a pixel should be, and how far good pixels lie from that.
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

_REACH = 3  # pixels to each side that tell something
_PAIRS = ((2 * _REACH + 1) ** 2 - 1) // 2  # opposite pixels of a window have the same weight
_SAMPLE = 1 << 15  # pixels among which those to learn from are chosen
_GOLDEN = 0.6180339887  # of the chip from one of them to the next, which spreads them evenly
# Structure around a pixel, in noise, where another class begins: interpolation is an average on
# a flat sky, and sharp among the stars.
_CLASSES = 6.0 * 2.0 ** (np.arange(13) / 2)
_FLAT = 3.0  # structure; noise alone makes 1.7, and hardly ever more than this
_MOST, _FEWEST = 3000, 100  # pixels to learn a class from
_FITS = 3  # each without the outliers of the last one
_OUTLIER = 4.0
# Quantile of the highest around a pixel.  Values far beyond would rule the fit, and beside a
# saturated star the weights say nothing.
_FAR = 0.99
_TAIL, _TAIL_SIGMA = 0.9332, 1.5  # of the distances below the prediction, which are not Gaussian
# Of these distances, the noise of the pixel itself; the rest is that of those around.
_SELF_NOISE_FRACTION = 0.9
_RIDGE = 1e-3  # of the weights, which keeps a fit to equal pixels solvable
_CHUNK = 8192  # pixels looked at together, so that memory does not follow their number


@dataclass(frozen=True)
class _Windows:
    """Pixels and what is around them, in noise of their place and from its level.

    Attributes
    ----------
    pairs : numpy.ndarray of float64, shape (n, 24)
        Sums of opposite pixels.
    centre, structure : numpy.ndarray of float64, shape (n,)
        The pixels themselves, and how much those next to them differ.
    """

    pairs: Doubles
    centre: Doubles
    structure: Doubles

    @property
    def farthest(self) -> Doubles:
        """How far any pair lies from the level of its place, shape (n,)."""
        return np.asarray(np.abs(self.pairs).max(axis=1))

    @classmethod
    def of(
        cls, data: npt.NDArray[Any], rows: Indices, columns: Indices, relation: NoiseModel
    ) -> "_Windows":
        pixels = neighbourhoods(data, rows, columns, _REACH)
        near = slice(_REACH - 1, _REACH + 2)
        level, structure, noise = _next_to(pixels[:, near, near], relation)
        with np.errstate(invalid="ignore", over="ignore"):
            values = pixels.reshape(rows.size, -1) - level[:, None]
        first, last = values[:, :_PAIRS], values[:, :_PAIRS:-1]
        for missing, other in ((first, last), (last, first)):
            unknown = ~np.isfinite(missing)
            if unknown.any():  # then the opposite pixel counts twice, if that is known
                missing[unknown] = np.nan_to_num(other[unknown], posinf=0.0, neginf=0.0)
        return cls((first + last) / noise[:, None], values[:, _PAIRS] / noise, structure)


def _next_to(pixels: Floats, relation: NoiseModel) -> tuple[Doubles, Doubles, Doubles]:
    """Level, structure and noise of squares of 3 x 3 pixels, without the one in the middle.

    Two bad ones among the eight, one of each kind, change the structure no more than noise does.
    """
    around = np.sort(np.delete(pixels.reshape(-1, 9), 4, axis=1), axis=1).astype(np.float64)
    level = np.nan_to_num((around[:, 3] + around[:, 4]) / 2, posinf=0.0, neginf=0.0)
    noise = relation.at(level.astype(np.float32))
    with np.errstate(invalid="ignore"):
        structure = np.nan_to_num((around[:, 6] - around[:, 1]) / noise, nan=np.inf)
    return level, structure, noise


class Prediction:
    """Weights of the pixels around one, and how far good pixels lie from what they predict.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.
    relation : NoiseModel
        Of the chip.

    Notes
    -----
    The weights minimize the squared distance of pixels all over the chip, in noise, from what
    is predicted of them; defects, stars and cosmic rays are left out as outliers.  How far good
    pixels lie below is measured by what 93% of all do not exceed, 1.5 sigma of a Gaussian.
    """

    def __init__(self, data: npt.NDArray[Any], relation: NoiseModel) -> None:
        self._data = data
        self._relation = relation
        self._weights = np.zeros((_CLASSES.size + 1, _PAIRS))
        self._spread = np.zeros(_CLASSES.size + 1)  # 0 where nothing could be learned
        self._farthest = np.full(_CLASSES.size + 1, np.inf)
        for number, windows in self._training_samples():
            if windows is not None:
                farthest = float(np.quantile(windows.farthest, _FAR))
                self._weights[number], self._spread[number] = _learn(windows, farthest)
                self._farthest[number] = farthest
            elif number:  # what is predicted among less structure is wrong by so much more
                self._weights[number] = self._weights[number - 1]
                self._spread[number] = self._spread[number - 1] * np.sqrt(2)
                self._farthest[number] = self._farthest[number - 1] * np.sqrt(2)

    def _training_samples(self) -> Iterator[tuple[int, _Windows | None]]:
        """Yield some pixels of each class; None where there are too few."""
        size = self._data.size
        stride = int(_GOLDEN * size) | 1
        places = np.sort(np.arange(min(_SAMPLE, size)) * stride % size)
        rows, columns = np.divmod(places, self._data.shape[1])
        squares = neighbourhoods(self._data, rows, columns, 1)
        _, structure, _ = _next_to(squares, self._relation)
        classes = np.searchsorted(_CLASSES, structure)
        known = np.isfinite(structure) & np.isfinite(squares[:, 1, 1])
        for number in range(_CLASSES.size + 1):
            found = np.flatnonzero((classes == number) & known)
            some = found[:: -(-found.size // _MOST) or 1]
            windows = None
            if some.size >= _FEWEST:
                windows = _Windows.of(self._data, rows[some], columns[some], self._relation)
            yield number, windows

    def below(self, rows: Indices, columns: Indices, static_sig: float) -> tuple[Bits, Bits]:
        """Whether pixels lie more than `static_sig` times the usual below their prediction.

        Parameters
        ----------
        rows, columns : numpy.ndarray of integer, shape (n,)
            Where these pixels are; they are finite.
        static_sig : float
            The threshold.

        Returns
        -------
        below, plainly : numpy.ndarray of bool, shape (n,)
            Whether they do; and whether they do on a sky so flat that nothing speaks against it.
        """
        below = np.zeros(rows.size, dtype=np.bool_)
        plainly = below.copy()
        for start in range(0, rows.size, _CHUNK):
            some = slice(start, start + _CHUNK)
            windows = _Windows.of(self._data, rows[some], columns[some], self._relation)
            classes = np.searchsorted(_CLASSES, windows.structure)
            depth = np.einsum("ij,ij->i", windows.pairs, self._weights[classes]) - windows.centre
            usual = self._spread[classes]
            known = windows.farthest <= self._farthest[classes]
            below[some] = known & (depth > static_sig * _SELF_NOISE_FRACTION * usual)
            flat = known & (windows.structure < _FLAT) & (usual > 0)
            plainly[some] = flat & (depth > static_sig * usual)
        return below, plainly


def _learn(windows: _Windows, farthest: float) -> tuple[Doubles, float]:
    """Weights of the pairs of one class, and the spread of its pixels in noise."""
    usable = windows.farthest <= farthest
    pairs, centre = windows.pairs[usable], windows.centre[usable]
    kept = np.ones(centre.size, dtype=np.bool_)
    weights = np.zeros(_PAIRS)
    for _ in range(_FITS):
        some = pairs[kept]
        matrix = some.T @ some + _RIDGE * centre.size * np.eye(_PAIRS)
        # Of least norm, as hostile pixels are so large that the ridge is lost beside them.
        solution, *_ = np.linalg.lstsq(matrix, some.T @ centre[kept])
        weights = np.asarray(solution, dtype=np.float64)
        distance = np.abs(pairs @ weights - centre)
        kept = distance < _OUTLIER * np.quantile(distance, 0.6827)
        if not kept.any():
            break
    spread = float(np.quantile(pairs @ weights - centre, _TAIL)) / _TAIL_SIGMA
    return weights, max(spread, 0.0) * float(np.sqrt(centre.size / (centre.size - _PAIRS)))
