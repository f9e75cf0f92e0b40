"""The report of a run as JSON, ECSV or CSV, and the form of all JSON documents.

A report holds the parameters, the versions, the warnings and the masks of a run, and a row for each
chip.
"""

import json
import logging
import math
import os
import platform
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
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
from staticmask_cli.masks.findings import APART, CHIPS_APART, Finding
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.writing import time_of_making
from staticmask_cli.reports.report_rows import as_csv, as_ecsv, rows_of

__all__ = ["Course", "as_json", "check_report", "json_pieces", "plain", "write_report"]

_PIECES = 4096  # parts of the text of a document that are joined before they are written
_VERSION = 1  # of the JSON documents; it is raised when a key is removed or changes its meaning
_APART = (APART, CHIPS_APART)
# How reports of runs and of inspect begin: JSON, CSV, and ECSV, whose header lists the columns.
_REPORT = re.compile(
    rb'\s*\{\s*"format": *"staticmask |(mask,bunit|path,detector|detector,number),|'
    rb'# %ECSV.*\n(#.*\n)*?# - \{name: (mask|path|detector),.*\n'
    rb'# - \{name: (bunit|detector|number),'
)


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Course:
    """How a run went.

    Attributes
    ----------
    findings : sequence of Finding
        Its warnings.
    left_out : mapping of str to str
        The exposures, chips and masks that it left out, each with the reason.
    seconds : mapping of str to float
        How long its parts took.
    """

    findings: Sequence[Finding] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)


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
    path: str, parameters: Parameters, masks: Sequence[StaticMask], course: Course | None = None,
    *, overwrite: bool = False,
) -> None:
    """Write the report of a run, completely or not at all.

    A ``.json`` report is described by ``schemas/report.schema.json`` in the package.  An
    ``.ecsv`` report holds the rows of the chips with their units, and all other data as the
    ``meta`` of an astropy table.  A ``.csv`` report holds the rows, with the parameters and
    versions beside; NaN is left empty.

    Parameters
    ----------
    path : str
        The path of the report, whose suffix chooses the format.
    parameters : Parameters
        The parameters of the run.
    masks : sequence of StaticMask
        The masks that the run wrote.
    course : Course, optional
        How the run went.
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
    facts = plain(_facts(parameters, masks, course or Course()))
    text = formatter(facts, rows_of(facts, masks))
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


def _formatter_of(path: str) -> Callable[[dict[str, Any], list[dict[str, Any]]], str]:
    suffix = os.path.splitext(path)[1].lower()
    if suffix not in _FORMATTERS:
        msg = f"report = {path}: expected a name that ends with .json, .ecsv or .csv"
        raise ConfigError(msg)
    return _FORMATTERS[suffix]


def _facts(
    parameters: Parameters, masks: Iterable[StaticMask], course: Course
) -> dict[str, Any]:
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
        "masks": [_facts_of_mask(mask, course.findings) for mask in masks],
        "warnings": [{"subject": finding.subject, "what": finding.what, "short": finding.short,
                      "remedy": finding.remedy} for finding in course.findings],
        "left_out": [{"name": name, "why": why} for name, why in course.left_out.items()],
        "seconds": {name: round(value, 3) for name, value in course.seconds.items()},
    }


def _facts_of_mask(mask: StaticMask, findings: Iterable[Finding]) -> dict[str, Any]:
    bad, causes = mask.nbad, mask.count_by_cause()
    subjects = {mask.name, str(mask.path)}
    for member in mask.members:
        subjects |= {member.label.file, str(member.label)} if member.label.extver else set()
    concerned = [finding for finding in findings if finding.subject in subjects]
    status = "made" if not mask.previous_members else "updated" if mask.added else "unchanged"
    return {
        "path": mask.path,
        "detector": mask.signature.detector,
        "number": mask.signature.number,
        "shape": mask.signature.shape,
        "facts": mask.facts,
        "status": status,
        "apart": [finding.what for finding in concerned if finding.short in _APART],
        "warnings": [finding.text for finding in concerned if finding.short not in _APART],
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


def _as_json(facts: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> str:
    return as_json("report", {**facts, "chips": rows}) + "\n"


_FORMATTERS = {".json": _as_json, ".ecsv": as_ecsv, ".csv": as_csv}
