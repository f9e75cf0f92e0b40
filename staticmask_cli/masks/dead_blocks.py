"""Dead blocks: defects so large that they are their own local sky, with edges as no image has them.

The local rule finds clusters of up to 6 x 6 pixels.  A larger block of dead pixels differs from
what lies in the sky, such as a dust lane or a vignetted corner, by its edges: the level rises from
one pixel to the next, and no further.  The image of an edge in the sky is as wide as the PSF.
"""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.masks.clusters import clusters_of
from staticmask_cli.stats.pixelset import positions_of

__all__ = ["dead_blocks"]

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

_FEWEST = 5  # pixels along each side of a block; those of the local rule are smaller
_FILLED = 0.5  # of the box around a block; a line that pixels of noise touch fills less
_MARGIN = 3  # pixels from the edge to the one that the pixel beside it is compared with
_STEP = 0.5  # of the depth of a block, the least step at its edges
_FURTHER = 0.25  # of the step at an edge, by which the level may rise further
_SHARP = 0.8  # the part of the pixels along the edges where it must be so
_DIRECTIONS = ((0, 1), (0, -1), (1, 0), (-1, 0))


def dead_blocks(
    data: npt.NDArray[Any], dark: Bits, lines: Bits, noise: float, static_sig: float
) -> Bits | None:
    """Find the connected dark pixels with sharp edges all around.

    A block that reaches the edge of the chip is not found, as it may be an unlit border.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip, of any real dtype; not modified.  NaN beside an edge: not sharp.
    dark : numpy.ndarray of bool, shape (ny, nx)
        True = far below the mode of the chip.
    lines : numpy.ndarray of bool, shape (ny, nx)
        True = in a bad column or row, which may cross a block and is no part of it.
    noise : float
        The noise of a pixel, in the units of `data`.
    static_sig : float
        The least step at an edge, in units of the noise.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx), or None
        True = in a dead block, hence bad; None if there is none.
    """
    step, found = static_sig * noise, None
    if _may_have_blocks(data, dark, step):
        blocks = dark & ~lines
        for top, bottom, left, right in _boxes(blocks):
            box = np.s_[top:bottom, left:right]
            wider = np.s_[top - _MARGIN : bottom + _MARGIN, left - _MARGIN : right + _MARGIN]
            edges = _edges(data[wider].astype(np.float32), blocks[wider], (dark | lines)[wider])
            level = float(np.median(data[box][blocks[box]]))
            if _are_sharp(edges, level, noise, step):
                found = np.zeros_like(dark) if found is None else found
                found[box] |= blocks[box]
    return found


def _boxes(dark: Bits) -> Iterator[tuple[int, int, int, int]]:
    """Yield the first and the end row and column of what may be a block by its size."""
    ny, nx = dark.shape
    clusters = clusters_of(dark)
    enough = clusters.pixels >= _FEWEST * _FEWEST
    boxes = np.column_stack((clusters.pixels, clusters.rows, clusters.columns))[enough]
    for pixels, top, last_row, left, last_column in boxes.tolist():
        bottom, right = last_row + 1, last_column + 1
        height, width = bottom - top, right - left
        inside = min(top, left, ny - bottom, nx - right) >= _MARGIN
        if inside and min(height, width) >= _FEWEST and pixels >= _FILLED * height * width:
            yield top, bottom, left, right


def _may_have_blocks(data: npt.NDArray[Any], dark: Bits, step: float) -> bool:
    """Whether enough dark pixels lie below a much brighter one, which is quick to see.

    A chip may have millions of dark pixels, for instance in a nebula, and their search is slow.
    """
    if np.count_nonzero(dark) < _FEWEST * _FEWEST:
        return False
    y, x = positions_of(dark[:-1] & ~dark[1:])
    with np.errstate(invalid="ignore", over="ignore"):
        rises = data[y + 1, x].astype(np.float32) - data[y, x].astype(np.float32) >= step
    return bool(np.count_nonzero(rises) >= _SHARP * _FEWEST)


def _are_sharp(edges: Iterable[tuple[Floats, Floats, Floats]], level: float, noise: float,
               step: float) -> bool:
    """Whether the level rises from that of a block at its edges, and hardly further beyond."""
    sharp = count = 0
    for edge, beside, beyond in edges:
        with np.errstate(invalid="ignore", over="ignore"):
            rise = beside - edge
            least = np.maximum(step, _STEP * (beyond - level))
            is_sharp = (rise >= least) & (beyond - beside <= _FURTHER * rise + noise)
        sharp += int(np.count_nonzero(is_sharp))
        count += edge.size
    return sharp >= _SHARP * max(count, 4 * _FEWEST)


def _edges(
    data: Floats, block: Bits, dark: Bits
) -> Iterator[tuple[Floats, Floats, Floats]]:
    """Yield, for each direction, pixels at an edge of a block, those beside, and those beyond."""
    ny, nx = (length - _MARGIN for length in data.shape)
    middle = np.s_[_MARGIN:ny, _MARGIN:nx]
    for dy, dx in _DIRECTIONS:
        beside, beyond = (
            np.s_[_MARGIN + n * dy : ny + n * dy, _MARGIN + n * dx : nx + n * dx]
            for n in (1, _MARGIN)
        )
        at_edge = block[middle] & ~dark[beside] & ~dark[beyond]
        yield data[middle][at_edge], data[beside][at_edge], data[beyond][at_edge]
