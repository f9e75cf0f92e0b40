"""Compare masks on disk with a plan: up to date, out of date, other parameters, or foreign."""

import logging
import math
import os
from collections import defaultdict
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import OutputError, StaticMaskError, first_few, is_of_system
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.io.paths import exists
from staticmask_cli.io.urls import is_remote
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.changes import is_replaced, newer_files
from staticmask_cli.pipeline.plan import MaskPlan, good_bits_of

if TYPE_CHECKING:
    from staticmask_cli.masks.heading import MaskHeading

__all__ = [
    "Identity",
    "MaskStatus",
    "MemberIndex",
    "lacks_included",
    "mask_status",
    "other_grid",
    "other_parameters",
    "read_existing_mask",
]

_LONGEST = 80  # characters of an untrusted header
_RELATIVE_TOLERANCE = 1e-14  # older versions of astropy write floats with no more digits than this


log = logging.getLogger(__name__)

Identity = tuple[str, int]
"""The normalized path of a chip's file, and its EXTVER."""


class MaskStatus(NamedTuple):
    """The state of a mask on disk, compared with the mask that a run would write.

    Attributes
    ----------
    state : str
        ``missing``; ``up to date``; ``older`` than a member; made from ``other members`` or
        with ``other parameters``; or ``foreign``, where the file does not list its members: a
        mask of drizzlepac, or no mask at all.
    why : tuple of str
        The differences, in words; empty for ``missing`` and ``up to date``.
    """

    state: str
    why: tuple[str, ...] = ()


def mask_status(plan: MaskPlan, parameters: Parameters) -> MaskStatus:
    """Compare a mask on disk with the plan for it.

    Members are compared by their paths as they were given and by the sums of their headers,
    parameters by their meaning, and ages by modification times, where equal times count as up to
    date, as in Make.  The version of the program does not count.

    Parameters
    ----------
    plan : MaskPlan
        The plan of the mask; files are read, and nothing is written.
    parameters : Parameters
        The parameters that the plan was made with.
    """
    if not exists(plan.path):
        return MaskStatus("missing")
    try:
        mask = StaticMask.read(plan.path)
    except StaticMaskError as error:
        if is_of_system(error):
            raise
        return MaskStatus("foreign", ("does not list the exposures it was made from",))
    for state, reasons in (
        ("other members", _other_members(plan, mask)),
        ("other parameters", [*other_parameters(plan, mask, parameters.rule),
                              *_other_included(plan, mask)]),
        ("older", newer_files(plan)),
    ):
        why = tuple(reasons)
        if why:
            return MaskStatus(state, why)
    return MaskStatus("up to date")


def read_existing_mask(plan: MaskPlan, parameters: Parameters) -> StaticMask:
    """Read the mask on disk that a plan is to update; refuse one that cannot be updated."""
    # Imported here because most runs make new masks.
    from staticmask_cli.fits.plain import checksums_in, opened_plain  # noqa: PLC0415

    try:
        with opened_plain(plan.path) as hdus:
            if checksums_in(hdus) == "wrong":
                msg = f"{plan.path}: is damaged: its checksums are wrong"
                raise OutputError(msg)
        mask = StaticMask.read(plan.path)
    except StaticMaskError as error:
        msg = f"{error}; it cannot be updated: move it away, or make it again without --update"
        raise OutputError(msg) from error
    if mask.rule.counts_pointings and not mask.pointings_known:
        msg = (f"{plan.path}: cannot be updated, as an older version made it, which did not store "
               "the pointings of its members; make it again without --update")
        raise OutputError(msg)
    differences = [*other_parameters(plan, mask, parameters.rule), *other_grid(plan, mask)]
    if differences:
        msg = (
            f"{plan.path}: cannot be updated, as it was made with {'; '.join(differences)}; "
            "use the same, or another --output-dir, or make it again without --update"
        )
        raise OutputError(msg)
    return mask


