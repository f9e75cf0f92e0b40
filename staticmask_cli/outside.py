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
    """

    def __init__(self, size: int) -> None:
        # Memory that is not used costs nothing.
        self._values = WORKSPACE.take("outside", size, np.float32)
        self._places: list[tuple[int, Places]] = []  # in blocks, with where these start
        self._most = int(MOST_OUTSIDE * size) + BLOCK
        self._count = self._start = 0

    def add(self, block: Floats, core: Floats) -> None:
        """Add those of the next block, in whose `core` they are changed."""
        outside = WORKSPACE.take("bytes", block.size, np.bool_)
        np.not_equal(block, core, out=outside)  # which a NaN is, too
        places = np.flatnonzero(outside)
        end = self._count + places.size
        np.take(block, places, out=self._values[self._count : end], mode="clip")
        if end <= self._most:
            self._places.append((self._start, places))
        self._start += block.size
        self._count = end

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
        low = self.values < np.float32(end)
        parts = []
        for start, places in self._places:
            these, low = low[: places.size], low[places.size :]
            parts.append(places[these] + start)
        return end, np.concatenate(parts)
