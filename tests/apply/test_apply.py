"""Copies of exposures have the bad pixels of masks in DQ, and are the exposures otherwise."""

import errno
import os
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from staticmask_cli import StaticMask, apply_masks, create_masks
from staticmask_cli.apply import copying
from staticmask_cli.errors import ConfigError, ExposureError, InputError, OutputError
from staticmask_cli.io import atomic
from staticmask_cli.masks.signature import Signature
from staticmask_cli.simulate.visit import CAMERAS, Visit, simulate_visit
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.hdus import changed_hdus, hdus_of

SHAPE = (60, 80)
BITS = {"WFPC2": 4, "NICMOS": 32, "NIRCAM": 1 | 1 << 30, "MIRI": 1 | 1 << 30,
        "NIRISS": 1 | 1 << 30}


def bad_pixels(*positions: tuple[int, int], shape: tuple[int, int] = SHAPE) -> npt.NDArray[Any]:
    """Return an array that is True at positions (y, x)."""
    bad = np.zeros(shape, bool)
    for y, x in positions:
        bad[y, x] = True
    return bad


def write_mask(
    path: Path, bad: npt.NDArray[Any], *, detector: str = "ACSWFC", number: int = 1, **facts: Any  # noqa: ANN401
) -> str:
    """Write a mask of staticmask with these bad pixels."""
    mask = StaticMask(Signature(detector, (bad.shape[0], bad.shape[1]), number), facts=facts)
    mask.below = bad
    mask.write(str(path))
    return str(path)


def applied(tmp_path: Path, masks: Any, inputs: Any, **more: Any) -> list[str]:  # noqa: ANN401
    """Apply masks to copies in the folder ``out``."""
    return apply_masks(masks, inputs, output_dir=tmp_path / "out", **more)


def dq_of(path: str | Path, number: int = 1) -> npt.NDArray[Any]:
    return np.asarray(fits.getdata(path, ("DQ", number)))


def history_of(path: str | Path, number: int = 1) -> list[str]:
    header = fits.getheader(path, ("DQ", number))
    return list(header["HISTORY"]) if "HISTORY" in header else []


def dq_files(path: str) -> tuple[str, list[int]]:
    """Return the file with the DQ flags of an exposure, and the numbers of their HDUs."""
    path = path.replace("_c0m", "_c1m")
    with fits.open(path) as hdus:
        return path, [n for n, hdu in enumerate(hdus) if hdu.name == "DQ"]


@pytest.mark.parametrize("camera", sorted(set(CAMERAS) - {"any camera"}))
def test_dq_of_every_camera_is_that_of_the_exposure_or_the_bit_of_its_instrument(
    camera: str, tmp_path: Path
) -> None:
    visit = simulate_visit(str(tmp_path), camera, exposures=2, shape=(50, 70))
    before = {path: digest(path) for path in tmp_path.glob("*.fits")}
    masks = create_masks(visit.paths, output_dir=tmp_path / "masks")
    by_number = {mask.signature.number: mask.bad for mask in masks}
    copies = applied(tmp_path, masks, visit.paths)
    assert copies == [str(tmp_path / "out" / Path(path).name) for path in visit.paths]
    bit = BITS.get(str(CAMERAS[camera].primary["INSTRUME"]), 4)
    for path, copy in zip(visit.paths, copies, strict=True):
        (source, numbers), (target, _) = dq_files(path), dq_files(copy)
        assert changed_hdus(source, target) == numbers
        if source != path:
            assert digest(Path(path)) == digest(Path(copy))
        row = CAMERAS[camera]
        for index, number in enumerate(numbers):
            old, new = (fits.getdata(file, number) for file in (source, target))
            bad = by_number[row.numbers[index % len(row.numbers)]]
            assert bad.any()
            assert new.dtype == old.dtype
            np.testing.assert_array_equal(new, old | np.where(bad, bit, 0).astype(old.dtype))
    assert {path: digest(path) for path in tmp_path.glob("*.fits")} == before


