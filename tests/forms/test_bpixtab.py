"""Bad pixel tables of HST, as hstcal applies them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.errors import InputError
from staticmask_cli.forms.including import included_pixels
from tests.support.masks import FACTS, Bits, target_of

SHAPE = (20, 30)
ROWS: dict[str, list[Any]] = {
    "PIX1": [4, 10, 29, 7, 1, 12], "PIX2": [3, 1, 6, 7, 1, 12], "LENGTH": [3, 20, 9, 1, 1, 2],
    "AXIS": [1, 2, 1, 1, 1, 2], "VALUE": [16, 4, 4, 0, 4, -32768],
}


def table(path: Path, *, size: tuple[int, int] | None = SHAPE, detector: str = "WFC",
          text: dict[str, list[str]] | None = None, **columns: list[Any]) -> str:
    """Write a table as those in the archive: 16-bit and 32-bit integers, and a text for people."""
    rows = {**ROWS, **columns}
    hdu = fits.BinTableHDU.from_columns([
        *(fits.Column(name, "I" if name in ("AXIS", "VALUE") else "J", array=np.array(values))
          for name, values in rows.items()),
        *(fits.Column(name, "12A", array=np.array(values))
          for name, values in (text or {}).items()),
    ])
    if size is not None:
        hdu.header["SIZAXIS1"], hdu.header["SIZAXIS2"] = size[::-1]
    primary = fits.PrimaryHDU(header=fits.Header({"INSTRUME": "ACS", "DETECTOR": detector}))
    fits.HDUList([primary, hdu]).writeto(path, overwrite=True)
    return str(path)


def expected() -> Bits:
    bad = np.zeros(SHAPE, bool)
    bad[2, 3:6] = bad[:, 9] = bad[5, 28:] = bad[0, 0] = bad[11:13, 11] = True
    return bad


def test_rows_mark_pixels_along_an_axis_counted_from_1_and_end_at_the_edge(tmp_path: Path) -> None:
    path = table(tmp_path / "a_bpx.fits")
    (found,) = included_pixels([path], None, [target_of(expected())]).values()
    np.testing.assert_array_equal(found.bad, expected())


def test_a_table_is_for_all_chips_of_its_detector_and_for_no_other(tmp_path: Path) -> None:
    path = table(tmp_path / "a_bpx.fits", CCDCHIP=[2, 2, 1, 1, -999, 1])
    targets = [
        target_of(expected(), number=1), target_of(expected(), number=2,
                                                   facts={**FACTS, "CCDCHIP": 1.0}),
        target_of(expected(), detector="ACSHRC", facts={**FACTS, "DETECTOR": "HRC"}),
    ]
    found = included_pixels([path], None, targets)
    assert list(found) == ["ACSWFC_20x30_1", "ACSWFC_20x30_2"]
    second, first = (np.zeros(SHAPE, bool) for _ in range(2))
    second[2, 3:6] = second[:, 9] = second[0, 0] = True
    first[5, 28:] = first[0, 0] = first[11:13, 11] = True
    np.testing.assert_array_equal(found["ACSWFC_20x30_1"].bad, second)
    np.testing.assert_array_equal(found["ACSWFC_20x30_2"].bad, first)
    with pytest.raises(InputError, match="belongs to no mask of this run; ACSHRC_20x30_1: "
                                         "DETECTOR is WFC instead of HRC"):
        included_pixels([path], None, targets[2:])


def test_a_subarray_gets_the_pixels_that_lie_in_it(tmp_path: Path) -> None:
    path = table(tmp_path / "a_bpx.fits")
    part = expected()[2:12, 3:20]
    facts: dict[str, str | float] = {**FACTS, "LTV1": -3.0, "LTV2": -2.0}
    (found,) = included_pixels([path], None, [target_of(part, facts=facts)]).values()
    np.testing.assert_array_equal(found.bad, part)


def test_rows_of_gratings_are_left_out(tmp_path: Path) -> None:
    path = table(tmp_path / "a_bpx.fits",
                 text={"OPT_ELEM": ["ANY", "G750L", "MIRVIS", "ANY", "", "g140l"]})
    (found,) = included_pixels([path], None, [target_of(expected())]).values()
    bad = expected()
    bad[:, 9] = bad[11:13, 11] = False
    np.testing.assert_array_equal(found.bad, bad)


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"size": None}, "its table is of a detector of None x None pixels"),
        ({"size": (20, 31)}, "its table is of a detector of 31 x 20 pixels .* and ACSWFC_"),
        ({"size": (20, 31)}, ".* is no part of it: 30 x 20 pixels, LTV1 = 0, LTV2 = 0"),
        ({"PIX1": [0, 1, 1, 1, 1, 1]}, "expected rows with pixels from 1 to 30 along x and to 20"),
        ({"PIX2": [21, 1, 1, 1, 1, 1]}, "expected rows with pixels from 1 to 30 along x and to 20"),
        ({"LENGTH": [0, 1, 1, 1, 1, 1]}, "expected rows with pixels .* a length above 0"),
        ({"AXIS": [3, 1, 1, 1, 1, 1]}, "expected rows with pixels .* and 1 or 2 as AXIS"),
    ],
)
def test_tables_of_other_detectors_and_impossible_rows_are_refused(
    changes: dict[str, Any], found: str, tmp_path: Path
) -> None:
    path = table(tmp_path / "a_bpx.fits", **changes)
    with pytest.raises(InputError, match=f"a_bpx.fits: {found}"):
        included_pixels([path], None, [target_of(expected())])


def test_columns_of_other_types_are_refused(tmp_path: Path) -> None:
    hdu = fits.BinTableHDU.from_columns([
        fits.Column(name, "D", array=np.array(values, float)) for name, values in ROWS.items()
    ])
    hdu.writeto(tmp_path / "a.fits")
    with pytest.raises(InputError, match="expected a whole number in each row of column PIX1"):
        included_pixels([str(tmp_path / "a.fits")], None, [target_of(expected())])
