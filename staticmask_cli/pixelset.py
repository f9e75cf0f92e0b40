"""Sets of pixels of a chip: by their places while they are few, as booleans where they are many."""

import math

import numpy as np
import numpy.typing as npt

from staticmask_cli.packing import PackedBits

__all__ = ["PixelSet", "Places"]

Bits = npt.NDArray[np.bool_]

Places = npt.NDArray[np.intp]
"""Places of pixels in the chip as one row; not modified by anybody."""

_FEW = 1 / 64  # of the pixels: eight bytes for the place of each of these, or one for every pixel


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
    dense : numpy.ndarray of bool, shape (ny, nx), or None
        Pixels of the set as booleans; None if there are only places.
    sparse : list of numpy.ndarray of intp
        Places of further pixels, which may be some of the same.
    """

    def __init__(
        self, shape: tuple[int, int], *, places: Places | None = None, bits: Bits | None = None
    ) -> None:
        self.shape = shape
        self.dense = bits
        self.sparse = [] if places is None else [places]

    def __getstate__(self) -> tuple[tuple[int, int], PackedBits]:
        return self.shape, PackedBits(self.bits)

    def __setstate__(self, state: tuple[tuple[int, int], PackedBits]) -> None:
        self.shape, packed = state
        self.dense, self.sparse = packed.unpacked(), []

    def __len__(self) -> int:
        if self.dense is None and len(self.sparse) == 1:
            return self.sparse[0].size
        return int(np.count_nonzero(self.bits))

    @property
    def bits(self) -> Bits:
        """As booleans, shape (ny, nx): True = in the set; not to be modified."""
        if self.sparse:
            if self.dense is None:
                self.dense = np.full(self.shape, fill_value=False)  # in large pages, unlike zeros
            for places in self.sparse:
                self.dense.reshape(-1)[places] = True
            self.sparse = []
        return np.broadcast_to(np.False_, self.shape) if self.dense is None else self.dense

    @property
    def nbytes(self) -> int:
        """Bytes that the set takes now."""
        return sum(array.nbytes for array in (self.dense, *self.sparse) if array is not None)

    def add(self, other: "PixelSet") -> None:
        """Add the pixels of another set, which stays as it is."""
        if other.dense is not None:
            ours = self.dense
            self.dense = other.dense.copy() if ours is None else np.logical_or(
                ours, other.dense, out=ours
            )
        self.sparse += other.sparse
        if sum(places.size for places in self.sparse) > _FEW * math.prod(self.shape):
            self.bits  # noqa: B018 - which puts all places there
