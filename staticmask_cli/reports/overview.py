"""Many masks at a glance: a few numbers of each, and why it stands apart from similar ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from staticmask_cli.errors import InputError, Lines
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.urls import redacted
from staticmask_cli.reports.apart import Numbers, described, median_of, reasons, unopened_beside
from staticmask_cli.reports.inspection import RULE_NAMES, Inspection, inspect_mask

__all__ = ["Glance", "overview_of"]


@dataclass(frozen=True)
class Glance:
    """The numbers of a mask; the names of the attributes are the keys of the JSON.

    Attributes
    ----------
    path : str
        The path of the file.
    detector, number : str and int, or None
        The detector and the chip of the signature; None if they are unknown.
    shape : tuple of int
        The shape ``(ny, nx)``.
    rule : str or None
        The rule that the mask was made with.
    exposures : int or None
        The number of members that were used; None if they are unknown.
    bad : int
        The number of bad pixels.
    fraction : float
        The fraction of all pixels that are bad.
    causes : dict of str to int, or None
        The number of bad pixels for each cause, each pixel once; None if they are unknown.
    worst_row, worst_column : int
        The number of bad pixels of the worst row and the worst column.
    largest : int
        The number of pixels of the largest cluster of bad pixels.
    level, noise : float
        The median over the members of their mode, and of their rms; NaN if unknown.
    apart : tuple of str
        Why the mask stands apart from those of its signature; empty if it does not.
    """

    path: str
    detector: str | None
    number: int | None
    shape: tuple[int, int]
    rule: str | None
    exposures: int | None
    bad: int
    fraction: float
    causes: dict[str, int] | None
    worst_row: int
    worst_column: int
    largest: int
    level: float
    noise: float
    apart: tuple[str, ...] = ()


def overview_of(paths: Sequence[str]) -> list[Glance]:
    """Return a few numbers of each mask, and whether it stands apart; files are only read.

    Parameters
    ----------
    paths : sequence of str
        The paths of masks that staticmask or drizzlepac wrote.

    Raises
    ------
    InputError
        If a file is missing or is not a static mask.  The message names all such files.
    """
    glances, numbers, problems = [], [], []
    with astropy_silenced():
        for path in map(redacted, paths):
            try:
                inspection, _ = inspect_mask(path)
            except InputError as error:
                problems.append(str(error))
                continue
            glances.append(_glance(inspection))
            numbers.append(_numbers(glances[-1], inspection))
    if problems:
        raise InputError(Lines.of(problems))
    of_others = reasons(numbers)
    return [replace(glance, apart=(*glance.apart, *of_others[index]))
            for index, glance in enumerate(glances)]


def _glance(mask: Inspection) -> Glance:
    used = [member for member in mask.members or () if member["used"]]
    rows, columns = mask.layout.worst_rows, mask.layout.worst_columns
    rule = ", ".join(f"{name} = {getattr(mask, name)}" for name in RULE_NAMES)
    return Glance(
        mask.path, mask.detector, mask.number, mask.shape,
        rule if mask.static_sig is not None else None,
        len(used) if mask.members is not None else None,
        mask.bad, mask.fraction, mask.causes,
        rows[0].bad if rows else 0, columns[0].bad if columns else 0,
        mask.layout.largest[0].pixels if mask.layout.largest else 0,
        median_of([member["mode"] for member in used]),
        median_of([member["rms"] for member in used]), tuple(_by_itself(mask)),
    )


def _numbers(glance: Glance, mask: Inspection) -> Numbers:
    files = ((member["file"], member["extver"]) for member in mask.members or ())
    return Numbers(
        (glance.detector, glance.number, glance.shape), glance.rule, glance.exposures,
        unopened_beside(files), glance.fraction, glance.largest, glance.level, glance.noise,
    )


def _by_itself(mask: Inspection) -> Iterator[str]:
    """Yield what is wrong with a mask, whatever the others are."""
    if mask.checksum == "wrong":
        yield "its checksum is wrong"
    for member in mask.members or ():
        name = f"{member['file']}[SCI,{member['extver']}]"
        if not member["extver"]:
            continue  # it could not be opened, and may belong to another mask, see `reasons`
        if not member["used"]:
            yield f"{name} was set aside: {member['whynot']}"
        elif member["apart"]:
            yield f"{name} {described(member['apart'])}"
