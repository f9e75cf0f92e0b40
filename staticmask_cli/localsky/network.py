"""Sorting networks over the windows around all pixels at once, in whole-array operations.

A network is a fixed sequence of ``minimum`` and ``maximum``, which runs at the speed of memory and
without the lock of the interpreter.  The windows around adjacent pixels share pixels, so an
operation that is the same for two parts of a window but for a shift is done only once.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.stats.blocks import SCRATCH

__all__ = ["Network"]

Floats = npt.NDArray[np.float32]
Place = tuple[int, int]


class _Step(NamedTuple):
    """One array operation: the smaller or the larger of two values.

    Attributes
    ----------
    larger : bool
        Whether the result is the larger value.
    first, second : int
        The numbers of the two values; the pixels have the number 0.
    shift : tuple of int
        The rows and columns from the place of the first value to that of the second.
    """

    larger: bool
    first: int
    second: int
    shift: Place


class Network:
    """Comparators between the pixels of a window, without those that the outputs do not need.

    Parameters
    ----------
    name : str
        The name of the scratch buffers.
    window : sequence of tuple of int
        The row and column of each input value in the window.
    comparators : iterable of tuple of int
        Pairs of inputs; each comparator moves the smaller of their values to the first.
    outputs : sequence of int
        The inputs whose values, at the end, are the result.
    """

    def __init__(
        self, name: str, window: Sequence[Place], comparators: Iterable[tuple[int, int]],
        outputs: Sequence[int],
    ) -> None:
        self._name = name
        self._reach = tuple(max(places) for places in zip(*window, strict=True))
        numbers: dict[_Step, int] = {}
        values = [(place, 0) for place in window]
        for pair in comparators:
            (place, first), (other, second) = sorted(values[index] for index in pair)
            shift = other[0] - place[0], other[1] - place[1]
            for larger, index in enumerate(pair):
                step = _Step(bool(larger), first, second, shift)
                values[index] = place, numbers.setdefault(step, len(numbers) + 1)
        self._outputs = [values[index] for index in outputs]
        needed = {number for _, number in self._outputs}
        for step, number in reversed(numbers.items()):
            if number in needed:
                needed |= {step.first, step.second}
        self._steps = {number: step for step, number in numbers.items() if number in needed}
        self._place_in_buffers()

    def _place_in_buffers(self) -> None:
        """Choose the buffer of each value; one that is no longer needed is used again."""
        last_use = {value: number for number, step in self._steps.items()
                    for value in (step.first, step.second)}
        last_use |= {number: 0 for _, number in self._outputs}  # which no step is the last to use
        self._buffer, self._buffers, free = {0: 0}, 0, list[int]()
        for number, step in self._steps.items():
            done = {value for value in (step.first, step.second) if last_use[value] == number} - {0}
            in_place = done & {step.first} - {step.second}  # no pixel of it moves
            free += [self._buffer[value] for value in in_place]
            if not free:
                self._buffers += 1
                free.append(self._buffers)
            self._buffer[number] = free.pop()
            free += [self._buffer[value] for value in done - in_place]

    def run(self, tile: Floats) -> list[Floats]:
        """Return the outputs for the windows around all pixels of a tile.

        Parameters
        ----------
        tile : numpy.ndarray of float32, shape (ny, nx)
            Pixels with margins, in contiguous memory; not modified.

        Returns
        -------
        list of numpy.ndarray of float32
            The outputs, without margins, in scratch buffers that are valid until the thread runs
            this network again.
        """
        width, size = tile.shape[1], tile.size
        buffers = [tile.reshape(-1), *(
            SCRATCH.get(f"{self._name} {number}", size + width, np.float32)
            for number in range(self._buffers))]
        lengths = {0: size}
        for number, (larger, first, second, (dy, dx)) in self._steps.items():
            shift = dy * width + dx
            length = lengths[number] = min(lengths[first], lengths[second] - shift)
            (np.maximum if larger else np.minimum)(
                buffers[self._buffer[first]][:length],
                buffers[self._buffer[second]][shift : shift + length],
                out=buffers[self._buffer[number]][:length])
        ny, nx = tile.shape[0] - self._reach[0], width - self._reach[1]
        starts = [(y * width + x, number) for (y, x), number in self._outputs]
        return [buffers[self._buffer[number]][start : start + ny * width].reshape(ny, width)[:, :nx]
                for start, number in starts]
