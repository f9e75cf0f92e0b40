"""A run as data: parameters, versions, masks, and a row for each chip.

Results as JSON: one head for all documents, and numbers that JSON has.
"""

import csv
import io
import json
import logging
import math
import os
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from importlib.metadata import version
from typing import Any

import numpy as np

from staticmask_cli._version import __version__
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError
from staticmask_cli.io.atomic import make_folder, refuse_binary, write_whole
from staticmask_cli.io.paths import folder_of_file
from staticmask_cli.masks.members_table import COLUMNS, row_of
from staticmask_cli.masks.static_mask import StaticMask, time_of_making

__all__ = ["as_json", "check_report", "plain", "write_report"]

_VERSION = 1  # of the documents; it rises when a name goes or changes its meaning


def as_json(kind: str, content: Any) -> str:  # noqa: ANN401 - a dataclass or mapping
    """Return a document of some kind, ``report``, ``plan`` or ``inspection``, as text.

    Its schema is ``schemas/KIND.schema.json`` in the package.  Text is ASCII, with
    escapes for all else, so that file names of any bytes survive.
    """
    head = {
        "format": f"staticmask {kind}", "version": _VERSION, "program": f"staticmask {__version__}",
    }
    return json.dumps({**head, **plain(content)}, indent=2, allow_nan=False)


def plain(value: Any) -> Any:  # noqa: ANN401 - anything goes in, what JSON has comes out
    """Turn dataclasses into objects, tuples into arrays, and what is not finite into null."""
    if is_dataclass(value):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, str | int) else str(value)


log = logging.getLogger(__name__)

# BUNIT as HST writes it, and as astropy calls that; other units are known to both.
_UNITS = {
    "ELECTRONS": "electron", "ELECTRON": "electron", "COUNTS": "ct", "COUNT": "ct", "ADU": "adu",
    "S": "s",
}


def check_report(path: str) -> None:
    """Refuse a report that cannot be written, before any work is done.

    Raises
    ------
    ConfigError
        If the suffix is none of those there are.
    OutputError
        If there is a file of that name that is not a text.
    """
    _form_of(path)
    refuse_binary(path)


def write_report(path: str, parameters: Parameters, masks: Sequence[StaticMask]) -> None:
    """Write the report of a run, whole or not at all.

    ``.json`` is described by ``schemas/report.schema.json`` in the package.  ``.ecsv``
    holds the rows of the chips with their units, for astropy, and all else as ``meta``.
    ``.csv`` holds the rows alone, where what is not a number is empty.

    Parameters
    ----------
    path : str
        Its suffix chooses the form.
    parameters : Parameters
        Of the run.
    masks : sequence of StaticMask
        That the run wrote.

    Raises
    ------
    ConfigError
        If the suffix is none of those there are.
    OutputError
        If the file cannot be written.
    """
    form = _form_of(path)
    refuse_binary(path)
    text = form(_facts(parameters, masks), masks)
    make_folder(folder_of_file(path) or ".")
    with write_whole(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))
    log.debug("%s: report of %d masks", path, len(masks))


def _form_of(path: str) -> Callable[[Mapping[str, Any], Sequence[StaticMask]], str]:
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _FORMS:
        msg = f"report = {path}: expected a name that ends with .json, .ecsv or .csv"
        raise ConfigError(msg)
    return _FORMS[suffix]


def _facts(parameters: Parameters, masks: Iterable[StaticMask]) -> dict[str, Any]:
    """All but the rows of the chips."""
    return {
        "date": time_of_making(),
        "versions": {
            "staticmask": __version__, "python": platform.python_version(),
            "numpy": np.__version__, "astropy": version("astropy"),
        },
        "parameters": parameters,
        "masks": [_mask(mask) for mask in masks],
    }


def _mask(mask: StaticMask) -> dict[str, Any]:
    bad = mask.nbad
    return {
        "path": mask.path,
        "detector": mask.signature.detector,
        "number": mask.signature.number,
        "shape": mask.signature.shape,
        "facts": mask.facts,
        "ncombine": len(mask.used),
        "added": len(mask.added),
        "bad": bad,
        "fraction": bad / mask.below.size,
        "nbelow": mask.nbelow if mask.counts_by_cause_known else None,
        "ndq": bad - mask.nbelow if mask.counts_by_cause_known else None,
        "dqbits": mask.added_by_bit(),
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
        writer.writerow({**row, "dqbits": _one_word(row["dqbits"])})
    return text.getvalue()


def _as_ecsv(facts: Mapping[str, Any], masks: Sequence[StaticMask]) -> str:
    # Loaded here because it takes longer than clipping a chip, and few ask for it.
    from astropy.table import Table  # noqa: PLC0415

    rows = _rows(masks)
    units = {row["bunit"] for row in rows}
    bunit = units.pop() if len(units) == 1 else ""  # a column has one unit
    table = Table(meta=plain(facts))
    for name in ("mask", "bunit"):
        table[name] = np.array([row[name] for row in rows], str)
    for column in COLUMNS:
        values = [row[column.name] for row in rows]
        if column.name == "dqbits":
            values = [_one_word(value) for value in values]
        table[column.name] = np.array(values, column.dtype)
        unit = _unit_of(bunit) if column.unit == "BUNIT" else column.unit
        table[column.name].unit = unit
    table["added"] = np.array([row["added"] for row in rows], bool)
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


def _one_word(counts: Mapping[str, int]) -> str:
    return ",".join(f"{bit}:{count}" for bit, count in counts.items())


def _unit_of(bunit: str) -> str | None:
    """BUNIT in the spelling of astropy, ``electron / s`` for ``ELECTRONS/S``; None without one."""
    parts = [part.strip() for part in bunit.split("/")]
    return " / ".join(_UNITS.get(part.upper(), part) for part in parts) or None


_FORMS = {".json": _as_json, ".ecsv": _as_ecsv, ".csv": _as_csv}
