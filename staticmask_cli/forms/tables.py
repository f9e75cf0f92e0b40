"""Bad pixels as tables in text: defects (boxes) as those of LSST, and lists of single pixels.

Both are ECSV (astropy's APE 6), which ``astropy.table.Table.read`` reads; the columns of defects
are those of LSST's ``meas_algorithms``, whose coordinates count from 0.
"""

import csv
import re
from collections.abc import Iterator, Sequence

import numpy as np

from staticmask_cli.errors import InputError
from staticmask_cli.forms.boxes import boxes_of, paint_boxes
from staticmask_cli.forms.known_mask import KnownMask, reason_of
from staticmask_cli.forms.listed import BadPixelList, Bits
from staticmask_cli.forms.origin import facts_in, signature_in, text_lines, words_in, words_of

__all__ = ["defects_text", "list_of_table", "looks_like_table", "pixels_text"]

_DEFECTS = {
    "x0": "x of the first pixel of the box, counted from 0",
    "y0": "y of the first pixel of the box, counted from 0",
    "width": "pixels along x", "height": "pixels along y",
}
_FROM_0 = {
    "x_from_0": "x of the pixel, counted from 0, as in numpy",
    "y_from_0": "y of the pixel, counted from 0, as in numpy",
}
_FROM_1 = {
    "x_from_1": "x of the pixel, counted from 1, as in FITS",
    "y_from_1": "y of the pixel, counted from 1, as in FITS",
}
_REASON = "why the pixels are bad"
_WHOLE_NUMBER = re.compile(r"[+-]?\d{1,9}")


def defects_text(mask: KnownMask, bad: Bits) -> str:
    """Return bad pixels as a table of boxes, each with the causes of its pixels.

    Parameters
    ----------
    mask : KnownMask
        The mask that the pixels are of.
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.
    """
    rows = ((*box, mask.causes_in(*box)) for box in boxes_of(bad).tolist())
    return _ecsv(mask, "defects", _DEFECTS, rows)


def pixels_text(mask: KnownMask, bad: Bits) -> str:
    """Return bad pixels as a table with a row for each, whose coordinates count from 0 and from 1.

    Parameters
    ----------
    mask : KnownMask
        The mask that the pixels are of.
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.
    """
    ys, xs = np.nonzero(bad)
    causes: Sequence[int | None] = [None] * xs.size
    if mask.why is not None:
        causes = mask.why[ys, xs].tolist()
    rows = (
        (x, y, x + 1, y + 1, cause)
        for x, y, cause in zip(xs.tolist(), ys.tolist(), causes, strict=True)
    )
    return _ecsv(mask, "pixels", {**_FROM_0, **_FROM_1}, rows)


def _ecsv(
    mask: KnownMask, form: str, columns: dict[str, str],
    rows: Iterator[tuple[int, int, int, int, int | None]],
) -> str:
    words = {**words_of(form, mask.signature, mask.facts), "OBSTYPE": "defects"}
    lines = ["%ECSV 1.0", "---", "datatype:"]
    lines += [f'- {{name: {name}, unit: pix, datatype: int64, description: "{meaning}"}}'
              for name, meaning in columns.items()]
    lines += [f'- {{name: reason, datatype: string, description: "{_REASON}"}}',
              "delimiter: ','", "meta: !!omap"]
    lines += [f"- {{{line}}}" for line in text_lines(words)]
    lines.append("schema: astropy-2.0")
    body = [",".join((*columns, "reason"))]
    reasons = {cause: reason_of(cause) for cause in (*range(1 << 8), None)}
    body += [f"{a},{b},{c},{d},{reasons[cause]}" for a, b, c, d, cause in rows]
    return "".join(f"# {line}\n" for line in lines) + "\n".join(body) + "\n"


def looks_like_table(line: str) -> bool:
    """Whether a line, the first of a file that is no comment, has the names of the columns."""
    names = set(_cells(line, _delimiter(line)))
    return any(names >= set(columns) for columns in (_DEFECTS, _FROM_0, _FROM_1))


def _delimiter(line: str) -> str:
    return "," if "," in line else " "


def _cells(line: str, delimiter: str) -> list[str]:
    """Return the cells of a line without the blanks around them."""
    if '"' not in line:
        return line.split() if delimiter == " " else [cell.strip() for cell in line.split(",")]
    try:
        return next(csv.reader([line.strip()], delimiter=delimiter, skipinitialspace=True), [])
    except csv.Error:  # of a cell that is too long
        return []


def list_of_table(path: str, text: str) -> BadPixelList:
    """Return the list of bad pixels in a table of boxes or of pixels.

    Parameters
    ----------
    path : str
        The path of the file.
    text : str
        Its text: comments that begin with ``#``, a line with the names of the columns, and the
        rows, divided by commas or blanks.  Columns ``x0``, ``y0``, ``width`` and ``height`` are
        boxes, counted from 0; ``x_from_0`` and ``y_from_0``, or ``x_from_1`` and ``y_from_1``, are
        pixels.  Other columns are left out.

    Raises
    ------
    InputError
        If a row has other cells, or if the coordinates from 0 and from 1 are not of one pixel.
    """
    lines = text.splitlines()
    words = words_in(lines)
    boxes = list(_boxes_in(path, lines))
    return BadPixelList(
        path, lambda target: paint_boxes(boxes, target.signature.shape, path),
        signature_in(words), facts=facts_in(words),
    )


def _boxes_in(path: str, lines: list[str]) -> Iterator[tuple[int, int, int, int]]:
    numbers = [number for number, line in enumerate(lines)
               if line.strip() and not line.lstrip().startswith("#")]
    delimiter = _delimiter(lines[numbers[0]])
    names = _cells(lines[numbers[0]], delimiter)
    wanted = [columns for columns in (_DEFECTS, _FROM_0, _FROM_1) if set(columns) <= set(names)]
    indices = [[names.index(name) for name in columns] for columns in wanted]
    for number in numbers[1:]:
        box = _box(_cells(lines[number], delimiter), wanted, indices)
        if box is None:
            found = " and ".join(", ".join(columns) for columns in wanted)
            msg = (f"{path}: line {number + 1}: expected whole numbers in the columns {found}, of "
                   f"one and the same pixel if they are pixels; found {lines[number][:60]!r}")
            raise InputError(msg)
        yield box


def _box(
    cells: list[str], wanted: list[dict[str, str]], indices: list[list[int]]
) -> tuple[int, int, int, int] | None:
    """Return the box of a row; None if its cells are not one."""
    boxes = set()
    for columns, row in zip(wanted, indices, strict=True):
        texts = [cells[index] for index in row if index < len(cells)]
        if len(texts) < len(row) or not all(map(_WHOLE_NUMBER.fullmatch, texts)):
            return None
        x, y, *size = map(int, texts)
        if columns is _FROM_1:
            x, y = x - 1, y - 1
        width, height = size or (1, 1)
        boxes.add((x, y, width, height))
    return boxes.pop() if len(boxes) == 1 else None
