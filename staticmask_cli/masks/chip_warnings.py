"""Warn of chips whose numbers show that their part of a mask may be wrong: once for each cause."""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from staticmask_cli.masks.findings import MANY_LOW, NOT_FLAT, Finding, about

if TYPE_CHECKING:
    from staticmask_cli.masks.members import Member

__all__ = ["LARGEST_RMS", "LARGEST_SKEWNESS", "chance_is_known", "chip_findings", "has_many_low"]

# Beyond these limits a chip is warned of.
_LARGEST_LOW_FRACTION = 0.01  # of the pixels of a chip
_LARGEST_DQ_FRACTION = 0.10  # likewise
_FEW_OVERLOOKED, _FEW_OF_PIXELS = 100, 1e-4  # pixels, and the fraction of those of a chip
LARGEST_SKEWNESS = 0.5  # rms between mode and median
LARGEST_RMS = 2.0  # times the noise of a pixel: 4 rms then equal 8 times that noise

_CROWDED = "a crowded or nebular field? The mask may hold sources"

Members = Sequence["Member"]


def chip_findings(mask: str, members: Members, remedy: str = "--sky local") -> list[Finding]:
    """Return why the part of some chips in their mask may be wrong, once for each cause.

    Of the causes that contradict each other, as low pixels cannot be sources and be overlooked, the
    one of most chips is returned.

    Parameters
    ----------
    mask : str
        The name of the mask.
    members : sequence of Member
        All chips of the mask that are used, or were set aside after their pixels were read.
    remedy : str
        The options to recommend where the global rule overlooks low pixels.
    """
    number = len(members)
    findings = []
    for reason, labels in _set_aside(members).items():
        subject, who = about(mask, labels, number)
        findings.append(Finding(subject, f"{who}set aside: {reason}", "chips are set aside",
                                "leave them out, or look at their pixels", is_clear=True))
    used = [member for member in members if member.used]
    for causes in (_SKY, _DQ):
        # Of equal numbers, the first cause counts.
        firsts = Counter(next((cause for cause in causes if cause(member)), None)
                         for member in used)
        del firsts[None]
        if firsts:
            cause = max((cause for cause in causes if cause in firsts), key=firsts.__getitem__)
            concerned = [member for member in used if cause(member)]
            subject, who = about(mask, [member.label for member in concerned], number)
            what, short, do = causes[cause](concerned, remedy)
            findings.append(Finding(subject, who + what, short, do))
    return findings


def has_many_low(member: "Member") -> bool:
    """Whether there are so many low pixels that there is a warning about it."""
    return member.below > _LARGEST_LOW_FRACTION * member.npix


def chance_is_known(member: "Member") -> bool:
    """Whether as many pixels are low by noise as Gaussian noise of the rms of a chip makes.

    It is not known where the values of pixels have coarse steps, nor under the global rule where
    the rms is that of the sky.
    """
    return not math.isnan(member.chance) and not _is_not_flat(member)


def _set_aside(members: Members) -> dict[str, list[object]]:
    reasons: dict[str, list[object]] = {}
    for member in members:
        if not member.used:
            reasons.setdefault(member.skip_reason, []).append(member.label)
    return reasons


def _counts_flagged(member: "Member") -> bool:
    return member.is_global and member.unflagged is not None


def _is_not_flat(member: "Member") -> bool:
    return member.is_global and member.rms > LARGEST_RMS * member.noise


def _is_skewed(member: "Member") -> bool:
    return member.is_global and _distance(member) > LARGEST_SKEWNESS * member.rms


def _distance(member: "Member") -> float:
    return abs(member.mode - member.median)


def _overlooks(member: "Member") -> bool:
    few = max(_FEW_OVERLOOKED, _FEW_OF_PIXELS * member.npix)
    by_chance = 0.0 if math.isnan(member.chance) else member.chance
    return member.overlooked > few + 3 * by_chance


