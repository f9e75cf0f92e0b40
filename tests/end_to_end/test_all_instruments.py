"""Every instrument and every form in which exposures are stored."""

import gzip
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import bitmask

from staticmask_cli import create_masks
from staticmask_cli.errors import ExposureError, InputError
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.simulate.visit import CAMERAS, simulate_visit
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.mask_names import NAMES
from tests.support.oracle import oracle_mask

SHAPE = (120, 170)


def chips_by_mask(paths: tuple[str, ...], camera: str) -> list[list[Any]]:
    """SCI arrays of the files, those of one mask together, read without our code."""
    row = CAMERAS[camera]
    chips: list[list[Any]] = [[] for _ in row.numbers]
    for path in paths:
        with fits.open(path) as hdus:
            science = [hdu for hdu in hdus if hdu.name == "SCI"] or [hdus[0]]
            for number, hdu in enumerate(science):
                chips[number % len(row.numbers)].append(hdu.data.astype(np.float32))
    return chips


def test_the_table_of_names_covers_every_camera() -> None:
    assert set(NAMES) == set(CAMERAS)


@pytest.mark.parametrize("camera", CAMERAS)
def test_simulated_exposures_give_the_documented_names_and_the_oracles_masks(
    camera: str, tmp_path: Path
) -> None:
    visit = simulate_visit(str(tmp_path), camera, exposures=2, shape=SHAPE)
    masks = create_masks(visit.paths, output_dir=tmp_path / "out")
    expected = [name.format("120x170") + "_staticMask.fits" for name in NAMES[camera]]
    assert [Path(str(mask.path)).name for mask in masks] == expected
    for mask, chips in zip(masks, chips_by_mask(visit.paths, camera), strict=True):
        if CAMERAS[camera].nan_bit:
            assert_equals_oracle_of_finite_pixels(mask, chips)
        else:
            np.testing.assert_array_equal(mask.array, oracle_mask(chips))
        planted = visit.planted[mask.signature.number]
        assert np.count_nonzero(planted & ~mask.good) >= 0.95 * np.count_nonzero(planted)


def assert_equals_oracle_of_finite_pixels(mask: StaticMask, chips: list[Any]) -> None:
    """Show the oracle the finite pixels in a row, as it fails on NaN; NaN pixels stay good."""
    good = np.ones(chips[0].shape, dtype=bool)
    for chip in chips:
        finite = np.isfinite(chip)
        assert finite[0, 0]  # the histogram's anchor must be the same pixel
        good[finite] &= oracle_mask([chip[finite].reshape(1, -1)])[0] == 1
    np.testing.assert_array_equal(mask.good, good)


def test_stis_image_sets_fall_into_one_mask_and_a_constant_one_is_set_aside(
    tmp_path: Path,
) -> None:
    visit = simulate_visit(str(tmp_path), "STIS/CCD", exposures=1, shape=SHAPE)
    with fits.open(visit.paths[0], mode="update") as hdus:
        hdus["SCI", 2].data[:] = 3.0
        chips = [hdus["SCI", n].data.copy() for n in (1, 3)]
    (mask,) = create_masks(visit.paths, output_dir=tmp_path)
    assert [member.used for member in mask.members] == [True, False, True]
    assert [member.label.extver for member in mask.members] == [1, 2, 3]
    assert "constant" in mask.members[1].skip_reason
    np.testing.assert_array_equal(mask.array, oracle_mask(chips))


@pytest.mark.parametrize("final_bits", ["0", "512", "~8", "WARMPIX"])
def test_wfpc2_takes_dq_from_its_companion(tmp_path: Path, final_bits: str) -> None:
    (path,) = simulate_visit(str(tmp_path), "WFPC2", exposures=1, shape=SHAPE).paths
    masks = create_masks(path, final_bits=final_bits, output_dir=tmp_path)
    number = "512" if final_bits == "WARMPIX" else final_bits
    with fits.open(path) as science, fits.open(path.replace("q_c0m", "q_c1m")) as flags:
        for extver, mask in enumerate(masks, 1):
            by_dq = bitmask.bitfield_to_boolean_mask(
                flags[extver].data, ignore_flags=number, good_mask_value=True
            )
            expected = (oracle_mask([science["SCI", extver].data]) == 1) & by_dq
            np.testing.assert_array_equal(mask.good, expected)


