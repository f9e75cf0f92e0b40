"""The MEMBERS table of a mask file: a row for each chip, to FITS and back without loss."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.writer import NewHDU, table
from staticmask_cli.member import ChipLabel, Member

__all__ = ["as_ascii", "from_ascii", "members_of", "members_table"]

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
    ("WHYNOT", None, None, lambda m: m.unused),
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
