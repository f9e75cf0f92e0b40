"""What headers say for the fields of ``--name``: filter, position, visit and exposure time."""

import math
import re
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from staticmask_cli.errors import ExposureError
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.fits.header import AnyHeader, header_str
from staticmask_cli.masks.mask_name import SUFFIX, filled
from staticmask_cli.masks.members import ChipLabel

if TYPE_CHECKING:
    from staticmask_cli.exposures.exposure import Chip

__all__ = ["filter_of", "named", "position_of"]

_ROOTNAME_OF_HST = 9  # characters, of which the first six are those of the visit
_NO_FILTER = ("", "N/A")


def named(chip: "Chip", template: str, header: AnyHeader, primary: AnyHeader) -> "Chip":
    """Return a chip with the name of its mask by a template.

    Parameters
    ----------
    chip : Chip
        The chip.
    template : str
        What `masks.mask_name.clean_name` returned.
    header, primary : Header
        The header of the chip and the primary one.

    Raises
    ------
    ExposureError
        If the headers make no name of a mask.
    """
    exptime = chip.label.exptime
    try:
        return replace(chip, mask_name=filled(template, {
            "signature": chip.signature.filename.removesuffix(SUFFIX),
            "filter": filter_of(header, primary),
            "position": position_of(chip.grid),
            "visit": _visit_of(chip.label, header, primary),
            "exptime": f"{exptime:.6g}" if math.isfinite(exptime) else "",
        }))
    except ExposureError as error:
        msg = f"{chip.label}: {error}"
        raise ExposureError(msg) from error


def filter_of(header: AnyHeader, primary: AnyHeader) -> str:
    """Return the filters of an exposure in upper case, as in ``F606W`` and ``F606W-POL0V``.

    A position of a wheel without a filter is left out, unless all are: ``CLEAR``.
    """
    keys = instrument_of(header_str(primary, "INSTRUME")).filter_keys
    values = [(header_str(header, key) or header_str(primary, key)).upper() for key in keys]
    named = dict.fromkeys(value for value in values if value not in _NO_FILTER)
    return "-".join(value for value in named if not value.startswith("CLEAR")) or (
        "CLEAR" if named else "")


def position_of(grid: Mapping[str, str | float]) -> str:
    """Return which detector pixels a chip has, different for each `grid` of HST and JWST.

    It holds the chip, the first pixel in X and Y, counted from 1 on, and the binning, if it is
    not 1: ``c2x1025y513``, ``x1y1b2x2``.  For a camera of the ground it has the numbers of the
    first of DETSEC, CCDSEC and DATASEC that is there, ``1-2048-1-4096``.  It is empty without a
    keyword.
    """
    numbers = {key: value for key, value in grid.items() if not isinstance(value, str)}
    text = f"c{numbers['CCDCHIP']:.10g}" if "CCDCHIP" in numbers else ""
    for letter, offset, starts in (("x", "LTV1", ("SUBSTRT1", "XORGSUBF")),
                                   ("y", "LTV2", ("SUBSTRT2", "YORGSUBF"))):
        if offset in numbers:
            text += f"{letter}{1 - numbers[offset]:.10g}"
        text += "".join(f"{letter}{numbers[start]:.10g}" for start in starts if start in numbers)
    section = next((str(grid[key]) for key in ("DETSEC", "CCDSEC", "DATASEC") if key in grid), "")
    text += "-".join(re.findall(r"\d+", section))
    binning = [f"{numbers.get(f'BINAXIS{n}', numbers.get(ground, 1)):.10g}"
               for n, ground in ((1, "XBINNING"), (2, "YBINNING"))]
    return text if binning == ["1", "1"] else f"{text}b{'x'.join(binning)}"


def _visit_of(label: ChipLabel, header: AnyHeader, primary: AnyHeader) -> str:
    """Return the visit: VISIT_ID of JWST, or the first six characters of HST's ROOTNAME."""
    of_hst = (header_str(primary, "TELESCOP").upper() == "HST"
              and len(label.rootname) >= _ROOTNAME_OF_HST)
    return header_str(header, "VISIT_ID") or header_str(primary, "VISIT_ID") or (
        label.rootname[:6] if of_hst else "")
