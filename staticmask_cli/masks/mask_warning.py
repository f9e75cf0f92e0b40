"""Warn of a mask whose low or flagged pixels are no defects of the detector, from their numbers.

A pixel that is bad is low in nearly all exposures; one that is low by chance is low in one.  So it
is with flags in DQ: those of cosmic rays are in one exposure.
"""

import math
from collections import defaultdict

import numpy as np

from staticmask_cli.masks.chip_warnings import has_many_low
from staticmask_cli.masks.findings import UNCONFIRMED, Finding
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.votes import Counts

__all__ = ["flags_warning", "mask_warning"]

# Beyond these limits there is a warning.
_LARGEST_UNCONFIRMED_FRACTION = 0.75  # of all low pixels, those that are low in one exposure only
_LARGEST_CHANCE_FRACTION = 0.5  # of the pixels with enough votes, those that have them by chance
_LARGEST_ISOLATED_FRACTION = 0.005  # of the pixels of a single exposure
_LARGEST_RATIO = 5.0  # of the low pixels of an exposure to those of any other
_LARGEST_EXCESS = 2.0  # of low pixels to those that Gaussian noise makes
_LARGEST_EXPTIME_RATIO = 2.0  # to the second longest: fainter defects are low in the longest alone
_SIGNIFICANCE = 5.0  # Poisson standard deviations
_FEW = 20  # low pixels, which are no reason for a warning
_LARGEST_PASSING_FRACTION = 0.5  # of the pixels flagged in DQ, those flagged in one exposure only

_CAUSE = "the noise is not Gaussian, or these are not defects"


def mask_warning(mask: StaticMask) -> Finding | None:
    """Return the reason why a mask may hold many good low pixels, with its figures.

    Parameters
    ----------
    mask : StaticMask
        A mask whose pointings are numbered.

    Returns
    -------
    Finding or None
        None if there is no such reason.  There is none where one exposure is much longer than all
        others, as fainter defects are low in it alone; nor where it is not known which pixels are
        low and which are only flagged in DQ, as in a mask from a file.
    """
    if mask.evidence is not None and math.isnan(mask.evidence.reach(mask.rule)):
        return Finding(
            mask.name,
            f"no pixel, however deep, is {mask.rule.static_sig:g} sigma low in the evidence of "
            f"{len(mask.used)} exposures, as each counts at most 3, so votes alone decide",
            "votes alone decide, as the exposures are too few for their evidence",
            "use a smaller --static-sig, or more exposures")
    if not mask.causes_known or _one_is_much_longer(mask):
        return None
    if len(mask.used) == 1:
        return _of_a_single_exposure(mask)
    votes = mask.votes if mask.voters > 1 else None
    if votes is not None and mask.rule.final_bits is not None:
        votes = votes[mask.below]  # without pixels that are only flagged
    if votes is None or mask.votes_needed == 1:
        return _of_unconfirmed_pixels(mask, votes)
    return _of_coincidences(mask, votes)


def flags_warning(mask: StaticMask) -> Finding | None:
    """Return that most of the pixels flagged in DQ are flagged in one exposure only, if they are.

    The numbers of the members are enough for it: a pixel is taken to be flagged in one exposure
    or in all of them.
    """
    exposures = len(mask.used)
    if mask.flagged is None or not mask.causes_known or exposures == 1 or mask.votes_needed > 1:
        return None
    flagged = int(np.count_nonzero(mask.flagged))
    flags = sum(member.flagged for member in mask.used)
    passing = round((exposures * flagged - flags) / (exposures - 1))
    if passing <= max(_FEW, _LARGEST_PASSING_FRACTION * flagged):
        return None
    remedy = "--agree all" if mask.rule.sky == "local" and mask.pointings == 1 else "--agree 2"
    return Finding(
        mask.name,
        f"about {passing} of {flagged} pixels flagged in DQ are flagged in one exposure only (each "
        f"in {flags / flagged:.2f} of {exposures}, in the mean), as by cosmic rays, so they are no "
        "defects of the detector", "most flags in DQ are of one exposure only",
        f"{remedy} leaves them out, or name their bits with --final-bits")


def _far_above(expected: float) -> float:
    """Return the largest number of pixels that does not contradict the expected one."""
    return expected + _SIGNIFICANCE * math.sqrt(expected) + _FEW


def _voters(mask: StaticMask) -> list[list[Member]]:
    """Return the used members that have one vote together, for each vote."""
    voters: dict[int, list[Member]] = defaultdict(list)
    for number, member in enumerate(mask.used):
        voters[member.pointing if mask.rule.counts_pointings else number].append(member)
    return list(voters.values())


