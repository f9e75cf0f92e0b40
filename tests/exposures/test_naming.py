"""The fields of a mask's name, from the headers of each instrument."""

from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import ExposureError
from staticmask_cli.exposures.exposure import read_exposure
from tests.support.exposures import WriteExposure, sky


def name_of(path: Path, template: str) -> str:
    (chip,) = read_exposure(str(path), name=template).chips
    return chip.mask_name.removesuffix("_staticMask.fits")


@pytest.mark.parametrize(
    ("instrume", "headers", "name"),
    [
        ("ACS", {"FILTER1": "F606W", "FILTER2": "CLEAR2L"}, "F606W"),
        ("ACS", {"FILTER1": "CLEAR1L", "FILTER2": "F814W"}, "F814W"),
        ("ACS", {"FILTER1": "F606W", "FILTER2": "POL0V"}, "F606W-POL0V"),
        ("ACS", {"FILTER1": "CLEAR1L", "FILTER2": "CLEAR2L"}, "CLEAR"),
        ("WFC3", {"FILTER": "F160W"}, "F160W"),
        ("WFPC2", {"FILTNAM1": "F300W", "FILTNAM2": "", "FILTER1": 44, "FILTER2": 0}, "F300W"),
        ("WFPC2", {"FILTNAM1": "F547M", "FILTNAM2": "POLQ"}, "F547M-POLQ"),
        ("STIS", {"FILTER": "Clear"}, "CLEAR"),
        ("STIS", {"FILTER": "F28X50LP"}, "F28X50LP"),
        ("NICMOS", {"FILTER": "F110W"}, "F110W"),
        ("NIRCAM", {"FILTER": "F444W", "PUPIL": "CLEAR"}, "F444W"),
        ("NIRCAM", {"FILTER": "F150W2", "PUPIL": "F162M"}, "F150W2-F162M"),
        ("NIRISS", {"FILTER": "CLEAR", "PUPIL": "F090W"}, "F090W"),
        ("NIRISS", {"FILTER": "F277W", "PUPIL": "CLEARP"}, "F277W"),
        ("MIRI", {"FILTER": "F770W"}, "F770W"),
        ("FGS", {"FILTER": "N/A"}, "none"),
        ("MOSAIC3", {"FILTER": "r SDSS k1018"}, "RSDSSK1018"),
        ("GMOS-N", {"FILTER1": "open1-6", "FILTER2": "g_G0301"}, "OPEN1-6-GG0301"),
        ("MOSAIC3", {}, "none"),
    ],
)
def test_the_filter_is_that_of_the_instruments_own_keywords(
    instrume: str, headers: dict[str, Any], name: str, write_exposure: WriteExposure
) -> None:
    keys = {"CAMERA": 2} if instrume == "NICMOS" else {}
    path = write_exposure(instrume=instrume, **headers, **keys)
    assert name_of(path, "x_{filter}") == f"x_{name}"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({}, "none"), ({"LTV1": 0.0, "LTV2": 0.0}, "x1y1"), ({"CCDCHIP": 2}, "c2"),
        ({"CCDCHIP": 1, "LTV1": -1024.0, "LTV2": -512.0}, "c1x1025y513"),
        ({"LTV1": -0.5, "LTV2": 3.25}, "x1.5y-2.25"),
        ({"SUBSTRT1": 897, "SUBSTRT2": 1793}, "x897y1793"),
        ({"LTV1": 0.0, "LTV2": 0.0, "BINAXIS1": 2, "BINAXIS2": 4}, "x1y1b2x4"),
        ({"LTV1": 0.0, "LTV2": 0.0, "BINAXIS1": 1, "BINAXIS2": 1}, "x1y1"),
    ],
)
def test_the_position_names_the_first_pixel_the_chip_and_the_binning(
    headers: dict[str, float], name: str, write_exposure: WriteExposure
) -> None:
    path = write_exposure(chips=[{"data": sky(), **headers}])
    assert name_of(path, "a_{position}") == f"a_{name}"


@pytest.mark.parametrize(
    ("headers", "name"),
    [
        ({"ROOTNAME": "j8bt06nyq"}, "j8bt06_100"),
        ({"ROOTNAME": "short", "EXPTIME": 0.5}, "none_0.5"),
        ({"TELESCOP": "JWST", "VISIT_ID": "01234001001", "EXPTIME": 0.98}, "01234001001_0.98"),
        ({"TELESCOP": "CTIO 4m", "ROOTNAME": "c4d_12345"}, "none_100"),
        ({"EXPTIME": None}, "none_none"),
    ],
)
def test_visit_and_exposure_time(
    headers: dict[str, Any], name: str, write_exposure: WriteExposure
) -> None:
    assert name_of(write_exposure(**headers), "{visit}_{exptime}") == name


def test_a_real_exposure_has_all_fields(real_exposure: Path) -> None:
    assert name_of(real_exposure, "{signature}_{filter}_{position}_{visit}_{exptime}") == (
        "ACSHRC_1024x1024_1_F606W_x1y1_j8bt06_60")


@pytest.mark.parametrize("value", ["../../up", "/etc/passwd", "..", "~root", "$HOME", "a\\b", "-o"])
def test_a_hostile_header_leads_to_no_other_folder(
    value: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(instrume="MOSAIC3", FILTER=value, VISIT_ID=value)
    out = tmp_path / "out"
    for name in ("{filter}", "{visit}_{signature}", "{signature}_{filter}"):
        (mask,) = create_masks(path, name=name, output_dir=out)
        assert Path(str(mask.path)).parent == out
        assert not Path(str(mask.path)).name.startswith((".", "-", "~"))
    assert sorted(p.name for p in tmp_path.iterdir()) == [path.name, "out"]


def test_a_filter_that_is_too_long_names_its_exposure_and_can_be_left_out(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    good = write_exposure("a_flt.fits", FILTER1="F606W")
    bad = write_exposure("b_flt.fits", FILTER1="F" * 65)
    with pytest.raises(ExposureError, match=r"b_flt\.fits\[SCI,1\]: its filter 'FFF"):
        create_masks([good, bad], name="{signature}_{filter}", output_dir=tmp_path)
    masks = create_masks([good, bad], name="{signature}_{filter}", output_dir=tmp_path,
                         keep_going=True)
    assert [mask.name for mask in masks] == ["ACSWFC_60x80_1_F606W_staticMask.fits"]
    assert list(masks.left_out) == [str(bad)]
    assert fits.getval(str(masks[0].path), "NCOMBINE") == 1
