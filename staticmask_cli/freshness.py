"""Whether the mask that a run would write is there already, as that run would make it."""

import os
from collections.abc import Iterator
from dataclasses import dataclass

from staticmask_cli.config import Parameters
from staticmask_cli.errors import InputError, StaticMaskError
from staticmask_cli.maskfile import StaticMask
from staticmask_cli.places import exists, is_remote, modified_at
from staticmask_cli.plan import MaskPlan, good_bits_of

__all__ = ["Freshness", "freshness_of"]

_MOST_NAMES = 3  # in a reason


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
        ("other parameters", _other_parameters(plan, mask, parameters)),
        ("older", _newer_files(plan)),
    ):
        why = tuple(reasons)
        if why:
            return Freshness(state, why)
    return Freshness("up to date")


def _other_members(plan: MaskPlan, mask: StaticMask) -> Iterator[str]:
    planned = {_identity(chip.label.file, chip.label.extver) for chip in plan.chips}
    made = {_identity(member.label.file, member.label.extver) for member in mask.members}
    for what, names in (("new", planned - made), ("gone", made - planned)):
        if names:
            yield f"{what}: {_some(sorted(f'{file}[SCI,{extver}]' for file, extver in names))}"


def _identity(file: str, extver: int) -> tuple[str, int]:
    return file if is_remote(file) else os.path.normpath(file), extver


def _other_parameters(plan: MaskPlan, mask: StaticMask, parameters: Parameters) -> Iterator[str]:
    for name in ("static_sig", "sky", "agree"):
        before, now = getattr(mask, name), getattr(parameters, name)
        if before != now:
            yield f"{name} = {before}, now {now}"
    if mask.final_bits != parameters.final_bits and not _same_bits(plan, mask.final_bits):
        yield f"final_bits = {mask.final_bits}, now {parameters.final_bits}"


def _same_bits(plan: MaskPlan, final_bits: str | None) -> bool:
    """Whether other words mean the same bits, as 96 and 64,32 do."""
    words = None if final_bits is None else str(final_bits)  # a stranger's header has anything
    try:
        return good_bits_of(plan.chips[0], words) == plan.good_bits
    except StaticMaskError:
        return False


def _newer_files(plan: MaskPlan) -> Iterator[str]:
    written = _modified(plan.path)
    ages = {path: _modified(path) for path in plan.files}
    newer = [path for path, when in ages.items() if when and written and when > written]
    unknown = [path for path, when in ((plan.path, written), *ages.items()) if when is None]
    if newer:
        yield f"newer: {_some(newer)}"
    if unknown:
        yield f"of unknown age: {_some(unknown)}"


def _modified(path: str) -> int | None:
    try:
        return modified_at(path)
    except StaticMaskError:
        raise
    except OSError as error:
        msg = f"{path}: cannot be looked at: {error.strerror}"
        raise InputError(msg) from error


def _some(names: list[str]) -> str:
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
