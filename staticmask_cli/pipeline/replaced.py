"""Masks on disk that a run would replace: refused if they are of other pixels, else warned of."""

import os
from collections.abc import Callable, Sequence

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import Lines, OutputError, StaticMaskError, first_few
from staticmask_cli.masks.findings import Finding
from staticmask_cli.masks.heading import MaskHeading, read_heading
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.reading import is_mask
from staticmask_cli.masks.run_id import warn_of_different_runs
from staticmask_cli.pipeline.existing import other_grid, other_parameters
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["check_replaced"]

_KEEP_BOTH = "use another --output-dir or --name"


def check_replaced(
    plans: Sequence[MaskPlan], parameters: Parameters, warn: Callable[[Finding], None] | None = None
) -> None:
    """Check the files that a run would replace, by their headers and MEMBERS alone.

    A mask of the same exposures, or of some of them, that was made with the same parameters is
    replaced without a message, as nothing is lost.

    Parameters
    ----------
    plans : sequence of MaskPlan
        The plans of the masks that have a file in their way.
    parameters : Parameters
        The parameters that the plans were made with.
    warn : callable, optional
        A function that is called for each mask that holds more than the one that replaces it.
        Masks that different runs wrote are warned of in any case.

    Raises
    ------
    OutputError
        If a file is not a mask, or is one of other detector pixels; all of them are named.
    """
    foreign, other_pixels = [], []
    replaced: list[tuple[str, str, str]] = []  # the path, what is lost, and what to do
    headings = {plan.path: _heading_of(plan.path) for plan in plans}
    for plan in plans:
        mask = headings[plan.path]
        of_shape = (is_mask(plan.path, plan.signature.shape) if mask is None else
                    mask.signature.shape == plan.signature.shape)
        if not of_shape:
            foreign.append(plan.path)
        elif mask is None:
            lost = "a mask that does not list its exposures"
            replaced.append((plan.path, lost, f"to keep both, {_KEEP_BOTH}"))
        elif grid := "; ".join(other_grid(plan, mask)):
            other_pixels.append(f"{plan.path}: is a mask of other detector pixels: {grid}")
        elif found := _lost(plan, mask, parameters):
            replaced.append((plan.path, *found))
    problems = list(other_pixels)
    if foreign:
        problems.append(f"{', '.join(foreign)}: exists and is not a static mask of that shape")
    if problems:
        remedy = "move it away, use another --output-dir or --name, or --overwrite to replace it"
        raise OutputError(Lines.of(f"{problem}; {remedy}" for problem in problems))
    if warn is not None:
        for path, lost, remedy in replaced:
            warn(Finding(path, f"replaces {lost}", "masks of other exposures or rules are replaced",
                         remedy))
    files = {plan.path: plan.files for plan in plans}
    warn_of_different_runs(
        {path: mask.run_id for path, mask in headings.items() if mask is not None},
        files.__getitem__)


def _heading_of(path: str) -> MaskHeading | None:
    """Read the heading of a mask; None if staticmask did not write it."""
    try:
        return read_heading(path)
    except StaticMaskError:
        return None


def _lost(plan: MaskPlan, mask: MaskHeading, parameters: Parameters) -> tuple[str, str] | None:
    """Return what a mask holds that its replacement does not, and what to do; None if nothing."""
    missing = _missing(plan, mask)
    differences = list(other_parameters(plan, mask, parameters.rule))
    now = () if plan.included is None else plan.included.names
    if not set(mask.included_from) <= set(now):
        before, after = (first_few(names) or None for names in (mask.included_from, now))
        differences.append(f"include = {before}, now {after}")
    if not missing and not differences:
        return None
    used, number = len(mask.used), len(missing)
    text = f"a mask of {used} exposures, {number} of them not in this run"
    if not missing:
        text = "a mask of exposures of this run"
    elif number == used:
        text = f"a mask of {number} other exposure{'s' * (number != 1)}"
    if missing:
        text += f" ({first_few(missing)})"
    if differences:
        return f"{text}, made with {'; '.join(differences)}", f"to keep both, {_KEEP_BOTH}"
    return text, f"to add to it, use --update; to keep both, {_KEEP_BOTH}"


def _missing(plan: MaskPlan, mask: MaskHeading) -> list[str]:
    """Return the chips that take part in a mask and not in the one that replaces it."""
    chips = [chip.label for chip in plan.chips if not chip.skip_reason]
    identities = {label.identity for label in chips}
    others = [label for label in mask.used if label.identity not in identities]
    by_name = {_name(label): label for label in chips} if others else {}
    return [str(label) for label in others
            if not _is_same_file(label, by_name.get(_name(label)))]


def _name(label: ChipLabel) -> tuple[str, str, int]:
    return os.path.basename(label.file), label.rootname, label.extver


def _is_same_file(before: ChipLabel, now: ChipLabel | None) -> bool:
    """Whether an exposure of equal name is the same file, or its file was moved to there."""
    if now is None:
        return False
    try:
        return os.path.samefile(before.file, now.file)
    except (OSError, ValueError):  # a file that is gone, a URL, or no name of a file
        return not os.path.exists(before.file)
