"""What may be wrong with the masks of a run, from their numbers and from each other."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np

from staticmask_cli.errors import first_few
from staticmask_cli.masks.chip_warnings import chip_findings
from staticmask_cli.masks.findings import (
    APART,
    CHIPS_APART,
    MANY_LOW,
    NOT_FLAT,
    UNCONFIRMED,
    Finding,
)
from staticmask_cli.masks.mask_warning import flags_warning, mask_warning
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["findings_of", "findings_of_chips"]

_FEWEST = 4  # members of a mask, or masks of a signature, of which one can stand apart
_FEWEST_LOW = 256  # pixels of a block


def findings_of_chips(
    name: str, members: Sequence[Member], mask: StaticMask
) -> list[Finding]:
    """Return what may be wrong with the chips of a mask, once for each cause.

    Parameters
    ----------
    name : str
        The name of the mask.
    members : sequence of Member
        The members whose pixels were read.
    mask : StaticMask
        The mask of these members.
    """
    remedy = "--sky local --agree 2" if mask.rule.could_agree(mask.pointings) else "--sky local"
    found = chip_findings(name, members, remedy)
    if block := _block_in(mask):
        # These low pixels are no sources.
        found = [finding for finding in found if finding.short != MANY_LOW]
        found.append(Finding(name, block, "low pixels are one block",
                             "is it dead, or are data missing there? See inspect --plot"))
    return found


def _block_in(mask: StaticMask) -> str:
    """Describe a block of low pixels of a mask; empty if there is none."""
    if len(mask.low) < _FEWEST_LOW:
        return ""
    from staticmask_cli.reports.apart import block_of  # noqa: PLC0415

    return block_of(mask.below if mask.tally is None else np.logical_and(mask.below, mask.bad))


def findings_of(masks: Sequence[StaticMask], earlier: Sequence[Finding]) -> Iterator[Finding]:
    """Yield what may be wrong with the masks of a run that have new members.

    Parameters
    ----------
    masks : sequence of StaticMask
        All masks of the run, with which each is compared.
    earlier : sequence of Finding
        What was found in their chips, which the findings do not contradict.
    """
    not_flat = {finding.subject for finding in earlier if finding.short == NOT_FLAT}
    new = [mask for mask in masks if mask.added]
    for mask in new:
        found = mask_warning(mask)
        # Pixels cannot be too many where they are overlooked.
        if found and not (found.short == UNCONFIRMED and not_flat and _is_among(mask, not_flat)):
            yield found
        if found := flags_warning(mask):
            yield found
        yield from _of_members(mask)
    yield from _of_masks(masks)


def _is_among(mask: StaticMask, subjects: set[str]) -> bool:
    return mask.name in subjects or any(str(member.label) in subjects for member in mask.used)


def _of_members(mask: StaticMask) -> Iterator[Finding]:
    """Yield that new members stand apart from the others of their mask, if there are any."""
    if len(mask.used) < _FEWEST:
        return
    from staticmask_cli.reports.apart import described, member_deviations  # noqa: PLC0415

    new = {id(member) for member in mask.added}
    found = [f"{member.label} {described(apart)}" for member, apart
             in zip(mask.members, member_deviations(mask.members), strict=True)
             if apart and id(member) in new]
    if found:
        yield Finding(mask.name, first_few(found), CHIPS_APART,
                      "look at them, and leave out what is damaged")


def _of_masks(masks: Sequence[StaticMask]) -> Iterator[Finding]:
    """Yield the masks with new members that stand apart from the others of their signature."""
    sizes = Counter(mask.signature for mask in masks)
    compared = [mask for mask in masks if sizes[mask.signature] >= _FEWEST]
    if not compared:
        return
    from staticmask_cli.reports.apart import numbers_of, reasons  # noqa: PLC0415

    found = reasons([numbers_of(mask) for mask in compared])
    for index, mask in enumerate(compared):
        if mask.added and found[index]:
            yield Finding(mask.name, "; ".join(found[index]), APART,
                          "look at its exposures, and leave out what is damaged")
