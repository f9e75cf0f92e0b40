"""A chip's row: the same names and units in MEMBERS, reports and inspections.

What one chip did to a mask, and where that lies.

The MEMBERS table of a mask file: a row for each chip, to FITS and back without loss.
"""

import math
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.writer import NewHDU, table
from staticmask_cli.io.urls import normalized

__all__ = [
    "COLUMNS", "UNCLIPPABLE", "ChipLabel", "Member", "Place", "as_ascii", "from_ascii",
    "members_of", "members_table", "row_of",
]

Place = tuple[bool, str, int]
"""What MEMBERS is sorted by; files that could not be opened (EXTVER 0) come last."""

_MUCH_BELOW = 0.01  # of a chip
_MUCH_BY_DQ = 0.10  # of a chip
_FAR_FROM_MODE = 0.5  # rms between mode and median
_BLIND = 2.0  # times the noise of its pixels, which makes a threshold of 4 rms one of 8 noise
UNCLIPPABLE = (
    "no finite pixel",
    "its pixels fill fewer than two histogram bins (constant, or too few counts)",
)
"""Why a chip whose pixels were seen is set aside."""
_CROWDED = "a crowded or nebular field? The mask may hold sources"


@dataclass(frozen=True, order=True, slots=True)
class ChipLabel:
    """Where a chip comes from, as the MEMBERS table has it.

    Attributes
    ----------
    file : str
        As the user gave it.
    extver : int
        EXTVER of the SCI extension.
    rootname : str
        ROOTNAME of the exposure.
    exptime : float
        Exposure time in seconds; NaN where the header has none.
    """

    file: str
    extver: int = 1
    rootname: str = ""
    exptime: float = field(default=float("nan"), compare=False)  # a NaN equals nothing

    @property
    def place(self) -> Place:
        """Its place in MEMBERS, which is sorted by that."""
        return (self.extver == 0, self.file, self.extver)

    @property
    def identity(self) -> tuple[str, int]:
        """What tells a chip from others, however its path is spelled."""
        return (normalized(self.file), self.extver)

    def __str__(self) -> str:
        return f"{self.file}[SCI,{self.extver}]"


@dataclass(frozen=True, slots=True)
class Member:
    """What one chip did to a mask: a row of the MEMBERS table.

    Attributes
    ----------
    label : ChipLabel
        Where the chip comes from.
    npix : int
        Pixels of the chip.
    mode, rms, median, threshold : float
        In the units of the chip; NaN where it could not be clipped.  The local rule has no
        single threshold: NaN.
    noise : float
        Noise of a pixel as next neighbours show it, in the units of the chip; NaN if unknown.
    below : int
        Pixels below the threshold, or below their local sky.
    chance : float
        Pixels that Gaussian noise alone would put there.
    flagged : int
        Pixels that are bad by DQ.
    added_by_bit : dict of int to int
        For each DQ bit, the pixels that carry it and are not below the threshold.
    unused : str
        Why the chip was set aside; empty if it was used.
    """

    label: ChipLabel
    npix: int
    mode: float
    rms: float
    median: float
    threshold: float
    noise: float = float("nan")
    below: int = 0
    chance: float = 0.0
    flagged: int = 0
    added_by_bit: dict[int, int] = field(default_factory=dict)
    skip_reason: str = ""

    @property
    def is_global(self) -> bool:
        """Whether one threshold held for the whole chip."""
        return math.isfinite(self.threshold)

    @property
    def used(self) -> bool:
        """Whether the chip took part in the mask."""
        return not self.skip_reason

    @property
    def pixels_seen(self) -> bool:
        """Whether the chip's pixels were seen, so that reading it again would tell nothing new."""
        return self.used or self.skip_reason in UNCLIPPABLE

    def warnings(self) -> list[str]:
        """Reasons why this chip's part of the mask may lie, with their figures."""
        if self.skip_reason:
            return [f"set aside: {self.skip_reason}"]
        warnings = self._doubts_of_global_sky() if self.is_global else []
        if self.below > _MUCH_BELOW * self.npix:
            where = f"the threshold {self.threshold:.6g}" if self.is_global else "their local sky"
            warnings.append(f"{self.below / self.npix:.1%} of the pixels lie below {where}; "
                          f"{_CROWDED}")
        if self.flagged > _MUCH_BY_DQ * self.npix:
            bits = ", ".join(f"{bit}: {count}" for bit, count in self.added_by_bit.items())
            warnings.append(f"DQ removes {self.flagged / self.npix:.1%} of the pixels "
                          f"(added by bit: {bits}); flags that come and go make poor static masks")
        return warnings

    def _doubts_of_global_sky(self) -> list[str]:
        warnings = []
        if abs(self.mode - self.median) > _FAR_FROM_MODE * self.rms:
            apart = abs(self.mode - self.median) / self.rms
            warnings.append(f"mode {self.mode:.6g} and median {self.median:.6g} are "
                          f"{apart:.2f} rms apart; {_CROWDED}")
        if self.rms > _BLIND * self.noise:
            warnings.append(f"rms {self.rms:.6g} is {self.rms / self.noise:.1f} times the noise "
                          f"{self.noise:.6g} that neighbouring pixels show: the sky is not flat, "
                          f"and low pixels are overlooked; try --sky local")
        return warnings


