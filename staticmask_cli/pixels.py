"""The pixels of a chip as the clipping core sees them: native float32, block by block."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.workspace import WORKSPACE

__all__ = ["BLOCK", "Pixels"]

Floats = npt.NDArray[np.float32]

# Pixels in a block: its temporaries stay near the second-level cache.  With smaller ones the
# calls of numpy cost more than the cache gives, and threads wait for each other between them.
BLOCK = 1 << 18
_SAMPLE = 1 << 14  # pixels that suggest the limits of the core, good to half a percent


class Pixels:
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
                block, WORKSPACE.take("block", block.size, np.float32)
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