def test_twice_gives_the_same_bytes_and_copies_of_copies_too(
    visit: Visit, tmp_path: Path
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    first = applied(tmp_path, masks, visit.paths)
    before = [digest(Path(path)) for path in first]
    assert applied(tmp_path, masks, visit.paths) == first
    assert [digest(Path(path)) for path in first] == before
    again = apply_masks(masks, first, output_dir=tmp_path / "again")
    assert [digest(Path(path)) for path in again] == before


def test_history_says_which_mask_set_what(write_exposure: WriteExposure, tmp_path: Path) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = write_mask(tmp_path / "m_staticMask.fits", bad_pixels((3, 4), (5, 6)))
    (copy,) = applied(tmp_path, mask, path, grow=1)
    assert "".join(history_of(copy)).replace("\n", "").startswith("staticmask ")
    assert "apply: 4 set where m_staticMask.fits is 0 and up to 1 pixels" in "".join(
        line.ljust(72) for line in history_of(copy)
    )


def test_a_part_of_a_full_frame_is_applied_to_a_subarray(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    """The chip has EXTVER 1 in the subarray, and CCDCHIP says which one it is."""
    full = bad_pixels((25, 35), (20, 30), (1, 1), (49, 69), shape=(100, 120))
    masks = [
        write_mask(tmp_path / "two.fits", full, number=2, CCDCHIP=1, LTV1=0.0, LTV2=0.0),
        write_mask(tmp_path / "one.fits", ~full, number=1, CCDCHIP=2),
    ]
    path = write_exposure(chips=[{
        "data": sky((30, 40)), "dq": np.zeros((30, 40), np.int16),
        "CCDCHIP": 1, "LTV1": -30.0, "LTV2": -20.0,
    }])
    (copy,) = applied(tmp_path, masks, path)
    expected = bad_pixels((5, 5), (0, 0), (29, 39), shape=(30, 40))
    np.testing.assert_array_equal(dq_of(copy) == 4, expected)


def test_a_mask_of_a_subarray_sets_its_part_of_a_full_frame(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels((0, 0), (9, 19), shape=(10, 20)),
                      detector="NIRCAMNRCA1", SUBSTRT1=31, SUBSTRT2=41)
    path = write_exposure("a_cal.fits", instrume="NIRCAM", detector="NRCA1", EFFEXPTM=9.0, chips=[
        {"data": sky((60, 80)), "dq": np.zeros((60, 80), np.uint32), "SUBSTRT1": 1, "SUBSTRT2": 1}
    ])
    (copy,) = applied(tmp_path, mask, path)
    expected = bad_pixels((40, 30), (49, 49), shape=(60, 80))
    np.testing.assert_array_equal(dq_of(copy) == (1 | 1 << 30), expected)
    assert np.count_nonzero(dq_of(copy)) == 2


def test_pixels_grow_into_a_subarray_from_outside(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels((18, 40), shape=(100, 120)))
    path = write_exposure(chips=[{
        "data": sky((30, 40)), "dq": np.zeros((30, 40), np.int16), "LTV1": -30.0, "LTV2": -20.0,
    }])
    (copy,) = applied(tmp_path, mask, path, grow=2)
    expected = np.zeros((30, 40), bool)
    expected[0, 8:13] = True
    np.testing.assert_array_equal(dq_of(copy) == 4, expected)


def test_a_mask_of_other_pixels_of_the_detector_is_not_applied(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    near = write_mask(tmp_path / "near.fits", bad_pixels((1, 2)))
    far = write_mask(tmp_path / "far.fits", ~bad_pixels(), LTV1=-500.0)
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    (copy,) = applied(tmp_path, [near, far], path)
    assert np.argwhere(dq_of(copy)).tolist() == [[1, 2]]
    assert f"{far}: is of none of these exposures, and is not applied" in caplog.text


def test_other_binning_is_refused(write_exposure: WriteExposure, tmp_path: Path) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels(), BINAXIS1=1, BINAXIS2=1)
    path = write_exposure(chips=[
        {"data": sky(), "dq": np.zeros(SHAPE, np.int16), "BINAXIS1": 2, "BINAXIS2": 1}
    ])
    with pytest.raises(InputError, match=r"binned by 1 x 1, those of the exposure by 2 x 1; make"):
        applied(tmp_path, mask, path)


def test_both_masks_of_a_chip_are_applied(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    masks = [write_mask(tmp_path / f"{n}.fits", bad_pixels((n, n), (9, 9))) for n in (1, 2)]
    path = write_exposure(chips=[{"data": sky(), "dq": np.full(SHAPE, 16, np.int16)}])
    (copy,) = applied(tmp_path, masks, path)
    np.testing.assert_array_equal(dq_of(copy), 16 + 4 * bad_pixels((1, 1), (2, 2), (9, 9)))
    assert f"{masks[0]} and {masks[1]} are all applied to {path}[SCI,1]" in caplog.text
    assert len(history_of(copy)) == 2


def test_a_chip_without_a_mask_stays_as_it_is_with_a_warning(
    visit: Visit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    mask = create_masks(visit.paths, output_dir=tmp_path)[1]
    (copy,) = applied(tmp_path, mask.path, visit.paths[0])
    assert changed_hdus(visit.paths[0], copy) == [6]  # DQ,2
    assert (f"{visit.paths[0]}[SCI,1]: no mask is of this chip, and its DQ stays as it is; "
            "expected ACSWFC_150x220_1_staticMask.fits") in caplog.text


def test_an_exposure_without_a_mask_is_refused_and_nothing_is_written(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels())
    dq = np.zeros(SHAPE, np.int16)
    good = write_exposure(chips=[{"data": sky(), "dq": dq}])
    other = write_exposure("b_flt.fits", detector="HRC", chips=[{"data": sky(), "dq": dq}])
    with pytest.raises(ExposureError, match=r"b_flt.fits: none of the masks is of its chips: "
                       r"expected ACSHRC_60x80_1_staticMask.fits, .*found .*m.fits"):
        applied(tmp_path, mask, [good, other])
    assert not (tmp_path / "out").exists()


def test_masks_of_drizzlepac_are_known_by_their_names(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    bad = bad_pixels((7, 8))
    mask = tmp_path / "ACSWFC_60x80_1_staticMask.fits"
    fits.PrimaryHDU(np.where(bad, 0, 1).astype(np.int16)).writeto(mask)
    (copy,) = applied(tmp_path, mask, path)
    np.testing.assert_array_equal(dq_of(copy) == 4, bad)
    other = Path(shutil.copy(mask, tmp_path / "other.fits"))
    with pytest.raises(InputError, match=r"other.fits: has no CREATOR of staticmask .*2048x4096_1"):
        applied(tmp_path, other, path)
    wrong = mask.rename(tmp_path / "ACSWFC_60x81_1_staticMask.fits")
    with pytest.raises(InputError, match=r"has shape \(60, 80\), expected \(60, 81\) by its name"):
        applied(tmp_path, wrong, path)


def test_a_mask_of_drizzlepac_is_not_applied_to_two_subarrays(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = np.zeros(SHAPE, np.int16)
    paths = [
        write_exposure(f"{n}_flt.fits", chips=[{"data": sky(), "dq": dq, "LTV1": -100.0 * n}])
        for n in (1, 2)
    ]
    mask = tmp_path / "ACSWFC_60x80_1_staticMask.fits"
    fits.PrimaryHDU(np.ones(SHAPE, np.int16)).writeto(mask)
    with pytest.raises(ExposureError, match=r"1_flt.fits.* and .*2_flt.fits.* have different ones"):
        applied(tmp_path, mask, paths)


def test_an_exposure_is_no_mask(visit: Visit, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is not a static mask: expected an image"):
        applied(tmp_path, visit.paths[0], visit.paths)


def constant(value: int, **more: Any) -> fits.ImageHDU:  # noqa: ANN401
    """Return a DQ extension that has the same flags in all pixels, and no data."""
    hdu = fits.ImageHDU(name="DQ", ver=1)
    hdu.header.update({"BITPIX": 16, "NPIX1": 80, "NPIX2": 60, "PIXVALUE": value, **more})
    return hdu


def with_dq(path: Path, dq: Any, **writing: Any) -> Path:  # noqa: ANN401
    """Add a DQ extension to an exposure, and another HDU after it."""
    with fits.open(path) as hdus:
        parts = [hdu.copy() for hdu in hdus]
    fits.HDUList([*parts, dq, fits.ImageHDU(np.arange(12.0).reshape(3, 4), name="TIME")]).writeto(
        path, overwrite=True, **writing
    )
    return path


@pytest.mark.parametrize("value", [0, 16])
def test_a_constant_dq_becomes_an_image(
    value: int, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = with_dq(write_exposure(), constant(value), checksum=True)
    bad = bad_pixels((3, 4))
    (copy,) = applied(tmp_path, write_mask(tmp_path / "m.fits", bad), path)
    assert changed_hdus(path, copy) == [2]
    with fits.open(copy, checksum=True) as hdus:  # a wrong checksum would be a warning
        np.testing.assert_array_equal(hdus["DQ"].data, np.where(bad, value | 4, value))
        assert hdus["DQ"].data.dtype == np.dtype(">i2")
        assert "PIXVALUE" not in hdus["DQ"].header
        hdus.verify("exception")


def test_a_constant_dq_stays_one_if_nothing_is_set(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = with_dq(write_exposure(), constant(0))
    (copy,) = applied(tmp_path, write_mask(tmp_path / "m.fits", bad_pixels()), path)
    assert fits.getheader(copy, "DQ")["NAXIS"] == 0
    assert len(history_of(copy)) == 2 - 1 * (len("".join(history_of(copy))) <= 72)


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32,
                                   np.int64])
@pytest.mark.parametrize("checksum", [False, True])
def test_dq_of_every_width_keeps_its_other_flags(
    dtype: Any, checksum: bool, write_exposure: WriteExposure, tmp_path: Path  # noqa: ANN401, FBT001
) -> None:
    """The highest bit is that of the sign, or of the offset of unsigned integers in FITS."""
    bits = 8 * np.dtype(dtype).itemsize
    highest = 1 << min(bits, 32) - 1
    rng = np.random.default_rng(3)
    dq = rng.integers(0, 1 << min(bits, 63) - 1, SHAPE).astype(f"u{bits // 8}").view(dtype)
    path = with_dq(write_exposure(), fits.ImageHDU(dq, name="DQ", ver=1), checksum=checksum)
    bad = bad_pixels((0, 0), (3, 4), (59, 79))
    bad[10:20, 5:50] = True
    mask = write_mask(tmp_path / "m.fits", bad)
    (copy,) = applied(tmp_path, mask, path, dq_bit=highest | 2)
    pattern = dq.view(f"u{bits // 8}")
    expected = np.where(bad, pattern | pattern.dtype.type(highest | 2), pattern).view(dtype)
    assert changed_hdus(path, copy) == [2]
    with fits.open(copy, checksum=checksum) as hdus:
        assert hdus["DQ"].data.dtype.newbyteorder("=") == np.dtype(dtype)
        np.testing.assert_array_equal(hdus["DQ"].data, expected)
        assert ("CHECKSUM" in hdus["DQ"].header) is checksum


def test_a_header_without_room_grows_and_what_follows_keeps_its_bytes(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = fits.ImageHDU(np.zeros(SHAPE, np.int16), name="DQ", ver=1)
    while len(dq.header.tostring(padding=False)) < 2880:
        dq.header.add_comment("no room")
    path = with_dq(write_exposure(), dq, checksum=False)
    (copy,) = applied(tmp_path, write_mask(tmp_path / "m.fits", bad_pixels((1, 1))), path)
    (before, _), (after, _) = hdus_of(path)[2], hdus_of(copy)[2]
    assert (len(before), len(after)) == (2880, 5760)
    assert changed_hdus(path, copy) == [2]
    assert after.startswith(before[: before.rindex(b"END")])


def test_blank_cards_at_the_end_are_room_for_history(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = fits.ImageHDU(np.zeros(SHAPE, np.int16), name="DQ", ver=1)
    while len(dq.header) < 36:
        dq.header.append(("", ""), end=True)
    path = with_dq(write_exposure(), dq)
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 1)))
    (copy,) = applied(tmp_path, mask, path)
    (before, _), (after, _) = hdus_of(path)[2], hdus_of(copy)[2]
    assert len(before) == len(after)
    assert history_of(copy)


def test_the_other_bits_can_be_chosen_by_number_or_by_name(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 2)))
    for value, expected in ((64, 64), ("4+128", 132), ("4,16", 20), ("hot,BADCOL", 144),
                            (32768, -32768)):
        (copy,) = applied(tmp_path, mask, path, dq_bit=value)
        assert dq_of(copy)[1, 2] == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("HOTT", r"dq_bit = HOTT: expected a number .*; flags of ACS: LOST \(1\)"),
        ("~4", r"dq_bit = ~4: expected .*, from 1 to 4294967295"),
        (0, "dq_bit = 0: expected"),
        ("-4", "dq_bit = -4: expected"),
        (True, "dq_bit = True: expected"),
        (65536, r"dq_bit = 65536: does not fit into the 16 bits .*up to 32768"),
        ("cold=4", "dq_bit = cold=4: expected .* low, global, local, line, dq"),
        ("low=4,low=8", "dq_bit = low=4,low=8: expected"),
        ("low=", "dq_bit = low=: expected"),
    ],
)
def test_a_wrong_bit_is_refused(
    value: Any, message: str, write_exposure: WriteExposure, tmp_path: Path  # noqa: ANN401
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 2)))
    with pytest.raises(ConfigError, match=message):
        applied(tmp_path, mask, path, dq_bit=value)
    assert not (tmp_path / "out").exists()


