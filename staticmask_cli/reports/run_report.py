"""The report of a run as JSON, ECSV or CSV, and the form of all JSON documents.

A report holds the parameters, the versions and the masks of a run, and a row for each chip.
"""

import csv
import io
import json
import logging
import math
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import fields, is_dataclass
from itertools import islice
from typing import Any

import numpy as np

from staticmask_cli._version import __version__
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError
from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.disk import make_folder
from staticmask_cli.io.paths import folder_of_file
from staticmask_cli.io.targets import refuse_others
from staticmask_cli.masks.members_table import COLUMNS, row_of
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.writing import time_of_making

__all__ = ["as_json", "check_report", "json_pieces", "plain", "write_report"]

_PIECES = 4096  # parts of the text of a document that are joined before they are written
_VERSION = 1  # of the JSON documents; it is raised when a key is removed or changes its meaning

# How reports of runs and of inspect begin: JSON, CSV, and ECSV, whose header lists the columns.
_REPORT = re.compile(
    rb'\s*\{\s*"format": *"staticmask |(mask,bunit|path,detector|detector,number),|'
    rb'# %ECSV.*\n(#.*\n)*?# - \{name: (mask|path|detector),.*\n'
    rb'# - \{name: (bunit|detector|number),'
)

# The BUNIT values of HST and their names in astropy; other units have the same name in both.
_UNITS = {
    "ELECTRONS": "electron", "ELECTRON": "electron", "COUNTS": "ct", "COUNT": "ct", "ADU": "adu",
    "S": "s",
}

log = logging.getLogger(__name__)


def check_report(path: str, *, overwrite: bool = False) -> None:
    """Check that a report can be written to a path, before any work is done.

    Parameters
    ----------
    path : str
        The path of the report.
    overwrite : bool
        Whether the report may replace any text, and not only another report.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of ``.json``, ``.ecsv`` and ``.csv``.
    OutputError
        If the report would replace another file.
    """
    _formatter_of(path)
    refuse_others(path, "a report of staticmask", _REPORT.match, overwrite=overwrite)


def write_report(
    path: str, parameters: Parameters, masks: Sequence[StaticMask], *, overwrite: bool = False
) -> None:
    """Write the report of a run, completely or not at all.

    A ``.json`` report is described by ``schemas/report.schema.json`` in the package.  An
    ``.ecsv`` report holds the rows of the chips with their units, and all other data as the
    ``meta`` of an astropy table.  A ``.csv`` report holds the rows alone; NaN is left empty.

    Parameters
    ----------
    path : str
        The path of the report, whose suffix chooses the format.
    parameters : Parameters
        The parameters of the run.
    masks : sequence of StaticMask
        The masks that the run wrote.
    overwrite : bool
        Whether the report may replace any text, and not only another report.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of these three.
    OutputError
        If the file cannot be written, or would replace another file.
    """
    check_report(path, overwrite=overwrite)
    formatter = _formatter_of(path)
    text = formatter(_facts(parameters, masks), masks)
    make_folder(folder_of_file(path) or ".")
    with write_whole(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))
    log.debug("%s: report of %d masks", path, len(masks))


def as_json(kind: str, content: Any) -> str:  # noqa: ANN401 - a dataclass or mapping
    """Return a document as JSON.

    Its kind is ``report``, ``plan``, ``inspection``, ``overview`` or ``history``, and its schema is
    ``schemas/KIND.schema.json`` in the package.  All characters outside of ASCII are escaped, so
    that file names of any bytes can be restored.
    """
    return "".join(json_pieces(kind, content))


def json_pieces(kind: str, content: Any) -> Iterator[str]:  # noqa: ANN401 - as above
    """Yield the text of `as_json` in pieces, each of them some lines.

    Rows that are made only when they are asked for are written in a line each, and are never in
    memory together.
    """
    head = {
        "format": f"staticmask {kind}", "version": _VERSION, "program": f"staticmask {__version__}",
    }
    pieces = _encoded({**head, **_items(content)}, "\n")
    while piece := "".join(islice(pieces, _PIECES)):
        yield piece


def _encoded(value: Any, margin: str) -> Iterator[str]:  # noqa: ANN401 - any value
    """Yield a value as ``json.dumps`` with an indent of 2 writes it."""
    inner, separator = f"{margin}  ", ""
    if is_dataclass(value) or isinstance(value, Mapping):
        items = _items(value)
        yield "{" if items else "{}"
        for name, item in items.items():
            yield f"{separator}{inner}{json.dumps(str(name))}: "
            yield from _encoded(item, inner)
            separator = ","
        yield f"{margin}}}" if items else ""
    elif isinstance(value, Sequence) and not isinstance(value, str):
        yield "[" if value else "[]"
        for item in value:
            yield f"{separator}{inner}"
            yield from (_encoded(item, inner) if isinstance(value, list | tuple)
                        else [json.dumps(plain(item), allow_nan=False)])
            separator = ","
        yield f"{margin}]" if value else ""
    else:
        yield json.dumps(plain(value), allow_nan=False)


