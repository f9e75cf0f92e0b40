"""The heading of a mask file: what it was made from and by which rule, read without its pixels."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import repeat
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.content import open_content
from staticmask_cli.fits.hdus import HDU, first_plain_hdus
from staticmask_cli.fits.inflate import Content
from staticmask_cli.fits.open import as_input_error, opened
from staticmask_cli.masks.mask_cards import (
    TEXT_FACTS,
    facts_of,
    included_from,
    rule_of,
    run_id_of,
    signature_of,
)
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.members_table import from_ascii
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.signature import Signature

__all__ = ["MaskHeading", "read_heading"]

# The columns of MEMBERS that are read, and the types of their values in a file.
_COLUMNS = {"FILE": "S", "ROOTNAME": "S", "EXTVER": ">i4", "USED": "S", "EXPSTART": ">f8"}
_LATER = "EXPSTART"  # which files of older versions do not have
_FORM = re.compile(r"(\d{0,6})([AJKDL])")
_BYTES = {"A": 1, "L": 1, "J": 4, "K": 8, "D": 8}  # of a value


@dataclass(frozen=True)
class MaskHeading:
    """What a mask file was made from, and by which rule.

    Attributes
    ----------
    signature : Signature
        The signature of its chips.
    rule : MaskRule
        The rule that says which pixels are bad.
    grid : dict
        The facts about the position of its pixels on the detector.
    included_from : tuple of str
        The names of the files that list the pixels that are bad in any case.
    used : tuple of ChipLabel
        The chips that take part in the mask.
    run_id : str
        The number of the run that wrote it; empty if it has none.
    """

    signature: Signature
    rule: MaskRule
    grid: Mapping[str, str | float]
    included_from: tuple[str, ...]
    used: tuple[ChipLabel, ...]
    run_id: str


def read_heading(path: str) -> MaskHeading:
    """Read the heading of a mask that staticmask wrote.

    The file is read without astropy, unless another program has changed it.

    Raises
    ------
    InputError, ExposureError
        If the file cannot be read, or staticmask did not write it.
    """
    with as_input_error(path):
        with open_content(path) as (content, size, stamp):
            plain = first_plain_hdus(content, size, stamp, 2)
            rows = None if plain is None or len(plain) < 2 else _rows(plain[1], content, path)  # noqa: PLR2004
        if plain is not None and rows is not None:
            return _heading(plain[0].header, plain[0].shape, rows)
        with opened(path, checked=True) as hdus:
            return _heading(hdus[0].header, hdus[0].shape, hdus["MEMBERS"].data)


def _heading(header: Any, shape: tuple[int, ...], rows: npt.NDArray[Any]) -> MaskHeading:  # noqa: ANN401
    """Make a heading of the primary header, which is untrusted, and of the rows of MEMBERS."""
    ny, nx = shape
    grid = {key: value for key, value in facts_of(header).items() if key not in TEXT_FACTS}
    return MaskHeading(signature_of(header, (ny, nx)), rule_of(header), grid,
                       included_from(header), tuple(_labels(rows)), run_id_of(header))


def _rows(hdu: HDU, content: Content, path: str) -> npt.NDArray[Any] | None:
    """Return columns of the MEMBERS table; None if this is another HDU or has another form."""
    header = hdu.header
    if hdu.name != "MEMBERS" or hdu.rows is None or hdu.rows.bitpix != 8:  # noqa: PLR2004 - bytes
        return None
    names, formats, offsets, end = [], [], [], 0
    for number in range(1, int(cast("int", header["TFIELDS"])) + 1):
        name, form = header[f"TTYPE{number}"], _FORM.fullmatch(str(header[f"TFORM{number}"]))
        if form is None:
            return None
        width = int(form[1] or 1) * _BYTES[form[2]]
        if name in _COLUMNS:
            names.append(name)
            formats.append(f"S{width}" if _COLUMNS[name] == "S" else _COLUMNS[name])
            offsets.append(end)
        end += width
    expected = {*_COLUMNS} if _LATER in names else {*_COLUMNS} - {_LATER}
    if sorted(names) != sorted(expected) or end != hdu.rows.shape[1]:
        return None
    dtype = np.dtype({"names": names, "formats": formats, "offsets": offsets, "itemsize": end})
    return hdu.rows.read(content, path).reshape(-1).view(dtype)


def _labels(rows: npt.NDArray[Any]) -> Iterator[ChipLabel]:
    """Yield the labels of the members that were used."""
    has_date = _LATER in (rows.dtype.names or ())
    columns = (rows[name].tolist() if name != _LATER or has_date else repeat(math.nan, len(rows))
               for name in _COLUMNS)
    for file, rootname, extver, used, start in zip(*columns, strict=True):
        if used in (b"T", True):  # as the file has it, and as astropy returns it
            yield ChipLabel(_text(file), int(extver), _text(rootname), expstart=float(start))


def _text(value: bytes | str) -> str:
    return from_ascii((value.decode("ascii") if isinstance(value, bytes) else value).rstrip(" "))
