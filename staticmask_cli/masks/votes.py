"""Votes: in how many exposures, or at how many pointings, each pixel is bad."""

import math
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.masks.members import Corners
from staticmask_cli.masks.pointings import pointing_labels
from staticmask_cli.stats.pixelset import StoredPixels

__all__ = ["Counts", "Tally"]

Bits = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.unsignedinteger[Any]]
Indices = npt.NDArray[np.integer[Any]]

_NO_PIXELS: Indices = np.zeros(0, np.intp)
_MOST_UNGROUPED = 64  # chips, so that the time for grouping stays small, and the memory too


class Pointing(NamedTuple):
    """The pixels that are bad in any exposure of a pointing, as far as it is known.

    Attributes
    ----------
    corners : tuple of Corners
        The corners of the chip on the sky, in each of its exposures.
    pixels : StoredPixels
        The bad pixels.
    """

    corners: tuple[Corners, ...]
    pixels: StoredPixels


class Tally:
    """The votes of the chips of one signature, each for the pixels that are bad in it.

    A chip votes on its own, or together with the others of its pointing.  Votes on their own are
    only counted.  The bad pixels of a pointing are stored until the votes are counted, as a later
    chip may belong to it; chips that are linked (`masks.pointings`) are stored as one, which is
    sound in any order because a pointing only grows.

    Parameters
    ----------
    shape : tuple of int
        The shape ``(ny, nx)`` of the chips.

    Attributes
    ----------
    alone : numpy.ndarray of unsigned integers, shape (ny, nx), or None
        The votes of the chips that vote on their own; None if there are none.
    voters_alone : int
        The number of these chips.
    pointings : tuple of Pointing
        The pointings of all other chips, of which several may turn out to be one.
    """

    def __init__(self, shape: tuple[int, int]) -> None:
        self._shape = shape
        self.alone: Counts | None = None
        self.voters_alone = 0
        self.pointings: tuple[Pointing, ...] = ()
        self._grouped = 0  # of the pointings, the first that are known not to be linked
        self._counts: Counts | None = None  # as long as nothing is added

    @property
    def nbytes(self) -> int:
        """The number of bytes of its arrays."""
        alone = 0 if self.alone is None else self.alone.nbytes
        return alone + sum(pointing.pixels.nbytes for pointing in self.pointings)

    @property
    def voters(self) -> int:
        """The number of votes that a pixel can have at most."""
        self._group()
        return self.voters_alone + len(self.pointings)

    @property
    def counts(self) -> Counts:
        """The number of votes for each pixel, shape (ny, nx); not to be modified.

        They are in the smallest unsigned integers that hold the number of voters.
        """
        if self._counts is None:
            counts = np.zeros(self._shape, np.min_scalar_type(self.voters))
            if self.alone is not None:
                counts += self.alone
            for pointing in self.pointings:
                counts.reshape(-1)[pointing.pixels.indices] += counts.dtype.type(1)
            self._counts = counts
        return self._counts

    @property
    def by_pointing(self) -> Iterator[tuple[Corners, Indices]]:
        """The corners of a chip of each pointing that is known, and the indices of its pixels."""
        self._group()
        return ((pointing.corners[0], pointing.pixels.indices) for pointing in self.pointings)

    def add(self, bad: Bits, corners: Corners | None) -> None:
        """Add the vote of a chip.

        Parameters
        ----------
        bad : numpy.ndarray of bool, shape (ny, nx)
            The bad pixels of the chip; not modified.
        corners : Corners or None
            The corners of the chip on the sky; None if it votes on its own.
        """
        if corners is None:
            self._add_alone(bad, 1)
        else:
            pixels = StoredPixels(np.flatnonzero(bad), bad.size)
            self._add_pointings(Pointing((corners,), pixels))

    def merge(self, other: "Tally") -> None:
        """Add the votes of other chips; `other` is not modified."""
        if other.alone is not None:
            self._add_alone(other.alone, other.voters_alone)
        self._add_pointings(*other.pointings)

    @classmethod
    def restored(
        cls, counts: Counts, voters_alone: int,
        pointings: Mapping[int, Sequence[Corners]] = MappingProxyType({}),
        numbers: Indices = _NO_PIXELS, indices: Indices = _NO_PIXELS,
    ) -> "Tally":
        """Return the votes that a mask file holds.

        Parameters
        ----------
        counts : numpy.ndarray of unsigned integers, shape (ny, nx)
            The number of votes for each pixel.
        voters_alone : int
            The number of chips that voted on their own.
        pointings : mapping of int to sequence of Corners
            The corners of the chips of each other pointing, by its number.
        numbers, indices : numpy.ndarray of integer, shape (n,)
            The number of a pointing, and the flat index of a pixel that is bad there.

        Raises
        ------
        FaultError
            If these contradict each other.
        """
        votes = cls((counts.shape[0], counts.shape[1]))
        order = np.lexsort((indices, numbers))
        numbers, indices = numbers[order], indices[order]
        alone, rows = counts.flatten(), 0
        for number, corners in pointings.items():
            start, end = np.searchsorted(numbers, [number, number + 1])
            pixels = indices[start:end]
            rows += pixels.size
            steps = np.diff(pixels, prepend=-1, append=alone.size)
            if (steps <= 0).any() or not alone[pixels].all():
                msg = f"its pointing {number} contradicts its VOTES"
                raise FaultError(msg)
            alone[pixels] -= alone.dtype.type(1)
            votes._add_pointings(Pointing(tuple(corners), StoredPixels(pixels, alone.size)))
        if rows != indices.size or int(alone.max(initial=0)) > voters_alone:
            msg = "its VOTES and POINTINGS contradict its MEMBERS"
            raise FaultError(msg)
        if voters_alone:
            votes._add_alone(alone.reshape(counts.shape), voters_alone)
        return votes

    def _add_alone(self, votes: Bits | Counts, voters: int) -> None:
        self.voters_alone += voters
        kind = np.min_scalar_type(self.voters_alone)
        self.alone = votes.astype(kind) if self.alone is None else np.add(
            self.alone, votes, dtype=kind
        )
        self._counts = None

    def _add_pointings(self, *pointings: Pointing) -> None:
        self.pointings += pointings
        self._counts = None
        if len(self.pointings) - self._grouped > max(_MOST_UNGROUPED, self._grouped):
            self._group()

    def _group(self) -> None:
        """Store all pointings that are linked as one."""
        if self._grouped == len(self.pointings):
            return
        corners = np.array([one for pointing in self.pointings for one in pointing.corners])
        sizes = [len(pointing.corners) for pointing in self.pointings]
        labels = pointing_labels(corners, self._shape)[np.cumsum(sizes) - 1]
        groups: dict[int, list[Pointing]] = {}
        for label, pointing in zip(labels.tolist(), self.pointings, strict=True):
            groups.setdefault(label, []).append(pointing)
        size = math.prod(self._shape)
        self.pointings = tuple(_union(group, size) for group in groups.values())
        self._grouped = len(self.pointings)


def _union(pointings: Sequence[Pointing], size: int) -> Pointing:
    """Return one pointing of several; `size` is the number of pixels of the chip."""
    if len(pointings) == 1:
        return pointings[0]
    corners = tuple(one for pointing in pointings for one in pointing.corners)
    bits = np.zeros(size, np.bool_)
    for pointing in pointings:
        bits[pointing.pixels.indices] = True
    return Pointing(corners, StoredPixels(np.flatnonzero(bits), size))
