"""Combine the results of batches into masks, and warn of suspicious chips."""

import logging
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import replace
from functools import partial
from itertools import groupby

from staticmask_cli.exposures.facts import common_facts
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.masks.findings import Finding, about
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.parallel.tasks import jobs_of
from staticmask_cli.pipeline.batches import run_batches, split_into_batches
from staticmask_cli.pipeline.findings import findings_of_chips
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["clip_and_combine", "split_by_exposures", "split_with_progress"]

log = logging.getLogger(__name__)


def clip_and_combine(
    plans: Sequence[MaskPlan],
    rule: MaskRule,
    *,
    jobs: int | None,
    executor: Executor | None,
    report: Callable[[int, int], None],
    problems: Problems,
    unopened: Mapping[str, str],
) -> list[StaticMask]:
    """Read every chip of the plans, find its bad pixels, and combine those of each mask.

    The results may arrive in any order; the masks, and the list of chips left out, do not depend
    on it.

    Parameters
    ----------
    plans : sequence of MaskPlan
        The plans of the masks.
    rule : MaskRule
        The rule that says which pixels are bad.
    jobs, executor
        As in `create_masks`.
    report : callable
        Called with the number of chips that are done and the number of all chips.
    problems : Problems
        Collects the chips that cannot be read, where the run keeps going.
    unopened : mapping of str to str
        The exposures that could not be opened, each with the reason; they are listed among the
        members of every mask.

    Returns
    -------
    list of StaticMask
        One mask for each plan, in the same order.
    """
    masks = {plan.name: StaticMask(plan.signature, **vars(rule)) for plan in plans}
    done, total = 0, sum(len(plan.chips) for plan in plans)
    left_out: dict[str, str] = {}
    report(0, total)
    batches = split_into_batches(
        plans, rule, keep_going=problems.keep_going, jobs=jobs or jobs_of(executor),
        alone=executor is None,
    )
    for count, result in run_batches(batches, jobs=jobs, executor=executor):
        if result is not None:
            masks[result.mask_name].merge(result.mask)
            _log_members(result.mask)
            left_out.update(result.left_out)
        if count:
            done += count
            report(done, total)
    problems.left_out.update(sorted(left_out.items()))
    for plan in plans:
        _complete(masks[plan.name], plan, unopened, problems)
    return list(masks.values())


def _complete(
    mask: StaticMask, plan: MaskPlan, unopened: Mapping[str, str], problems: Problems
) -> None:
    """Sort the members of a mask, add the facts about its detector, and warn."""
    mask.path = plan.path
    mask.sort_members()
    # Members from another process have labels of their own, which would be millions.
    mask.members = [
        replace(member, label=chip.label) if member.label == chip.label else member
        for chip, member in zip(plan.chips, mask.members, strict=True)
    ]
    mask.facts = _common_facts(plan, mask, problems)
    if plan.included is not None:
        mask.included = plan.included.bad if plan.included.bad.any() else None
        mask.included_from = plan.included.names
    _warn(plan, mask, problems)
    for path, reason in sorted(unopened.items()):
        mask.set_aside(ChipLabel(path, extver=0), reason)


def _common_facts(plan: MaskPlan, mask: StaticMask, problems: Problems) -> dict[str, str | float]:
    """Return the facts about the detector that the chips in use share; warn of other units."""
    used = [chip for chip, member in zip(plan.chips, mask.members, strict=True) if member.used]
    facts = common_facts({**chip.facts, **chip.grid} for chip in used)
    units = {chip.facts.get("BUNIT", "none").casefold(): chip for chip in reversed(used)}
    if len(units) > 1:
        found = ", ".join(f"{chip.facts.get('BUNIT', 'none')} in {chip.label}"
                          for _, chip in sorted(units.items()))
        problems.warn(Finding(
            plan.name, f"its exposures have different units: {found}",
            "exposures have different units", "each chip is compared with its own mode and rms, "
            "and MEMBERS names no unit; leave those of one unit out if that is wrong"))
    return facts


def _log_members(part: PartialMask) -> None:
    """Log the numbers of each chip of a result."""
    for member in part.used:
        log.debug(
            "%s: mode %.6g, rms %.6g, threshold %.6g, %d pixels below, %d by DQ",
            member.label, member.mode, member.rms, member.threshold, member.below, member.flagged,
        )


def _warn(plan: MaskPlan, mask: StaticMask, problems: Problems) -> None:
    """Warn of chips that were set aside, lack DQ, or may hold sources, once for each cause."""
    # The plan has warned of those that it set aside.
    pairs = [(chip, member) for chip, member in zip(plan.chips, mask.members, strict=True)
             if not chip.skip_reason]
    without_dq = [chip.label for chip, _ in pairs if chip.dq is None]
    if plan.good_bits is not None and without_dq:
        subject, who = about(plan.name, without_dq, len(pairs))
        problems.warn(Finding(
            subject, f"{who}no DQ extension, so no pixel counts as flagged",
            "there are no DQ extensions", "name them with --dq-ext if they are there",
            is_clear=True))
    for finding in findings_of_chips(plan.name, [member for _, member in pairs], mask):
        problems.warn(finding)


def split_by_exposures(plans: Sequence[MaskPlan], size: int | None) -> list[list[MaskPlan]]:
    """Split plans into parts of `size` exposures each, in their order; one part if it is None."""
    if size is None:
        return [list(plans)]
    paths = sorted({chip.path for plan in plans for chip in plan.chips})
    part_of = {path: number // size for number, path in enumerate(paths)}
    parts: list[list[MaskPlan]] = [[] for _ in range(0, max(1, len(paths)), size)]
    for plan in plans:
        if not plan.chips:
            parts[0].append(plan)
        in_order = sorted(plan.chips, key=lambda chip: part_of[chip.path])
        for number, chips in groupby(in_order, key=lambda chip: part_of[chip.path]):
            parts[number].append(replace(plan, chips=tuple(chips)))
    return parts


def split_with_progress(
    plans: Sequence[MaskPlan], size: int | None, progress: Callable[[int, int], None]
) -> Iterator[tuple[list[MaskPlan], Callable[[int, int], None]]]:
    """Split plans at checkpoints; yield each part with a function that reports its progress."""
    done, total = 0, sum(len(plan.chips) for plan in plans)
    for part in split_by_exposures(plans, size):
        yield part, partial(_report_part, progress, done, total)
        done += sum(len(plan.chips) for plan in part)


def _report_part(
    progress: Callable[[int, int], None], before: int, total: int, done: int, _total_of_part: int
) -> None:
    progress(before + done, total)