def test_wfpc2_without_its_companion_warns_and_counts_nothing_as_flagged(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (path,) = simulate_visit(str(tmp_path), "WFPC2", exposures=1, shape=SHAPE).paths
    Path(path.replace("q_c0m", "q_c1m")).unlink()
    masks = create_masks(path, final_bits=0, output_dir=tmp_path)
    assert [mask.flagged for mask in masks] == [None] * 4
    assert caplog.text.count("no DQ extension") == 4


@pytest.mark.parametrize("kind", ["f", "h"])
def test_the_names_that_converters_of_wfpc2_write_are_pairs_too(kind: str, tmp_path: Path) -> None:
    (path,) = simulate_visit(str(tmp_path), "WFPC2", exposures=1, shape=SHAPE).paths
    masks = create_masks(path, final_bits=0, output_dir=tmp_path / "m")
    pair = [Path(path.replace("q_c0m", f"q_c{n}{kind}")) for n in (0, 1)]
    shutil.copy(path, pair[0])
    with fits.open(path.replace("q_c0m", "q_c1m")) as hdus:
        for extver, hdu in enumerate(hdus[1:], 1):
            hdu.name, hdu.ver = "SDQ", extver  # as readgeis and convertwaiveredfits call them
        hdus.writeto(pair[1])
    converted = create_masks(pair[0], final_bits=0, output_dir=tmp_path / "c")
    assert sum(mask.nbad for mask in masks) > sum(mask.nbelow for mask in masks)
    for mask, other in zip(masks, converted, strict=True):
        np.testing.assert_array_equal(mask.array, other.array)
    with pytest.raises(ExposureError, match=rf"name the exposure, .*_c0{kind}\.fits"):
        create_masks(pair[1], output_dir=tmp_path / "c")


def test_wfpc2_may_have_dq_in_the_same_file(tmp_path: Path) -> None:
    (path,) = simulate_visit(str(tmp_path), "WFPC2", exposures=1, shape=SHAPE).paths
    masks = create_masks(path, final_bits=0, output_dir=tmp_path / "m")
    companion = Path(path.replace("q_c0m", "q_c1m"))
    with fits.open(path) as science, fits.open(companion) as flags:
        for extver, hdu in enumerate(flags[1:], 1):
            science.append(fits.ImageHDU(hdu.data, name="DQ", ver=extver))
        science.writeto(tmp_path / "one_c0m.fits")
    for mask, other in zip(masks, create_masks(tmp_path / "one_c0m.fits", final_bits=0,
                                               output_dir=tmp_path / "c"), strict=True):
        np.testing.assert_array_equal(mask.array, other.array)


def test_a_dq_companion_is_not_an_exposure(tmp_path: Path) -> None:
    simulate_visit(str(tmp_path), "WFPC2", exposures=1, shape=SHAPE)
    with pytest.raises(ExposureError, match=r"holds DQ flags; name the exposure, .*_c0m\.fits"):
        create_masks(str(tmp_path / "*.fits"), output_dir=tmp_path)


def corner(ltv1: float, seed: int) -> list[dict[str, Any]]:
    return [{"data": sky((51, 64), seed=seed), "LTV1": ltv1, "LTV2": 0.0, "CCDCHIP": 2}]


def test_subarrays_of_different_corners_are_refused_together_and_fine_alone(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    paths = [
        write_exposure(f"{name}_flt.fits", instrume="WFC3", detector="UVIS", chips=corner(*where))
        for name, where in {"a": (0.0, 1), "b": (0.0, 2), "c": (-3584.0, 3)}.items()
    ]
    with pytest.raises(ExposureError) as caught:
        create_masks(paths, output_dir=tmp_path / "out")
    lines = str(caught.value).splitlines()
    assert "do not share a detector grid" in lines[0]
    assert re.search(r"LTV1 = 0,.*a_flt.fits\[SCI,1\], .*b_flt.fits\[SCI,1\]", lines[1])
    assert re.search(r"LTV1 = -3584,.*c_flt.fits\[SCI,1\]$", lines[2])
    assert not (tmp_path / "out").exists()
    for alone in (paths[:2], paths[2:]):
        (mask,) = create_masks(alone, output_dir=tmp_path / f"out{len(alone)}")
        assert len(mask.used) == len(alone)
    masks = create_masks(paths, output_dir=tmp_path / "named", name="{signature}_{position}")
    assert sorted(len(mask.used) for mask in masks) == [1, 2]


@pytest.mark.parametrize("keyword", ["CCDCHIP", "LTV1", "LTV2", "BINAXIS1", "SUBSTRT1"])
def test_every_grid_keyword_tells_grids_apart(
    keyword: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    paths = [write_exposure(f"{n}_flt.fits", chips=[{"data": sky(seed=n), keyword: n}])
             for n in (1, 2)]
    with pytest.raises(ExposureError, match=f"{keyword} = 1.*\n.*{keyword} = 2"):
        create_masks(paths, output_dir=tmp_path)


@pytest.mark.parametrize(
    ("primary", "reason"),
    [
        ({"EXPTIME": 0.0}, "EXPTIME = 0"),
        ({"EXPTIME": -1.0}, "EXPTIME = -1"),
        ({"chips": [{"data": sky(seed=9), "NGOODPIX": 0}]}, "NGOODPIX = 0 on all chips"),
        ({"INSTRUME": "STIS", "DETECTOR": "CCD", "OBSTYPE": "SPECTROSCOPIC"},
         "OBSTYPE = SPECTROSCOPIC"),
    ],
)
def test_exposures_that_astrodrizzle_drops_are_set_aside_with_the_reason(
    primary: dict[str, Any], reason: str, write_exposure: WriteExposure, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    same = {key: primary[key] for key in ("INSTRUME", "DETECTOR") if key in primary}
    good = write_exposure("good_flt.fits", **same)
    bad = write_exposure("unfit_flt.fits", **primary)
    (mask,) = create_masks([good, bad], output_dir=tmp_path)
    found = [(member.label.file, member.skip_reason) for member in mask.members]
    assert found == [(str(good), ""), (str(bad), reason)]
    assert f"{bad}[SCI,1]: set aside: {reason}" in caplog.text
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()]))
    assert StaticMask.read(str(mask.path)).members[1].skip_reason == reason
    with pytest.raises(ExposureError, match="all exposures were set aside"):
        create_masks(bad, output_dir=tmp_path)


def test_one_chip_without_good_pixels_does_not_condemn_the_other(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "NGOODPIX": 0}, {"data": sky(), "NGOODPIX": 9}])
    assert len(create_masks(path, output_dir=tmp_path)) == 2