def test_an_instrument_whose_bit_is_not_known_needs_one(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(instrume="MOSAIC3", detector=None,
                          chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int32)}])
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 2)), detector="MOSAIC3")
    with pytest.raises(ConfigError, match=r"not known for INSTRUME = MOSAIC3; give it, as in --dq"):
        applied(tmp_path, mask, path)
    (copy,) = applied(tmp_path, mask, path, dq_bit=1)
    assert dq_of(copy).sum() == 1


def test_each_cause_can_have_bits_of_its_own(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), final_bits="0", sky="local")
    mask.below = bad_pixels((1, 1), (2, 2))
    mask.flagged = bad_pixels((2, 2), (3, 3))
    mask.included = bad_pixels((4, 4))
    mask.write(str(tmp_path / "m.fits"))
    (copy,) = applied(tmp_path, mask, path, dq_bit="low=4,128, dq=BADREF")
    dq = dq_of(copy)
    assert [int(dq[n, n]) for n in range(1, 5)] == [132, 132 | 512, 512, 0]
    assert np.count_nonzero(dq) == 3
    (copy,) = applied(tmp_path, mask, path, dq_bit="included=64", grow=1)
    assert np.argwhere(dq_of(copy) == 64).min(axis=0).tolist() == [3, 3]
    assert np.count_nonzero(dq_of(copy)) == 9


