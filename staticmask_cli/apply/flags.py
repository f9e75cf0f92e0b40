"""The DQ bits that masks set in the pixels of a chip, cut and grown."""

from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.apply.bits import layers
from staticmask_cli.apply.mask_file import MaskFile
from staticmask_cli.masks.grow import grown

__all__ = ["ChipFlags", "flags_of"]

Bits = npt.NDArray[np.bool_]


class ChipFlags(NamedTuple):
    """The DQ bits to set in the pixels of a chip.

    Attributes
    ----------
    pixels : numpy.ndarray of int64
        The indices of the pixels in the flattened chip, ascending.
    bits : numpy.ndarray of uint32
        The bits to set in each of them.
    counts : tuple of int
        The number of pixels that each mask flags.
    """

    pixels: npt.NDArray[np.int64]
    bits: npt.NDArray[np.uint32]
    counts: tuple[int, ...]


def flags_of(
    masks: Sequence[tuple[MaskFile, tuple[int, int]]],
    shape: tuple[int, int],
    bits: Mapping[str, int],
    grow: int,
) -> ChipFlags:
    """Return the DQ bits that masks set in a chip.

    Parameters
    ----------
    masks : sequence of tuple
        The masks, each with its pixel ``(y, x)`` that is the first pixel of the chip.
    shape : tuple of int
        The shape ``(ny, nx)`` of the chip.
    bits : mapping of str to int
        The bits by cause; those for all bad pixels are under an empty string.
    grow : int
        The distance in pixels by which bad pixels grow, also those that lie outside of the chip.
    """
    set_by_each = [
        [(np.flatnonzero(_placed(bad, offset, shape, grow)), number)
         for bad, number in layers(mask, bits)]
        for mask, offset in masks
    ]
    pixels = _union(where for layer in set_by_each for where, _ in layer)
    pattern = np.zeros(pixels.size, np.uint32)
    for where, number in (pair for layer in set_by_each for pair in layer):
        pattern[np.searchsorted(pixels, where)] |= np.uint32(number)
    counts = (_union(where for where, _ in layer).size for layer in set_by_each)
    return ChipFlags(pixels, pattern, tuple(counts))


def _union(indices: Iterable[npt.NDArray[np.int64]]) -> npt.NDArray[np.int64]:
    """Return the indices that are in any of several arrays, ascending."""
    arrays = list(indices)
    return arrays[0] if len(arrays) == 1 else np.unique(np.concatenate(arrays))


def _placed(bad: Bits, offset: tuple[int, int], shape: tuple[int, int], grow: int) -> Bits:
    """Return the bad pixels of a mask in the pixels of a chip; those beyond the mask are good."""
    if not grow and offset == (0, 0) and shape == bad.shape:
        return bad
    # A margin around the chip contains the bad pixels from which others grow into it.
    window = np.zeros((shape[0] + 2 * grow, shape[1] + 2 * grow), bool)
    sources, targets = [], []
    for start, length, size in zip(offset, window.shape, bad.shape, strict=True):
        first = start - grow
        begin, end = max(first, 0), max(min(first + length, size), 0)
        sources.append(slice(begin, end))
        targets.append(slice(begin - first, max(end - first, 0)))
    window[tuple(targets)] = bad[tuple(sources)]
    if not grow:
        return window
    return grown(window, grow)[grow:-grow, grow:-grow]