def gzipped(path: Path) -> Path:
    new = path.with_name(path.name + ".gz")
    with path.open("rb") as source, gzip.open(new, "wb") as target:
        shutil.copyfileobj(source, target)
    return new


def tile_compressed(path: Path) -> Path:
    new = path.with_name(path.name + ".fz")
    with fits.open(path) as hdus:
        packed = [hdus[0]] + [
            fits.CompImageHDU(hdu.data, hdu.header, compression_type="GZIP_2", quantize_level=0)
            for hdu in hdus[1:]
        ]
        fits.HDUList(packed).writeto(new)
    return new


@pytest.mark.parametrize("store", [gzipped, tile_compressed])
def test_compressed_exposures_give_the_same_mask(
    store: Callable[[Path], Path], write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = (np.arange(4800).reshape(60, 80) % 97 == 0).astype(np.int16) * 16
    path = write_exposure(chips=[{"data": sky(), "dq": dq}])
    (plain,) = create_masks(path, final_bits=0, output_dir=tmp_path / "plain")
    stored = store(path)
    (mask,) = create_masks(stored, final_bits=0, output_dir=tmp_path / "stored")
    np.testing.assert_array_equal(mask.array, plain.array)
    assert np.count_nonzero(~mask.good) >= np.count_nonzero(dq)


@pytest.mark.parametrize("form", ["scaled", "unsigned", "blank"])
def test_scaled_integers_are_read_as_what_they_stand_for(form: str, tmp_path: Path) -> None:
    counts = np.round(sky(level=1000.0, noise=30.0))
    header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "HRC"})
    if form == "unsigned":
        image = fits.ImageHDU(counts.astype(np.uint16), name="SCI")
    else:
        image = fits.ImageHDU(counts.astype(np.float32), name="SCI")
        image.scale("int16", bscale=0.25, bzero=900.0)
        if form == "blank":
            image.header["BLANK"] = round((counts[5, 5] - 900.0) / 0.25)
    path = tmp_path / "x_flt.fits"
    fits.HDUList([fits.PrimaryHDU(header=header), image]).writeto(path)
    with fits.open(path) as hdus:
        assert hdus[1].header["BITPIX"] == 16
    (mask,) = create_masks(path, static_sig=2.0, output_dir=tmp_path)
    if form == "blank":
        lost = counts == counts[5, 5]
        assert mask.good[lost].all()
        assert np.count_nonzero(~mask.good) > 10
    else:
        np.testing.assert_array_equal(mask.array, oracle_mask([counts], 2.0))


def constant(shape: tuple[int, int], value: float, name: str) -> fits.ImageHDU:
    hdu = fits.ImageHDU(name=name, ver=1)
    hdu.header.update({"NPIX1": shape[1], "NPIX2": shape[0], "PIXVALUE": value})
    return hdu


def test_a_constant_value_sci_extension_is_set_aside(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    good = write_exposure("good_flt.fits")
    path = tmp_path / "empty_flt.fits"
    header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "WFC"})
    sci = constant((60, 80), 0.0, "SCI")
    fits.HDUList([fits.PrimaryHDU(header=header), sci]).writeto(path)
    (mask,) = create_masks([good, path], output_dir=tmp_path)
    assert [bool(member.used) for member in mask.members] == [False, True]
    assert "constant-value extension" in mask.members[0].skip_reason


