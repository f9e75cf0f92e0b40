"""Bad pixels as boxes: rectangles that together cover them, and no other pixel."""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.forms.listed import Bits

__all__ = ["Boxes", "Work", "boxes_of", "paint_boxes"]

Boxes = npt.NDArray[np.int64]
"""Boxes, shape (n, 4): in each row x and y of the first pixel, counted from 0, width and height."""

_MOST_COVERED = 100  # times the pixels of a mask; more would only keep the run busy


def boxes_of(bad: Bits) -> Boxes:
    """Return boxes that cover the bad pixels exactly, none of them twice.

    Bad pixels side by side in a row are one run, and equal runs of rows that follow each other
    are one box, so that columns, rows and filled clusters are one box each; or the same with
    columns for rows, where that makes fewer boxes.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.

    Returns
    -------
    numpy.ndarray of int64, shape (n, 4)
        In the order of their first pixels, row by row.
    """
    by_rows, by_columns = _boxes_by_rows(bad), _boxes_by_rows(bad.T)[:, [1, 0, 3, 2]]
    boxes = by_columns if len(by_columns) < len(by_rows) else by_rows
    return boxes[np.lexsort((boxes[:, 0], boxes[:, 1]))]


def _boxes_by_rows(bad: Bits) -> Boxes:
    """Return boxes of equal runs in the rows."""
    ny, nx = bad.shape
    edges = np.zeros((ny, nx + 2), np.int8)
    edges[:, 1:-1] = bad
    steps = np.diff(edges, axis=1)
    y, first = np.nonzero(steps == 1)
    stop = np.nonzero(steps == -1)[1]
    order = np.lexsort((y, stop, first))
    y, first, stop = y[order], first[order], stop[order]
    follows = (np.diff(y) == 1) & (np.diff(first) == 0) & (np.diff(stop) == 0)
    starts = np.flatnonzero(np.concatenate([[True] * (y.size > 0), ~follows]))
    heights = np.diff(np.append(starts, y.size))
    boxes = np.stack([first[starts], y[starts], (stop - first)[starts], heights], axis=1)
    return boxes.astype(np.int64)


class Work:
    """The pixels that a list may still cover, so that no untrusted file keeps a run busy.

    Parameters
    ----------
    source : str
        How messages call the list.
    npix : int
        The number of pixels of the mask.
    """

    def __init__(self, source: str, npix: int) -> None:
        self._source, self._left = source, _MOST_COVERED * npix

    def spend(self, npix: int) -> None:
        """Count the pixels of a shape.

        Raises
        ------
        InputError
            If there were too many by now.
        """
        self._left -= npix
        if self._left < 0:
            msg = (f"{self._source}: its shapes cover the mask more than {_MOST_COVERED} times; "
                   "expected a list of bad pixels")
            raise InputError(msg)


def paint_boxes(
    boxes: Iterable[tuple[int, int, int, int]], shape: tuple[int, int], source: str
) -> Bits:
    """Return the pixels that boxes cover.

    Parameters
    ----------
    boxes : iterable of tuple of int
        x and y of the first pixel, counted from 0, width and height; they are untrusted.
    shape : tuple of int
        The shape ``(ny, nx)`` of the mask.
    source : str
        How messages call the list.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        True = covered.

    Raises
    ------
    InputError
        If a box is empty or not within the mask.
    """
    ny, nx = shape
    bad = np.zeros(shape, np.bool_)
    work = Work(source, bad.size)
    for x, y, width, height in boxes:
        if not (0 <= x < nx and 0 <= y < ny and 0 < width <= nx - x and 0 < height <= ny - y):
            msg = (f"{source}: {width} x {height} pixels at x = {x}, y = {y} (counted from 0) do "
                   f"not lie within the {nx} x {ny} pixels of the mask")
            raise InputError(msg)
        work.spend(width * height)
        bad[y : y + height, x : x + width] = True
    return bad
