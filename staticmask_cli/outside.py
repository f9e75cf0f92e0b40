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
    """Pixels that lie outside of the core, and where that is.

    Parameters
    ----------
    size : int
        Pixels of the chip.
    """

    def __init__(self, size: int) -> None:
        self._values = [np.empty(0, dtype=np.float32)]
        self._places = [np.empty(0, dtype=np.intp)]
        self._start = 0
        self._room = MOST_OUTSIDE * size + BLOCK

    def add(self, block: Floats, core: Floats) -> None:
        """Add those of the next block, in whose `core` they are changed."""
        outside = WORKSPACE.take("bytes", block.size, np.bool_)
        np.not_equal(block, core, out=outside)  # which a NaN is, too
        places = np.flatnonzero(outside)
        self._values.append(block[places])
        self._room -= places.size
        if self._room >= 0:
            self._places.append(places + self._start)
        self._start += block.size

    def values(self) -> Floats:
        """Return all of them, in their order on the chip, in memory of the thread."""
        count = sum(part.size for part in self._values)
        return np.concatenate(self._values, out=WORKSPACE.take("outside", count, np.float32))

    def below(self, end: float, values: Floats) -> tuple[float, Places]:
        """Return a value and where all pixels below it are: the given one if they are few.

        If they are not, the sample misled, and their places would take more memory than the chip.
        """
        if self._room < 0:
            return -math.inf, self._places[0]
        places = WORKSPACE.take("places", values.size, np.intp)
        np.concatenate(self._places, out=places)
        return end, places[values < np.float32(end)]