@pytest.mark.parametrize(("value", "flagged"), [(0, 0), (16, 4800)])
def test_a_constant_value_dq_extension_flags_all_or_nothing(
    value: int, flagged: int, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure()
    with fits.open(path) as hdus:
        hdus.append(constant((60, 80), value, "DQ"))
        hdus.writeto(path, overwrite=True)
    (mask,) = create_masks(path, final_bits=0, output_dir=tmp_path)
    assert mask.members[0].flagged == flagged


def test_jwst_flags_beyond_16_bits_count(write_exposure: WriteExposure, tmp_path: Path) -> None:
    dq = np.zeros((60, 80), np.uint32)
    dq[3, 4], dq[5, 6], dq[7, 8] = 1 << 31, 1 << 19, 1
    path = write_exposure(instrume="NIRCAM", detector="NRCA1", chips=[{"data": sky(), "dq": dq}])
    (mask,) = create_masks(path, final_bits="REFERENCE_PIXEL,DO_NOT_USE", output_dir=tmp_path)
    assert mask.flagged is not None
    assert np.argwhere(mask.flagged).tolist() == [[5, 6]]
    assert mask.members[0].added_by_bit == {1 << 19: 1}


def test_waivered_fits_names_its_converter(tmp_path: Path) -> None:
    header = fits.Header({"INSTRUME": "WFPC2"})
    table = fits.TableHDU.from_columns([fits.Column("CRVAL1", "D25.16", array=[1.0, 2.0])])
    path = tmp_path / "u1234_c0f.fits"
    fits.HDUList([fits.PrimaryHDU(np.zeros((4, 8, 9), np.float32), header), table]).writeto(path)
    with pytest.raises(ExposureError, match=r"is waivered FITS; .*convertwaiveredfits"):
        create_masks(path, output_dir=tmp_path)


def test_geis_names_its_converter(tmp_path: Path) -> None:
    path = tmp_path / "u1234.c0h"
    path.write_bytes(b"SIMPLE  =                    F /" + b" " * 48 + b"END" + b" " * 77)
    with pytest.raises(ExposureError, match=r"u1234\.c0h: is a GEIS image; .*readgeis"):
        create_masks(path, output_dir=tmp_path)


@pytest.mark.parametrize("group", [3, 3.0, "3", "3.0", "sci,2", "SCI,2"])
def test_group_takes_one_chip_of_each_exposure(
    group: str | float, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    chips = [{"data": sky(seed=n), "dq": np.zeros((60, 80), np.int16)} for n in (1, 2)]
    paths = [write_exposure(f"{n}_flt.fits", chips=chips) for n in "ab"]
    with fits.open(paths[0]) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "SCI", "DQ", "SCI", "DQ"]
    (mask,) = create_masks(paths, group=group, output_dir=tmp_path)
    assert mask.signature.number == 2
    np.testing.assert_array_equal(mask.array, oracle_mask([sky(seed=2)]))


@pytest.mark.parametrize("group", ["2", "9", "sci,3", "0"])
def test_group_that_is_not_a_chip_is_an_error_that_says_what_there_is(
    group: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = np.zeros((60, 80), np.int16)
    path = write_exposure(chips=[{"data": sky(), "dq": dq}, {"data": sky(), "dq": dq}])
    expected = rf"group = {group} is not a SCI extension; this file has 1 \(sci,1\), 3 \(sci,2\)"
    with pytest.raises(ExposureError, match=expected):
        create_masks(path, group=group, output_dir=tmp_path)


def test_an_association_in_another_folder_works_from_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data, here = tmp_path / "data", tmp_path / "here"
    here.mkdir()
    visit = simulate_visit(str(data), "ACS/HRC", exposures=2, shape=SHAPE)
    names = [Path(path).name.removesuffix("_flt.fits").upper() for path in visit.paths]
    rows = [*names, "JSIM60010"]
    table = fits.BinTableHDU.from_columns([
        fits.Column("MEMNAME", "14A", array=rows),
        fits.Column("MEMTYPE", "14A", array=["EXP-DTH", "EXP-DTH", "PROD-DTH"]),
        fits.Column("MEMPRSNT", "L", array=[True, True, True]),
    ])
    fits.HDUList([fits.PrimaryHDU(), table]).writeto(data / "jsim60010_asn.fits")
    monkeypatch.chdir(here)
    before = [digest(Path(path)) for path in visit.paths]
    (mask,) = create_masks("../data/jsim60010_asn.fits")
    assert [m.label.file for m in mask.members] == [
        f"../data/{Path(path).name}" for path in visit.paths
    ]
    assert (here / "ACSHRC_120x170_1_staticMask.fits").exists()
    assert [digest(Path(path)) for path in visit.paths] == before
    for path in visit.paths:
        Path(path).unlink()
    with pytest.raises(InputError, match=f"member {names[0]}: no such .*\n.*member {names[1]}"):
        create_masks("../data/jsim60010_asn.fits")