class MemberIndex:
    """Finds, for a chip of the run, the member of the mask that is the same chip."""

    def __init__(self, members: Sequence[Member]) -> None:
        self._by_identity = {member.label.identity: member for member in members}
        self._by_name: dict[Identity, list[Member]] = defaultdict(list)
        for member in members:
            self._by_name[_file_name_and_extver(member.label.identity)].append(member)

    def member_of(self, chip: Chip) -> Member | None:
        """Return the member that is the same chip, even if its path is written differently."""
        member = self._by_identity.get(chip.label.identity)
        if member is not None or is_remote(chip.path):
            return member
        for other in self._by_name.get(_file_name_and_extver(chip.label.identity), ()):
            if is_remote(other.label.file):
                continue
            if not os.path.exists(other.label.file):
                if other.label.rootname == chip.label.rootname:
                    log.warning("%s may be the same exposure as the member %s, whose file no "
                                "longer exists; if so, it counts twice", chip.label, other.label)
            elif os.path.samefile(other.label.file, chip.path):
                return other
        return None


def _other_members(plan: MaskPlan, mask: StaticMask) -> Iterator[str]:
    planned = {chip.label.identity: chip for chip in plan.chips}
    made = {member.label.identity: member for member in mask.members}
    replaced = {identity for identity in planned.keys() & made.keys()
                if is_replaced(planned[identity], made[identity])}
    for what, names in (("new", planned.keys() - made.keys()),
                        ("gone", made.keys() - planned.keys()), ("replaced", replaced)):
        if names:
            yield f"{what}: {first_few(sorted(f'{file}[SCI,{extver}]' for file, extver in names))}"


def other_parameters(
    plan: MaskPlan, mask: "StaticMask | MaskHeading", rule: MaskRule
) -> Iterator[str]:
    """Describe the parameters that differ in their meaning."""
    for name in ("static_sig", "sky", "agree", "high", "least_depth"):
        before, now = getattr(mask.rule, name), getattr(rule, name)
        if not _equal(before, now):
            yield _differs(name, before, now)
    before, now = mask.rule.final_bits, rule.final_bits
    if before != now and not _same_bits(plan, before):
        yield _differs("final_bits", before, now)


def lacks_included(plan: MaskPlan, mask: StaticMask) -> bool:
    """Whether the plan includes pixels that the mask does not include, or from another file."""
    if plan.included is None:
        return False
    new = plan.included.bad if mask.included is None else plan.included.bad & ~mask.included
    return bool(new.any()) or not set(plan.included.names) <= set(mask.included_from)


def _other_included(plan: MaskPlan, mask: StaticMask) -> Iterator[str]:
    """Describe the difference of the pixels that are known to be bad."""
    now = () if plan.included is None else plan.included.names
    if mask.included_from != now:
        before, after = (first_few(names) or None for names in (mask.included_from, now))
        yield f"include = {before}, now {after}"
    elif plan.included is not None:
        none = np.zeros_like(plan.included.bad)
        if not np.array_equal(plan.included.bad, none if mask.included is None else mask.included):
            yield f"other pixels in {first_few(now)}"


def other_grid(plan: MaskPlan, mask: "StaticMask | MaskHeading") -> Iterator[str]:
    """Describe the differences of the detector pixels: signature, subarray, binning, chip."""
    for name, before, now in zip(
        ("detector", "shape", "number"), mask.signature, plan.signature, strict=True
    ):
        if before != now:
            yield _differs(name, before, now)
    grid = next((chip.grid for chip in plan.chips if not chip.skip_reason), None)
    if grid is None or not mask.used:
        return
    for key in grid.keys() | mask.grid.keys():
        before, now = mask.grid.get(key), grid.get(key)
        if not _equal(before, now):
            yield _differs(key, before, now)


def _equal(before: object, now: object) -> bool:
    if isinstance(before, float) and isinstance(now, int | float):
        return math.isclose(before, now, rel_tol=_RELATIVE_TOLERANCE)
    return before == now


def _differs(name: str, before: object, now: object) -> str:
    return f"{name} = {before!s:.{_LONGEST}}, now {now}"


def _same_bits(plan: MaskPlan, final_bits: str | None) -> bool:
    """Whether `final_bits` means the bits of the plan, as 96 and 64,32 mean the same."""
    words = None if final_bits is None else str(final_bits)  # an untrusted value of any type
    try:
        return good_bits_of(plan.chips[0], words) == plan.good_bits
    except StaticMaskError:
        return False


def _file_name_and_extver(identity: Identity) -> Identity:
    return os.path.basename(identity[0]), identity[1]
