"""The rows of the report of a run, one for each chip, as CSV and as ECSV."""

import csv
import io
import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from staticmask_cli.io.visible import visible
from staticmask_cli.masks.findings import APART
from staticmask_cli.masks.members_table import COLUMNS, row_of
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.reports.apart import described, member_deviations

__all__ = ["as_csv", "as_ecsv", "rows_of"]

# The BUNIT values of HST and their names in astropy; other units have the same name in both.
_UNITS = {
    "ELECTRONS": "electron", "ELECTRON": "electron", "COUNTS": "ct", "COUNT": "ct", "ADU": "adu",
    "S": "s",
}
_OF_MASK = ("detector", "number", "ncombine", "bad", "fraction")  # beside the rows of a CSV
_FORMULA = ("=", "+", "-", "@")  # with which spreadsheets begin a formula

Facts = Mapping[str, Any]
Rows = Sequence[Mapping[str, Any]]


def rows_of(facts: Facts, masks: Sequence[StaticMask]) -> list[dict[str, Any]]:
    """Return a row for each chip of the masks, by name of the column.

    Parameters
    ----------
    facts : mapping
        All data of the report but the rows, of the types of JSON.
    masks : sequence of StaticMask
        The masks, in the same order as in `facts`.
    """
    rows = []
    for mask, found in zip(masks, facts["masks"], strict=True):
        of_mask = [warning["what"] for warning in facts["warnings"]
                   if warning["short"] == APART and warning["what"] in found["apart"]]
        rows += [
            {"mask": mask.path, "bunit": str(mask.facts.get("BUNIT", "")), **row_of(member),
             **({} if member.chance_is_known else {"nchance": math.nan}),
             "added": member.label.sort_key not in mask.previous_members,
             "status": found["status"],
             "apart": "; ".join([*([described(apart)] if apart else ()), *of_mask]),
             "warnings": "; ".join(found["warnings"])}
            for member, apart in zip(mask.members, member_deviations(mask.members), strict=True)
        ]
    return rows


def as_csv(facts: Facts, rows: Rows) -> str:
    r"""Return the rows as CSV, with the numbers of masks, the parameters and versions beside.

    An exposure or mask that was left out has a row of its own.  In texts, characters that are not
    seen are escapes such as ``\n``, and one that a spreadsheet would take for a formula begins
    with an apostrophe.
    """
    beside = {name: value for name, value in facts["parameters"].items()
              if name != "input"}  # of any length, in each row
    beside |= {"date": facts["date"], "seconds": round(sum(facts["seconds"].values()), 3)}
    beside |= facts["versions"]
    of_masks = {mask["path"]: {name: mask[name] for name in _OF_MASK} for mask in facts["masks"]}
    of_chip = ("mask", "bunit", *(column.name for column in COLUMNS), "added", "status", "apart",
               "warnings")
    listed = {row["file"] for row in rows}
    left_out = [{"file": left["name"], "used": False, "whynot": left["why"], "status": "left out"}
                for left in facts["left_out"] if left["name"] not in listed]
    text = io.StringIO()
    writer = csv.DictWriter(text, (*of_chip, *_OF_MASK, *beside), lineterminator="\n")
    writer.writeheader()
    for row in (*rows, *left_out):
        full = {**row, **of_masks.get(row.get("mask"), {}), **beside}
        writer.writerow({name: _cell(value) for name, value in full.items()})
    return text.getvalue()


def as_ecsv(facts: Facts, rows: Rows) -> str:
    """Return the rows as ECSV with their units, and all other data as its ``meta``."""
    # Imported here because the import takes longer than clipping a chip, and few runs need it.
    from astropy.table import Table  # noqa: PLC0415

    units = {row["bunit"] for row in rows}
    bunit = units.pop() if len(units) == 1 else ""  # a column can have one unit only
    table = Table(meta=dict(facts))
    for name in ("mask", "bunit"):
        table[name] = _texts(rows, name)
    for column in COLUMNS:
        texts = column.dtype is str
        values = _texts(rows, column.name) if texts else [row[column.name] for row in rows]
        table[column.name] = np.array(values, column.dtype)
        table[column.name].unit = _unit_of(bunit) if column.unit == "BUNIT" else column.unit
    table["added"] = np.array([row["added"] for row in rows], bool)
    for name in ("status", "apart", "warnings"):
        table[name] = _texts(rows, name)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def _texts(rows: Rows, name: str) -> Any:  # noqa: ANN401 - an array
    return np.array([_text(row[name]) for row in rows], str)


def _text(value: object) -> str:
    """Return a value as one line of text."""
    if isinstance(value, dict):
        return ",".join(f"{bit}:{count}" for bit, count in value.items())
    if isinstance(value, list | tuple):
        return ",".join(map(_text, value))
    return "" if value is None else visible(str(value))


def _cell(value: object) -> object:
    """Return a value as a cell of CSV, whose numbers stay numbers."""
    if isinstance(value, float):
        return value if np.isfinite(value) else ""
    if isinstance(value, int | None):
        return value
    text = _text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text


def _unit_of(bunit: str) -> str | None:
    """Return the name of a BUNIT in astropy, or None; ``ELECTRONS/S`` is ``electron / s``."""
    parts = [part.strip() for part in bunit.split("/")]
    return " / ".join(_UNITS.get(part.upper(), part) for part in parts) or None
