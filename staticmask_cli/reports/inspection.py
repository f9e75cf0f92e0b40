"""What can be said about masks on disk, of ours or of drizzlepac."""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.open import astropy_silenced, checksums_of, opened
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.members_table import row_of
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.votes import Agreement
from staticmask_cli.reports.bad_pixels import Comparison, Shape, compare, deviations, shape_of_bad

__all__ = ["Inspection", "Inspections", "inspect_masks"]

_RULE_NAMES = tuple(field.name for field in fields(MaskRule))


@dataclass(frozen=True)
class Inspection:
    """What is to be known about a mask; the names are those of the JSON.

    Attributes
    ----------
    path : str
        As the user gave it.
    program, date : str or None
        Who made it and when (UTC); None where the header does not say, as that of drizzlepac.
    checksum : str
        ``right``, ``wrong`` or ``none``.
    facts : dict
        Header keywords that describe the detector.
    detector, number : str and int, or None
        Of the signature.
    static_sig, final_bits : float and str, or None
        What it was made with; `final_bits` is None also where DQ was not read.
    sky, agree : str, and str, int or float, or None
        Likewise.
    shape : tuple of int
        ``(ny, nx)``.
    bad : int
        Bad pixels.
    fraction : float
        Bad pixels among all.
    layout : Shape
        How they lie.
    members : tuple of dict, or None
        Rows of MEMBERS (names as there, in lower case), each with ``apart``: by name, the
        standard deviations by which it stands apart from the others (`deviations`).
    """

    path: str
    program: str | None
    date: str | None
    checksum: str
    facts: dict[str, str | float]
    detector: str | None
    number: int | None
    static_sig: float | None
    sky: str | None
    agree: Agreement | None
    final_bits: str | None
    shape: tuple[int, int]
    bad: int
    fraction: float
    layout: Shape
    members: tuple[dict[str, Any], ...] | None


@dataclass(frozen=True)
class Inspections:
    """What is to be known about some masks.

    Attributes
    ----------
    masks : tuple of Inspection
        In the order they were named in.
    comparison : Comparison or None
        Of the second mask with the first, where there are just two that can be compared.
    """

    masks: tuple[Inspection, ...]
    comparison: Comparison | None


def inspect_masks(paths: Sequence[str]) -> Inspections:
    """Look at masks, of ours or of drizzlepac; files are opened read-only.

    Two masks are compared if they have one shape and, as far as their headers
    say, one detector and chip.

    Raises
    ------
    InputError
        Names every file that is missing or is no static mask.
    """
    findings: list[Inspection] = []
    pixels: list[npt.NDArray[np.bool_]] = []
    problems = []
    with astropy_silenced():
        for path in map(redacted, paths):
            try:
                finding, bad = _inspect(path)
            except InputError as error:
                problems.append(str(error))
                continue
            findings.append(finding)
            pixels = [*pixels[-1:], bad]  # of no more masks than are compared
    if problems:
        raise InputError("\n".join(problems))
    comparable = len(findings) == 2 and _comparable(*findings)  # noqa: PLR2004
    return Inspections(tuple(findings), compare(*pixels) if comparable else None)


def _comparable(first: Inspection, second: Inspection) -> bool:
    signatures = [(found.detector, found.number) for found in (first, second)]
    same = signatures[0] == signatures[1] or (None, None) in signatures
    return first.shape == second.shape and same


def _inspect(path: str) -> tuple[Inspection, npt.NDArray[np.bool_]]:
    with opened(path) as hdus:
        checksum = checksums_of(hdus)
        header, pixels = hdus[0].header, hdus[0].data
        program, date = header.get("CREATOR"), header.get("DATE")
        _check_pixels(pixels, path)
    ours = StaticMask.read(path) if str(program).startswith("staticmask") else None
    bad: npt.NDArray[np.bool_] = pixels == 0
    nbad = int(np.count_nonzero(bad))
    finding = Inspection(
        path,
        None if program is None else str(program), None if date is None else str(date), checksum,
        facts=ours.facts if ours else {},
        detector=ours.signature.detector if ours else None,
        number=ours.signature.number if ours else None,
        **(vars(ours.rule) if ours else dict.fromkeys(_RULE_NAMES)),
        shape=(bad.shape[0], bad.shape[1]),
        bad=nbad,
        fraction=nbad / bad.size,
        layout=shape_of_bad(bad),
        members=tuple(_rows(ours.members)) if ours else None,
    )
    return finding, bad


def _check_pixels(pixels: Any, path: str) -> None:  # noqa: ANN401 - an array, or None
    """Refuse what is no mask."""
    found = "no image"
    if pixels is not None:
        found = f"{pixels.dtype.name} of shape {pixels.shape}"
        if pixels.dtype.kind in "iu" and pixels.ndim == 2 and pixels.size:  # noqa: PLR2004
            lowest, highest = int(pixels.min()), int(pixels.max())
            if lowest >= 0 and highest <= 1:
                return
            found = f"{lowest} to {highest}"
    msg = (
        f"{path}: is no static mask: expected integer pixels, 1 good and 0 bad, in the "
        f"primary HDU, found {found}"
    )
    raise InputError(msg)


def _rows(members: Sequence[Member]) -> list[dict[str, Any]]:
    """Rows of the members, with what stands apart among those that were used."""
    used = [member for member in members if member.used]
    noise = float(np.median([member.rms for member in used])) if used else 0.0
    # The smallest standard deviations that mean something: of a mode and an rms, a tenth
    # and a fiftieth of the noise; of a count, its Poisson noise.
    marks = {
        "mode": deviations([member.mode for member in used], noise / 10),
        "rms": deviations([member.rms for member in used], noise / 50),
        "nbelow": _count_deviations([member.below for member in used]),
        "ndq": _count_deviations([member.flagged for member in used]),
    }
    apart = {
        id(member): {name: values[place] for name, values in marks.items() if values[place]}
        for place, member in enumerate(used)
    }
    return [{**row_of(member), "apart": apart.get(id(member), {})} for member in members]


def _count_deviations(counts: Sequence[int]) -> list[float]:
    return deviations(counts, max(float(np.median(counts)), 1.0) ** 0.5) if counts else []
