"""Sets of pixels of a chip: as indices, as booleans, or packed as bits for transport."""

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = [
    "FlatIndices", "PackedBits", "PixelSet", "StoredPixels", "either", "positions_of", "read_only",
]

Scalar = TypeVar("Scalar", bound=np.generic)

Bits = npt.NDArray[np.bool_]

FlatIndices = npt.NDArray[np.intp]
"""Indices of pixels in the flattened chip; such an array is never modified."""


class PixelSet:
    """A set of pixels of a chip.

    A few pixels are stored as their indices.  As soon as the set is combined with another one it
    is stored as booleans, so that its memory does not grow with the number of sets.  It is
    pickled as packed bits.

    Parameters
    ----------
    shape : tuple of int
        The shape ``(ny, nx)`` of the chip.
    indices : numpy.ndarray of intp, optional
        The flat indices of the first pixels of the set, without repetition.
    bits : numpy.ndarray of bool, shape (ny, nx), optional
        The first pixels as booleans, True = in the set.  The set owns the array from now on.

    Attributes
    ----------
    shape : tuple of int
        The shape ``(ny, nx)`` of the chip.
    indices : numpy.ndarray of intp, or None
        The flat indices of the pixels; None if the set is stored as booleans, or is empty.
    """

    def __init__(
        self,
        shape: tuple[int, int],
        *,
        indices: FlatIndices | None = None,
        bits: Bits | None = None,
    ) -> None:
        self.shape = shape
        self._bits = bits
        self.indices = indices
        self._count: int | None = None  # of the pixels, once they are counted

    def __getstate__(self) -> "tuple[tuple[int, int], PackedBits | None]":
        return self.shape, PackedBits(self.bits) if self.has_pixels else None

    def __setstate__(self, state: "tuple[tuple[int, int], PackedBits | None]") -> None:
        self.shape, packed = state
        self._bits, self.indices = packed.unpacked() if packed else None, None
        self._count = None

    @property
    def has_pixels(self) -> bool:
        """Whether it was ever given any pixels."""
        return self._bits is not None or self.indices is not None

    def __len__(self) -> int:
        if self.indices is not None:
            return self.indices.size
        if self._count is None:
            self._count = 0 if self._bits is None else int(np.count_nonzero(self._bits))
        return self._count

    @property
    def bits(self) -> Bits:
        """The set as booleans of shape (ny, nx), True = in the set; not to be modified."""
        if self.indices is not None:
            self._set(self.indices)
            self.indices = None
        return np.broadcast_to(np.False_, self.shape) if self._bits is None else self._bits

    @property
    def nbytes(self) -> int:
        """The number of bytes that the set uses at present."""
        return sum(array.nbytes for array in (self._bits, self.indices) if array is not None)

    def add(self, other: "PixelSet") -> None:
        """Add the pixels of another set, which is not changed by it."""
        if not other.has_pixels:
            return
        if not self.has_pixels and other.indices is not None:
            self.indices = other.indices
            return
        self._count = None
        bits = self.bits
        if other.indices is not None:
            self._set(other.indices)
        elif self._bits is None:
            self._bits = other.bits.copy()
        else:
            np.logical_or(bits, other.bits, out=self._bits)

    def _set(self, indices: FlatIndices) -> None:
        """Set the booleans at these flat indices."""
        if self._bits is None:
            self._bits = np.full(self.shape, fill_value=False)  # in large pages, unlike zeros
        self._bits.reshape(-1)[indices] = True


class PackedBits:
    """Booleans of any shape, eight in a byte.

    Parameters
    ----------
    bits : numpy.ndarray of bool
        The booleans; not modified.

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
        """The number of bytes of the packed booleans."""
        return self._bytes.nbytes

    def unpacked(self) -> Bits:
        """Return the booleans as a new array."""
        size = int(np.prod(self._shape))
        flat: npt.NDArray[Any] = np.unpackbits(self._bytes, count=size)
        return flat.view(np.bool_).reshape(self._shape)


class StoredPixels:
    """A set of pixels in little memory: few as indices of 4 bytes each, many as packed bits.

    Parameters
    ----------
    indices : numpy.ndarray of integer
        The flat indices of the pixels, in ascending order and without repetition.
    size : int
        The number of pixels of the chip.
    """

    def __init__(self, indices: npt.NDArray[np.integer[Any]], size: int) -> None:
        if 32 * indices.size > size:
            bits = np.zeros(size, np.bool_)
            bits[indices] = True
            self._stored: npt.NDArray[np.uint32] | PackedBits = PackedBits(bits)
        else:
            self._stored = indices.astype(np.uint32)

    @property
    def nbytes(self) -> int:
        """The number of bytes of the set."""
        return self._stored.nbytes

    @property
    def indices(self) -> npt.NDArray[np.integer[Any]]:
        """The flat indices of the pixels, in ascending order; not to be modified."""
        if isinstance(self._stored, PackedBits):
            return np.flatnonzero(self._stored.unpacked())
        return self._stored


def positions_of(bits: Bits) -> tuple[FlatIndices, FlatIndices]:
    """Return the rows and columns of the pixels of a set, in the order of the pixels.

    ``numpy.nonzero`` does the same, and takes ten times as long for a few pixels of a chip.

    Parameters
    ----------
    bits : numpy.ndarray of bool, shape (ny, nx)
        True = in the set; not modified.
    """
    return np.divmod(np.flatnonzero(bits), max(1, bits.shape[1]))


def either(first: Bits | None, second: Bits | None) -> Bits | None:
    """Return the pixels of both arrays, of which None is one without any; read-only."""
    if first is None or second is None:
        both = first if second is None else second.copy()
    else:
        both = first | second
    return None if both is None else read_only(both)


def read_only(array: npt.NDArray[Scalar]) -> npt.NDArray[Scalar]:
    """Return a view of an array that cannot be written to."""
    view = array.view()
    view.flags.writeable = False
    return view