def test_causes_that_are_not_known_are_refused(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = tmp_path / "ACSWFC_60x80_1_staticMask.fits"
    fits.PrimaryHDU(np.ones(SHAPE, np.int16)).writeto(mask)
    with pytest.raises(ConfigError, match="does not contain why its pixels are bad"):
        applied(tmp_path, mask, path, dq_bit="low=4")


def test_dq_that_is_not_there_is_refused(write_exposure: WriteExposure, tmp_path: Path) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels())
    with pytest.raises(ExposureError, match=r"has no DQ array that can be flagged: no ext.* DQ,1"):
        applied(tmp_path, mask, write_exposure())
    visit = simulate_visit(str(tmp_path / "visit"), "WFPC2", exposures=2, shape=(50, 70))
    masks = create_masks(visit.paths, output_dir=tmp_path)
    Path(visit.paths[0].replace("_c0m", "_c1m")).unlink()
    with pytest.raises(ExposureError, match=r"no such image in .*usim6000q_c1m.fits; copy"):
        applied(tmp_path, masks, visit.paths)


def test_dq_that_is_packed_is_refused_with_the_way_to_unpack_it(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels())
    plain = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    packed = tmp_path / "p_flt.fits.gz"
    with fits.open(plain) as hdus:
        hdus.writeto(packed)
    with pytest.raises(ExposureError, match=r"is compressed with gzip.*; unpack it with gunzip -k"):
        applied(tmp_path, mask, packed)
    tiles = fits.CompImageHDU(np.zeros(SHAPE, np.int16), name="DQ")
    path = with_dq(write_exposure("t_flt.fits"), tiles)
    with pytest.raises(ExposureError, match=r"is compressed in tiles, .*with funpack"):
        applied(tmp_path, mask, path)
    real = with_dq(write_exposure("r_flt.fits"), fits.ImageHDU(np.zeros(SHAPE), name="DQ", ver=1))
    with pytest.raises(ExposureError, match="expected integer DQ flags, found BITPIX = -64"):
        applied(tmp_path, mask, real)
    small = with_dq(write_exposure("s_flt.fits"),
                    fits.ImageHDU(np.zeros((60, 79), np.int16), name="DQ", ver=1))
    with pytest.raises(ExposureError, match=r"DQ flags of shape \(60, 80\), found \(60, 79\)"):
        applied(tmp_path, mask, small)


