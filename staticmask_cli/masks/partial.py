"""Masks in memory: the chips of one signature, accumulated."""

import math
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ChipError
from staticmask_cli.localsky.noise import pixel_noise
from staticmask_cli.masks.bitmask import bad_by_dq, pixels_by_bit
from staticmask_cli.masks.members import UNCLIPPABLE, ChipLabel, Member
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.votes import Agreement, expected_false_positives, votes_needed
from staticmask_cli.stats.clipping import Clipping, clip_chip, low_pixels
from staticmask_cli.stats.pixelset import PackedBits, PixelSet

__all__ = ["PartialMask"]

Bits = npt.NDArray[np.bool_]
Votes = npt.NDArray[np.unsignedinteger[Any]]


class PartialMask:
    """Bad pixels of all chips of one signature that were added so far.

    Each chip that is used votes for its bad pixels, and a pixel is bad with enough votes: one
    as a rule, which makes the good pixels a logical AND.  Votes add up, so partial masks can be
    merged in any order.

    Parameters
    ----------
    signature : Signature
        Of all the chips that will be added.
    agree : str, int or float
        In how many chips a pixel must be bad: ``any``, ``all``, a count (int), or a fraction
        (float) of those that vote.

    Attributes
    ----------
    signature : Signature
    agree : str, int or float
    low : PixelSet
        Pixels below the threshold in at least one chip.
    flagged : numpy.ndarray of bool, shape (ny, nx), or None
        True = bad by DQ in at least one chip; None where no DQ was given.
    votes : numpy.ndarray of unsigned integers, shape (ny, nx), or None
        In how many chips a pixel is bad; None where `agree` is ``any``, which needs no counts.
    members : list of Member
        One for each chip added, used or set aside.
    """

    def __init__(self, signature: Signature, *, agree: Agreement = "any") -> None:
        self.signature = signature
        self.agree = agree
        self.low = PixelSet(signature.shape)
        self.flagged: Bits | None = None
        self.votes: Votes | None = None
        if agree != "any":
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
        """`low` as booleans, shape (ny, nx): True = low; not to be modified."""
        return self.low.bits

    @below.setter
    def below(self, bits: Bits) -> None:
        self.low = PixelSet(self.signature.shape, bits=bits)

    @property
    def nbytes(self) -> int:
        """Bytes that its arrays take."""
        others = (self.flagged, self.votes)
        return self.low.nbytes + sum(array.nbytes for array in others if array is not None)

    @property
    def bad(self) -> Bits:
        """Mask as booleans, shape (ny, nx): True = bad in enough chips; not to be modified."""
        if self.votes is not None:
            return np.greater_equal(self.votes, self.votes_needed)
        return self.below if self.flagged is None else self.below | self.flagged

    @property
    def votes_needed(self) -> int:
        """In how many of the chips that are used a pixel must be bad."""
        return votes_needed(self.agree, len(self.used))

    @property
    def can_be_bad(self) -> bool:
        """Whether there are as many votes as a bad pixel needs."""
        return self.votes_needed <= len(self.used)

    @property
    def good(self) -> Bits:
        """Mask as booleans, shape (ny, nx): True = not bad."""
        return ~self.bad

    @property
    def nbad(self) -> int:
        """Number of bad pixels."""
        return int(np.count_nonzero(self.bad))

    @property
    def nbelow(self) -> int:
        """Number of bad pixels that lie below the threshold in at least one chip."""
        below = self.below if self.votes is None else self.below & self.bad
        return int(np.count_nonzero(below))

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
        sky: str = "global",
        dq: npt.NDArray[Any] | None = None,
        good_bits: int = 0,
    ) -> Member:
        """Add a chip: it votes for its pixels below ``mode - static_sig * rms``.

        Parameters
        ----------
        data : numpy.ndarray, shape (ny, nx)
            Pixels of any real dtype; not modified.  NaN pixels stay good.
        static_sig : float
            Distance of the threshold from the mode, in rms; or from the local sky, in its noise.
        label : ChipLabel or str
            Where the chip comes from, or any name for it.
        sky : str
            ``global``, the mode and rms of the chip; or ``local``, those around each pixel.
        dq : numpy.ndarray of integer, shape (ny, nx), optional
            DQ flags; pixels with a flag that is not in `good_bits` are bad too.
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
        low, threshold = _low(data, clipping, static_sig, sky)
        flagged: Bits | None = None
        added: dict[int, int] = {}
        if dq is not None:
            flagged = bad_by_dq(dq, good_bits)  # which may raise, so before anything changes
            added = pixels_by_bit(dq, good_bits, flagged & ~low.bits)
        member = Member(
            label, data.size, statistics.mode, statistics.rms, clipping.median, threshold,
            pixel_noise(data), len(low),
            expected_false_positives(data.size, static_sig),
            0 if flagged is None else int(np.count_nonzero(flagged)), added,
        )
        if self.votes is not None:
            self._count(low.bits if flagged is None else low.bits | flagged, voters=1)
        self.low.add(low)
        self._merge_flagged(flagged)
        self.members.append(member)
        return member

    def set_aside(self, label: ChipLabel, reason: str) -> Member:
        """Add a member that changes no pixel, by its DQ neither, and say why."""
        nan = float("nan")
        npix = math.prod(self.signature.shape)
        member = Member(label, npix, nan, nan, nan, nan, skip_reason=reason)
        self.members.append(member)
        return member

    def merge(self, other: "PartialMask") -> None:
        """Take over the bad pixels and members of another partial mask.

        Raises
        ------
        ChipError
            If `other` is of another signature, or the two agree in another way.
        """
        if other.signature != self.signature:
            msg = f"cannot merge a mask of {other.signature} into one of {self.signature}"
            raise ChipError(msg)
        if other.agree != self.agree:
            msg = f"cannot merge a mask of agree = {other.agree} into one of {self.agree}"
            raise ChipError(msg)
        if other.votes is not None:
            self._count(other.votes, voters=len(other.used))
        self.low.add(other.low)
        self._merge_flagged(other.flagged)
        self.members.extend(other.members)

    def sort_members(self) -> None:
        """Sort the members by file and EXTVER, whatever the order they came in."""
        self.members.sort(key=lambda member: member.label.place)

    def _count(self, votes: Bits | Votes, *, voters: int) -> None:
        """Add the votes of some chips, in the smallest integers that hold those of all."""
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


def _low(
    data: npt.NDArray[Any], clipping: Clipping, static_sig: float, sky: str
) -> tuple[PixelSet, float]:
    """Pixels that are low by one of the rules, and their threshold if it is one for all."""
    if sky == "local":
        # Imported here because it prepares networks and surfaces, which the other rule never needs.
        from staticmask_cli.localsky.local_sky import pixels_below_local_sky  # noqa: PLC0415

        low = PixelSet(data.shape, bits=pixels_below_local_sky(data, static_sig))
        return low, float("nan")
    threshold = clipping.statistics.threshold(static_sig)
    return low_pixels(data, clipping, threshold), threshold


def _why_not_clippable(npix: int) -> str:
    return UNCLIPPABLE[npix > 0]
