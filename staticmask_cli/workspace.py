"""Memory that a thread uses for one chip after the other."""

import threading
from typing import TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["WORKSPACE", "Workspace"]

Scalar = TypeVar("Scalar", bound=np.generic)
Bytes = npt.NDArray[np.uint8]

# Bytes of the pages that numpy asks for where much memory is wanted at once: one of these is
# got much faster than the 512 small ones in its place.
_PAGE = 1 << 21
_SLAB = 4 * _PAGE
_SMALL = _PAGE // 8  # bytes that are not worth a part of such a page
_LINE = 64  # bytes of a line of the cache


class Workspace(threading.local):
    """Memory by name, each for one purpose at a time, made once in a thread.

    Fresh memory of the size of a chip costs as much as reading the chip, because
    the system clears it page by page and makes the other threads wait.
    """

    def __init__(self) -> None:
        self._memory: dict[str, Bytes] = {}
        self._slab: Bytes = np.empty(0, dtype=np.uint8)

    def take(self, name: str, size: int, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
        """Return `size` elements with whatever they hold, valid until `name` is taken again."""
        nbytes = size * np.dtype(dtype).itemsize
        memory = self._memory.get(name)
        if memory is None or memory.size < nbytes:
            memory = self._memory[name] = self._fresh(nbytes)
        return memory[:nbytes].view(dtype)

    def _fresh(self, nbytes: int) -> Bytes:
        """Return new memory: if it is much, a part of some that lies in large pages."""
        if nbytes <= _SMALL:
            return np.empty(nbytes, dtype=np.uint8)
        if nbytes > self._slab.size:
            slab = np.empty(max(nbytes, _SLAB - _PAGE) + _PAGE, dtype=np.uint8)
            self._slab = slab[-slab.ctypes.data % _PAGE :]
        memory, self._slab = self._slab[:nbytes], self._slab[nbytes + -nbytes % _LINE :]
        return memory


WORKSPACE = Workspace()
