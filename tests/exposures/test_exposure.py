"""Exposures are read with all their chips or refused by name, and never changed."""

import bz2
import gc
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import ExposureError, InputError, StaticMaskError
from staticmask_cli.exposures.exposure import read_exposure
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.fits.hdus import HDU
from staticmask_cli.fits.open import astropy_silenced, read_hdus
from tests.support.damages import (
    DAMAGES,
    cut,
    rewrite,
)
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.fuzzing import WORDS_OF_LIBRARIES
from tests.support.oracle import oracle_mask


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, where masks go by default."""
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_input_is_named_and_nothing_is_written_or_changed(
    damage: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    good, bad = write_exposure("good_flt.fits"), write_exposure("bad_flt.fits")
    out = tmp_path / "out"
    create_masks(good, output_dir=out)
    spoil, message = DAMAGES[damage]
    spoil(bad)
    before = {path: digest(path) for path in tmp_path.rglob("*.fits") if path.is_file()}
    with pytest.raises(StaticMaskError, match=message) as caught:
        create_masks([good, bad], output_dir=out)
    assert isinstance(caught.value, InputError | ExposureError)
    assert not WORDS_OF_LIBRARIES.search(str(caught.value).replace(str(bad), ""))
    assert str(bad) in str(caught.value)
    assert str(good) not in str(caught.value)
    after = {path: digest(path) for path in tmp_path.rglob("*.fits") if path.is_file()}
    assert before == after


def test_every_bad_input_is_named_at_once(write_exposure: WriteExposure) -> None:
    paths = [write_exposure(f"{n}_flt.fits") for n in range(3)]
    paths[0].write_bytes(b"")
    rewrite(INSTRUME=None)(paths[2])
    with pytest.raises(InputError) as caught:
        create_masks(paths)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        str(paths[0]), str(paths[2])
    ]


@pytest.mark.parametrize(
    ("instrume", "name"),
    [
        ("../../x", "xWFC"), ("/etc/passwd", "etcpasswdWFC"), ("-rf", "rfWFC"),
        (".hidden", "hiddenWFC"), ("A C\tS", "ACSWFC"), ("$(touch x)", "touchxWFC"),
        ("HAWK_I", "HAWKIWFC"), ("A" * 61, "A" * 61 + "WFC"),
    ],
)
def test_a_hostile_instrume_leads_to_no_other_folder(
    instrume: str, name: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(instrume=instrume.replace("\t", " "))
    before = set(tmp_path.rglob("*"))
    (mask,) = create_masks(path, output_dir=tmp_path / "deep" / "out")
    expected = tmp_path / "deep" / "out" / f"{name}_60x80_1_staticMask.fits"
    assert Path(str(mask.path)) == expected
    new = set(tmp_path.rglob("*")) - before
    assert new == {tmp_path / "deep", tmp_path / "deep" / "out", expected}


def test_an_absurd_chip_number_is_refused(write_exposure: WriteExposure) -> None:
    path = write_exposure(instrume="STIS", chips=[{"data": sky(), "CCDCHIP": 1e300}])
    with pytest.raises(ExposureError, match=r"chip number .* cannot name a mask") as caught:
        create_masks(path)
    assert str(path) in str(caught.value)


def test_only_sci_is_read_unless_dq_is_asked_for(
    write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros((60, 80), np.float32)}])
    paths: list[str] = []

    def spy(path: str) -> list[HDU]:
        paths.append(path)
        return read_hdus(path)

    monkeypatch.setattr("staticmask_cli.exposures.exposure.read_hdus", spy)
    monkeypatch.delattr(fits, "open")  # astropy is not used
    (chip,) = read_exposure(str(path), dq=False).chips
    data, flags = read_pixels(chip)
    assert flags is None
    np.testing.assert_array_equal(data, sky())
    assert paths == [str(path)]  # its headers were not read again
    (chip,) = read_exposure(str(path)).chips
    with pytest.raises(ExposureError, match=r"expected integer DQ flags .*, found float32"):
        read_pixels(chip)


def test_dq_of_another_shape_is_an_error(write_exposure: WriteExposure) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros((9, 8), np.int16)}])
    assert create_masks(path)[0].flagged is None
    with pytest.raises(ExposureError, match=r"DQ flags of shape \(60, 80\), found int16 of shape"):
        create_masks(path, final_bits=0)


def test_dq_is_matched_by_extver_in_any_order(tmp_path: Path) -> None:
    flags = [np.zeros((60, 80), np.int16) for _ in range(2)]
    flags[0][1, 1], flags[1][2, 2] = 8, 8
    header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "WFC"})
    path = tmp_path / "x_flt.fits"
    fits.HDUList([
        fits.PrimaryHDU(header=header),
        fits.ImageHDU(flags[1], name="DQ", ver=2), fits.ImageHDU(flags[0], name="DQ", ver=1),
        *(fits.ImageHDU(sky(seed=ver), name="SCI", ver=ver) for ver in (2, 1)),
    ]).writeto(path)
    masks = create_masks(path, final_bits=0, output_dir=tmp_path)
    for extver, mask in enumerate(masks, 1):
        assert mask.flagged is not None
        assert np.argwhere(mask.flagged).tolist() == [[extver, extver]]


# Where the file ends: the HDU, and whether in its header or in its data.
ENDS = [(0, "header"), *((hdu, part) for hdu in range(1, 5) for part in ("header", "data"))]


@pytest.mark.parametrize(("hdu", "part"), ENDS, ids=str)
def test_an_exposure_that_is_truncated_anywhere_is_refused(
    hdu: int, part: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = np.zeros((60, 80), np.int16)
    path = write_exposure(chips=[{"data": sky(seed=n), "dq": dq} for n in (1, 2)])
    with fits.open(path) as hdus:
        where = hdus[hdu].fileinfo()
    start = where["hdrLoc" if part == "header" else "datLoc"]
    length = where["datLoc"] - where["hdrLoc"] if part == "header" else where["datSpan"]
    path.write_bytes(path.read_bytes()[: start + length // 2])
    last_science = 3
    for final_bits in (0, None):
        if hdu > last_science and final_bits is None:
            continue  # nothing that is needed is missing
        with pytest.raises(StaticMaskError, match=r"a_flt\.fits: "):
            create_masks(path, final_bits=final_bits)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "i8", "u2", "u4", "f4", "f8"])
def test_pixels_of_every_fits_type_are_chips(dtype: str, write_exposure: WriteExposure) -> None:
    data = np.round(sky(level=120.0, noise=9.0)).astype(dtype)
    path = write_exposure(chips=[{"data": data}])
    (mask,) = create_masks(path, static_sig=2.0)
    expected = oracle_mask([data.astype(np.float32)], 2.0)
    assert np.count_nonzero(expected == 0) > 20
    np.testing.assert_array_equal(mask.array, expected)


@pytest.mark.skipif(not Path("/dev/fd").is_dir(), reason="the system does not list open files")
@pytest.mark.parametrize("damage", ["none", "cut in SCI", "text", "cube", "no INSTRUME"])
def test_no_file_stays_open_after_success_or_failure(
    damage: str, write_exposure: WriteExposure
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros((60, 80), np.int16)}])
    if damage != "none":
        DAMAGES[damage][0](path)
    gc.collect()
    before = os.listdir("/dev/fd")
    kept = None  # an exception that is kept must not keep the file open
    try:
        create_masks(path, final_bits=0, jobs=1)
    except StaticMaskError as error:
        kept = error
    assert (kept is None) == (damage == "none")
    assert len(os.listdir("/dev/fd")) == len(before)


def test_extensions_that_are_not_needed_may_hold_anything(write_exposure: WriteExposure) -> None:
    path = write_exposure()
    with fits.open(path, mode="append") as hdus:
        hdus.append(fits.ImageHDU(np.full((3, 4, 5), np.nan), name="ERR", ver=1))
        hdus.append(fits.ImageHDU(np.full((9, 8), np.inf), name="DQ", ver=1))
        hdus.append(fits.BinTableHDU.from_columns([fits.Column("X", "J", array=[1])], name="WCS"))
    (mask,) = create_masks(path)
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()]))


@pytest.mark.parametrize("value", [-32768, 16, 0])
def test_a_constant_dq_is_a_bit_pattern_of_its_width(
    value: int, write_exposure: WriteExposure
) -> None:
    path = write_exposure()
    flags = fits.ImageHDU(name="DQ", ver=1)
    flags.header.update({"NPIX1": 80, "NPIX2": 60, "PIXVALUE": value})
    with fits.open(path, mode="append") as hdus:
        hdus.append(flags)
    content = path.read_bytes()
    start = content.index(b"EXTNAME = 'DQ") // 2880 * 2880
    # astropy always writes BITPIX = 8 for no pixels; the pipelines of HST do not.
    path.write_bytes(content[:start] + content[start:].replace(
        b"BITPIX  =                    8", b"BITPIX  =                   16", 1))
    (mask,) = create_masks(path, final_bits=0)
    bit = value & 0xFFFF
    assert mask.members[0].flagged == (4800 if value else 0)
    assert list(mask.members[0].added_by_bit) == ([bit] if value else [])
    (mask,) = create_masks(path, final_bits=bit)
    assert mask.members[0].flagged == 0


@pytest.mark.parametrize(
    ("keywords", "found"),
    [
        ({"NPIX1": 8, "NPIX2": 9, "PIXVALUE": 0}, r"of shape \(9, 8\)"),
        ({"NPIX1": 80, "NPIX2": 60, "PIXVALUE": 0.5}, r"float64 of shape \(60, 80\)"),
        ({"NPIX1": 80, "NPIX2": 60}, "found an extension without pixels"),
    ],
    ids=["shape", "float", "no value"],
)
def test_a_constant_dq_of_another_shape_or_type_is_an_error(
    keywords: dict[str, float], found: str, write_exposure: WriteExposure
) -> None:
    path = write_exposure()
    flags = fits.ImageHDU(name="DQ", ver=1)
    flags.header.update(keywords)
    with fits.open(path, mode="append") as hdus:
        hdus.append(flags)
    expected = rf"a_flt\.fits\[SCI,1\]: expected integer DQ flags.*, .*{found}"
    with pytest.raises(ExposureError, match=expected):
        create_masks(path, final_bits=0)


def test_two_extensions_with_the_same_extver_are_two_chips_of_one_mask(
    write_exposure: WriteExposure,
) -> None:
    path = write_exposure(chips=[{"data": sky(seed=1)}, {"data": sky(seed=2), "EXTVER": 1}])
    (mask,) = create_masks(path, static_sig=2.0)
    assert [member.label.extver for member in mask.members] == [1, 1]
    np.testing.assert_array_equal(mask.array, oracle_mask([sky(seed=1), sky(seed=2)], 2.0))


@pytest.mark.parametrize(("group", "works"), [("0", True), ("sci,1", True), ("1", False)])
def test_group_counts_the_primary_hdu_as_0(group: str, *, works: bool, tmp_path: Path) -> None:
    fits.PrimaryHDU(sky(), fits.Header({"INSTRUME": "ACS"})).writeto(tmp_path / "plain.fits")
    if works:
        (mask,) = create_masks("plain.fits", group=group)
        np.testing.assert_array_equal(mask.array, oracle_mask([sky()]))
    else:
        with pytest.raises(ExposureError, match=r"group = 1 is not a SCI .* has 0 \(sci,1\)"):
            create_masks("plain.fits", group=group)


def test_an_image_in_the_primary_hdu_is_one_chip(tmp_path: Path) -> None:
    path = tmp_path / "plain.fits"
    fits.PrimaryHDU(sky(), fits.Header({"INSTRUME": "MOSAIC3"})).writeto(path)
    (mask,) = create_masks(path, static_sig=3.0, output_dir=tmp_path)
    assert Path(str(mask.path)).name == "MOSAIC3_60x80_1_staticMask.fits"
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()], 3.0))


def test_a_file_that_shrinks_after_its_headers_were_read_is_an_error(
    write_exposure: WriteExposure,
) -> None:
    path = write_exposure()
    (chip,) = read_exposure(str(path)).chips
    cut(0.5)(path)
    with astropy_silenced(), pytest.raises(InputError, match=r"is truncated|cannot be read"):
        read_pixels(chip)


def test_a_file_of_bzip2_makes_the_mask_of_the_plain_file(write_exposure: WriteExposure) -> None:
    path = write_exposure(chips=[{"data": sky(seed=n), "dq": np.eye(60, 80, dtype=np.int16)}
                                 for n in (1, 2)])
    packed = path.with_name("b_flt.fits.bz2")
    packed.write_bytes(bz2.compress(path.read_bytes()))
    plain = create_masks(path, final_bits=0, static_sig=2.0)
    masks = create_masks(packed, final_bits=0, static_sig=2.0)
    assert [mask.nbad for mask in masks] == [mask.nbad for mask in plain]
    for mask, other in zip(masks, plain, strict=True):
        np.testing.assert_array_equal(mask.array, other.array)


def test_a_file_of_bzip2_that_inflates_without_end_is_refused(
    write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_exposure()
    packed = path.with_name("b_flt.fits.bz2")
    packed.write_bytes(bz2.compress(path.read_bytes() + bytes(1 << 21)))
    monkeypatch.setattr("staticmask_cli.fits.inflate._LARGEST_INFLATED", 1 << 16)
    with pytest.raises(InputError, match=r"b_flt\.fits\.bz2: .* inflate to more than \d+ bytes"):
        create_masks(packed)


def test_compressed_pixels_that_cannot_be_decoded_are_an_error(tmp_path: Path) -> None:
    path = tmp_path / "a_flt.fits"
    image = fits.CompImageHDU(sky().astype(np.int16), name="SCI", compression_type="RICE_1")
    header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "WFC", "EXPTIME": 9.0})
    fits.HDUList([fits.PrimaryHDU(header=header), image]).writeto(path)
    with fits.open(path, disable_image_compression=True) as hdus:
        start = hdus[1].fileinfo()["datLoc"] + hdus[1].header["THEAP" if "THEAP" in hdus[1].header
                                                               else "NAXIS2"] * 8
    content = bytearray(path.read_bytes())
    content[start + 4 :] = b"\xff" * len(content[start + 4 :])
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"a_flt\.fits: cannot be read as FITS: "):
        create_masks(path)
