"""The exposures or pointings that vote: refused if too few, and reported where they are shared."""

import logging
from collections.abc import Iterable, Sequence

from staticmask_cli.errors import ConfigError, Lines
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.masks.findings import Finding
from staticmask_cli.masks.pointings import pointing_numbers
from staticmask_cli.masks.rule import FEW_POINTINGS, FEWEST_POINTINGS, MaskRule
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["log_shared_pointings", "refuse_too_few", "refuse_too_few_planned"]

log = logging.getLogger(__name__)


def refuse_too_few_planned(plans: Sequence[MaskPlan], rule: MaskRule) -> None:
    """Refuse masks before their chips are read, if too few chips are planned.

    Raises
    ------
    ConfigError
        As `refuse_too_few`.
    """
    problems = []
    for plan in plans:
        labels = [chip.label for chip in plan.chips if not chip.skip_reason]
        numbers = pointing_numbers(labels, plan.signature.shape)
        voters = len(set(numbers)) if rule.counts_pointings else len(labels)
        if labels and not rule.has_enough(voters):
            problems.append(_too_few(rule, plan.name, voters, len(labels)))
    if problems:
        raise ConfigError(Lines.of(problems))


def refuse_too_few(masks: Iterable[StaticMask]) -> None:
    """Refuse masks in which no pixel can be bad, as they have fewer voters than votes needed.

    Raises
    ------
    ConfigError
        If there is such a mask; all of them are named.
    """
    problems = [
        _too_few(mask.rule, mask.name, mask.voters, len(mask.used))
        for mask in masks if not mask.has_enough_voters
    ]
    if problems:
        raise ConfigError(Lines.of(problems))


def _too_few(rule: MaskRule, name: str, voters: int, exposures: int) -> str:
    who = f"{exposures} exposure{'s' * (exposures != 1)}"
    if rule.counts_pointings and voters != exposures:
        who = f"{voters} pointing{'s' * (voters != 1)} ({who})"
    if rule.joint:
        return (f"agree = joint: only {who} of {name} can be used, and {FEWEST_POINTINGS} "
                "pointings are needed, as structure of the sky would count like defects; use "
                f"agree = {'2' if voters > 1 else 'any'}, or add exposures at other pointings")
    return (f"agree = {rule.agree}: only {who} of {name} can vote, so no pixel could be bad; "
            f"expected at most {voters}, or any or all")


def log_shared_pointings(masks: Iterable[StaticMask], problems: Problems) -> None:
    """Log what `agree` counts where exposures look at the same pixels of the sky."""
    for mask in masks:
        used, pointings = len(mask.used), mask.pointings
        if mask.rule.agree == "any" or pointings == used:
            continue
        shared = f"{used} exposures at {pointings} pointing{'s' * (pointings != 1)}"
        if mask.rule.joint:
            if pointings < FEW_POINTINGS:
                problems.warn(Finding(
                    mask.name, f"{shared}: structure of the sky adds up in exposures of the same "
                    f"pixels of the sky, so some may be marked; from {FEW_POINTINGS} pointings on "
                    "hardly any is", "structure of the sky may be marked",
                    "use agree = 2, or add exposures of other pointings"))
            continue
        what = (
            "pointings, as exposures of the same pixels of the sky do not confirm each other"
            if mask.rule.counts_pointings else
            "exposures, even if they are of the same pixels of the sky"
        )
        log.info("%s: %s: agree = %s needs %d of these %s",
                 mask.name, shared, mask.rule.agree, mask.votes_needed, what)
