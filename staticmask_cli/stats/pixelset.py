"""Sets of pixels: the few of one chip by their places, those of several as booleans.

Masks on their way from one process to another: a bit for each pixel.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["FlatIndices", "PackedBits", "PixelSet"]

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


FlatIndices = npt.NDArray[np.intp]
"""Places of pixels in the chip as one row; not modified by anybody."""


class PixelSet:
    """Some of the pixels of a chip.

    Parameters
    ----------
    shape : tuple of int
        ``(ny, nx)`` of the chip.
    places : numpy.ndarray of intp, optional
        Pixels to begin with, each of them once.
    bits : numpy.ndarray of bool, shape (ny, nx), optional
        Likewise, and belongs to the set from now on.

    Attributes
    ----------
    shape : tuple of int
    places : numpy.ndarray of intp, or None
        What the set is held as; None if as booleans.
    """

    def __init__(
        self, shape: tuple[int, int], *, places: FlatIndices | None = None, bits: Bits | None = None
    ) -> None:
        self.shape = shape
        self._bits = bits
        self.places = places

    def __getstate__(self) -> tuple[tuple[int, int], PackedBits]:
        return self.shape, PackedBits(self.bits)

    def __setstate__(self, state: tuple[tuple[int, int], PackedBits]) -> None:
        self.shape, packed = state
        self._bits, self.places = packed.unpacked(), None

    def __len__(self) -> int:
        if self.places is not None:
            return self.places.size
        return int(np.count_nonzero(self.bits))

    @property
    def bits(self) -> Bits:
        """As booleans, shape (ny, nx): True = in the set; not to be modified."""
        if self.places is not None:
            self._put(self.places)
            self.places = None
        return np.broadcast_to(np.False_, self.shape) if self._bits is None else self._bits

    @property
    def nbytes(self) -> int:
        """Bytes that the set takes now."""
        return sum(array.nbytes for array in (self._bits, self.places) if array is not None)

    def add(self, other: "PixelSet") -> None:
        """Add the pixels of another set, which stays as it is."""
        if self.places is None and self._bits is None and other.places is not None:
            self.places = other.places
            return
        mine = self.bits
        if other.places is not None:
            self._put(other.places)
        elif self._bits is None:
            self._bits = other.bits.copy()
        else:
            np.logical_or(mine, other.bits, out=self._bits)

    def _put(self, places: FlatIndices) -> None:
        if self._bits is None:
            self._bits = np.full(self.shape, fill_value=False)  # in large pages, unlike zeros
        self._bits.reshape(-1)[places] = True
