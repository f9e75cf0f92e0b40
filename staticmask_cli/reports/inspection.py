"""Inspection of masks on disk that staticmask or drizzlepac wrote, and comparison of two."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.fits.plain import checksums_in, opened_plain
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.members_table import row_of
from staticmask_cli.masks.reading import each_read, expected_mask
from staticmask_cli.masks.rule import Agreement, MaskRule
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.reports.apart import member_deviations
from staticmask_cli.reports.bad_pixels import Comparison, Shape, compare, shape_of_bad
from staticmask_cli.reports.joint import Joint, joint_of

__all__ = [
    "RULE_NAMES", "Inspection", "Inspections", "check_pixels", "described_rule", "inspect_mask",
    "inspect_masks",
]

RULE_NAMES = tuple(field.name for field in fields(MaskRule))
"""The names of the attributes of an `Inspection` that are those of a `MaskRule`."""


@dataclass(frozen=True)
class Inspection:
    """The contents of a mask file; the names of the attributes are the keys of the JSON.

    Attributes
    ----------
    path : str
        The path of the file, as the user gave it.
    program, date : str or None
        The program that made the mask, and the date (UTC); None if the header contains none,
        as that of a mask of drizzlepac.
    checksum : str
        The state of CHECKSUM and DATASUM: ``right``, ``wrong`` or ``none``.
    facts : dict
        The header keywords that describe the detector.
    detector, number : str and int, or None
        The detector and the chip of the signature.
    static_sig, sky, agree, final_bits, high, least_depth : or None
        The rule that the mask was made with, as in `MaskRule`; None if it is unknown.
    shape : tuple of int
        The shape ``(ny, nx)``.
    bad : int
        The number of bad pixels.
    fraction : float
        The fraction of all pixels that are bad.
    causes : dict of str to int, or None
        The number of bad pixels for each cause, each pixel once; None if the causes are unknown.
    layout : Shape
        The distribution of the bad pixels.
    joint : Joint or None
        The contribution of the joint evidence; None unless `agree` is ``joint``.
    members : sequence of dict, or None
        The rows of MEMBERS, with its column names in lower case.  Each has a further item
        ``apart``: the deviations of those of its values that are outliers (`deviations`).
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
    high: bool | None
    least_depth: float | None
    shape: tuple[int, int]
    bad: int
    fraction: float
    causes: dict[str, int] | None
    layout: Shape
    joint: Joint | None
    members: Sequence[dict[str, Any]] | None


@dataclass(frozen=True)
class Inspections:
    """The contents of several mask files.

    Attributes
    ----------
    masks : tuple of Inspection
        The inspected masks, in the order of the given paths.
    comparison : Comparison or None
        The comparison of the second mask with the first, if there are exactly two masks and
        they can be compared.
    """

    masks: tuple[Inspection, ...]
    comparison: Comparison | None


def inspect_masks(paths: Sequence[str]) -> Inspections:
    """Inspect masks that staticmask or drizzlepac wrote; the files are opened read-only.

    Two masks are compared if they have the same shape, detector and chip.  A mask of
    drizzlepac, whose detector is unknown, is compared with any mask of its shape.

    Raises
    ------
    InputError
        If a file is missing or is not a static mask.  The message names all such files.
    """
    inspections: list[Inspection] = []
    pixels: list[npt.NDArray[np.bool_]] = []
    with astropy_silenced():
        for _, (inspection, bad) in each_read(map(redacted, paths), inspect_mask):
            inspections.append(inspection)
            pixels = [*pixels[-1:], bad]  # of the last two masks, as no more are compared
    comparable = len(inspections) == 2 and _comparable(*inspections)  # noqa: PLR2004
    return Inspections(tuple(inspections), compare(*pixels) if comparable else None)


def _comparable(first: Inspection, second: Inspection) -> bool:
    signatures = [(mask.detector, mask.number) for mask in (first, second)]
    same = signatures[0] == signatures[1] or (None, None) in signatures
    return first.shape == second.shape and same


def inspect_mask(path: str) -> tuple[Inspection, npt.NDArray[np.bool_]]:
    """Return the contents of a mask file, and its bad pixels, True = bad.

    Raises
    ------
    InputError
        If the file is missing or is not a static mask.
    """
    mask = None
    with opened_plain(path) as hdus:
        checksum = checksums_in(hdus)
        header, pixels = hdus[0].header, hdus[0].data
        program, date = header.get("CREATOR"), header.get("DATE")
        check_pixels(pixels, path)
        if str(program).startswith("staticmask"):
            with expected_mask(path):
                mask = StaticMask.from_hdus(hdus, path)
    bad = np.asarray(pixels == 0)
    nbad = int(np.count_nonzero(bad))
    inspection = Inspection(
        path,
        None if program is None else str(program), None if date is None else str(date), checksum,
        facts=mask.facts if mask else {},
        detector=mask.signature.detector if mask else None,
        number=mask.signature.number if mask else None,
        **(vars(mask.rule) if mask else dict.fromkeys(RULE_NAMES)),
        shape=(bad.shape[0], bad.shape[1]),
        bad=nbad,
        fraction=nbad / bad.size,
        causes=mask.count_by_cause() if mask and mask.causes_known else None,
        layout=shape_of_bad(bad),
        joint=joint_of(mask) if mask else None,
        members=_rows(mask.members) if mask else None,
    )
    return inspection, bad


def described_rule(rule: "MaskRule | Inspection") -> str:
    """Return the parameters of a rule as a text."""
    return ", ".join(f"{name} = {getattr(rule, name)}" for name in RULE_NAMES)


def check_pixels(pixels: Any, path: str) -> None:  # noqa: ANN401 - an array, or None
    """Raise an InputError if the pixels are not those of a mask."""
    found = "no image"
    if pixels is not None:
        found = f"{pixels.dtype.name} of shape {pixels.shape}"
        if pixels.dtype.kind in "iu" and pixels.ndim == 2 and pixels.size:  # noqa: PLR2004
            lowest, highest = int(pixels.min()), int(pixels.max())
            if lowest >= 0 and highest <= 1:
                return
            found = f"{lowest} to {highest}"
    msg = (
        f"{path}: is not a static mask: expected integer pixels, 1 good and 0 bad, in the "
        f"primary HDU, found {found}"
    )
    raise InputError(msg)


class MemberRows(Sequence[dict[str, Any]]):
    """The rows of members, each made when it is asked for, as a million of them would not fit.

    Parameters
    ----------
    members : sequence of Member
        The members.
    apart : mapping of int to dict
        The deviations of those that are outliers, by index.
    """

    def __init__(
        self, members: Sequence[Member], apart: Mapping[int, dict[str, float]]
    ) -> None:
        self._members, self._apart = members, apart

    def __len__(self) -> int:
        return len(self._members)

    def __getitem__(self, index: Any) -> Any:  # noqa: ANN401 - one index, as all users give
        return {**row_of(self._members[index]), "apart": self._apart.get(index, {})}


def _rows(members: Sequence[Member]) -> MemberRows:
    """Return the rows of the members, with the outliers among the members that were used."""
    apart = enumerate(member_deviations(members))
    return MemberRows(members, {index: found for index, found in apart if found})
