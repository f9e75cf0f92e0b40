"""Quantized pixels as real numbers again: the subtractive dithering of the FITS standard 4.0, 10.2.

The standard defines the sequence of random numbers that was added before quantization, and that
is subtracted here.  The C code of astropy reads outside of this sequence for a seed of 0, and two
threads that use it first may find it unfinished.
"""

from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError

__all__ = ["METHODS", "restored"]

METHODS = ("NO_DITHER", "SUBTRACTIVE_DITHER_1", "SUBTRACTIVE_DITHER_2")
"""The values of ZQUANTIZ."""

_RANDOMS = 10_000  # as the standard has it, like the generator and its seed
_MULTIPLIER, _MODULUS = 16_807, 2**31 - 1
_FIRST = 500  # times a random number, where the sequence of a tile begins
_ZERO = -2_147_483_646  # the quantized value of pixels that are exactly 0


def restored(
    pixels: npt.NDArray[Any], scale: float, zero: float, method: str, seed: int
) -> npt.NDArray[np.float64]:
    """Return the real pixels of a tile.

    Parameters
    ----------
    pixels : numpy.ndarray of integer
        The quantized pixels of the tile.
    scale, zero : float
        ZSCALE and ZZERO of the tile.
    method : str
        One of `METHODS`.
    seed : int
        ZDITHER0 plus the number of the tile, where the first has number 0.
    """
    if method == "NO_DITHER":
        return pixels * np.float64(scale) + zero
    if seed < 1:
        msg = "ZDITHER0 is missing or less than 1, but its pixels are dithered"
        raise FaultError(msg)
    real = pixels.reshape(-1).astype(np.float64)
    real -= _sequence(seed, pixels.size)
    real += 0.5
    real *= scale
    real += zero
    if method == "SUBTRACTIVE_DITHER_2" and pixels.dtype.itemsize == 4:  # noqa: PLR2004
        real[pixels.reshape(-1) == _ZERO] = 0
    return real.reshape(pixels.shape)


def _sequence(seed: int, size: int) -> npt.NDArray[np.float64]:
    """Return the random numbers of a tile: parts of the table, each from another start on."""
    table, pieces, held = _table(), [], 0
    row = (seed - 1) % _RANDOMS
    while held < size:
        pieces.append(table[int(table[row] * _FIRST) :][: size - held])
        held += pieces[-1].size
        row = (row + 1) % _RANDOMS
    return pieces[0] if len(pieces) == 1 else np.concatenate(pieces)


@cache
def _table() -> npt.NDArray[np.float64]:
    """Return the random numbers of the standard, rounded to single precision."""
    numbers, seed = [], 1
    for _ in range(_RANDOMS):
        seed = seed * _MULTIPLIER % _MODULUS
        numbers.append(seed / _MODULUS)
    return np.array(numbers, np.float32).astype(np.float64)