def test_exposures_and_files_of_others_are_never_replaced(
    visit: Visit, tmp_path: Path
) -> None:
    masks = create_masks(visit.paths[:2], output_dir=tmp_path)
    folder = Path(visit.paths[0]).parent
    with pytest.raises(OutputError, match=r"lies in the output folder.* exposures are never"):
        apply_masks(masks, visit.paths[0], output_dir=folder)
    out = tmp_path / "out"
    out.mkdir()
    target = out / Path(visit.paths[0]).name
    target.symlink_to(visit.paths[0])
    with pytest.raises(OutputError, match="is a link to an exposure"):
        applied(tmp_path, masks, visit.paths[0])
    target.unlink()
    shutil.copy(visit.paths[0], target)
    before = digest(target)
    with pytest.raises(OutputError, match="exists, and is not a copy that staticmask apply wrote"):
        applied(tmp_path, masks, visit.paths[0])
    assert digest(target) == before
    copies = Path(shutil.copytree(folder, tmp_path / "second"))
    with pytest.raises(OutputError, match="the copies of both would be"):
        applied(tmp_path, masks, [visit.paths[1], copies / Path(visit.paths[1]).name])


def test_companions_are_replaced_only_if_they_are_copies(tmp_path: Path) -> None:
    visit = simulate_visit(str(tmp_path), "WFPC2", exposures=2, shape=(50, 70))
    masks = create_masks(visit.paths, output_dir=tmp_path)
    (copy,) = applied(tmp_path, masks, visit.paths[0])
    assert applied(tmp_path, masks, visit.paths[0]) == [copy]
    companion = Path(copy.replace("_c0m", "_c1m"))
    companion.unlink()  # as a killed run may leave it
    assert applied(tmp_path, masks, visit.paths[0]) == [copy]
    companion.unlink()
    Path(copy).write_bytes(b"something else")
    with pytest.raises(OutputError, match=r"_c0m.fits: exists, and is not a copy"):
        applied(tmp_path, masks, visit.paths[0])


