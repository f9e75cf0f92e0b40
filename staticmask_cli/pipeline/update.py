"""Update masks on disk: find the exposures that they lack, and merge these into them."""

import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import OutputError, StaticMaskError, first_few
from staticmask_cli.exposures.exposure import common_facts
from staticmask_cli.io.atomic import make_folder, update_lock
from staticmask_cli.io.urls import normalized
from staticmask_cli.masks.members import Member, SortKey
from staticmask_cli.masks.static_mask import StaticMask, write_masks
from staticmask_cli.pipeline.existing import (
    Identity,
    MemberIndex,
    modified,
    needs_no_reading,
    read_existing_mask,
    refuse_changed,
)
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["MaskUpdate", "NewMasks", "merge_members"]

log = logging.getLogger(__name__)


class NewMasks:
    """The work of a run that makes all masks from the start, whatever is on disk.

    Parameters
    ----------
    plans : sequence of MaskPlan
        The plans for all exposures of the run.

    Attributes
    ----------
    to_do : list of MaskPlan
        The plans whose chips must be read, here all of them.
    unchanged : dict of str to StaticMask
        The masks on disk that stay as they are, by path; here there are none.
    """

    def __init__(self, plans: Sequence[MaskPlan]) -> None:
        self.to_do = list(plans)
        self.unchanged: dict[str, StaticMask] = {}

    @contextmanager
    def merged(self, fresh: Mapping[str, StaticMask]) -> Iterator[dict[str, StaticMask]]:
        """Return the masks that the block is to write, by path."""
        yield dict(fresh)

    def save(self, fresh: dict[str, StaticMask]) -> dict[str, StaticMask]:
        """Write the masks that can be written by now, and remove them from `fresh`.

        Masks with too few votes for any bad pixel, which a run refuses at its end, stay there.

        Returns
        -------
        dict of str to StaticMask
            The masks that were written, by path.
        """
        with self.merged(fresh) as masks:
            ready = {path: mask for path, mask in masks.items() if mask.used and mask.can_be_bad}
            write_masks(ready)
        for path in ready:
            del fresh[path]
        log.info("checkpoint: %s", ", ".join(
            f"{path} of {len(mask.members)} chips" for path, mask in ready.items()
        ) or "too few exposures yet")
        return ready


