"""Pixels that lie outside of the core of a chip, which are few, as a pass over it comes by them.

Memory that a thread uses for one chip after the other.

The pixels of a chip as the clipping core sees them: native float32, block by block.
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
Bytes = npt.NDArray[np.uint8]

class ScratchBuffers(threading.local):
    """Memory by name, each for one purpose at a time, made once in a thread.

    Fresh memory of the size of a chip costs as much as reading the chip, because
    the system clears it page by page and makes the other threads wait.
    """

    def __init__(self) -> None:
        self._memory: dict[str, Bytes] = {}

    def get(self, name: str, size: int, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
        """Return `size` elements with whatever they hold, valid until `name` is taken again."""
        nbytes = size * np.dtype(dtype).itemsize
        memory = self._memory.get(name)
        if memory is None or memory.size < nbytes:
            memory = self._memory[name] = np.empty(nbytes, dtype=np.uint8)
        return memory[:nbytes].view(dtype)


SCRATCH = ScratchBuffers()


Floats = npt.NDArray[np.float32]

# Pixels in a block: its temporaries stay near the second-level cache.  With smaller ones the
# calls of numpy cost more than the cache gives, and threads wait for each other between them.
BLOCK = 1 << 18
_SAMPLE = 1 << 14  # pixels that suggest the limits of the core, good to half a percent


class Blocks:
    """Pixels of a chip, in blocks of native float32.

    Iterating yields the finite pixels in blocks that are valid until the next
    one is asked for, and are not to be modified.

    Parameters
    ----------
    data : numpy.ndarray
        Real pixels of any dtype, byte order and shape; not modified.

    Attributes
    ----------
    all_finite : bool
        Whether no pixel needs to be passed over; False until somebody has looked.
    """

    def __init__(self, data: npt.NDArray[Any]) -> None:
        self._flat = data.reshape(-1)
        self.size = self._flat.size
        self.all_finite = False
        self._is_native = data.dtype == np.float32 and data.dtype.isnative

    def blocks(self) -> Iterator[Floats]:
        """Yield all pixels, also those that are not finite."""
        for start in range(0, self.size, BLOCK):
            block = self._flat[start : start + BLOCK]
            yield block if self._is_native else _convert(
                block, SCRATCH.get("block", block.size, np.float32)
            )

    def __iter__(self) -> Iterator[Floats]:
        for block in self.blocks():
            if self.all_finite:
                yield block
                continue
            finite = np.isfinite(block)
            kept = block if finite.all() else block[finite]
            if kept.size:
                yield kept

    @property
    def first(self) -> float:
        """The very first pixel, finite or not."""
        return float(_convert(self._flat[:1], np.empty(1, dtype=np.float32))[0])

    def sample(self) -> Floats:
        """Finite pixels of a thin sample, in an odd step so that all columns take part."""
        step = self.size // _SAMPLE | 1
        thin = self._flat[::step]
        pixels = _convert(thin, np.empty(thin.size, dtype=np.float32))
        return pixels[np.isfinite(pixels)]


def _convert(block: npt.NDArray[Any], buffer: Floats) -> Floats:
    """Pixels as native float32, in a buffer; what does not fit becomes infinite."""
    target = buffer[: block.size]
    with np.errstate(over="ignore"):
        np.copyto(target, block, casting="unsafe")
    return target


MOST_OUTSIDE = 1 / 8
"""Of the pixels; beyond that, visiting them again is cheaper than keeping them."""


class Tails:
    """Pixels that lie outside of the core, and where that is; in the memory of the thread.

    Parameters
    ----------
    size : int
        Pixels of the chip.
    lower, upper : float
        Ends of the core, which are float32 numbers and belong to it.

    Attributes
    ----------
    core_ends : tuple of float
        What no pixel of the core lies beyond; the upper one is a little higher than `upper`.
    """

    def __init__(self, size: int, lower: float, upper: float) -> None:
        # Memory that is not used costs nothing.
        self._values = SCRATCH.get("outside", size, np.float32)
        self._outside = SCRATCH.get("bytes", min(size, BLOCK), np.bool_)
        self._lower = np.float32(lower)
        with np.errstate(over="ignore"):
            # Not minus zero, whose bits are those of a large number.
            self._height = min(abs(np.float32(upper) - self._lower), np.finfo(np.float32).max)
            highest = np.nextafter(self._height, np.float32(np.inf))
        self.core_ends = lower, lower + float(highest)
        self._places: list[tuple[int, FlatIndices]] = []  # in blocks, with where these start
        self._most = int(MOST_OUTSIDE * size) + BLOCK
        self._count = self._start = 0

    def add(self, block: Floats, scratch: Floats) -> FlatIndices:
        """Add those of the next block, and return where in the block they are.

        numpy may warn of pixels that are not finite.

        Parameters
        ----------
        block : numpy.ndarray of float32
            Not modified.
        scratch : numpy.ndarray of float32
            Memory of its size.
        """
        outside = self._outside[: block.size]
        np.subtract(block, self._lower, out=scratch)
        # Seen as unsigned integers, floats from 0 up keep their order, and all that are
        # below 0 or NaN come after them: one comparison for both ends.
        np.greater(scratch.view(np.uint32), self._height.view(np.uint32), out=outside)
        (places,) = outside.nonzero()
        end = self._count + places.size
        block.take(places, out=self._values[self._count : end], mode="clip")
        if end <= self._most:
            self._places.append((self._start, places))
        self._start += block.size
        self._count = end
        return places

    @property
    def values(self) -> Floats:
        """All of them, in their order on the chip."""
        return self._values[: self._count]

    def below(self, end: float) -> tuple[float, FlatIndices]:
        """Return a value and where all pixels below it are: the given one if they are few.

        If they are not, the sample misled, and their places would take more memory than the chip.
        """
        if self._count > self._most:
            return -math.inf, np.empty(0, dtype=np.intp)
        low = np.flatnonzero(self.values < np.float32(end))
        places = np.concatenate([places + start for start, places in self._places])
        return end, places[low]
