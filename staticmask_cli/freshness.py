"""Whether the mask that a run would write is there already, as that run would make it."""

from collections.abc import Iterator
from dataclasses import dataclass

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import StaticMaskError
from staticmask_cli.io.paths import exists
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.plan import MaskPlan
from staticmask_cli.sameness import modified, other_parameters, some

__all__ = ["Freshness", "freshness_of"]


@dataclass(frozen=True)
class Freshness:
    """The state of a mask, next to what a run would make of it.

    Attributes
    ----------
    state : str
        ``missing``; ``up to date``; ``older``, than a member; ``other members`` or
        ``other parameters``, than it was made with; ``foreign``, where the file does not
        say what it was made from: a mask of drizzlepac, or no mask at all.
    why : tuple of str
        What differs, in words; empty for ``missing`` and ``up to date``.
    """

    state: str
    why: tuple[str, ...] = ()


def freshness_of(plan: MaskPlan, parameters: Parameters) -> Freshness:
    """Compare a mask on disk with the plan for it.

    Members are told by their paths as they were given, parameters by their meaning,
    and ages by modification times, where equal times count as up to date, as they do
    for Make.  The version of the program does not count.

    Parameters
    ----------
    plan : MaskPlan
        Of the mask; only files are looked at, nothing is written.
    parameters : Parameters
        That the plan was made with.
    """
    if not exists(plan.path):
        return Freshness("missing")
    try:
        mask = StaticMask.read(plan.path)
    except StaticMaskError:
        return Freshness("foreign", ("does not say what it was made from",))
    for state, reasons in (
        ("other members", _other_members(plan, mask)),
        ("other parameters", other_parameters(plan, mask, parameters)),
        ("older", _newer_files(plan)),
    ):
        why = tuple(reasons)
        if why:
            return Freshness(state, why)
    return Freshness("up to date")


def _other_members(plan: MaskPlan, mask: StaticMask) -> Iterator[str]:
    planned = {chip.label.identity for chip in plan.chips}
    made = {member.label.identity for member in mask.members}
    for what, names in (("new", planned - made), ("gone", made - planned)):
        if names:
            yield f"{what}: {some(sorted(f'{file}[SCI,{extver}]' for file, extver in names))}"


def _newer_files(plan: MaskPlan) -> Iterator[str]:
    written = modified(plan.path)
    ages = {path: modified(path) for path in plan.files}
    newer = [path for path, when in ages.items() if when and written and when > written]
    unknown = [path for path, when in ((plan.path, written), *ages.items()) if when is None]
    if newer:
        yield f"newer: {some(newer)}"
    if unknown:
        yield f"of unknown age: {some(unknown)}"
