"""A chip in blocks of float32 pixels, the pixels outside its core, and memory that is used again.

All of them serve the speed of the clipping: a block and its temporaries stay in the cache of the
processor, the few pixels outside the core are kept for later passes, and one chip after the other
is processed in the same memory.
"""

import math
import threading
from collections.abc import Iterator
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.pixelset import FlatIndices

__all__ = ["BLOCK", "MOST_OUTSIDE", "SCRATCH", "Blocks", "ScratchBuffers", "Tails"]

Scalar = TypeVar("Scalar", bound=np.generic)
Floats = npt.NDArray[np.float32]

BLOCK = 1 << 18
"""Pixels in a block: its temporaries fit the second-level cache.

With smaller blocks the calls of numpy cost more than the cache gains, and threads wait for each
other between these calls.
"""

MOST_OUTSIDE = 1 / 8
"""Largest share of the pixels to keep as tails; with more, visiting all again costs less."""

_SAMPLE = 1 << 14  # pixels of the sample, which estimate the limits of the core to 0.5 percent


class ScratchBuffers(threading.local):
    """Arrays by name, allocated once in each thread and used again for one chip after the other.

    Newly allocated memory of the size of a chip costs as much time as reading the chip, because
    the operating system clears it page by page while the other threads wait.
    """

    def __init__(self) -> None:
        self._memory: dict[str, npt.NDArray[np.uint8]] = {}

    def get(self, name: str, size: int, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
        """Return an uninitialized array, valid until the same name is requested again.

        Parameters
        ----------
        name : str
            The purpose of the array; different names never share memory.
        size : int
            The number of elements.
        dtype : type
            The numpy type of the elements.
        """
        nbytes = size * np.dtype(dtype).itemsize
        memory = self._memory.get(name)
        if memory is None or memory.size < nbytes:
            memory = self._memory[name] = np.empty(nbytes, dtype=np.uint8)
        return memory[:nbytes].view(dtype)


SCRATCH = ScratchBuffers()
"""The buffers that the whole package uses."""


class Blocks:
    """The pixels of a chip, in blocks of native float32.

    Iterating yields the finite pixels.  A block is valid until the next one is requested, and
    must not be modified.

    Parameters
    ----------
    data : numpy.ndarray
        Pixels of any real dtype, byte order and shape; not modified.

    Attributes
    ----------
    size : int
        The number of pixels, finite or not.
    all_finite : bool
        Whether all pixels are known to be finite, so that none needs to be left out.
    """

    def __init__(self, data: npt.NDArray[Any]) -> None:
        self._flat = data.reshape(-1)
        self.size = self._flat.size
        self.all_finite = False
        self._is_native = data.dtype == np.float32 and data.dtype.isnative

    def __iter__(self) -> Iterator[Floats]:
        for block in self.blocks():
            if self.all_finite:
                yield block
                continue
            finite = np.isfinite(block)
            pixels = block if finite.all() else block[finite]
            if pixels.size:
                yield pixels

    def blocks(self) -> Iterator[Floats]:
        """Yield all pixels in blocks, those that are not finite included."""
        for start in range(0, self.size, BLOCK):
            block = self._flat[start : start + BLOCK]
            yield block if self._is_native else _convert(
                block, SCRATCH.get("block", block.size, np.float32)
            )

    @property
    def first(self) -> float:
        """The first pixel of the chip, finite or not."""
        return float(_convert(self._flat[:1], np.empty(1, dtype=np.float32))[0])

    def sample(self) -> Floats:
        """Return a sparse sample of the finite pixels.

        The step between them is odd, so that the sample includes pixels of all columns.
        """
        step = self.size // _SAMPLE | 1
        sparse = self._flat[::step]
        pixels = _convert(sparse, np.empty(sparse.size, dtype=np.float32))
        return pixels[np.isfinite(pixels)]


def _convert(block: npt.NDArray[Any], buffer: Floats) -> Floats:
    """Copy pixels into a buffer of native float32; those beyond its range become infinite."""
    target = buffer[: block.size]
    with np.errstate(over="ignore"):
        np.copyto(target, block, casting="unsafe")
    return target


class Tails:
    """The pixels outside the core of a chip and their positions, in scratch buffers.

    Parameters
    ----------
    size : int
        The number of pixels of the chip.
    lower, upper : float
        The ends of the core, which are finite float32 numbers and belong to it.
    """

    def __init__(self, size: int, lower: float, upper: float) -> None:
        # As large as the chip: the system provides a page of memory only when it is written to.
        self._values = SCRATCH.get("outside", size, np.float32)
        self._flags = [SCRATCH.get(name, min(size, BLOCK), np.bool_) for name in ("bytes", "above")]
        self._lower, self._upper = np.float32(lower), np.float32(upper)
        # The first index of each block, and the indices of its outer pixels within it.
        self._indices: list[tuple[int, FlatIndices]] = []
        self._most = int(MOST_OUTSIDE * size) + BLOCK
        self._count = self._start = 0

    def add(self, block: Floats) -> FlatIndices:
        """Add the outer pixels of the next block, and return their indices within the block.

        The caller silences numpy's warnings about pixels that are not finite.

        Parameters
        ----------
        block : numpy.ndarray of float32
            The pixels; not modified.
        """
        outside, above = (flags[: block.size] for flags in self._flags)
        np.greater_equal(block, self._lower, out=outside)
        np.greater(block, self._upper, out=above)
        # Below the core and for NaN both are False, above it both are True.
        np.equal(outside, above, out=outside)
        (indices,) = outside.nonzero()
        end = self._count + indices.size
        block.take(indices, out=self._values[self._count : end], mode="clip")
        if end <= self._most:
            self._indices.append((self._start, indices))
        self._start += block.size
        self._count = end
        return indices

    @property
    def values(self) -> Floats:
        """The pixels outside the core, in their order on the chip."""
        return self._values[: self._count]

    def below(self, end: float) -> tuple[float, FlatIndices]:
        """Find all pixels below a limit, which lies at the lower end of the core or below.

        Returns
        -------
        limit : float
            The given limit.  It is minus infinity if too many pixels lie outside the core
            because the sample was not typical: their indices would need more memory than the
            chip.
        indices : numpy.ndarray of intp
            The flat indices of all pixels below `limit`.
        """
        if self._count > self._most:
            return -math.inf, np.empty(0, dtype=np.intp)
        low = np.flatnonzero(self.values < np.float32(end))
        indices = np.concatenate([indices + start for start, indices in self._indices])
        return end, indices[low]
