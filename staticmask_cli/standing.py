"""Masks that stand on disk: whether a run can add to them, and which of its chips they have."""

import logging
import os
from collections import defaultdict
from collections.abc import Iterable, Sequence

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import OutputError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.fits.open import checksums_of, opened
from staticmask_cli.io.urls import is_remote
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.plan import MaskPlan
from staticmask_cli.sameness import modified, other_grid, other_parameters, some

__all__ = ["Identity", "KnownMembers", "is_known", "refuse_changed", "standing_mask"]

log = logging.getLogger(__name__)

Identity = tuple[str, int]
"""Of a chip: the file, with its path normalized, and EXTVER."""


def standing_mask(plan: MaskPlan, parameters: Parameters) -> StaticMask:
    """Read the mask that stands in the place of a plan; refuse one that cannot be added to."""
    try:
        with opened(plan.path) as hdus:
            if checksums_of(hdus) == "wrong":
                msg = f"{plan.path}: is damaged: its checksums are wrong"
                raise OutputError(msg)
        mask = StaticMask.read(plan.path)
    except StaticMaskError as error:
        msg = f"{error}; it cannot be updated: move it away, or make it anew without --update"
        raise OutputError(msg) from error
    differences = [*other_parameters(plan, mask, parameters), *other_grid(plan, mask)]
    if differences:
        msg = (
            f"{plan.path}: cannot be updated, as it was made with {'; '.join(differences)}; "
            "use the same, or another --output-dir, or make it anew without --update"
        )
        raise OutputError(msg)
    return mask


def refuse_changed(plan: MaskPlan, pairs: Iterable[tuple[Chip, Member | None]]) -> None:
    """Refuse members that are not what they were, as nothing can be taken out of a mask."""
    written = modified(plan.path)
    wrong = []
    for chip, member in pairs:
        if member is None or not member.used:
            continue
        if member.label.rootname != chip.label.rootname:
            wrong.append(f"{chip.label} (ROOTNAME was {member.label.rootname:.80}, "
                         f"is {chip.label.rootname:.80})")
        elif chip.unfit:
            wrong.append(f"{chip.label} (is now set aside: {chip.unfit})")
        elif _is_newer(chip, written):
            wrong.append(f"{chip.label} (newer than the mask)")
    if wrong:
        msg = (
            f"{plan.path}: cannot be updated, as members have changed: {some(wrong)}; "
            "what they did cannot be taken back: make it anew without --update"
        )
        raise OutputError(msg)


class KnownMembers:
    """Members of a mask, to be found by the chips of a run."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._by_identity = {member.label.identity: member for member in members}
        self._by_name: dict[Identity, list[Member]] = defaultdict(list)
        for member in members:
            self._by_name[_name_of(member.label.identity)].append(member)

    def member_of(self, chip: Chip) -> Member | None:
        """Find the member that a chip is, also where its folder is named in another way."""
        member = self._by_identity.get(chip.label.identity)
        if member is not None or is_remote(chip.path):
            return member
        for other in self._by_name.get(_name_of(chip.label.identity), ()):
            if is_remote(other.label.file):
                continue
            if not os.path.exists(other.label.file):
                if other.label.rootname == chip.label.rootname:
                    log.warning("%s: is the member %s the same exposure, under a path that is "
                                "not there any more? It will count twice", chip.label, other.label)
            elif os.path.samefile(other.label.file, chip.path):
                return other
        return None


def _name_of(identity: Identity) -> Identity:
    return os.path.basename(identity[0]), identity[1]


def is_known(chip: Chip, member: Member, written: int | None) -> bool:
    """Whether reading a chip would tell nothing new about a member."""
    if chip.unfit and not member.used:
        return chip.unfit == member.unused
    return member.used or (member.settled and not _is_newer(chip, written))


def _is_newer(chip: Chip, written: int | None) -> bool:
    files = {chip.path} if chip.dq is None else {chip.path, chip.dq.path}
    ages = [modified(path) for path in files]
    return written is not None and any(age is not None and age > written for age in ages)