class MaskUpdate(NewMasks):
    """The work of a run that updates masks on disk: the chips that they lack.

    A chip is a member already if MEMBERS lists its file, whatever the spelling of the path, and
    its EXTVER.  It is not read again, unless it was set aside and might be used now.

    Parameters
    ----------
    plans : sequence of MaskPlan
        The plans for all exposures of the run.
    parameters : Parameters
        The parameters of the run.
    unopened : collection of str
        The exposures that the run could not open.

    Attributes
    ----------
    to_do : list of MaskPlan
        The plans with the chips that must be read.  A plan has no chips where an exposure that
        could not be opened is all that must be added to MEMBERS.
    unchanged : dict of str to StaticMask
        The masks on disk that stay as they are, by path.

    Raises
    ------
    OutputError
        If a mask on disk does not fit the run, or a member has changed since; all
        differences are named.
    """

    def __init__(
        self, plans: Sequence[MaskPlan], parameters: Parameters, unopened: Collection[str] = ()
    ) -> None:
        super().__init__(())
        self._parameters = parameters
        self._plans = {plan.path: plan for plan in plans}
        self._skipped: dict[str, set[Identity]] = {}
        self._read: dict[str, set[SortKey]] = {}
        self._opened = {normalized(chip.path) for plan in plans for chip in plan.chips}
        self._unopened = {normalized(path) for path in unopened}
        problems = []
        for plan in plans:
            try:
                self._decide(plan)
            except StaticMaskError as error:
                problems.append(str(error))
        if problems:
            raise OutputError("\n".join(problems))

    def _decide(self, plan: MaskPlan) -> None:
        """Decide which chips of a plan must be read."""
        if not os.path.lexists(plan.path):
            self.to_do.append(plan)
            self._read[plan.path] = {chip.label.sort_key for chip in plan.chips}
            return
        mask = read_existing_mask(plan, self._parameters)
        known = MemberIndex(mask.members)
        pairs = [(chip, known.member_of(chip)) for chip in plan.chips]
        refuse_changed(plan, pairs)
        written = modified(plan.path)
        skipped = [(chip, member) for chip, member in pairs
                   if member is not None and needs_no_reading(chip, member, written)]
        self._skipped[plan.path] = {member.label.identity for _, member in skipped}
        skipped_keys = {chip.label.sort_key for chip, _ in skipped}
        new = [chip for chip in plan.chips if chip.label.sort_key not in skipped_keys]
        log.info("%s: %d of %d chips are members already", plan.path, len(skipped),
                 len(plan.chips))
        self._read[plan.path] = {chip.label.sort_key for chip in new}
        if new or self._has_unopened_to_note(mask):
            self.to_do.append(replace(plan, chips=tuple(new)))
        else:
            self.unchanged[plan.path] = mask
            mask.previous_members = frozenset(member.label.sort_key for member in mask.members)

    def _has_unopened_to_note(self, mask: StaticMask) -> bool:
        noted = {member.label.identity[0] for member in mask.members if not member.label.extver}
        return not self._unopened - self._files_of(mask) <= noted or bool(noted & self._opened)

    @staticmethod
    def _files_of(mask: StaticMask) -> set[str]:
        """Return the files of which a mask holds a chip."""
        return {member.label.identity[0] for member in mask.members if member.pixels_seen}

    @contextmanager
    def merged(self, fresh: Mapping[str, StaticMask]) -> Iterator[dict[str, StaticMask]]:
        """Merge masks of new exposures with those on disk, for the block to write.

        The masks on disk are read again, under a lock: what another run has written meanwhile
        is added to, and other runs that come to this point wait.

        Parameters
        ----------
        fresh : mapping of str to StaticMask
            The masks of the new exposures, by path; not modified.

        Raises
        ------
        OutputError
            If a mask on disk no longer fits the run, lacks members that this run did not read,
            or holds members that this run has read, whose votes would count twice.
        """
        for folder in {os.path.dirname(path) for path in fresh}:
            make_folder(folder or ".")
        with update_lock(fresh):
            yield {path: self._merged(path, mask) for path, mask in fresh.items()}

    def _merged(self, path: str, fresh: StaticMask) -> StaticMask:
        skipped = self._skipped.get(path, set())
        if not os.path.lexists(path) and not skipped:
            return fresh
        plan = self._plans[path]
        mask = read_existing_mask(plan, self._parameters)
        if not skipped <= {member.label.identity for member in mask.members}:
            msg = f"{path}: has lost members while this run was under way; run it again"
            raise OutputError(msg)
        files = self._files_of(mask)
        known = [member for member in fresh.members
                 if not member.label.extver and member.label.identity[0] in files]
        merge_members(mask, fresh, leave_out=known, opened=self._opened)
        members = frozenset(member.label.sort_key for member in mask.members)
        mask.previous_members = members - self._read[path]
        return mask


def merge_members(
    mask: StaticMask,
    fresh: StaticMask,
    *,
    leave_out: Collection[Member] = (),
    opened: Collection[str] = (),
) -> None:
    """Add the members of one mask, and their bad pixels, to another.

    The result equals that of one run over all members.  The facts in the header are those of
    the first member that is used.  New members replace the same ones that were set aside.

    Parameters
    ----------
    mask : StaticMask
        The mask to add to; modified.
    fresh : StaticMask
        A mask of the same signature and rule; not modified.
    leave_out : collection of Member
        Members of `fresh` that were set aside and are not added.
    opened : collection of str
        The normalized paths of the files whose chips are listed by now, so that their rows
        with EXTVER 0 are removed.

    Raises
    ------
    OutputError
        If both masks have a member that votes.
    """
    used = {member.label.identity for member in mask.used}
    twice = [member for member in fresh.members if member.label.identity in used]
    if mask.votes is not None and any(member.used for member in twice):
        names = first_few([str(member.label) for member in twice])
        msg = (
            f"{mask.path}: another run has added {names} meanwhile, whose votes would count "
            "twice; run again: what is there is skipped"
        )
        raise OutputError(msg)
    dropped = {id(member) for member in (*twice, *leave_out)}
    new = [member for member in fresh.members if id(member) not in dropped]
    again = {member.label.identity for member in new}
    kept = [
        member for member in mask.members
        if member.label.identity not in again
        and not (member.label.extver == 0 and member.label.identity[0] in opened)
    ]
    firsts = [min((m.label.sort_key for m in members if m.used), default=None)
              for members in (kept, new)]
    facts = sorted((first, number) for number, first in enumerate(firsts) if first is not None)
    if facts:
        mask.facts = common_facts((mask.facts, fresh.facts)[number] for _, number in facts)
    mask.rule = fresh.rule  # which may be spelled in another way in the file
    mask.counts_by_cause_known = mask.counts_by_cause_known and fresh.counts_by_cause_known
    mask.members = list(kept)
    mask.merge(fresh)
    mask.members = [*kept, *new]
    mask.sort_members()
