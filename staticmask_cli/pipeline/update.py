"""Update masks on disk: find the exposures that they lack, and merge these into them."""

import logging
import os
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import Lines, OutputError, StaticMaskError, first_few
from staticmask_cli.exposures.facts import common_facts
from staticmask_cli.io.disk import make_folder
from staticmask_cli.io.paths import exists
from staticmask_cli.io.urls import normalized
from staticmask_cli.masks.members import Member, SortKey
from staticmask_cli.masks.run_id import set_run_ids, warn_of_different_runs
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.writing import write_masks
from staticmask_cli.pipeline.changes import modified, needs_no_reading, refuse_changed
from staticmask_cli.pipeline.copies import refuse_copies
from staticmask_cli.pipeline.existing import (
    Identity,
    MemberIndex,
    lacks_included,
    read_existing_mask,
)
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["MaskUpdate", "NewMasks", "merge_members"]

log = logging.getLogger(__name__)


class NewMasks:
    """Decides that a run reads all chips, as it makes its masks anew, whatever is on disk.

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
        """Yield the masks that the with block is to write, by path."""
        yield dict(fresh)

    def save(
        self, fresh: dict[str, StaticMask], done: Mapping[str, StaticMask]
    ) -> dict[str, StaticMask]:
        """Write the masks that can be written by now, and remove them from `fresh`.

        `done` holds the masks that are complete on disk, by path.  A mask with fewer voters than
        `agree` requires cannot have a bad pixel.  It stays in `fresh`, and if it still has too few
        at the end of the run, the run reports an error.

        Returns
        -------
        dict of str to StaticMask
            The masks that were written, by path.
        """
        with self.merged(fresh) as masks:
            set_run_ids(masks.values(), (done[path] for path in done.keys() - masks.keys()))
            ready = {path: mask for path, mask in masks.items() if mask.has_enough_voters}
            write_masks(ready)
        for path in ready:
            del fresh[path]
        log.info("checkpoint: %s", ", ".join(
            f"{path} of {len(mask.members)} chips" for path, mask in ready.items()
        ) or "too few exposures yet")
        return ready


class MaskUpdate(NewMasks):
    """Decides which chips a run must read, and merges their masks with those on disk.

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
        The plans with the chips that must be read.  If only an exposure that could not be opened
        must be added to MEMBERS, the plan has no chips.
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
        self._already_members: dict[str, set[Identity]] = {}
        self._read: dict[str, set[SortKey]] = {}
        self._run_ids: dict[str, str] = {}
        self._opened = {normalized(chip.path) for plan in plans for chip in plan.chips}
        self._unopened = {normalized(path) for path in unopened}
        problems = []
        for plan in plans:
            try:
                self._decide(plan)
            except StaticMaskError as error:
                problems.append(str(error))
        if problems:
            raise OutputError(Lines.of(problems))
        warn_of_different_runs(self._run_ids, lambda path: self._plans[path].files)

    def _decide(self, plan: MaskPlan) -> None:
        """Decide which chips of a plan must be read."""
        if not exists(plan.path):
            self.to_do.append(plan)
            self._read[plan.path] = {chip.label.sort_key for chip in plan.chips}
            return
        mask = read_existing_mask(plan, self._parameters)
        self._run_ids[plan.path] = mask.run_id
        index = MemberIndex(mask.members)
        pairs = [(chip, index.member_of(chip)) for chip in plan.chips]
        refuse_changed(plan, pairs)
        refuse_copies(plan.path, [chip for chip, member in pairs if member is None], mask.members)
        written = modified(plan.path)
        skipped = [(chip, member) for chip, member in pairs
                   if member is not None and needs_no_reading(chip, member, written)]
        self._already_members[plan.path] = {member.label.identity for _, member in skipped}
        skipped_keys = {chip.label.sort_key for chip, _ in skipped}
        new = [chip for chip in plan.chips if chip.label.sort_key not in skipped_keys]
        log.info("%s: %d of %d chips are members already", plan.path, len(skipped),
                 len(plan.chips))
        self._read[plan.path] = {chip.label.sort_key for chip in new}
        if new or self._must_change_unopened(mask) or lacks_included(plan, mask):
            self.to_do.append(replace(plan, chips=tuple(new)))
        else:
            self.unchanged[plan.path] = mask
            mask.previous_members = frozenset(member.label.sort_key for member in mask.members)

    def _must_change_unopened(self, mask: StaticMask) -> bool:
        """Whether rows of exposures that could not be opened must be added or removed."""
        listed = {member.label.identity[0] for member in mask.members if not member.label.extver}
        has_rows_to_add = bool(self._unopened - self._files_of(mask) - listed)
        has_rows_to_remove = bool(listed & self._opened)
        return has_rows_to_add or has_rows_to_remove

    @staticmethod
    def _files_of(mask: StaticMask) -> set[str]:
        """Return the files of which a mask holds a chip."""
        return {member.label.identity[0] for member in mask.members if member.pixels_seen}

    @contextmanager
    def merged(self, fresh: Mapping[str, StaticMask]) -> Iterator[dict[str, StaticMask]]:
        """Merge masks of new exposures with those on disk, for the with block to write.

        The masks on disk are locked and read again.  If another run has written a mask in the
        meantime, the new exposures are added to that version.  Other runs wait here until the
        with block ends.

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
        from staticmask_cli.io.update_lock import update_lock  # noqa: PLC0415 - few runs update

        for folder in {os.path.dirname(path) for path in fresh}:
            make_folder(folder or ".")
        with update_lock(fresh):
            yield {path: self._merged(path, mask) for path, mask in fresh.items()}

    def _merged(self, path: str, fresh: StaticMask) -> StaticMask:
        already_members = self._already_members.get(path, set())
        if not exists(path) and not already_members:
            return fresh
        plan = self._plans[path]
        mask = read_existing_mask(plan, self._parameters)
        if not already_members <= {member.label.identity for member in mask.members}:
            msg = f"{path}: has lost members while this run was under way; run it again"
            raise OutputError(msg)
        files = self._files_of(mask)
        opened_before = [member for member in fresh.members
                         if not member.label.extver and member.label.identity[0] in files]
        merge_members(mask, fresh, leave_out=opened_before, opened=self._opened)
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

    The result equals that of one run over all members.  The header keywords copied from the
    exposures are those of the first member that is used.  A new member replaces a member for the
    same chip that was set aside.

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
        If the same member is used in both masks and its votes would count twice.
    """
    used = {member.label.identity for member in mask.used}
    duplicates = [member for member in fresh.members if member.label.identity in used]
    if mask.tally is not None and any(member.used for member in duplicates):
        names = first_few([str(member.label) for member in duplicates])
        msg = (
            f"{mask.path}: another run has added {names} in the meantime, and their votes would "
            "count twice; start the run again, and it will skip them"
        )
        raise OutputError(msg)
    not_added = {id(member) for member in (*duplicates, *leave_out)}
    new = [member for member in fresh.members if id(member) not in not_added]
    replaced = {member.label.identity for member in new}
    kept = [
        member for member in mask.members
        if member.label.identity not in replaced
        and not (member.label.extver == 0 and member.label.identity[0] in opened)
    ]
    first_used_keys = [min((m.label.sort_key for m in members if m.used), default=None)
                       for members in (kept, new)]
    in_order = sorted(
        (key, number) for number, key in enumerate(first_used_keys) if key is not None
    )
    if in_order:
        mask.facts = common_facts((mask.facts, fresh.facts)[number] for _, number in in_order)
    mask.rule = fresh.rule  # the file may hold an equal rule that is written differently
    mask.causes_known = mask.causes_known and fresh.causes_known
    mask.included_from = tuple(sorted({*mask.included_from, *fresh.included_from}))
    mask.members = list(kept)
    mask.merge(fresh)
    mask.members = [*kept, *new]
    mask.sort_members()