# Name, unit, FITS format (None for text, sized to fit), and the value.
_COLUMNS = (
    ("FILE", None, None, lambda m: m.label.file),
    ("ROOTNAME", None, None, lambda m: m.label.rootname),
    ("EXTVER", None, "J", lambda m: m.label.extver),
    ("EXPTIME", "s", "D", lambda m: m.label.exptime),
    ("MODE", "BUNIT", "D", lambda m: m.mode),
    ("RMS", "BUNIT", "D", lambda m: m.rms),
    ("MEDIAN", "BUNIT", "D", lambda m: m.median),
    ("THRESH", "BUNIT", "D", lambda m: m.threshold),
    ("NPIX", "pixel", "K", lambda m: m.npix),
    ("NOISE", "BUNIT", "D", lambda m: m.noise),
    ("NBELOW", "pixel", "K", lambda m: m.below),
    ("NCHANCE", "pixel", "D", lambda m: m.chance),
    ("NDQ", "pixel", "K", lambda m: m.flagged),
    ("DQBITS", None, None, lambda m: _bits_as_text(m.added_by_bit)),
    ("USED", None, "L", lambda m: m.used),
    ("WHYNOT", None, None, lambda m: m.skip_reason),
)
_DTYPES = {"J": "i4", "K": "i8", "D": "f8", "L": "b1"}  # as numpy names them
_ESCAPED = re.compile(r"(?:[^\\]|\\(?:[\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}))*")


def members_table(members: Sequence[Member], bunit: str) -> NewHDU:
    """Return the table of some members, whose chips have the unit `bunit`."""
    columns = []
    for name, unit, form, value in _COLUMNS:
        values: Any = [value(member) for member in members]
        if form is None:
            values = np.array([as_ascii(text).encode("ascii") for text in values], dtype=np.bytes_)
            form = f"{values.itemsize}A"  # noqa: PLW2901
        elif form == "L":
            values = np.where(values, b"T", b"F")
        else:
            values = np.array(values, dtype=_DTYPES[form])
        shown = bunit if unit == "BUNIT" else unit
        columns.append((name, form, as_ascii(shown or ""), values))
    return table(columns, name="MEMBERS")


def members_of(table: npt.NDArray[Any]) -> list[Member]:
    """Read the members back, exactly as they were.

    Raises
    ------
    ValueError, KeyError
        If a column is missing, of another type, or holds what none of ours does.
    """
    columns = [_values(table, name, form) for name, _, form, _ in _COLUMNS]
    return [_member(*row) for row in zip(*columns, strict=True)]


