"""A chip's row: the same names and units in MEMBERS, reports and inspections."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from staticmask_cli.member import Member

__all__ = ["COLUMNS", "Column", "row_of"]


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
    Column("whynot", None, str, lambda m: m.unused),
)


def row_of(member: Member) -> dict[str, Any]:
    """Facts about a chip by name; NaN where there is no number."""
    return {column.name: column.value(member) for column in COLUMNS}
