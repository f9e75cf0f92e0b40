"""Bands of rows of a chip, with margins for what looks at the pixels around each."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.medianfilter import REACH, fill_missing
from staticmask_cli.neighbours import mirrored
from staticmask_cli.stats.blocks import WORKSPACE

__all__ = ["Bands"]

Floats = npt.NDArray[np.float32]


class Bands:
    """Bands of rows of a chip, one after the other in the same memory of the thread.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype and byte order; not modified.
    size : int
        Pixels of a band, or one row if that is more.

    Attributes
    ----------
    rows : int
        Rows of a band; the last one can have fewer.
    """

    def __init__(self, data: npt.NDArray[Any], size: int) -> None:
        self._data = data
        ny, nx = data.shape
        self.rows = min(ny, max(1, size // (nx + 2 * REACH)))
        self._y = mirrored(-REACH, ny + REACH, ny)
        self._x = mirrored(-REACH, nx + REACH, nx)

    def __iter__(self) -> Iterator[tuple[int, Floats]]:
        """Yield the first row of each band, and the band; valid until the next is asked for."""
        for start in range(0, self._data.shape[0], self.rows):
            yield start, self.read(start)

    def read(self, start: int) -> Floats:
        """Rows from `start` with margins, mirrored at the edges; missing pixels as infinities.

        Returns
        -------
        numpy.ndarray of float32, shape (rows + 4, nx + 4)
            Pixels of one piece of memory, one row after the other.
        """
        end = min(start + self.rows, self._data.shape[0])
        nx = self._data.shape[1]
        rows = self._y[start : end + 2 * REACH]
        width = nx + 2 * REACH
        tile = WORKSPACE.take("tile", rows.size * width, np.float32).reshape(rows.size, width)
        with np.errstate(over="ignore"):
            for row, source in enumerate(rows):
                np.copyto(tile[row, REACH:-REACH], self._data[source], casting="unsafe")
        for column in (*range(REACH), *range(nx + REACH, width)):
            tile[:, column] = tile[:, REACH + self._x[column]]
        fill_missing(tile)
        return tile
