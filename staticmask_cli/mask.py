"""Masks in memory: the chips of one signature, accumulated."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.clipping import clip_chip, pixels_below
from staticmask_cli.dqbits import bad_by_dq, pixels_by_bit
from staticmask_cli.errors import ChipError
from staticmask_cli.signature import Signature

__all__ = ["ChipLabel", "Member", "PartialMask"]

_MUCH_BELOW = 0.01  # of a chip
_MUCH_BY_DQ = 0.10  # of a chip
_FAR_FROM_MODE = 0.5  # rms between mode and median

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True, order=True)
class ChipLabel:
    """Where a chip comes from, as the MEMBERS table has it.

    Attributes
    ----------
    file : str
        As the user gave it.
    extver : int
        EXTVER of the SCI extension.
    rootname : str
        ROOTNAME of the exposure.
    exptime : float
        Exposure time in seconds; NaN where the header has none.
    """

    file: str
    extver: int = 1
    rootname: str = ""
    exptime: float = float("nan")

    def __str__(self) -> str:
        return f"{self.file}[SCI,{self.extver}]"


@dataclass(frozen=True)
class Member:
    """What one chip did to a mask: a row of the MEMBERS table.

    Attributes
    ----------
    label : ChipLabel
        Where the chip comes from.
    npix : int
        Pixels of the chip.
    mode, rms, median, threshold : float
        In the units of the chip; NaN where it could not be clipped.
    below : int
        Pixels below the threshold.
    flagged : int
        Pixels that are bad by DQ.
    added_by_bit : dict of int to int
        For each DQ bit, the pixels that carry it and are not below the threshold.
    unused : str
        Why the chip was set aside; empty if it was used.
    """

    label: ChipLabel
    npix: int
    mode: float
    rms: float
    median: float
    threshold: float
    below: int = 0
    flagged: int = 0
    added_by_bit: dict[int, int] = field(default_factory=dict)
    unused: str = ""

    @property
    def used(self) -> bool:
        """Whether the chip took part in the mask."""
        return not self.unused

    def doubts(self) -> list[str]:
        """Reasons why this chip's part of the mask may lie, with their figures."""
        if self.unused:
            return [f"set aside: {self.unused}"]
        doubts = []
        crowded = "a crowded or nebular field? The mask may hold sources"
        if self.below > _MUCH_BELOW * self.npix:
            doubts.append(f"{self.below / self.npix:.1%} of the pixels lie below the "
                          f"threshold {self.threshold:.6g}; {crowded}")
        if abs(self.mode - self.median) > _FAR_FROM_MODE * self.rms:
            apart = abs(self.mode - self.median) / self.rms
            doubts.append(f"mode {self.mode:.6g} and median {self.median:.6g} are "
                          f"{apart:.2f} rms apart; {crowded}")
        if self.flagged > _MUCH_BY_DQ * self.npix:
            bits = ", ".join(f"{bit}: {count}" for bit, count in self.added_by_bit.items())
            doubts.append(f"DQ removes {self.flagged / self.npix:.1%} of the pixels "
                          f"(added by bit: {bits}); flags that come and go make poor static masks")
        return doubts


