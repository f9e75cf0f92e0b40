"""Exposures that are members of a mask already, from other files, and would vote twice in it."""

from collections.abc import Iterable, Sequence

from staticmask_cli.errors import OutputError, first_few
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.masks.members import Member

__all__ = ["refuse_copies"]


def refuse_copies(path: str, chips: Iterable[Chip], members: Sequence[Member]) -> None:
    """Refuse chips of exposures that are members already, from other files.

    ROOTNAME, EXPTIME, and the position on the sky and the date as far as MEMBERS has them are
    compared, of exposures with a ROOTNAME of their own.

    Parameters
    ----------
    path : str
        The mask file.
    chips : iterable of Chip
        Those chips of the run whose files are not those of members.
    members : sequence of Member
        The members of the mask.
    """
    used = {
        (member.label.rootname, member.label.extver): member.label
        for member in members if member.used
    }
    copies = []
    for chip in chips:
        label = chip.label
        other = used.get((label.rootname, label.extver))
        if other is None or not chip.exposure or chip.skip_reason:
            continue
        is_elsewhere = other.has_corners and label.corners != other.corners
        is_another = is_elsewhere or abs(label.expstart - other.expstart) > 0  # which no NaN is
        if label.exptime == other.exptime and not is_another:
            copies.append(f"{label} is the member {other}")
    if copies:
        msg = (f"{path}: cannot be updated, as the same exposure would count twice: "
               f"{first_few(copies)}; leave it out, name it by the same path, or make the mask "
               "again without --update")
        raise OutputError(msg)
