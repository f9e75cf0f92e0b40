"""Masks in memory: the chips of one signature, accumulated."""

import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ChipError
from staticmask_cli.masks.detect import ChipResult, bad_pixels_of_chip
from staticmask_cli.masks.members import ChipLabel, Member
from staticmask_cli.masks.rule import MaskRule, votes_needed
from staticmask_cli.masks.signature import Signature
from staticmask_cli.stats.pixelset import PackedBits, PixelSet

__all__ = ["PartialMask"]

Bits = npt.NDArray[np.bool_]
Votes = npt.NDArray[np.unsignedinteger[Any]]


class PartialMask:
    """The bad pixels of the chips of one signature that were added so far.

    Each chip that is used votes for its bad pixels, and a pixel is bad with enough votes.  By
    default (``agree = any``) one vote is enough: a pixel is then good only if it is good in every
    chip that is used.  Votes add up, so that partial masks can be merged in any order.

    Parameters
    ----------
    signature : Signature
        The signature of all chips that will be added.
    rule : MaskRule
        The rule that says which pixels are bad.

    Attributes
    ----------
    signature : Signature
    rule : MaskRule
    low : PixelSet
        The pixels below the threshold in at least one chip.
    flagged : numpy.ndarray of bool, shape (ny, nx), or None
        True = bad because of a DQ flag in at least one chip; None where no DQ was given.
    votes : numpy.ndarray of unsigned integers, shape (ny, nx), or None
        The number of chips in which each pixel is bad; None where one vote is enough
        (``agree = any``), which needs no counts.
    members : list of Member
        One for each chip that was added, used or set aside.
    """

    def __init__(self, signature: Signature, rule: MaskRule) -> None:
        self.signature = signature
        self.rule = rule
        self.low = PixelSet(signature.shape)
        self.flagged: Bits | None = None
        self.votes: Votes | None = None
        if rule.agree != "any":
            self.votes = np.broadcast_to(np.uint8(0), signature.shape)
        self.members: list[Member] = []

    def __getstate__(self) -> dict[str, Any]:
        flagged = None if self.flagged is None else PackedBits(self.flagged)
        return {**self.__dict__, "flagged": flagged}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.flagged = state["flagged"] and state["flagged"].unpacked()

    @property
    def below(self) -> Bits:
        """The pixels of `low` as booleans, shape (ny, nx): True = low; not to be modified."""
        return self.low.bits

    @below.setter
    def below(self, bits: Bits) -> None:
        self.low = PixelSet(self.signature.shape, bits=bits)

    @property
    def nbytes(self) -> int:
        """The number of bytes of its arrays."""
        others = (self.flagged, self.votes)
        return self.low.nbytes + sum(array.nbytes for array in others if array is not None)

    @property
    def bad(self) -> Bits:
        """The mask as booleans, shape (ny, nx): True = bad in enough chips; not to be modified."""
        if self.votes is not None:
            return np.greater_equal(self.votes, self.votes_needed)
        return self.below if self.flagged is None else self.below | self.flagged

    @property
    def votes_needed(self) -> int:
        """The number of chips in which a pixel must be bad, of those that are used."""
        return votes_needed(self.rule.agree, len(self.used))

    @property
    def has_enough_chips(self) -> bool:
        """Whether there are enough used chips for any pixel to be bad."""
        return self.votes_needed <= len(self.used)

    @property
    def good(self) -> Bits:
        """The mask as booleans, shape (ny, nx): True = not bad."""
        return ~self.bad

    @property
    def nbad(self) -> int:
        """The number of bad pixels."""
        return int(np.count_nonzero(self.bad))

    @property
    def nbelow(self) -> int:
        """The number of bad pixels that lie below the threshold in at least one chip."""
        below = self.below if self.votes is None else self.below & self.bad
        return int(np.count_nonzero(below))

    @property
    def array(self) -> npt.NDArray[np.int16]:
        """The mask as it is written: int16, shape (ny, nx), 1 good and 0 bad."""
        return self.good.astype(np.int16)

    @property
    def used(self) -> list[Member]:
        """The members that were not set aside."""
        return [member for member in self.members if member.used]

    def added_by_bit(self) -> dict[int, int]:
        """Return the number of pixels that each DQ bit added, summed over the members."""
        counts: Counter[int] = Counter()
        for member in self.members:
            counts.update(member.added_by_bit)
        return dict(sorted(counts.items()))

    def add(
        self,
        data: npt.NDArray[Any],
        *,
        label: ChipLabel | str,
        dq: npt.NDArray[Any] | None = None,
        good_bits: int = 0,
    ) -> Member:
        """Add a chip, which votes for the pixels that are bad by the rule of the mask.

        Parameters
        ----------
        data : numpy.ndarray, shape (ny, nx)
            Pixels of any real dtype; not modified.  NaN pixels stay good.
        label : ChipLabel or str
            Where the chip comes from, or any name for it.
        dq : numpy.ndarray of integer, shape (ny, nx), optional
            DQ flags; pixels with a flag that is not in `good_bits` are bad too.
        good_bits : int
            The DQ bits that do not make a pixel bad, as one number.

        Returns
        -------
        Member
            Also appended to `members`.  A chip that cannot be clipped is set aside: it does not
            change the mask, and its DQ flags are ignored too.

        Raises
        ------
        ChipError
            If `data` is not numeric, or `data` or `dq` is not of the signature's shape.
        """
        label = label if isinstance(label, ChipLabel) else ChipLabel(label)
        self._check_shape("SCI", data, label)
        if dq is not None:
            self._check_shape("DQ", dq, label)
        result = bad_pixels_of_chip(data, self.rule, dq, good_bits)
        if not result.skip_reason:
            self._vote(result)
        member = result.member(label)
        self.members.append(member)
        return member

    def set_aside(self, label: ChipLabel, reason: str) -> Member:
        """Add a member that does not change the mask, with the reason why it is set aside."""
        npix = math.prod(self.signature.shape)
        result = ChipResult(npix, PixelSet(self.signature.shape), skip_reason=reason)
        member = result.member(label)
        self.members.append(member)
        return member

    def _vote(self, result: ChipResult) -> None:
        """Add the bad pixels of a chip that is used."""
        if self.votes is not None:
            low, flagged = result.low.bits, result.flagged
            self._count(low if flagged is None else low | flagged, voters=1)
        self.low.add(result.low)
        self._merge_flagged(result.flagged)

    def merge(self, other: "PartialMask") -> None:
        """Add the bad pixels and members of another partial mask.

        Raises
        ------
        ChipError
            If `other` is of another signature, or its rule is another one.
        """
        if other.signature != self.signature:
            msg = f"cannot merge a mask of {other.signature} into one of {self.signature}"
            raise ChipError(msg)
        if other.rule != self.rule:
            msg = f"cannot merge a mask of {other.rule} into one of {self.rule}"
            raise ChipError(msg)
        if other.votes is not None:
            self._count(other.votes, voters=len(other.used))
        self.low.add(other.low)
        self._merge_flagged(other.flagged)
        self.members.extend(other.members)

    def sort_members(self) -> None:
        """Sort the members by file and EXTVER."""
        self.members.sort(key=lambda member: member.label.sort_key)

    def _count(self, votes: Bits | Votes, *, voters: int) -> None:
        """Add the votes of other chips, in the smallest unsigned integers that hold the sum."""
        if self.votes is not None:
            counts = np.min_scalar_type(len(self.used) + voters)
            self.votes = np.add(self.votes, votes, dtype=counts)

    def _merge_flagged(self, flagged: Bits | None) -> None:
        if flagged is not None:
            self.flagged = flagged.copy() if self.flagged is None else self.flagged | flagged

    def _check_shape(self, name: str, array: npt.NDArray[Any], label: ChipLabel) -> None:
        if array.shape != self.signature.shape:
            msg = f"{label}: {name} has shape {array.shape}, expected {self.signature.shape}"
            raise ChipError(msg)
