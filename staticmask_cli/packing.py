"""Masks on their way from one process to another: a bit for each pixel."""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["PackedBits"]

Bits = npt.NDArray[np.bool_]


class PackedBits:
    """Booleans of any shape, eight in a byte.

    Parameters
    ----------
    bits : numpy.ndarray of bool
        Not modified.

    Examples
    --------
    >>> packed = PackedBits(np.arange(2048 * 4096).reshape(2048, 4096) % 3 == 0)
    >>> packed.nbytes
    1048576
    >>> packed.unpacked().sum(axis=1)[:4]
    array([1366, 1365, 1365, 1366])
    """

    def __init__(self, bits: Bits) -> None:
        self._shape = bits.shape
        self._bytes = np.packbits(bits)

    @property
    def nbytes(self) -> int:
        """Number of bytes that the bits take."""
        return self._bytes.nbytes

    def unpacked(self) -> Bits:
        """Return the booleans, in memory of their own."""
        size = int(np.prod(self._shape))
        flat: npt.NDArray[Any] = np.unpackbits(self._bytes, count=size)
        return flat.view(np.bool_).reshape(self._shape)
