"""Whether a mask on disk was made as a run would make it."""

import math
from collections.abc import Iterator, Sequence

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import InputError, StaticMaskError
from staticmask_cli.io.paths import modified_at
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.plan import MaskPlan, good_bits_of

__all__ = ["modified", "other_grid", "other_parameters", "some"]

_MOST_NAMES = 3  # in a reason
_LONGEST = 80  # characters of what a stranger's header says
_DIGITS = 1e-14  # cards of older versions of astropy hold no more


def other_parameters(plan: MaskPlan, mask: StaticMask, parameters: Parameters) -> Iterator[str]:
    """Say which parameters differ, by their meaning, and how."""
    for name in ("static_sig", "sky", "agree"):
        before, now = getattr(mask, name), getattr(parameters, name)
        if not _equal(before, now):
            yield _differs(name, before, now)
    if mask.final_bits != parameters.final_bits and not _same_bits(plan, mask.final_bits):
        yield _differs("final_bits", mask.final_bits, parameters.final_bits)


def other_grid(plan: MaskPlan, mask: StaticMask) -> Iterator[str]:
    """Say in what the detector pixels differ: signature, subarray, binning, chip."""
    for name, before, now in zip(
        ("detector", "shape", "number"), mask.signature, plan.signature, strict=True
    ):
        if before != now:
            yield _differs(name, before, now)
    grid = next((chip.grid for chip in plan.chips if not chip.unfit), None)
    if grid is None or not mask.used:
        return
    for key in grid.keys() | mask.grid.keys():
        before, now = mask.grid.get(key), grid.get(key)
        if not _equal(before, now):
            yield _differs(key, before, now)


def _equal(before: object, now: object) -> bool:
    if isinstance(before, float) and isinstance(now, int | float):
        return math.isclose(before, now, rel_tol=_DIGITS)
    return before == now


def _differs(name: str, before: object, now: object) -> str:
    return f"{name} = {before!s:.{_LONGEST}}, now {now}"


def _same_bits(plan: MaskPlan, final_bits: str | None) -> bool:
    """Whether other words mean the same bits, as 96 and 64,32 do."""
    words = None if final_bits is None else str(final_bits)  # a stranger's header has anything
    try:
        return good_bits_of(plan.chips[0], words) == plan.good_bits
    except StaticMaskError:
        return False


def modified(path: str) -> int | None:
    """When a file was changed last, in nanoseconds; None where a remote service does not say.

    Raises
    ------
    InputError
        If it is not there.
    """
    try:
        return modified_at(path)
    except StaticMaskError:
        raise
    except OSError as error:
        msg = f"{path}: cannot be looked at: {error.strerror}"
        raise InputError(msg) from error


def some(names: Sequence[str]) -> str:
    """Join the first few of some names, and say how many more there are."""
    more = len(names) - _MOST_NAMES
    return ", ".join(names[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