def _one_is_much_longer(mask: StaticMask) -> bool:
    """Whether an exposure is much longer than those of all other votes; NaN counts as 0 s."""
    *others, most = sorted(
        max(0.0, *(member.label.exptime for member in members)) for members in _voters(mask)
    )
    return bool(others) and most > _LARGEST_EXPTIME_RATIO * others[-1]


def _of_a_single_exposure(mask: StaticMask) -> Finding | None:
    """Compare the pixels that are low without a low neighbour with what detectors have."""
    npix = mask.npix
    limit = max(_LARGEST_ISOLATED_FRACTION * npix, _far_above(_LARGEST_EXCESS * mask.chance))
    if has_many_low(mask.used[0]) or mask.nbelow <= limit:
        return None
    low = np.pad(mask.below, 1).view(np.uint8)
    in_row = low[:, :-2] + low[:, 1:-1] + low[:, 2:]
    isolated = np.count_nonzero(mask.below & (in_row[:-2] + in_row[1:-1] + in_row[2:] == 1))
    if isolated <= limit:
        return None
    return Finding(
        mask.name,
        f"{isolated} pixels ({isolated / npix:.2%}) are low without a low neighbour, where "
        f"Gaussian noise makes {mask.chance:.3g} and few detectors have so many: {_CAUSE}",
        UNCONFIRMED, "try a larger --static-sig, or more exposures and --agree 2")


def _of_unconfirmed_pixels(mask: StaticMask, votes: Counts | None) -> Finding | None:
    """Count the pixels that are low in one exposure only, and find one that has most of them."""
    *others, most = sorted(mask.used, key=lambda member: member.below)
    stands_apart = most.below > _far_above(_LARGEST_RATIO * others[-1].below)
    low, unit, number, at_least = mask.nbelow, "exposure", len(mask.used), ""
    if votes is not None:
        unconfirmed = int(np.count_nonzero(votes == 1))
        unit, number = "pointing" if mask.rule.counts_pointings else unit, mask.voters
    else:  # all others count at least twice in the sum over the exposures
        unconfirmed = 2 * low - sum(member.below for member in mask.used)
        at_least = "at least " * (len(others) > 1)
    limit = _far_above(_LARGEST_EXCESS * mask.chance)
    if unconfirmed > max(_LARGEST_UNCONFIRMED_FRACTION * low, limit):
        mostly = f" (most in {most.label})" * stands_apart
        return Finding(
            mask.name,
            f"{at_least}{unconfirmed} of {low} low pixels are low in one {unit} of {number} "
            f"only{mostly}, where Gaussian noise makes {mask.chance:.3g}; bad pixels would be "
            f"low in the others too: {_CAUSE}", UNCONFIRMED, _remedy(mask))
    if stands_apart:
        return Finding(
            mask.name,
            f"{most.below} pixels are low in {most.label}, and at most {others[-1].below} in "
            f"each other exposure: {_CAUSE}", "one exposure has most low pixels",
            f"leave it out, or {_remedy(mask)}")
    return None


def _remedy(mask: StaticMask) -> str:
    if mask.pointings == 1:
        return "--agree all keeps those that all exposures confirm"
    rule = "" if mask.rule.sky == "local" else "--sky local "
    return f"{rule}--agree 2 keeps those that two pointings confirm"


def _of_coincidences(mask: StaticMask, votes: Counts) -> Finding | None:
    """Compare the pixels that have enough votes with what votes for random pixels give."""
    confirmed = np.count_nonzero(votes >= mask.votes_needed)
    low = np.array([sum(member.below for member in members) for members in _voters(mask)])
    unconfirmed = np.count_nonzero(votes == 1) * low / max(1, low.sum())
    probability = np.ones(1)  # of 0, 1, 2 ... votes, as long as they are not enough
    for chance in unconfirmed / mask.npix:
        probability = np.convolve(probability, [1 - chance, chance])[:mask.votes_needed]
    expected = mask.npix * (1 - probability.sum())
    if confirmed <= _FEW or expected <= _LARGEST_CHANCE_FRACTION * confirmed:
        return None
    return Finding(
        mask.name,
        f"{confirmed} low pixels have the {mask.votes_needed} votes that they need, where as "
        f"many votes for random pixels make {expected:.3g}: {_CAUSE}",
        UNCONFIRMED, "try a larger --agree or --static-sig")