class PartialMask:
    """Bad pixels of all chips of one signature that were added so far.

    A pixel is good when it is good in every chip, a logical AND; so partial
    masks can be merged in any order.

    Parameters
    ----------
    signature : Signature
        Of all the chips that will be added.

    Attributes
    ----------
    signature : Signature
    below : numpy.ndarray of bool, shape (ny, nx)
        True = below the threshold in at least one chip.
    flagged : numpy.ndarray of bool, shape (ny, nx), or None
        True = bad by DQ in at least one chip; None where no DQ was given.
    members : list of Member
        One for each chip added, used or set aside.
    """

    def __init__(self, signature: Signature) -> None:
        self.signature = signature
        self.below: Bits = np.broadcast_to(np.False_, signature.shape)
        self.flagged: Bits | None = None
        self.members: list[Member] = []

    @property
    def bad(self) -> Bits:
        """Mask as booleans, shape (ny, nx): True = bad in at least one chip; not to be modified."""
        return self.below if self.flagged is None else self.below | self.flagged

    @property
    def good(self) -> Bits:
        """Mask as booleans, shape (ny, nx): True = good in every chip."""
        return ~self.bad

    @property
    def nbad(self) -> int:
        """Number of bad pixels."""
        return int(np.count_nonzero(self.bad))

    @property
    def nbelow(self) -> int:
        """Number of pixels below the threshold in at least one chip."""
        return int(np.count_nonzero(self.below))

    @property
    def array(self) -> npt.NDArray[np.int16]:
        """Mask as it is written: int16, shape (ny, nx), 1 good and 0 bad."""
        return self.good.astype(np.int16)

    @property
    def used(self) -> list[Member]:
        """Members that were not set aside."""
        return [member for member in self.members if member.used]

    def added_by_bit(self) -> dict[int, int]:
        """Pixels that each DQ bit added, summed over the members."""
        counts: Counter[int] = Counter()
        for member in self.members:
            counts.update(member.added_by_bit)
        return dict(sorted(counts.items()))

    def add(
        self,
        data: npt.NDArray[Any],
        *,
        static_sig: float,
        label: ChipLabel | str,
        dq: npt.NDArray[Any] | None = None,
        good_bits: int = 0,
    ) -> Member:
        """Add a chip: its pixels below ``mode - static_sig * rms`` become bad.

        Parameters
        ----------
        data : numpy.ndarray, shape (ny, nx)
            Pixels of any real dtype; not modified.  NaN pixels stay good.
        static_sig : float
            Distance of the threshold from the mode, in rms.
        label : ChipLabel or str
            Where the chip comes from, or any name for it.
        dq : numpy.ndarray of integer, shape (ny, nx), optional
            DQ flags; pixels with a flag that is not in `good_bits` become bad too.
        good_bits : int
            DQ bits that do not make a pixel bad.

        Returns
        -------
        Member
            Also appended to `members`.  A chip that cannot be clipped is set
            aside: it changes no pixel, by its DQ neither.

        Raises
        ------
        ChipError
            If `data` is not numeric, or `data` or `dq` is not of the signature's shape.
        """
        label = label if isinstance(label, ChipLabel) else ChipLabel(label)
        self._check_shape("SCI", data, label)
        if dq is not None:
            self._check_shape("DQ", dq, label)
        clipping = clip_chip(data)
        statistics = clipping.statistics
        if not statistics.clippable:
            return self.set_aside(label, _why_not_clippable(statistics.npix))
        threshold = statistics.threshold(static_sig)
        below = pixels_below(data, threshold)
        flagged: Bits | None = None
        added: dict[int, int] = {}
        if dq is not None:
            flagged = bad_by_dq(dq, good_bits)  # which may raise, so before anything changes
            added = pixels_by_bit(dq, good_bits, flagged & ~below)
        self.below = self.below | below if self.used else below
        self._merge_flagged(flagged)
        member = Member(
            label, data.size, statistics.mode, statistics.rms, clipping.median, threshold,
            int(np.count_nonzero(below)),
            0 if flagged is None else int(np.count_nonzero(flagged)), added,
        )
        self.members.append(member)
        return member

    def set_aside(self, label: ChipLabel, reason: str) -> Member:
        """Add a member that changes no pixel, by its DQ neither, and say why."""
        nan = float("nan")
        member = Member(label, self.below.size, nan, nan, nan, nan, unused=reason)
        self.members.append(member)
        return member

    def merge(self, other: "PartialMask") -> None:
        """Take over the bad pixels and members of another partial mask.

        Raises
        ------
        ChipError
            If `other` is of another signature.
        """
        if other.signature != self.signature:
            msg = f"cannot merge a mask of {other.signature} into one of {self.signature}"
            raise ChipError(msg)
        if other.used:
            ours = self.below if self.used else None  # else it is not ours to write to
            self.below = np.logical_or(self.below, other.below, out=ours)
        self._merge_flagged(other.flagged)
        self.members.extend(other.members)

    def sort_members(self, order: Iterable[ChipLabel]) -> None:
        """Bring the members into a given order, whatever the order they came in."""
        place = {label: number for number, label in enumerate(order)}
        self.members.sort(key=lambda member: place[member.label])

    def _merge_flagged(self, flagged: Bits | None) -> None:
        if flagged is not None:
            self.flagged = flagged.copy() if self.flagged is None else self.flagged | flagged

    def _check_shape(self, name: str, array: npt.NDArray[Any], label: ChipLabel) -> None:
        if array.shape != self.signature.shape:
            msg = f"{label}: {name} has shape {array.shape}, expected {self.signature.shape}"
            raise ChipError(msg)


def _why_not_clippable(npix: int) -> str:
    if npix == 0:
        return "no finite pixel"
    return "its pixels fill fewer than two histogram bins (constant, or too few counts)"
