"""The MEMBERS table: its columns, the same in mask files, reports and inspections.

A column is defined once, in `COLUMNS`, with its unit, its FITS format and the attribute of `Member`
that it holds; all code that writes, reads or prints rows uses `COLUMNS`.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from operator import attrgetter
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.writer import NewHDU, table
from staticmask_cli.masks.members import ChipLabel, Member

__all__ = [
    "COLUMNS", "as_ascii", "bunit_of", "from_ascii", "members_of", "members_table", "row_of",
]


@dataclass(frozen=True)
class Column:
    """One column of the MEMBERS table.

    Attributes
    ----------
    name : str
        The name of the column in lower case, as in reports; in mask files it is in upper case.
    unit : str or None
        The unit; ``BUNIT`` stands for the unit of the chip's pixels.
    form : str
        The FITS format: ``J`` int32, ``K`` int64, ``D`` float64, ``L`` logical, ``A`` text of
        whatever length is needed.
    attribute : str
        The attribute of `Member` that the column holds: a field, or a property such as `used`.
    """

    name: str
    unit: str | None
    form: str
    attribute: str

    @property
    def dtype(self) -> type:
        """The Python type of a value."""
        return _TYPES[self.form]

    @cached_property
    def value(self) -> Callable[[Member], Any]:
        """A function that returns the value of the column for a member."""
        return attrgetter(self.attribute)


COLUMNS = (
    Column("file", None, "A", "label.file"),
    Column("rootname", None, "A", "label.rootname"),
    Column("extver", None, "J", "label.extver"),
    Column("exptime", "s", "D", "label.exptime"),
    Column("mode", "BUNIT", "D", "mode"),
    Column("rms", "BUNIT", "D", "rms"),
    Column("median", "BUNIT", "D", "median"),
    Column("thresh", "BUNIT", "D", "threshold"),
    Column("npix", "pixel", "K", "npix"),
    Column("noise", "BUNIT", "D", "noise"),
    Column("nbelow", "pixel", "K", "below"),
    Column("nchance", "pixel", "D", "chance"),
    Column("ndq", "pixel", "K", "flagged"),
    Column("dqbits", None, "A", "added_by_bit"),
    Column("used", None, "L", "used"),
    Column("whynot", None, "A", "skip_reason"),
    Column("pointing", None, "J", "pointing"),
    Column("ra1", "deg", "D", "label.ra1"),
    Column("dec1", "deg", "D", "label.dec1"),
    Column("ra2", "deg", "D", "label.ra2"),
    Column("dec2", "deg", "D", "label.dec2"),
    Column("nnan", "pixel", "K", "not_finite"),
    Column("expstart", "d", "D", "label.expstart"),
    Column("headsum", None, "K", "label.headsum"),
)
"""The columns in the order of the table.

The attribute of a new column must be a field of `Member` that `ChipResult.member` fills.  A
property is not stored: `_member` must check it and remove it from the row, as it does with `used`.
"""

# Columns which files of older versions do not have.
_LATER = ("pointing", "ra1", "dec1", "ra2", "dec2", "nnan", "expstart", "headsum")
_TYPES = {"A": str, "J": int, "K": int, "D": float, "L": bool}
_DTYPES = {"J": "i4", "K": "i8", "D": "f8", "L": "b1"}  # as numpy names them
_ESCAPED = re.compile(r"(?:[^\\]|\\(?:[\\nrt]|x[0-9a-f]{2}|u[0-9a-f]{4}|U[0-9a-f]{8}))*")


def row_of(member: Member) -> dict[str, Any]:
    """Return the values of a member by column name; NaN where there is no number."""
    row = {column.name: column.value(member) for column in COLUMNS}
    return {**row, "dqbits": dict(sorted(member.added_by_bit.items()))}


def members_table(members: Sequence[Member], bunit: str) -> NewHDU:
    """Return the HDU of the MEMBERS table.

    Parameters
    ----------
    members : sequence of Member
        The rows, in their order.
    bunit : str
        The unit of the chips' pixels; may be empty.
    """
    columns = []
    for column in COLUMNS:
        values: Any = [column.value(member) for member in members]
        form = column.form
        if form == "A":
            texts = [_bits_as_text(value) if isinstance(value, dict) else value for value in values]
            values = np.array([as_ascii(text).encode("ascii") for text in texts], dtype=np.bytes_)
            form = f"{values.itemsize}A"
        elif form == "L":
            values = np.where(values, b"T", b"F")
        else:
            values = np.array(values, dtype=_DTYPES[form])
        unit = bunit if column.unit == "BUNIT" else column.unit
        columns.append((column.name.upper(), form, as_ascii(unit or ""), values))
    return table(columns, name="MEMBERS")


def bunit_of(header: Any) -> str:  # noqa: ANN401 - of astropy or ours
    """Return the unit of the chips' pixels, as `members_table` wrote it into MEMBERS."""
    number = next((number for number in range(1, header["TFIELDS"] + 1)
                   if header[f"TTYPE{number}"] == "MODE"), 0)
    return from_ascii(str(header.get(f"TUNIT{number}", "")))


