"""Results of ``inspect`` as a file: JSON, or rows as ECSV or CSV."""

import csv
import io
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.disk import make_folder
from staticmask_cli.io.paths import folder_of_file
from staticmask_cli.reports.run_report import as_json, check_report, plain

__all__ = ["write_rows"]

Rows = Sequence[Mapping[str, Any]]


def write_rows(path: str, kind: str, content: Any, rows: Rows) -> None:  # noqa: ANN401
    """Write results to a file, completely or not at all.

    Parameters
    ----------
    path : str
        The path of the file.  A ``.json`` file is the document that ``--json`` prints.  An
        ``.ecsv`` file holds the rows as a table of astropy, and a ``.csv`` file too; what is
        unknown is left empty.
    kind : str
        The kind of the document, as in `as_json`.
    content : dataclass or mapping
        The content of the document.
    rows : sequence of mapping
        The rows of the table, all with the same keys.

    Raises
    ------
    ConfigError, OutputError
        As by `write_report`.
    """
    check_report(path)
    suffix = os.path.splitext(path)[1].lower()
    text = as_json(kind, content) + "\n" if suffix == ".json" else _TABLES[suffix](rows)
    make_folder(folder_of_file(path) or ".")
    with write_whole(path) as stream:
        stream.write(text.encode("utf-8", "backslashreplace"))


def _as_csv(rows: Rows) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else [], lineterminator="\n")
    writer.writeheader()
    writer.writerows(plain(list(rows)))
    return text.getvalue()


def _as_ecsv(rows: Rows) -> str:
    # Imported here because the import takes longer than most inspections.
    from astropy.table import MaskedColumn, Table  # noqa: PLC0415

    table = Table()
    for name in rows[0] if rows else ():
        values = [plain(row[name]) for row in rows]
        known = [value for value in values if value is not None]
        fill = known[0] if known else ""
        table[name] = MaskedColumn([fill if value is None else value for value in values],
                                   mask=[value is None for value in values])
    text = io.StringIO()
    table.write(text, format="ascii.ecsv")
    return text.getvalue()


_TABLES: Mapping[str, Callable[[Rows], str]] = {".csv": _as_csv, ".ecsv": _as_ecsv}
