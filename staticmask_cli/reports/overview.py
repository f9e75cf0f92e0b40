"""Many masks at a glance: a few numbers of each, and why it stands apart from similar ones."""

import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.dates import as_text, middle_of
from staticmask_cli.masks.members import unopened_beside
from staticmask_cli.masks.reading import each_read
from staticmask_cli.reports.apart import Numbers, described, median_of, reasons
from staticmask_cli.reports.inspection import Inspection, described_rule, inspect_mask

__all__ = ["Glance", "overview_of", "rows_of", "sorted_by"]

_PLAIN = ("rule", "date", "exposures", "bad", "low", "fraction", "worst_row", "worst_column",
          "largest", "level", "noise")
_LOW = ("global", "local", "line", "joint")  # causes


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
    date : str or None
        The median of the starts of the members that were used, as in FITS; None if unknown.
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
    date: str | None
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

    @property
    def low(self) -> int | None:
        """The number of bad pixels that are low by themselves; None if the causes are unknown."""
        if self.causes is None:
            return None
        return sum(number for name, number in self.causes.items() if name in _LOW)


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
    glances, numbers = [], []
    with astropy_silenced():
        for _, (inspection, _bad) in each_read(map(redacted, paths), inspect_mask):
            glances.append(_glance(inspection))
            numbers.append(_numbers(glances[-1], inspection))
    of_others = reasons(numbers)
    return [replace(glance, apart=(*glance.apart, *of_others[index]))
            for index, glance in enumerate(glances)]


def sorted_by(glances: Sequence[Glance], key: str) -> list[Glance]:
    """Return masks in an order; those whose value is unknown come last.

    Parameters
    ----------
    glances : sequence of Glance
        The masks.
    key : str
        ``name`` (of the file, without folders) or ``date``, in their order; or, with the largest
        first, ``bad`` (the fraction), ``low``, ``exposures``, ``line`` (the worst row or column),
        ``largest``, ``level``, ``noise``, or ``apart`` (the number of reasons).
    """
    values: dict[str, Callable[[Glance], Any]] = {
        "name": lambda glance: os.path.basename(glance.path),
        "bad": lambda glance: glance.fraction,
        "line": lambda glance: max(glance.worst_row, glance.worst_column),
        "apart": lambda glance: len(glance.apart),
    }
    value = values.get(key, attrgetter(key))
    known: list[Glance] = []
    unknown: list[Glance] = []
    for glance in glances:
        number = value(glance)
        is_known = number is not None and number == number  # noqa: PLR0124 - NaN
        (known if is_known else unknown).append(glance)
    return [*sorted(known, key=value, reverse=key not in ("name", "date")), *unknown]


def rows_of(glances: Sequence[Glance]) -> list[dict[str, Any]]:
    """Return a row for each mask, whose values are numbers and texts."""
    return [
        {"path": glance.path, "detector": glance.detector, "number": glance.number,
         "ny": glance.shape[0], "nx": glance.shape[1],
         **{name: getattr(glance, name) for name in _PLAIN},
         "apart": "; ".join(glance.apart)}
        for glance in glances
    ]


def _glance(mask: Inspection) -> Glance:
    used = [
        {name: member[name] for name in ("mode", "rms", "expstart")}
        for member in mask.members or () if member["used"]
    ]
    rows, columns = mask.layout.worst_rows, mask.layout.worst_columns
    rule = described_rule(mask)
    return Glance(
        mask.path, mask.detector, mask.number, mask.shape,
        rule if mask.static_sig is not None else None,
        as_text(middle_of(member["expstart"] for member in used)),
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