def _items(value: Any) -> Mapping[str, Any]:  # noqa: ANN401 - a dataclass or mapping
    if isinstance(value, Mapping):
        return value
    return {field.name: getattr(value, field.name) for field in fields(value)}


def plain(value: Any) -> Any:  # noqa: ANN401 - any value, and any type of JSON
    """Convert dataclasses to objects, tuples to arrays, and NaN and infinity to null."""
    if value is None or isinstance(value, str | int):  # first, as most values are scalars
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [plain(item) for item in value]
    return str(value)


def _formatter_of(path: str) -> Callable[[Mapping[str, Any], Sequence[StaticMask]], str]:
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _FORMATTERS:
        msg = f"report = {path}: expected a name that ends with .json, .ecsv or .csv"
        raise ConfigError(msg)
    return _FORMATTERS[suffix]


def _facts(parameters: Parameters, masks: Iterable[StaticMask]) -> dict[str, Any]:
    """Return all data of the report except for the rows of the chips."""
    # Imported here because it loads a dozen modules, which plan and inspect do not need.
    from importlib.metadata import version  # noqa: PLC0415

    return {
        "date": time_of_making(),
        "versions": {
            "staticmask": __version__, "python": platform.python_version(),
            "numpy": np.__version__, "astropy": version("astropy"),
        },
        "parameters": parameters,
        "masks": [_facts_of_mask(mask) for mask in masks],
    }


def _facts_of_mask(mask: StaticMask) -> dict[str, Any]:
    bad, causes = mask.nbad, mask.count_by_cause()
    return {
        "path": mask.path,
        "detector": mask.signature.detector,
        "number": mask.signature.number,
        "shape": mask.signature.shape,
        "facts": mask.facts,
        "ncombine": len(mask.used),
        "pointings": mask.pointings,
        "added": len(mask.added),
        "bad": bad,
        "fraction": bad / mask.below.size,
        "nbelow": mask.nbelow if mask.causes_known else None,
        "ndq": causes.get("dq", 0) if mask.causes_known else None,
        "causes": causes if mask.causes_known else None,
        "dqbits": mask.added_by_bit(),
        **({} if mask.included is None else {"include": mask.included_from}),
    }


def _rows(masks: Iterable[StaticMask]) -> list[dict[str, Any]]:
    return [
        {"mask": mask.path, "bunit": str(mask.facts.get("BUNIT", "")), **row_of(member),
         "added": member.label.sort_key not in mask.previous_members}
        for mask in masks
        for member in mask.members
    ]


def _as_json(facts: Mapping[str, Any], masks: Sequence[StaticMask]) -> str:
    return as_json("report", {**facts, "chips": _rows(masks)}) + "\n"


def _as_csv(_facts: Mapping[str, Any], masks: Sequence[StaticMask]) -> str:
    text = io.StringIO()
    names = ["mask", "bunit", *(column.name for column in COLUMNS), "added"]
    writer = csv.DictWriter(text, names, lineterminator="\n")
    writer.writeheader()
    for row in plain(_rows(masks)):
        writer.writerow({**row, "dqbits": _as_pairs(row["dqbits"])})
    return text.getvalue()


def _as_ecsv(facts: Mapping[str, Any], masks: Sequence[StaticMask]) -> str:
    # Imported here because the import takes longer than clipping a chip, and few runs need it.
    from astropy.table import Table  # noqa: PLC0415

    rows = _rows(masks)
    units = {row["bunit"] for row in rows}
    bunit = units.pop() if len(units) == 1 else ""  # a column can have one unit only
    table = Table(meta=plain(facts))
    for name in ("mask", "bunit"):
        table[name] = np.array([row[name] for row in rows], str)
    for column in COLUMNS:
        values = [row[column.name] for row in rows]
        if column.name == "dqbits":
            values = [_as_pairs(value) for value in values]
        table[column.name] = np.array(values, column.dtype)
        unit = _unit_of(bunit) if column.unit == "BUNIT" else column.unit
        table[column.name].unit = unit
    table["added"] = np.array([row["added"] for row in rows], bool)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def _as_pairs(counts: Mapping[str, int]) -> str:
    return ",".join(f"{bit}:{count}" for bit, count in counts.items())


def _unit_of(bunit: str) -> str | None:
    """Return the name of a BUNIT in astropy, or None; ``ELECTRONS/S`` is ``electron / s``."""
    parts = [part.strip() for part in bunit.split("/")]
    return " / ".join(_UNITS.get(part.upper(), part) for part in parts) or None


_FORMATTERS = {".json": _as_json, ".ecsv": _as_ecsv, ".csv": _as_csv}
