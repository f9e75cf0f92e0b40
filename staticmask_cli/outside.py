"""Pixels that lie outside of the core of a chip, which are few, as a pass over it comes by them."""

import math

import numpy as np
import numpy.typing as npt

from staticmask_cli.pixels import BLOCK
from staticmask_cli.pixelset import Places
from staticmask_cli.workspace import WORKSPACE

__all__ = ["MOST_OUTSIDE", "Outside"]

Floats = npt.NDArray[np.float32]

MOST_OUTSIDE = 1 / 8
"""Of the pixels; beyond that, visiting them again is cheaper than keeping them."""


class Outside:
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
        self._values = WORKSPACE.take("outside", size, np.float32)
        self._outside = WORKSPACE.take("bytes", min(size, BLOCK), np.bool_)
        self._lower = np.float32(lower)
        with np.errstate(over="ignore"):
            # Not minus zero, whose bits are those of a large number.
            self._height = min(abs(np.float32(upper) - self._lower), np.finfo(np.float32).max)
            highest = np.nextafter(self._height, np.float32(np.inf))
        self.core_ends = lower, lower + float(highest)
        self._places: list[tuple[int, Places]] = []  # in blocks, with where these start
        self._most = int(MOST_OUTSIDE * size) + BLOCK
        self._count = self._start = 0

    def add(self, block: Floats, scratch: Floats) -> Places:
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

    def below(self, end: float) -> tuple[float, Places]:
        """Return a value and where all pixels below it are: the given one if they are few.

        If they are not, the sample misled, and their places would take more memory than the chip.
        """
        if self._count > self._most:
            return -math.inf, np.empty(0, dtype=np.intp)
        low = np.flatnonzero(self.values < np.float32(end))
        places = np.concatenate([places + start for start, places in self._places])
        return end, places[low]