def test_a_run_that_dies_before_a_rename_leaves_what_was_there(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    out = tmp_path / "out"
    replace = os.replace

    def die(_source: str, _target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        applied(tmp_path, masks, visit.paths[0])
    assert list(out.iterdir()) == []
    monkeypatch.setattr(os, "replace", replace)
    (copy,) = applied(tmp_path, masks, visit.paths[0])
    before = digest(Path(copy))
    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        applied(tmp_path, masks, visit.paths[0], dq_bit=64)
    assert [path.name for path in out.iterdir()] == [Path(copy).name]
    assert digest(Path(copy)) == before


def test_what_a_killed_run_left_is_removed_by_the_next(visit: Visit, tmp_path: Path) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / f".{Path(visit.paths[0]).name}.a1b2.tmp"
    left.write_bytes(b"half")
    applied(tmp_path, masks, visit.paths[0])
    assert not left.exists()


@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_full_disk_is_an_error_that_names_the_copy(
    in_kernel: bool, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: FBT001
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if in_kernel:
        monkeypatch.setattr(os, "copy_file_range", full, raising=False)
        monkeypatch.setattr(copying, "_read_into", full)
    monkeypatch.setattr(atomic, "flush_to_disk", full)
    with pytest.raises(OutputError, match=r"out/jsim6000q_flt.fits: cannot be written: No space"):
        applied(tmp_path, masks, visit.paths[0])
    assert list((tmp_path / "out").iterdir()) == []


def test_the_bytes_are_the_same_where_the_kernel_copies_no_ranges(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    (copy,) = applied(tmp_path, masks, visit.paths[0])
    monkeypatch.setattr(copying, "_copied_by_kernel", lambda _source, _stream, start, _end: start)
    (other,) = apply_masks(masks, visit.paths[0], output_dir=tmp_path / "other")
    assert digest(Path(copy)) == digest(Path(other))


def test_an_exposure_that_changes_meanwhile_is_refused(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    monkeypatch.setattr(copying, "stamp_of", lambda _: 0)
    with pytest.raises(InputError, match="was changed while the masks were applied; run it again"):
        applied(tmp_path, masks, visit.paths[0])


def test_the_real_exposure_is_copied_with_what_fitsverify_found_before(
    real_exposure: Path, tmp_path: Path
) -> None:
    masks = create_masks(real_exposure, output_dir=tmp_path, sky="local")
    assert masks[0].nbad > 0
    (copy,) = applied(tmp_path, masks, real_exposure)
    assert changed_hdus(real_exposure, copy) == [3]
    new, old = dq_of(copy), dq_of(real_exposure)
    np.testing.assert_array_equal(new, old | 4 * masks[0].bad.astype(old.dtype))
    program = shutil.which("fitsverify")
    if program is None:
        pytest.skip("needs fitsverify")
    found = [
        subprocess.run([program, "-l", path], capture_output=True, text=True, check=False)
        .stdout.count("***") for path in (real_exposure, Path(copy))
    ]
    assert found[0] == found[1]


def test_progress_counts_the_chips(visit: Visit, tmp_path: Path) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    reported: list[tuple[int, int]] = []
    applied(tmp_path, masks, visit.paths, jobs=1,
            progress=lambda done, total: reported.append((done, total)))
    assert reported == [(done, 8) for done in (0, 2, 4, 6, 8)]


@pytest.mark.parametrize("wrong", [{"grow": -1}, {"grow": 101}, {"grow": True}, {"jobs": 0}])
def test_wrong_numbers_are_refused(wrong: Any, visit: Visit, tmp_path: Path) -> None:  # noqa: ANN401
    (name,) = wrong
    with pytest.raises(ConfigError, match=f"{name} = .*: expected a number of"):
        applied(tmp_path, visit.paths, visit.paths, **wrong)
