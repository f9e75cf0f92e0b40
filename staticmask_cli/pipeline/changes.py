"""Exposures that have changed since a mask was made, by their headers and their dates.

A mask has a sum of the headers of each member, and no date of a file: its bytes do not depend on
which copies of the exposures were read.
"""

from collections.abc import Iterable, Iterator

from staticmask_cli.errors import InputError, OutputError, StaticMaskError, first_few
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.io.paths import modified_at
from staticmask_cli.masks.members import Member
from staticmask_cli.pipeline.plan import MaskPlan

__all__ = ["is_replaced", "modified", "needs_no_reading", "newer_files", "refuse_changed"]


def is_replaced(chip: Chip, member: Member) -> bool:
    """Whether a chip has other headers than when it became a member, if their sum is known."""
    before, now = member.label.headsum, chip.label.headsum
    return bool(before and now) and before != now


def newer_files(plan: MaskPlan) -> Iterator[str]:
    """Describe the files of a plan that are newer than its mask, or of unknown age."""
    written = modified(plan.path)
    ages = {path: modified(path) for path in plan.files}
    newer = [path for path, when in ages.items() if when and written and when > written]
    unknown = [path for path, when in ((plan.path, written), *ages.items()) if when is None]
    if newer:
        yield f"newer: {first_few(newer)}"
    if unknown:
        yield f"of unknown age: {first_few(unknown)}"


def refuse_changed(plan: MaskPlan, pairs: Iterable[tuple[Chip, Member | None]]) -> None:
    """Refuse members that have changed, as a mask cannot lose what they added to it."""
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
        elif is_replaced(chip, member):
            wrong.append(f"{chip.label} (replaced: its headers are others)")
        elif _is_newer(chip, written):
            wrong.append(f"{chip.label} (newer than the mask)")
    if wrong:
        msg = (
            f"{plan.path}: cannot be updated, as members have changed: {first_few(wrong)}; "
            "what they added cannot be removed: make it again without --update"
        )
        raise OutputError(msg)


def needs_no_reading(chip: Chip, member: Member, written: int | None) -> bool:
    """Whether a member need not be read again, as the result would be the same."""
    if chip.skip_reason and not member.used:
        return chip.skip_reason == member.skip_reason
    changed = is_replaced(chip, member) or _is_newer(chip, written)
    return member.used or (member.pixels_seen and not changed)


def modified(path: str) -> int | None:
    """Return the time when a file was modified, in ns; None if a remote service has none.

    Raises
    ------
    InputError
        If there is no such file.
    """
    try:
        return modified_at(path)
    except StaticMaskError:
        raise
    except OSError as error:
        msg = f"{path}: its date cannot be read: {error.strerror}"
        raise InputError(msg) from error


def _is_newer(chip: Chip, written: int | None) -> bool:
    files = {chip.path} if chip.dq is None else {chip.path, chip.dq.path}
    ages = [modified(path) for path in files]
    return written is not None and any(age is not None and age > written for age in ages)
