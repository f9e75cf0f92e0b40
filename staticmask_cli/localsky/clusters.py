"""Clusters of low pixels, which are the sky of each other: they are found on a coarser chip.

The median of 5 x 5 pixels is bad itself inside a cluster of 4 x 4.  On a chip of blocks of 3 x 3
pixels the cluster is two or three blocks wide, and lies below that median.  Around each such block
the pixels are compared with a surface through the ring that no cluster reaches.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.candidates import Candidates
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.surface_fit import quadratic_terms
from staticmask_cli.localsky.windows import (
    neighbourhoods,
    quantile_of_rows,
    scatter_of_rows,
)

__all__ = ["BLOCK", "blocks_of", "mark_clusters"]

Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

BLOCK = 3
"""Pixels along each side of a block."""

_ROWS = 32  # rows of blocks that are averaged together
_REACH = 9  # pixels from the middle of a block to the end of the ring around the cluster
_INNER = 6  # pixels from it to the end of the largest cluster
_LARGEST = 6  # pixels along each side of the largest cluster
_FEWEST = 4  # pixels of a cluster; the rule for single pixels finds smaller ones
_RIM = 1.5  # depth of the pixels beside a cluster: images of the sky have no sharp edges
_MOST_OF_RIM = 0.85  # the part of these pixels that must not be lower
# Largest distance of a pixel from the median of its ring, in units of the scatter.  The pixels of a
# slope lie within 1.6, and those of stars do not.
_CLIPPED = 2.0
_CHUNK = 64  # blocks that are processed together, with matrix products too small for threads
_AWAY = np.abs(np.arange(-_REACH, _REACH + 1)) > _INNER
_RING = np.logical_or.outer(_AWAY, _AWAY)
_TERMS = quadratic_terms(_REACH)
_TO_COEFFICIENTS = np.linalg.pinv(_TERMS[_RING.ravel()])


def blocks_of(data: npt.NDArray[Any]) -> Floats:
    """Return the means of blocks of 3 x 3 pixels, without the rows and columns that are left over.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.

    Returns
    -------
    numpy.ndarray of float32, shape (ny // 3, nx // 3)
        The means; NaN where a pixel is NaN.
    """
    ny, nx = (length // BLOCK for length in data.shape)
    blocks = np.empty((ny, nx), dtype=np.float32)
    with np.errstate(invalid="ignore", over="ignore"):
        for start in range(0, ny, _ROWS):
            end = min(start + _ROWS, ny)
            rows = data[start * BLOCK : end * BLOCK, : nx * BLOCK].astype(np.float32, copy=False)
            of_three = rows[0::3] + rows[1::3] + rows[2::3]
            total = of_three[:, 0::3] + of_three[:, 1::3] + of_three[:, 2::3]
            blocks[start:end] = total / np.float32(BLOCK * BLOCK)
    return blocks


def mark_clusters(
    low: Bits, data: npt.NDArray[Any], blocks: Candidates, noise_model: NoiseModel,
    static_sig: float,
) -> None:
    """Set the pixels of clusters that lie far below the ring of pixels around.

    Parameters
    ----------
    low : numpy.ndarray of bool, shape (ny, nx)
        True = low; changed in place.
    data : numpy.ndarray, shape (ny, nx)
        The pixels of a chip; not modified.
    blocks : Candidates
        The low pixels of the chip of blocks.
    noise_model : NoiseModel
        The noise of the chip.
    static_sig : float
        The threshold, in units of the noise or of the scatter of the ring.
    """
    # Only blocks beside a deepest one with enough low pixels around it can be part of a cluster.
    deepest = blocks.select(_are_deepest(blocks, data.shape))
    promising = np.zeros(deepest.rows.size, np.bool_)
    for numbers, *_ in _low_squares(data, deepest, noise_model, static_sig):
        promising[numbers] = True
    blocks = blocks.select(_number_around(blocks, deepest.select(promising), data.shape) > 0)
    for _, y, x, depth in _low_squares(data, blocks, noise_model, static_sig):
        number, dy, dx = np.nonzero(_clusters(depth, static_sig))
        low[y[number] + dy - _REACH, x[number] + dx - _REACH] = True


def _low_squares(
    data: npt.NDArray[Any], blocks: Candidates, noise_model: NoiseModel, static_sig: float
) -> Iterator[tuple[Indices, Indices, Indices, Doubles]]:
    """Yield the squares around blocks that have enough low pixels for a cluster, many at once.

    Yields
    ------
    numbers, y, x : numpy.ndarray of integer, shape (n,)
        The numbers of the blocks, and the positions of the pixels in their middle.
    depth : numpy.ndarray of float, shape (n, side, side)
        How far the pixels lie below the surface through the ring around, in units of the noise, or
        of the scatter of the ring if that is larger; NaN outside of the chip.
    """
    ny, nx = data.shape
    several = np.flatnonzero(_have_several_low_pixels(data, blocks, static_sig))
    offset = np.arange(-_REACH, _REACH + 1)
    for start in range(0, several.size, _CHUNK):
        numbers = several[start : start + _CHUNK]
        y, x = (index[numbers] * BLOCK + BLOCK // 2 for index in (blocks.rows, blocks.columns))
        pixels = neighbourhoods(data, y, x, _REACH)
        sky, scatter = _surfaces(pixels)
        noise = np.maximum(noise_model.sigma(sky[:, _REACH, _REACH], y, x), scatter)
        with np.errstate(invalid="ignore", over="ignore"):
            depth = (sky - pixels) / noise[:, None, None]
        rows, columns = y[:, None] + offset, x[:, None] + offset
        inside = (((rows >= 0) & (rows < ny))[:, :, None]
                  & ((columns >= 0) & (columns < nx))[:, None, :])
        depth[~inside] = np.nan  # the mirror image is not part of a cluster
        enough = np.count_nonzero(depth > static_sig, axis=(1, 2)) >= _FEWEST
        if enough.any():
            yield numbers[enough], y[enough], x[enough], depth[enough]


def _are_deepest(blocks: Candidates, shape: tuple[int, ...]) -> Bits:
    """Return which blocks are deeper than the others within 3 x 3."""
    ny, nx = (length // BLOCK for length in shape)
    depth = np.zeros((ny + 2, nx + 2), np.float32)
    depth[blocks.rows + 1, blocks.columns + 1] = blocks.depth
    # One array after the other, as `np.maximum.reduce` would copy all three.
    deepest = np.maximum(np.maximum(depth[:-2], depth[1:-1]), depth[2:])
    deepest = np.maximum(np.maximum(deepest[:, :-2], deepest[:, 1:-1]), deepest[:, 2:])
    return np.asarray(blocks.depth >= deepest[blocks.rows, blocks.columns])


def _number_around(
    blocks: Candidates, others: Candidates, shape: tuple[int, ...]
) -> npt.NDArray[np.uint8]:
    """Return how many other blocks lie within 7 x 7 of each, mirrored at the edges of the chip."""
    ny, nx = (length // BLOCK for length in shape)
    low = np.zeros((ny, nx), np.uint8)
    low[others.rows, others.columns] = 1
    low = np.pad(low, _LARGEST // 2, mode="reflect")
    of_rows = low[:ny].copy()
    for line in range(1, _LARGEST + 1):
        of_rows += low[line : line + ny]
    number = of_rows[:, :nx].copy()
    for line in range(1, _LARGEST + 1):
        number += of_rows[:, line : line + nx]
    return number[blocks.rows, blocks.columns]


def _clusters(depth: Doubles, static_sig: float) -> Bits:
    """Return the pixels of the cluster in the middle of each square, if it is one.

    Parameters
    ----------
    depth : numpy.ndarray of float, shape (n, side, side)
        How far the pixels of the squares lie below their sky, in units of the noise.
    static_sig : float
        The threshold.
    """
    below = depth > static_sig
    middle = slice(_REACH - BLOCK // 2 - 1, _REACH + BLOCK // 2 + 2)  # the block and those beside
    cluster = np.zeros_like(below)
    cluster[:, middle, middle] = below[:, middle, middle]
    for _ in range(_LARGEST):
        cluster = _grown(cluster) & below
    rim = np.where(_grown(cluster) & ~cluster, depth, np.nan).reshape(len(depth), -1)
    is_cluster = quantile_of_rows(rim, _MOST_OF_RIM) < _RIM  # which NaN is not
    is_cluster &= np.count_nonzero(cluster, axis=(1, 2)) >= _FEWEST
    is_low = depth > _RIM
    for shift, axis in ((-1, 1), (1, 1), (-1, 2), (1, 2)):
        side = np.roll(cluster, shift, axis) & ~cluster
        is_cluster &= (side & ~is_low).any(axis=(1, 2))  # where all are low, a dark lane goes on
    for axis in (1, 2):
        is_cluster &= np.count_nonzero(cluster.any(axis=axis), axis=1) <= _LARGEST
    return np.asarray(cluster & is_cluster[:, None, None])


def _have_several_low_pixels(data: npt.NDArray[Any], blocks: Candidates, static_sig: float) -> Bits:
    """Return which blocks, with the pixels next to them, have enough low pixels for a cluster.

    Most low blocks have a single one.
    """
    y, x = blocks.rows * BLOCK + BLOCK // 2, blocks.columns * BLOCK + BLOCK // 2
    pixels = neighbourhoods(data, y, x, BLOCK // 2 + 1)
    with np.errstate(invalid="ignore", over="ignore"):
        sky = pixels[:, 1:-1, 1:-1].mean(axis=(1, 2)) + blocks.depth
        limit = sky - static_sig * BLOCK * blocks.noise
        low = np.count_nonzero(pixels < limit[:, None, None], axis=(1, 2))
    return np.asarray(low >= _FEWEST)


def _surfaces(pixels: Floats) -> tuple[Floats, Doubles]:
    """Return quadratic surfaces through the rings of squares, and the scatter around them."""
    values = pixels[:, _RING].astype(np.float64)
    level = quantile_of_rows(values, 0.5)[:, None]
    with np.errstate(invalid="ignore", over="ignore"):
        reach = _CLIPPED * scatter_of_rows(np.abs(values - level))[:, None]
        known = np.isfinite(values)
        clipped = np.where(known, np.clip(values, level - reach, level + reach), level)
        sky = clipped @ _TO_COEFFICIENTS.T @ _TERMS.T
        distance = np.where(known, np.abs(values - sky[:, _RING.ravel()]), np.nan)
    return sky.astype(np.float32).reshape(pixels.shape), scatter_of_rows(distance)


def _grown(bits: Bits) -> Bits:
    """Return the pixels of squares, shape (n, side, side), and those next to them."""
    grown = bits.copy()
    grown[:, 1:] |= bits[:, :-1]
    grown[:, :-1] |= bits[:, 1:]
    both = grown.copy()
    both[:, :, 1:] |= grown[:, :, :-1]
    both[:, :, :-1] |= grown[:, :, 1:]
    return both