def _dq_fraction(member: "Member") -> float:
    return member.flagged / max(1, member.npix + member.not_finite)


def _has_much_dq(member: "Member") -> bool:
    return _dq_fraction(member) > _LARGEST_DQ_FRACTION


def _of_flagged(members: Members, remedy: str) -> tuple[str, str, str]:
    modes, levels = zip(*(member.unflagged or (math.nan,) * 2 for member in members), strict=True)
    what = (f"its pixels flagged in DQ count in mode {_span(m.mode for m in members)} and rms "
            f"{_span(m.rms for m in members)}, which are {_span(modes)} and {_span(levels)} "
            "without them, so that the threshold is wrong")
    return what, "pixels flagged in DQ change the threshold", (
        f"try {remedy}, or set these pixels to NaN in copies of the exposures")


def _of_many_low(members: Members, remedy: str) -> tuple[str, str, str]:
    where = "their local sky"
    if members[0].is_global:
        where = f"the threshold {_span(member.threshold for member in members)}"
    share = _span((member.below / member.npix for member in members), ".1%")
    do = "try a larger --static-sig"
    return (f"{share} of the pixels lie below {where}; {_CROWDED}",
            MANY_LOW,
            f"{do}, or {remedy}" if members[0].is_global else do)


def _of_rms(members: Members, remedy: str) -> tuple[str, str, str]:
    what = (f"rms {_span(member.rms for member in members)} is "
            f"{_span((member.rms / member.noise for member in members), '.1f')} times the noise "
            f"{_span(member.noise for member in members)} that neighbouring pixels show: "
            f"{NOT_FLAT}, and low pixels are overlooked")
    return what, NOT_FLAT, f"try {remedy}"


def _of_skewness(members: Members, remedy: str) -> tuple[str, str, str]:
    what = (f"mode {_span(member.mode for member in members)} and median "
            f"{_span(member.median for member in members)} are "
            f"{_span((_distance(member) / member.rms for member in members), '.2f')} rms apart; "
            f"{_CROWDED}")
    return what, "the mask may hold sources, as mode and median differ", f"try {remedy}"


def _of_overlooked(members: Members, _remedy: str) -> tuple[str, str, str]:
    what = (f"{_span((member.overlooked for member in members), 'd')} pixels lie far below the "
            f"mode {_span(member.mode for member in members)} of the chip and not below their "
            "local sky: a slope of the sky, noise with a heavy tail, an unlit border, or a dead "
            "block at the edge, which --sky local does not mark")
    return what, "many pixels are low, but not below their local sky", "compare with --sky global"


def _of_dq(members: Members, _remedy: str) -> tuple[str, str, str]:
    total: Counter[int] = Counter()
    for member in members:
        total.update(member.added_by_bit)
    bits = ", ".join(f"{bit}: {round(count / len(members))}" for bit, count in total.items())
    what = (f"DQ removes {_span(map(_dq_fraction, members), '.1%')} of the pixels "
            f"(added by bit{', in the mean' * (len(members) > 1)}: {bits})")
    return what, "DQ removes many pixels", (
        "name the bits that are no defects with --final-bits")


def _span(values: Iterable[float], form: str = ".6g") -> str:
    """Return the smallest and the largest value, or one if both look the same."""
    found = list(values)
    smallest, largest = (format(value, form) for value in (min(found), max(found)))
    return smallest if smallest == largest else f"{smallest} to {largest}"


Cause = Callable[["Member"], bool]
Words = Callable[[Members, str], tuple[str, str, str]]
# For each cause, whether a chip has it, and what is found, in short, and what to do.
_SKY: Mapping[Cause, Words] = {
    _counts_flagged: _of_flagged, has_many_low: _of_many_low, _is_not_flat: _of_rms,
    _is_skewed: _of_skewness, _overlooks: _of_overlooked,
}
_DQ: Mapping[Cause, Words] = {_has_much_dq: _of_dq}
