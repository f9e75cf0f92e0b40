"""Whether the mask that a run would write is there already, as that run would make it.

Whether a mask on disk was made as a run would make it.

Masks that stand on disk: whether a run can add to them, and which of its chips they have.
"""

import logging
import math
import os
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import InputError, OutputError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.fits.open import checksums_of, opened
from staticmask_cli.io.paths import exists, modified_at
from staticmask_cli.io.urls import is_remote
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.plan import MaskPlan, good_bits_of

__all__ = [
    "Identity",
    "MaskStatus",
    "MemberIndex",
    "mask_status",
    "modified",
    "needs_no_reading",
    "read_existing_mask",
    "refuse_changed",
    "some",
]

_MOST_NAMES = 3  # in a reason
_LONGEST = 80  # characters of what a stranger's header says
_DIGITS = 1e-14  # cards of older versions of astropy hold no more


def other_parameters(plan: MaskPlan, mask: StaticMask, rule: MaskRule) -> Iterator[str]:
    """Say which parameters differ, by their meaning, and how."""
    for name in ("static_sig", "sky", "agree"):
        before, now = getattr(mask.rule, name), getattr(rule, name)
        if not _equal(before, now):
            yield _differs(name, before, now)
    before, now = mask.rule.final_bits, rule.final_bits
    if before != now and not _same_bits(plan, before):
        yield _differs("final_bits", before, now)


def other_grid(plan: MaskPlan, mask: StaticMask) -> Iterator[str]:
    """Say in what the detector pixels differ: signature, subarray, binning, chip."""
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


log = logging.getLogger(__name__)

Identity = tuple[str, int]
"""Of a chip: the file, with its path normalized, and EXTVER."""


def read_existing_mask(plan: MaskPlan, parameters: Parameters) -> StaticMask:
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
    differences = [*other_parameters(plan, mask, parameters.rule), *other_grid(plan, mask)]
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
        elif chip.skip_reason:
            wrong.append(f"{chip.label} (is now set aside: {chip.skip_reason})")
        elif _is_newer(chip, written):
            wrong.append(f"{chip.label} (newer than the mask)")
    if wrong:
        msg = (
            f"{plan.path}: cannot be updated, as members have changed: {some(wrong)}; "
            "what they did cannot be taken back: make it anew without --update"
        )
        raise OutputError(msg)


class MemberIndex:
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


def needs_no_reading(chip: Chip, member: Member, written: int | None) -> bool:
    """Whether reading a chip would tell nothing new about a member."""
    if chip.skip_reason and not member.used:
        return chip.skip_reason == member.skip_reason
    return member.used or (member.pixels_seen and not _is_newer(chip, written))


def _is_newer(chip: Chip, written: int | None) -> bool:
    files = {chip.path} if chip.dq is None else {chip.path, chip.dq.path}
    ages = [modified(path) for path in files]
    return written is not None and any(age is not None and age > written for age in ages)


@dataclass(frozen=True)
class MaskStatus:
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


def mask_status(plan: MaskPlan, parameters: Parameters) -> MaskStatus:
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
        return MaskStatus("missing")
    try:
        mask = StaticMask.read(plan.path)
    except StaticMaskError:
        return MaskStatus("foreign", ("does not say what it was made from",))
    for state, reasons in (
        ("other members", _other_members(plan, mask)),
        ("other parameters", other_parameters(plan, mask, parameters.rule)),
        ("older", _newer_files(plan)),
    ):
        why = tuple(reasons)
        if why:
            return MaskStatus(state, why)
    return MaskStatus("up to date")


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