def as_ascii(text: str) -> str:
    """Text as FITS allows it: printable ASCII, anything else as an escape.

    A blank at the end too, which readers and writers of FITS would drop.
    """
    escaped = text.encode("unicode_escape").decode("ascii")
    return escaped[:-1] + r"\x20" if escaped.endswith(" ") else escaped


def from_ascii(text: str) -> str:
    """Undo `as_ascii`.

    Raises
    ------
    ValueError
        If the text cannot come from there.
    """
    if not _ESCAPED.fullmatch(text):
        msg = f"{text[:80]!r} holds a backslash that means nothing"
        raise ValueError(msg)
    return text.encode("ascii").decode("unicode_escape")


def _values(table: npt.NDArray[Any], name: str, form: str | None) -> Iterable[Any]:
    """Values of a column as Python has them."""
    values = table[name]
    found = values.dtype.str[1:] if form else values.dtype.kind
    if values.ndim != 1 or found != (_DTYPES[form] if form else "U"):
        msg = f"the column {name} of MEMBERS is of another type"
        raise ValueError(msg)
    python: list[Any] = values.tolist()
    return python if form else map(from_ascii, python)


def _member(  # noqa: PLR0917 - a row
    file: str, rootname: str, extver: int, exptime: float, mode: float, rms: float,
    median: float, threshold: float, npix: int, noise: float, below: int, chance: float,
    flagged: int, dqbits: str, used: bool, whynot: str,  # noqa: FBT001
) -> Member:
    if used == bool(whynot):
        msg = f"USED of {file[:80]} contradicts WHYNOT in MEMBERS"
        raise ValueError(msg)
    pairs = (pair.split(":") for pair in filter(None, dqbits.split(",")))
    return Member(
        ChipLabel(file, extver, rootname, exptime), npix, mode, rms, median, threshold, noise,
        below, chance, flagged, {int(bit): int(count) for bit, count in pairs}, whynot,
    )


def _bits_as_text(counts: dict[int, int]) -> str:
    return ",".join(f"{bit}:{count}" for bit, count in sorted(counts.items()))


@dataclass(frozen=True)
class Column:
    """One fact about a chip.

    Attributes
    ----------
    name : str
        That of the column in MEMBERS, in lower case.
    unit : str or None
        ``BUNIT`` stands for the unit of the chip's pixels.
    dtype : type
        Of its values in a table.
    value : callable
        Takes a `Member`.
    """

    name: str
    unit: str | None
    dtype: type
    value: Callable[[Member], Any]


COLUMNS = (
    Column("file", None, str, lambda m: m.label.file),
    Column("rootname", None, str, lambda m: m.label.rootname),
    Column("extver", None, int, lambda m: m.label.extver),
    Column("exptime", "s", float, lambda m: m.label.exptime),
    Column("mode", "BUNIT", float, lambda m: m.mode),
    Column("rms", "BUNIT", float, lambda m: m.rms),
    Column("median", "BUNIT", float, lambda m: m.median),
    Column("thresh", "BUNIT", float, lambda m: m.threshold),
    Column("npix", "pixel", int, lambda m: m.npix),
    Column("noise", "BUNIT", float, lambda m: m.noise),
    Column("nbelow", "pixel", int, lambda m: m.below),
    Column("nchance", "pixel", float, lambda m: m.chance),
    Column("ndq", "pixel", int, lambda m: m.flagged),
    Column("dqbits", None, str, lambda m: dict(sorted(m.added_by_bit.items()))),
    Column("used", None, bool, lambda m: m.used),
    Column("whynot", None, str, lambda m: m.skip_reason),
)


def row_of(member: Member) -> dict[str, Any]:
    """Facts about a chip by name; NaN where there is no number."""
    return {column.name: column.value(member) for column in COLUMNS}
