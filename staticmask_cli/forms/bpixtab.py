"""Bad pixel tables of HST (BPIXTAB), as hstcal applies them to DQ.

The layout is that of ``doDQI`` in hstcal: each row marks LENGTH pixels along AXIS (1 is x, 2 is y)
from the pixel PIX1, PIX2 on, counted from 1 on the whole detector, with the DQ bits in VALUE.  A
row is of one chip if the table has CCDCHIP and it is not -999.
"""

import re
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.header import header_str
from staticmask_cli.forms.boxes import paint_boxes
from staticmask_cli.forms.listed import BadPixelList, Bits, Target

__all__ = ["list_of_bpixtab"]

_COLUMNS = ("PIX1", "PIX2", "LENGTH", "AXIS", "VALUE")
_ANY_CHIP = -999
_LARGEST_TABLE = 1 << 26  # bytes; that of ACS has half a million rows of 30 bytes at most
_MOST_HDUS = 100


def list_of_bpixtab(path: str, hdus: Any) -> BadPixelList | None:  # noqa: ANN401 - an HDUList
    """Return the list in the bad pixel table of a file; None if it has no such table.

    Rows of single amplifiers and gains (CCDAMP, CCDGAIN) count for all exposures; those of
    gratings (OPT_ELEM, in tables of STIS) are left out, as masks are made of images.

    Raises
    ------
    InputError
        If the table is absurdly large, or a column has no whole numbers.
    """
    hdu = next((hdu for _, hdu in zip(range(_MOST_HDUS), hdus, strict=False)
                if _names(hdu) >= set(_COLUMNS)), None)
    if hdu is None:
        return None
    if hdu.size > _LARGEST_TABLE or any(re.match(r"\d*[PQ]", str(form))
                                        for form in hdu.columns.formats):
        msg = (f"{path}: expected a bad pixel table of up to {_LARGEST_TABLE} bytes, with one "
               f"value in each cell; found {hdu.size} bytes, or columns of variable length")
        raise InputError(msg)
    rows, primary = _rows(path, hdu), hdus[0].header
    size = tuple(hdu.header.get(key, primary.get(key)) for key in ("SIZAXIS2", "SIZAXIS1"))
    facts = {key: header_str(primary, key) or None for key in ("INSTRUME", "DETECTOR")}
    return BadPixelList(
        path, lambda target: _painted(path, rows, size, target), of_detector=True,
        facts={key: value for key, value in facts.items() if value},
    )


def _names(hdu: Any) -> set[str]:  # noqa: ANN401 - any HDU
    columns = getattr(hdu, "columns", None)
    return set() if columns is None else {name.upper() for name in columns.names}


def _rows(path: str, hdu: Any) -> dict[str, npt.NDArray[np.int64]]:  # noqa: ANN401 - a table
    """Return the columns of the rows that mark pixels of images."""
    data = {name.upper(): np.asarray(hdu.data[name]) for name in hdu.columns.names}
    wrong = [name for name in (*_COLUMNS, "CCDCHIP") if name in data
             and (data[name].dtype.kind not in "iu" or data[name].ndim != 1)]
    if wrong:
        msg = f"{path}: expected a whole number in each row of column {wrong[0]}"
        raise InputError(msg)
    chosen = data["VALUE"] != 0
    if "OPT_ELEM" in data:
        elements = [str(element).strip().upper() for element in data["OPT_ELEM"]]
        chosen &= np.array([name in ("", "ANY", "N/A") or name.startswith("MIR")
                            for name in elements], np.bool_)
    chips = data.get("CCDCHIP", np.full(chosen.size, _ANY_CHIP))
    rows = {name: data[name][chosen].astype(np.int64) for name in _COLUMNS}
    return {**rows, "CCDCHIP": chips[chosen].astype(np.int64)}


def _painted(
    path: str, rows: dict[str, npt.NDArray[np.int64]], size: tuple[Any, ...], target: Target
) -> Bits:
    """Return the pixels of a target that the table marks; it may be a subarray of the detector."""
    (ny, nx), left, low = target.signature.shape, *map(target.offset, ("LTV1", "LTV2"))
    known = all(type(length) is int for length in size) and not target.is_binned
    if not known or not (left <= 0 <= nx - left <= size[1] and low <= 0 <= ny - low <= size[0]) or (
            left == low == 0 and size != (ny, nx)):
        msg = (f"{path}: its table is of a detector of {size[1]!s:.20} x {size[0]!s:.20} pixels "
               f"(SIZAXIS1, SIZAXIS2), and {target.name} is no part of it: {nx} x {ny} pixels, "
               f"LTV1 = {left}, LTV2 = {low}{', binned' * target.is_binned}")
        raise InputError(msg)
    chip = target.facts.get("CCDCHIP")
    of_one_chip = chip is None and np.unique(rows["CCDCHIP"]).size <= 1
    of_chip = (rows["CCDCHIP"] == _ANY_CHIP) | of_one_chip | (rows["CCDCHIP"] == chip)
    x, y, length, axis = (rows[name][of_chip] for name in ("PIX1", "PIX2", "LENGTH", "AXIS"))
    if not (np.isin(axis, (1, 2)).all() and (length > 0).all()
            and ((x > 0) & (x <= size[1]) & (y > 0) & (y <= size[0])).all()):
        msg = (f"{path}: expected rows with pixels from 1 to {size[1]} along x and to {size[0]} "
               "along y, a length above 0, and 1 or 2 as AXIS")
        raise InputError(msg)
    length = np.minimum(length, max(size))
    # From here on they are counted from 0 on the pixels of the target, and cut at its edges.
    starts = [np.maximum(pixel - 1 + offset, 0) for pixel, offset in ((x, left), (y, low))]
    stops = [np.minimum(pixel - 1 + offset + np.where(axis == number, length, 1), end)
             for pixel, offset, number, end in ((x, left, 1, nx), (y, low, 2, ny))]
    boxes = np.stack([*starts, stops[0] - starts[0], stops[1] - starts[1]], axis=1)
    return paint_boxes(boxes[(boxes[:, 2:] > 0).all(axis=1)].tolist(), (ny, nx), path)
