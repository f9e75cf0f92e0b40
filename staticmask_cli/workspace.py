"""Memory that a thread uses for one chip after the other."""

import threading
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

__all__ = ["WORKSPACE", "Workspace"]

Scalar = TypeVar("Scalar", bound=np.generic)


class Workspace(threading.local):
    """Arrays by name, each for one purpose, made once in a thread.

    Fresh memory of the size of a chip costs as much as reading the chip, because
    the system clears it page by page and makes the other threads wait.
    """

    def __init__(self) -> None:
        self._arrays: dict[str, npt.NDArray[Any]] = {}

    def take(self, name: str, size: int, dtype: type[Scalar]) -> npt.NDArray[Scalar]:
        """Return `size` elements with whatever they hold, valid until `name` is taken again."""
        array = self._arrays.get(name)
        if array is None or array.size < size or array.dtype != dtype:
            array = self._arrays[name] = np.empty(size, dtype=dtype)
        return array[:size]


WORKSPACE = Workspace()
