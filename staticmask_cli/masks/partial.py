"""Masks in memory: the chips of one signature, accumulated."""

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ChipError, in_words
from staticmask_cli.masks.causes import why_of
from staticmask_cli.masks.detect import ChipResult, bad_pixels_of_chip
from staticmask_cli.masks.members import ChipLabel, Member
from staticmask_cli.masks.pointings import pointing_numbers
from staticmask_cli.masks.rule import MaskRule, votes_needed
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.votes import Counts, Tally
from staticmask_cli.stats.pixelset import PackedBits, PixelSet, either, read_only

if TYPE_CHECKING:
    from staticmask_cli.masks.evidence import Evidence

__all__ = ["PartialMask"]

Bits = npt.NDArray[np.bool_]


class PartialMask:
    """The bad pixels of the chips of one signature that were added so far.

    Each chip that is used votes for its bad pixels, and a pixel is bad with enough votes.  By
    default (``agree = any``) one vote is enough: a pixel is then good only if it is good in every
    chip that is used.  Where the rule counts pointings, the chips of a pointing have one vote
    together.  Partial masks can be merged in any order.

    Parameters
    ----------
    signature : Signature
        The signature of all chips that will be added; it is an attribute, too.
    rule : MaskRule
        The rule that says which pixels are bad; it is an attribute, too.

    Attributes
    ----------
    low : PixelSet
        The pixels below the threshold in at least one chip.
    lines : PixelSet
        Those of them that are part of a low column or row in at least one chip.
    flagged : numpy.ndarray of bool, shape (ny, nx), or None
        True = bad because of a DQ flag in at least one chip; None where no DQ was given.
    included : numpy.ndarray of bool, shape (ny, nx), or None
        True = bad whatever the chips show, as the pixel is known to be; None if there are none.
    tally : Tally or None
        The votes; None where one vote is enough (``agree = any``), which needs no counts.
    evidence : Evidence or None
        The evidence of all chips together; None unless ``agree = joint``.
    members : list of Member
        One for each chip that was added, used or set aside.
    """

    def __init__(self, signature: Signature, rule: MaskRule) -> None:
        self.signature = signature
        self.rule = rule
        self.low = PixelSet(signature.shape)
        self.lines = PixelSet(signature.shape)
        self.flagged: Bits | None = None
        self.included: Bits | None = None
        self.tally = None if rule.agree == "any" else Tally(signature.shape)
        self.evidence: Evidence | None = None
        if rule.joint:
            from staticmask_cli.masks import evidence  # noqa: PLC0415 - only for this rule

            self.evidence = evidence.Evidence(signature.shape)
        self.members: list[Member] = []

    def __getstate__(self) -> dict[str, Any]:
        flagged = None if self.flagged is None else PackedBits(self.flagged)
        return {**self.__dict__, "flagged": flagged}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.flagged = state["flagged"] and state["flagged"].unpacked()

    @property
    def below(self) -> Bits:
        """The pixels of `low` as booleans, shape (ny, nx), read-only: True = low."""
        return read_only(self.low.bits)

    @below.setter
    def below(self, bits: Bits) -> None:
        self.low = PixelSet(self.signature.shape, bits=bits)

    @property
    def nbytes(self) -> int:
        """The number of bytes of its arrays."""
        others = (self.lines, self.flagged, self.included, self.tally, self.evidence)
        return self.low.nbytes + sum(array.nbytes for array in others if array is not None)

    @property
    def bad(self) -> Bits:
        """The mask as booleans, shape (ny, nx), read-only: True = bad in enough chips."""
        bad = self.below
        if self.tally is not None:
            bad = np.greater_equal(self.tally.counts, self.votes_needed)
            if self.evidence is not None:
                bad |= self.evidence.low(self.rule) | self.evidence.high(self.rule)
        elif self.flagged is not None:
            bad = bad | self.flagged
        return read_only(bad if self.included is None else bad | self.included)

    @property
    def why(self) -> npt.NDArray[np.uint8]:
        """The causes of each bad pixel, shape (ny, nx), read-only, see `masks.causes.why_of`."""
        return read_only(why_of(self))

    @property
    def votes(self) -> Counts | None:
        """The number of votes for each pixel, shape (ny, nx), read-only.

        A vote is that of a chip in which the pixel is bad, or of a pointing where the rule counts
        these.  It is None where one vote is enough.
        """
        return None if self.tally is None else read_only(self.tally.counts)

    @property
    def voters(self) -> int:
        """The number of used chips, or of their pointings where the rule counts these."""
        return len(self.used) if self.tally is None else self.tally.voters

    @property
    def pointings(self) -> int:
        """The number of pointings of the used chips, as far as they are numbered."""
        return len({member.pointing for member in self.used} - {0})

    @property
    def votes_needed(self) -> int:
        """The number of votes that make a pixel bad."""
        return votes_needed(self.rule.agree, self.voters)

    @property
    def has_enough_voters(self) -> bool:
        """Whether there are enough voters for any pixel to be bad, or for their evidence."""
        return self.rule.has_enough(self.voters)

    @property
    def good(self) -> Bits:
        """The mask as booleans, shape (ny, nx), read-only: True = not bad."""
        return read_only(~self.bad)

    @property
    def nbad(self) -> int:
        """The number of bad pixels."""
        is_low_alone = all(x is None for x in (self.tally, self.flagged, self.included))
        return len(self.low) if is_low_alone else int(np.count_nonzero(self.bad))

    @property
    def nbelow(self) -> int:
        """The number of bad pixels that lie below the threshold in a chip, or in all together."""
        if self.tally is None:
            return len(self.low)
        below = self.below & self.bad
        if self.evidence is not None:
            below = below | self.evidence.low(self.rule)
        return int(np.count_nonzero(below))

    @property
    def array(self) -> npt.NDArray[np.int16]:
        """A copy of the mask as it is written: int16, shape (ny, nx), 1 good and 0 bad."""
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
        data: Any,  # noqa: ANN401 - all objects with pixels
        *,
        label: ChipLabel | str,
        dq: Any = None,  # noqa: ANN401
        good_bits: int = 0,
    ) -> Member:
        """Add a chip, which votes for the pixels that are bad by the rule of the mask.

        Parameters
        ----------
        data : array_like, shape (ny, nx)
            Pixels of any real dtype; not modified.  NaN pixels stay good.  Also a Quantity, NDData
            or CCDData of astropy, an image HDU, or an HDUList with one image or one SCI extension.
            Pixels that are masked (True in the mask of a masked array, NDData or CCDData) count
            as NaN, and their flags are ignored.
        label : ChipLabel or str
            Where the chip comes from, and its position on the sky; or any name for it.  A chip
            without a position is a pointing of its own.
        dq : array_like of integer or bool, shape (ny, nx), optional
            DQ flags, in any of these forms; pixels with a flag that is not in `good_bits` are bad
            too.  Booleans are a mask, True = bad whatever `good_bits` is.
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
            If `data` or `dq` is not numeric, has no pixels, is not of the signature's shape, or
            needs more memory than there is.
        """
        label = label if isinstance(label, ChipLabel) else ChipLabel(str(label))
        try:
            result = self._result(data, dq, good_bits)
        except (ChipError, MemoryError) as error:
            msg = f"{label}: {in_words(error)}"
            raise ChipError(msg) from error
        if not result.skip_reason:
            self._vote(result, label)
        member = result.member(label)
        self.members.append(member)
        return member

    def set_aside(self, label: ChipLabel, reason: str) -> Member:
        """Add a member that does not change the mask, with the reason why it is set aside."""
        member = ChipResult.set_aside(self.signature.shape, reason).member(label)
        self.members.append(member)
        return member

    def _result(self, data: Any, dq: Any, good_bits: int) -> ChipResult:  # noqa: ANN401
        """Return the bad pixels of a chip, whatever objects hold its pixels and flags."""
        if type(data) is not np.ndarray or type(dq) not in (np.ndarray, type(None)):
            from staticmask_cli.stats.arrays import as_chip  # noqa: PLC0415 - not for files

            data, dq = as_chip(data, dq)
        for name, array in (("SCI", data), ("DQ", dq)):
            if array is not None and array.shape != self.signature.shape:
                msg = f"{name} has shape {array.shape}, expected {self.signature.shape}"
                raise ChipError(msg)
        return bad_pixels_of_chip(data, self.rule, dq, good_bits)

    def _vote(self, result: ChipResult, label: ChipLabel) -> None:
        """Add the bad pixels of a chip that is used."""
        if self.tally is not None:
            low, flagged = result.low.bits, result.flagged
            corners = label.corners if self.rule.counts_pointings and label.has_corners else None
            self.tally.add(low if flagged is None else low | flagged, corners)
        if self.evidence is not None and result.scores is not None:
            self.evidence.add(result.scores)
        self.low.add(result.low)
        self.lines.add(result.lines)
        self.flagged = either(self.flagged, result.flagged)

    def merge(self, other: "PartialMask") -> None:
        """Add the bad pixels and members of another partial mask.

        Raises
        ------
        ChipError
            If `other` is of another signature, or its rule is another one.
        """
        for name in ("signature", "rule"):
            theirs, ours = getattr(other, name), getattr(self, name)
            if theirs != ours:
                msg = f"cannot merge a mask of {theirs} into one of {ours}"
                raise ChipError(msg)
        if self.tally is not None and other.tally is not None:
            self.tally.merge(other.tally)
        if self.evidence is not None and other.evidence is not None:
            self.evidence.merge(other.evidence)
        self.low.add(other.low)
        self.lines.add(other.lines)
        self.flagged = either(self.flagged, other.flagged)
        self.included = either(self.included, other.included)
        self.members.extend(other.members)

    def sort_members(self) -> None:
        """Sort the members by file and EXTVER, and number their pointings."""
        self.members.sort(key=lambda member: member.label.sort_key)
        self.number_pointings()

    def number_pointings(self) -> None:
        """Give the used members the numbers of their pointings, in the order of their files."""
        labels = [member.label for member in self.members if member.used]
        numbers = iter(pointing_numbers(labels, self.signature.shape))
        self.members = [
            member if member.pointing == number else replace(member, pointing=number)
            for member in self.members
            for number in (next(numbers) if member.used else 0,)
        ]
