"""How many pixels of a chip lie near its sky and in the tail that a mask cuts off."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["SkyHistogram", "sky_histogram"]

_BINS_PER_RMS = 10
_MOST_BINS = 400
_RMS_ABOVE = 6.0  # shown above the mode
_RMS_BELOW = 4.0  # shown below the threshold, at least
_BLOCK = 1 << 18  # pixels whose temporaries are in memory at the same time


@dataclass(frozen=True)
class SkyHistogram:
    """Counts of pixels from below the threshold of a chip to above its mode.

    Attributes
    ----------
    mode, threshold : float
        Of the chip, in its units.
    width : float
        Of each bin; the threshold is an edge.
    tail : numpy.ndarray of int64, shape (nt,)
        Pixels below the threshold, from low to high.  The first bin also has all
        pixels that lie lower.
    body : numpy.ndarray of int64, shape (nb,)
        Pixels from the threshold upwards; those above its last bin are left out.
    """

    mode: float
    threshold: float
    width: float
    tail: npt.NDArray[np.int64]
    body: npt.NDArray[np.int64]

    @property
    def tail_edges(self) -> npt.NDArray[np.float64]:
        """Edges of the bins of `tail`, shape (nt + 1,), the last one being the threshold."""
        return self.threshold + self.width * np.arange(-self.tail.size, 1, dtype=np.float64)

    @property
    def body_edges(self) -> npt.NDArray[np.float64]:
        """Edges of the bins of `body`, shape (nb + 1,), the first one being the threshold."""
        return self.threshold + self.width * np.arange(self.body.size + 1, dtype=np.float64)


def sky_histogram(
    data: npt.NDArray[Any], mode: float, rms: float, threshold: float
) -> SkyHistogram:
    """Count the pixels of a chip in bins of a tenth of its rms, or wider ones if those were many.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.  NaN and infinities never count.
    mode, rms, threshold : float
        Of the chip, in its units; `rms` > 0 and `threshold` <= `mode`.
    """
    depth = max(_RMS_BELOW * rms, 0.5 * (mode - threshold))
    height = mode - threshold + _RMS_ABOVE * rms
    width = max(rms / _BINS_PER_RMS, (depth + height) / _MOST_BINS)
    ntail, nbody = math.ceil(depth / width), math.ceil(height / width)
    counts = np.zeros(ntail + nbody + 1, dtype=np.int64)  # the last one takes what lies above
    flat = data.reshape(-1)
    for start in range(0, flat.size, _BLOCK):
        block = flat[start : start + _BLOCK]
        with np.errstate(over="ignore"):
            number = block[np.isfinite(block)].astype(np.float64)
            number -= threshold
            number /= width
        np.floor(number, out=number)
        np.clip(number, -ntail, nbody, out=number)
        number += ntail
        counts += np.bincount(number.astype(np.intp), minlength=counts.size)
    return SkyHistogram(mode, threshold, width, counts[:ntail], counts[ntail:-1])
