"""Many masks at a glance: a few numbers of each, and why it stands apart from similar ones."""

import math
import os
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Any

import numpy as np

from staticmask_cli.errors import InputError
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.dates import as_text, middle_of
from staticmask_cli.reports.bad_pixels import deviations
from staticmask_cli.reports.inspection import Inspection, described_rule, inspect_mask

__all__ = ["Glance", "overview_of", "rows_of", "sorted_by"]

_LEAST_RATIO = 0.1  # of a number, by the logarithm of which smaller differences mean nothing
_PLAIN = ("rule", "date", "exposures", "bad", "low", "fraction", "worst_row", "worst_column",
          "largest", "level", "noise")
_BLOCK = 16  # pixels of a cluster that no detector has by chance
_LOW = ("global", "local", "line", "joint")  # causes
_LARGER = 4.0  # times the largest cluster of the other masks


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
    glances, problems = [], []
    with astropy_silenced():
        for path in map(redacted, paths):
            try:
                glances.append(_glance(inspect_mask(path)[0]))
            except InputError as error:
                problems.append(str(error))
    if problems:
        raise InputError("\n".join(problems))
    reasons = _reasons(glances)
    return [replace(glance, apart=(*glance.apart, *reasons[index]))
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
        _median(used, "mode"), _median(used, "rms"), tuple(_by_itself(mask)),
    )


def _median(members: Sequence[dict[str, Any]], name: str) -> float:
    values = [member[name] for member in members if math.isfinite(member[name])]
    return float(np.median(values)) if values else math.nan


def _by_itself(mask: Inspection) -> Iterator[str]:
    """Yield what is wrong with a mask, whatever the others are."""
    if mask.checksum == "wrong":
        yield "its checksum is wrong"
    for member in mask.members or ():
        name = f"{member['file']}[SCI,{member['extver']}]"
        if not member["used"]:
            yield f"{name} was set aside: {member['whynot']}"
        elif member["apart"]:
            what = ", ".join(f"{key} by {value:+.1f} sigma"
                             for key, value in member["apart"].items())
            yield f"{name} differs from the other members in {what}"


def _reasons(glances: Sequence[Glance]) -> dict[int, list[str]]:
    """Return what differs from the other masks of the same signature, by index of the mask."""
    reasons: dict[int, list[str]] = defaultdict(list)
    groups: dict[object, list[int]] = defaultdict(list)
    for index, glance in enumerate(glances):
        groups[glance.detector, glance.number, glance.shape].append(index)
    for indices in groups.values():
        group = [glances[index] for index in indices]
        for found in (_other_rules(group), _other_numbers(group), _blocks(group)):
            for position, reason in found:
                reasons[indices[position]].append(reason)
    return reasons


def _other_rules(group: Sequence[Glance]) -> Iterator[tuple[int, str]]:
    """Yield masks of another rule or with fewer exposures than most have."""
    (rule, votes), = Counter(glance.rule for glance in group).most_common(1)
    usual = float(np.median([glance.exposures or 0 for glance in group]))
    for position, glance in enumerate(group):
        if 2 * votes > len(group) and glance.rule != rule:
            yield position, f"its rule is {glance.rule}, and that of most is {rule}"
        if glance.exposures is not None and glance.exposures < usual:
            yield position, f"it has {glance.exposures} exposures, where {usual:g} are usual"


def _other_numbers(group: Sequence[Glance]) -> Iterator[tuple[int, str]]:
    """Yield masks with an unusual fraction of bad pixels, noise or level."""
    numbers = {
        "of the pixels are bad": ([glance.fraction for glance in group], ".4%"),
        "is the noise": ([glance.noise for glance in group], ".4g"),
        "is the level": ([glance.level for glance in group], ".4g"),
    }
    for what, (values, form) in numbers.items():
        usual = float(np.nanmedian(values)) if not all(map(math.isnan, values)) else math.nan
        logarithms = [math.log(value) if value > 0 else math.nan for value in values]
        for position, deviation in enumerate(deviations(logarithms, _LEAST_RATIO)):
            if deviation:
                yield position, f"{values[position]:{form}} {what}, where {usual:{form}} is usual"


def _blocks(group: Sequence[Glance]) -> Iterator[tuple[int, str]]:
    """Yield masks with a cluster of bad pixels that is far larger than those of the others."""
    sizes = [glance.largest for glance in group]
    for position, glance in enumerate(group):
        if len(group) <= 2 or glance.largest < max(_BLOCK, float(np.median(sizes))):  # noqa: PLR2004
            continue
        others = [*sizes[:position], *sizes[position + 1 :]]
        if glance.largest > _LARGER * float(np.median(others)):
            yield position, f"it has a cluster of {glance.largest} bad pixels"
