"""The tail of noise: how far below its prediction a good pixel may lie.

Noise that is not Gaussian reaches farther than its core shows, and so do defects.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

__all__ = ["Tail"]

Doubles = npt.NDArray[np.float64]

# The scatter is measured at some sigma of a Gaussian distribution, where this fraction of pixels
# lies beyond, and some that may be bad.
_MEASURED = ((1.5, 0.0668), (2.5, 0.0062 + 0.005), (3.0, 0.00135 + 0.003))
_GAP = 1.9  # ratio of two of these scatters that shows a gap between noise and defects
_FEWEST_BEYOND = 4  # pixels beyond such a quantile
_LEAST_GROWTH = 0.25  # which Gaussian noise with weak defects does not reach


class Tail(NamedTuple):
    """The scatter of pixels below their predictions, up to the rarest that can be measured.

    Attributes
    ----------
    spread : float
        The scatter, in units of the noise.
    growth : float
        The power of the distance with which the scatter grows beyond 3 sigma; 0 for Gaussian noise.
    """

    spread: float
    growth: float

    @classmethod
    def of(cls, depth: Doubles, *, flat: bool) -> "Tail":
        """Measure how far pixels lie below their predictions.

        On a flat sky there are hardly any pixels between the noise and the defects: there the
        scatter is not measured beyond such a gap.  If there is none, and all scatters of a flat sky
        show that it grows as a power of the distance, then it does so beyond them too.

        Parameters
        ----------
        depth : numpy.ndarray of float64, shape (n,)
            The distances below the predictions, in units of the noise.
        flat : bool
            Whether the sky around the pixels has no structure.
        """
        scatter: list[float] = []
        spread = 0.0
        for sigma, beyond in _MEASURED:
            if beyond * depth.size < _FEWEST_BEYOND:
                break
            farther = float(np.quantile(depth, 1 - beyond)) / sigma
            if flat and spread and farther > _GAP * spread:
                break
            scatter.append(farther)
            spread = max(spread, farther)
        return cls(spread, _growth(scatter) if flat else 0.0)

    def limit(self, static_sig: float) -> float:
        """Return the depth, in units of the noise, that is significant by `static_sig`."""
        beyond = max(1.0, static_sig / _MEASURED[-1][0])
        return static_sig * self.spread * float(beyond**self.growth)


def _growth(scatter: list[float]) -> float:
    """Return the power with which scatters grow, the smaller of two; 0 if it is not significant."""
    if len(scatter) < len(_MEASURED) or scatter[0] <= 0:
        return 0.0
    powers = [np.log(farther / scatter[0]) / np.log(sigma / _MEASURED[0][0])
              for farther, (sigma, _) in zip(scatter[1:], _MEASURED[1:], strict=True)]
    growth = float(min(powers))
    return growth if growth > _LEAST_GROWTH else 0.0