def members_of(table: npt.NDArray[Any]) -> list[Member]:
    """Read members back from a MEMBERS table, exactly as they were written.

    Tables of older versions have no pointings; their members have the number 0, and no corners.
    If they do not count the pixels that are not finite, NPIX includes these.  If they have no
    EXPSTART, it is NaN; if they have no HEADSUM, it is 0, which stands for unknown.

    Raises
    ------
    FaultError, KeyError
        If a column is missing or of another type, or holds a value that this program never
        writes.
    """
    columns = [column for column in COLUMNS
               if column.name not in _LATER or column.name.upper() in (table.dtype.names or ())]
    names = [column.attribute for column in columns]
    rows = zip(*(_values(table, column) for column in columns), strict=True)
    return [_member(dict(zip(names, row, strict=True))) for row in rows]


def _bits_as_text(counts: dict[int, int]) -> str:
    """Return the counts of pixels by DQ bit as text, such as ``16:3,64:12``."""
    return ",".join(f"{bit}:{count}" for bit, count in sorted(counts.items()))


def as_ascii(text: str) -> str:
    """Return text as FITS allows it: printable ASCII, with escapes for all other characters.

    A blank at the end is escaped too, as readers and writers of FITS drop it.
    """
    escaped = text.encode("unicode_escape").decode("ascii")
    return escaped[:-1] + r"\x20" if escaped.endswith(" ") else escaped


def from_ascii(text: str) -> str:
    """Undo `as_ascii`.

    Raises
    ------
    FaultError
        If `as_ascii` cannot have written the text.
    """
    if not _ESCAPED.fullmatch(text):
        msg = f"{text[:80]!r} holds a backslash that is not part of a valid escape"
        raise FaultError(msg)
    return text.encode("ascii").decode("unicode_escape")


def _values(table: npt.NDArray[Any], column: Column) -> Iterable[Any]:
    """Return the values of a column as Python objects."""
    values = table[column.name.upper()]
    is_text = column.form == "A"
    expected = "U" if is_text else _DTYPES[column.form]
    found = values.dtype.kind if is_text else values.dtype.str[1:]
    if values.ndim != 1 or found != expected:
        msg = (f"the column {column.name.upper()} of MEMBERS has type {values.dtype.str[1:]} and "
               f"shape {values.shape}, expected {expected} and one value in each row")
        raise FaultError(msg)
    python: list[Any] = values.tolist()
    return map(from_ascii, python) if is_text else python


def _member(row: dict[str, Any]) -> Member:
    """Make a `Member` from one row.  The keys of `row` are names of attributes of `Member`."""
    if row.pop("used") == bool(row["skip_reason"]):
        msg = f"USED of {row['label.file'][:80]} contradicts WHYNOT in MEMBERS"
        raise FaultError(msg)
    pairs = (pair.split(":") for pair in filter(None, row.pop("added_by_bit").split(",")))
    label = {name.removeprefix("label."): row.pop(name) for name in list(row) if "." in name}
    return Member(
        ChipLabel(**label), added_by_bit={int(bit): int(count) for bit, count in pairs}, **row
    )
