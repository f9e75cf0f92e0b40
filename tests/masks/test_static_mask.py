"""The mask file: what other readers see in it, and that it is whole or not there."""

import errno
import functools
import os
import re
import shutil
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from staticmask_cli import Signature, StaticMask, __version__
from staticmask_cli.errors import ChipError, ConfigError, InputError, OutputError
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.pointings import corners_on_sky
from staticmask_cli.masks.rule import Agreement, expected_false_positives
from staticmask_cli.masks.writing import write_masks
from tests.support.exposures import WriteExposure, coordinates, digest, sky
from tests.support.strategies import shapes

SIGNATURE = Signature("ACSWFC", (60, 80), 1)
FACTS: dict[str, str | float] = {
    "TELESCOP": "HST", "INSTRUME": "ACS", "DETECTOR": "WFC", "BUNIT": "ELECTRONS",
    "CCDCHIP": 2, "LTV1": -3.0, "LTV2": 0.0,
}


def made(*, files: tuple[str, ...] = ("a_flt.fits", "b_flt.fits"), **facts: Any) -> StaticMask:  # noqa: ANN401
    mask = StaticMask(SIGNATURE, static_sig=3.0, final_bits="64,32", facts={**FACTS, **facts})
    dq = np.zeros(SIGNATURE.shape, np.int16)
    dq[5, 6] = 16
    for number, file in enumerate(files):
        label = ChipLabel(file, 1, f"root{number}", 100.0 + number)
        mask.add(sky(seed=number), label=label, dq=dq, good_bits=96)
    mask.add(np.full((60, 80), 7.0), label="flat_flt.fits")
    return mask


def test_readers_of_the_references_masks_can_read_ours(tmp_path: Path) -> None:
    mask, path = made(), tmp_path / SIGNATURE.filename
    mask.write(str(path))
    # A bad checksum would warn, hence fail.
    with fits.open(path, checksum=True, disable_image_compression=True) as hdus:
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "MEMBERS", "WHY"]
        assert hdus[0].header["BITPIX"] == 16
        assert hdus[0].data.shape == (60, 80)
        np.testing.assert_array_equal(hdus[0].data, mask.array)
        assert set(np.unique(hdus[0].data)) == {0, 1}
        assert hdus[0].data[5, 6] == 0
        for hdu in hdus:
            assert {"CHECKSUM", "DATASUM"} <= set(hdu.header)
            assert (hdu.verify_checksum(), hdu.verify_datasum()) == (1, 1)
        datetime.strptime(hdus[0].header["DATE"], "%Y-%m-%dT%H:%M:%S")  # noqa: DTZ007 - it is UTC
        expected = {
            **{key: value for key, value in FACTS.items() if key != "BUNIT"},
            "STATSIG": 3.0, "SKY": "global", "AGREE": "any", "FINLBITS": "64,32",
            "NCOMBINE": 2,
            "NBAD": np.count_nonzero(~mask.good), "CREATOR": f"staticmask {__version__}",
            "SIGDET": "ACSWFC", "SIGNUM": 1,
        }
        assert {key: hdus[0].header[key] for key in expected} == expected
        assert "BUNIT" not in hdus[0].header  # 0 and 1 have no unit
        assert path.stat().st_size % 2880 == 0


def test_members_has_a_row_for_each_chip(tmp_path: Path) -> None:
    mask, path = made(), tmp_path / "m.fits"
    mask.write(str(path))
    with fits.open(path) as hdus:
        rows, columns = hdus["MEMBERS"].data, hdus["MEMBERS"].columns
        assert list(rows["FILE"]) == ["a_flt.fits", "b_flt.fits", "flat_flt.fits"]
        assert list(rows["ROOTNAME"]) == ["root0", "root1", ""]
        assert list(rows["USED"]) == [True, True, False]
        assert rows["WHYNOT"][2].startswith("its pixels fill fewer than two histogram bins")
        for name, attribute in (("MODE", "mode"), ("RMS", "rms"), ("THRESH", "threshold"),
                                ("NOISE", "noise"), ("NBELOW", "below"),
                                ("NCHANCE", "chance"), ("NDQ", "flagged")):
            assert list(rows[name][:2]) == [getattr(m, attribute) for m in mask.members[:2]]
        assert list(rows["NDQ"]) == [1, 1, 0]
        assert rows["DQBITS"][0] in {"16:1", ""}
        assert list(rows["NPIX"]) == [4800] * 3
        assert list(rows["EXTVER"]) == [1] * 3
        assert list(rows["EXPTIME"][:2]) == [100.0, 101.0]
        assert np.isnan(rows["EXPTIME"][2])
        units = {column.name: column.unit for column in columns}
    assert units == {
        "FILE": None, "ROOTNAME": None, "EXTVER": None, "EXPTIME": "s", "MODE": "ELECTRONS",
        "RMS": "ELECTRONS", "MEDIAN": "ELECTRONS", "THRESH": "ELECTRONS", "NPIX": "pixel",
        "NOISE": "ELECTRONS", "NBELOW": "pixel", "NCHANCE": "pixel",
        "NDQ": "pixel", "DQBITS": None, "USED": None, "WHYNOT": None, "POINTING": None,
        "RA1": "deg", "DEC1": "deg", "RA2": "deg", "DEC2": "deg", "NNAN": "pixel",
        "EXPSTART": "d", "HEADSUM": None,
    }


def test_a_chip_that_was_set_aside_has_no_figures(tmp_path: Path) -> None:
    mask, path = made(), tmp_path / "m.fits"  # its last chip is constant
    mask.set_aside(ChipLabel("unfit_flt.fits"), "EXPTIME = 0")
    mask.write(str(path))
    rows = fits.getdata(path, "MEMBERS")
    assert list(rows["USED"]) == [True, True, False, False]
    for name in ("MODE", "RMS", "MEDIAN", "THRESH", "NOISE"):
        assert np.isnan(rows[name]).tolist() == [False, False, True, True], name
    assert [list(rows[name][2:]) for name in ("NBELOW", "NCHANCE", "NDQ")] == [[0, 0]] * 3
    assert rows["WHYNOT"][3] == "EXPTIME = 0"
    assert fits.getheader(path)["NCOMBINE"] == 2


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    mask = made()
    mask.write(str(tmp_path / "m.fits"))
    read = StaticMask.read(str(tmp_path / "m.fits"))
    assert (read.signature, read.rule.static_sig, read.rule.final_bits) == (SIGNATURE, 3.0, "64,32")
    np.testing.assert_array_equal(read.array, mask.array)
    assert read.members[:2] == mask.members[:2]
    assert read.members[2].skip_reason == mask.members[2].skip_reason
    assert read.path == str(tmp_path / "m.fits")


@pytest.mark.parametrize("agree", ["any", "all", 2, 0.5])
def test_votes_are_kept_in_the_file_where_they_are_needed(
    agree: Agreement, tmp_path: Path
) -> None:
    mask, path = StaticMask(SIGNATURE, static_sig=1.0, sky="local", agree=agree), tmp_path / "m"
    for number in range(3):
        mask.add(sky(seed=number), label=f"{number}.fits")
    mask.write(str(path))
    needed = {"any": 1, "all": 3}.get(str(agree), 2)
    with fits.open(path, checksum=True) as hdus:
        by_pointing = agree in (2, 0.5)
        further = {"any": [], "all": ["VOTES"]}.get(str(agree), ["VOTES", "POINTINGS"])
        assert [hdu.name for hdu in hdus][2:] == [*further, "WHY"]
        header = hdus[0].header
        assert (header["SKY"], header["AGREE"]) == ("local", str(agree))
        assert header["NCHANCE"] == mask.chance > 0
        enough = "one exposure" if needed == 1 else f"{needed} exposures"
        if by_pointing:
            enough = f"one exposure of {needed} pointings"
        assert "".join(header["COMMENT"]) == (
            f"Static mask: 1 = good, 0 = bad in at least {enough}."
        )
    read = StaticMask.read(str(path))
    assert (read.rule.sky, read.rule.agree, type(read.rule.agree)) == ("local", agree, type(agree))
    np.testing.assert_array_equal(read.array, mask.array)
    assert 0 < read.nbad < 4800
    more = StaticMask(SIGNATURE, static_sig=1.0, sky="local", agree=agree)
    more.add(sky(seed=9), label="9.fits")
    read.merge(more)
    mask.merge(more)
    np.testing.assert_array_equal(read.array, mask.array)


@pytest.mark.parametrize(
    "votes", [None, np.ones((3, 4), np.uint8), np.ones((60, 80), np.uint8), np.zeros((60, 80))],
    ids=["missing", "another shape", "other votes", "no votes"],
)
def test_votes_that_do_not_fit_the_mask_are_refused(
    votes: npt.NDArray[Any] | None, tmp_path: Path
) -> None:
    mask = StaticMask(SIGNATURE, static_sig=1.0, agree=2)
    for number in range(2):
        mask.add(sky(seed=number), label=f"{number}.fits")
    mask.write(str(tmp_path / "m.fits"))
    with fits.open(tmp_path / "m.fits", mode="update") as hdus:
        del hdus["VOTES"]
        if votes is not None:
            hdus.append(fits.ImageHDU(votes, name="VOTES"))
    with pytest.raises(InputError, match=r"VOTES.*; expected a mask that staticmask wrote"):
        StaticMask.read(str(tmp_path / "m.fits"))


def dithered(*pixels: float | None) -> StaticMask:
    """Return a mask that counts pointings, of exposures at these offsets; None is unknown."""
    mask = StaticMask(SIGNATURE, static_sig=1.0, sky="local", agree=2)
    for number, dx in enumerate(pixels):
        header = fits.Header({} if dx is None else coordinates(dx))
        corners = corners_on_sky(header, SIGNATURE.shape)
        label = ChipLabel(f"{number}.fits", 1, "", 1.0, *corners)
        mask.add(sky(seed=number), label=label)
    return mask


def test_a_mask_file_holds_the_pixels_of_each_pointing(tmp_path: Path) -> None:
    mask, path = dithered(9.0, 0.0, 9.5, None), str(tmp_path / "m.fits")
    mask.write(path)
    with fits.open(path) as hdus:
        assert list(hdus["MEMBERS"].data["POINTING"]) == [1, 2, 1, 3]
        assert hdus[0].header["NPOINT"] == 3
        rows = hdus["POINTINGS"].data
        for pointing, seeds in ((1, (0, 2)), (2, (1,))):
            bad = np.logical_or.reduce([alone(seed) for seed in seeds])
            pixels = rows["PIXEL"][rows["POINTING"] == pointing]
            assert pixels.tolist() == np.flatnonzero(bad).tolist()
        assert set(rows["POINTING"]) == {1, 2}
    read = StaticMask.read(path)
    assert repr(read.members) == repr(mask.members)
    expected = (alone(0) | alone(2)).astype(int) + alone(1) + alone(3)
    assert read.votes is not None
    np.testing.assert_array_equal(read.votes, expected)
    read.write(str(tmp_path / "again.fits"))
    assert fits.FITSDiff(path, str(tmp_path / "again.fits"),
                         ignore_keywords=["DATE", "CHECKSUM", "DATASUM"]).identical


@functools.cache
def alone(seed: int) -> npt.NDArray[np.bool_]:
    """Return the bad pixels of one exposure."""
    mask = StaticMask(SIGNATURE, static_sig=1.0, sky="local")
    mask.add(sky(seed=seed), label="a")
    return mask.bad


@pytest.fixture(scope="module")
def two_pointings(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the file of a mask of two exposures at as many pointings, which is not changed."""
    path = tmp_path_factory.mktemp("two") / "m.fits"
    dithered(9.0, 0.0).write(str(path))
    return path


@pytest.mark.parametrize(
    ("pointing", "pixel"), [(3, 5), (0, 5), (1, -1), (1, 4800), (1, None), (2, "a good pixel")]
)
def test_pixels_of_pointings_that_do_not_fit_the_votes_are_refused(
    pointing: int, pixel: int | str | None, two_pointings: Path, tmp_path: Path
) -> None:
    path = str(shutil.copy(two_pointings, tmp_path))
    good = int(np.flatnonzero(~(alone(0) | alone(1)))[0])
    with fits.open(path, mode="update") as hdus:
        rows = hdus["POINTINGS"].data
        new = rows["PIXEL"][-1] if pixel is None else good if isinstance(pixel, str) else pixel
        rows["PIXEL"][0], rows["POINTING"][0] = new, pointing
    with pytest.raises(InputError, match=r"contradict.*; expected a mask that staticmask wrote"):
        StaticMask.read(path)


def test_a_mask_of_a_version_without_pointings_is_read(tmp_path: Path) -> None:
    mask, path = dithered(0.0, 0.5, 9.0), tmp_path / "m.fits"
    old = StaticMask(SIGNATURE, static_sig=1.0, sky="local", agree=2)
    for number in range(3):
        old.add(sky(seed=number), label=f"{number}.fits")
    assert mask.nbad < old.nbad
    old.write(str(path))
    with fits.open(path) as hdus:
        del hdus["POINTINGS"]
        columns = [c for c in hdus["MEMBERS"].columns
                   if c.name not in ("POINTING", "RA1", "DEC1", "RA2", "DEC2")]
        hdus["MEMBERS"] = fits.BinTableHDU.from_columns(columns, name="MEMBERS")
        hdus.writeto(tmp_path / "old.fits")
    read = StaticMask.read(str(tmp_path / "old.fits"))
    np.testing.assert_array_equal(read.array, old.array)
    assert [member.pointing for member in read.members] == [0, 0, 0]
    assert (read.pointings_known, StaticMask.read(str(path)).pointings_known) == (False, True)


@settings(max_examples=40)
@given(
    below=shapes().flatmap(lambda shape: npst.arrays(np.bool_, shape)),
    number=st.integers(0, 999_999),
    static_sig=st.floats(1e-3, 1e3),
    final_bits=st.sampled_from([None, "0", "64,32", "~4096", "WARMPIX,HOTPIX"]),
)
def test_any_mask_is_read_back(
    below: npt.NDArray[np.bool_], number: int, static_sig: float, final_bits: str | None,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    path = str(tmp_path_factory.mktemp("any") / "m.fits")
    signature = Signature("ACSWFC", (below.shape[0], below.shape[1]), number)
    mask = StaticMask(signature, static_sig=static_sig, final_bits=final_bits)
    mask.below = below
    mask.write(path)
    read = StaticMask.read(path)
    assert (read.signature, read.rule.final_bits, read.members) == (signature, final_bits, [])
    # Older cards hold 16 digits.
    assert read.rule.static_sig == pytest.approx(static_sig, rel=1e-14)
    np.testing.assert_array_equal(read.array, 1 - below.astype(np.int16))
    assert fits.getheader(path)["NBAD"] == np.count_nonzero(below)


def test_same_members_and_parameters_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    for name in "ab":
        made().write(str(tmp_path / name))
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert fits.getheader(tmp_path / "a")["DATE"] == "1970-01-02T00:00:00"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "nonsense")
    made().write(str(tmp_path / "c"))
    headers = [fits.getheader(tmp_path / name) for name in "ac"]
    differ = {key for key in headers[0] if headers[0][key] != headers[1][key]}
    assert differ == {"DATE", "CHECKSUM"}
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "12345678901234567890")
    with pytest.raises(ConfigError, match=r"SOURCE_DATE_EPOCH = 1234.*: expected the seconds"):
        made().write(str(tmp_path / "d"))


@settings(max_examples=30)
@given(file=st.text(min_size=1, max_size=20), unit=st.text(max_size=9))
def test_any_name_survives_as_printable_ascii(
    file: str, unit: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "m.fits"
    made(files=(file,), BUNIT=unit).write(str(path))
    with fits.open(path, checksum=True) as hdus:
        stored = hdus["MEMBERS"].data["FILE"][0]
    assert stored.isascii()
    assert stored.encode("ascii").decode("unicode_escape") == file
    read = StaticMask.read(str(path))
    assert read.members[0].label.file == file
    assert read.facts.get("BUNIT", "") == unit


def test_masks_of_older_versions_have_their_unit_in_the_header(tmp_path: Path) -> None:
    made().write(str(tmp_path / "m.fits"))
    with fits.open(tmp_path / "m.fits") as hdus:
        hdus[0].header["BUNIT"] = "ELECTRONS"
        columns = [column for column in hdus["MEMBERS"].columns if column.name != "NNAN"]
        hdus["MEMBERS"] = fits.BinTableHDU.from_columns(columns, name="MEMBERS")
        hdus.writeto(tmp_path / "old.fits")
    old, new = (StaticMask.read(str(tmp_path / name)) for name in ("old.fits", "m.fits"))
    assert old.facts == new.facts == FACTS
    assert old.members[0] == new.members[0]


def test_pixels_that_are_not_finite_are_counted_apart(tmp_path: Path) -> None:
    data = sky()
    data[:10], data[30, 40:43] = np.nan, (np.inf, -np.inf, np.nan)
    mask = StaticMask(SIGNATURE)
    for label, pixels in {"half": data, "all": np.full((60, 80), np.nan), "whole": sky()}.items():
        mask.add(pixels, label=label)
    mask.set_aside(ChipLabel("unread"), "EXPTIME = 0")
    mask.write(str(tmp_path / "m.fits"))
    rows = fits.getdata(tmp_path / "m.fits", "MEMBERS")
    assert list(zip(rows["NPIX"], rows["NNAN"], strict=True)) == [
        (3997, 803), (0, 4800), (4800, 0), (4800, 0)]
    expected = [expected_false_positives(npix, 4.0) for npix in (3997, 4800)]
    assert list(rows["NCHANCE"][[0, 2]]) == expected
    assert fits.getheader(tmp_path / "m.fits")["NCHANCE"] == mask.chance
    assert mask.chance == pytest.approx(sum(expected), rel=1e-4)


@pytest.mark.parametrize(
    ("file", "stored"),
    [
        ("café_flt.fits", r"caf\xe9_flt.fits"), ("my sky_flt.fits", "my sky_flt.fits"),
        ("new\nline.fits", r"new\nline.fits"), ("back\\slash.fits", r"back\\slash.fits"),
        ("星_flt.fits", r"\u661f_flt.fits"), ("caf\udce9.fits", r"caf\udce9.fits"),
        ("x" * 200 + ".fits", "x" * 200 + ".fits"),
    ],
)
def test_names_that_fits_cannot_hold_become_escapes(
    file: str, stored: str, tmp_path: Path
) -> None:
    path = tmp_path / "m.fits"
    made(files=(file, "b_flt.fits")).write(str(path))
    with fits.open(path, checksum=True) as hdus:
        assert list(hdus["MEMBERS"].data["FILE"][:2]) == [stored, "b_flt.fits"]
    assert StaticMask.read(str(path)).members[0].label.file == file


def test_several_masks_are_written_all_or_none(tmp_path: Path) -> None:
    first, second = tmp_path / "first.fits", tmp_path / "second.fits"
    made().write(str(first))
    second.mkdir()
    before = digest(first)
    with pytest.raises(OutputError, match=r"second\.fits: cannot be written: Is a directory"):
        write_masks({str(first): made(files=("c.fits",)), str(second): made()})
    assert digest(first) == before
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        write_masks({str(first): made(), str(tmp_path / "no" / "m.fits"): made()})
    assert digest(first) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.fits", "second.fits"]


@pytest.mark.parametrize("which", [0, 1])
def test_a_failure_while_one_is_made_names_it_and_leaves_all(
    which: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [tmp_path / "first.fits", tmp_path / "second.fits"]
    write_masks({str(path): made() for path in paths})
    before = [digest(path) for path in paths]
    new, full = made(files=("new.fits",)), made()

    def fail(_date: str) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(full, "hdus", fail)
    masks = [full, new] if which == 0 else [new, full]
    message = f"{paths[which].name}: cannot be written: No space left"
    with pytest.raises(OutputError, match=message):
        write_masks({str(path): mask for path, mask in zip(paths, masks, strict=True)})
    assert [digest(path) for path in paths] == before
    assert sorted(tmp_path.iterdir()) == paths
    assert new.path is None


@pytest.mark.parametrize("length", [0, 100, 2880, 5000, 14400, 20160])
def test_a_mask_that_is_cut_is_not_read(length: int, tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    made().write(str(path))
    assert path.stat().st_size > 20160
    path.write_bytes(path.read_bytes()[:length])
    with pytest.raises(InputError, match=r"x\.fits: .*; expected a mask that staticmask wrote"):
        StaticMask.read(str(path))


def test_neither_a_folder_nor_a_missing_file_nor_an_exposure_is_read_as_a_mask(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    for path in (tmp_path, tmp_path / "missing.fits", write_exposure()):
        expected = f"{re.escape(str(path))}: .*; expected a mask that staticmask wrote"
        with pytest.raises(InputError, match=expected):
            StaticMask.read(str(path))


@pytest.mark.parametrize("content", [b"", b"text", b"SIMPLE  =                    T"])
def test_what_is_not_a_mask_is_not_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.fits: .*; expected a mask that staticmask wrote"):
        StaticMask.read(str(path))
    fits.PrimaryHDU(np.zeros((3, 4), np.int16)).writeto(path, overwrite=True)
    with pytest.raises(InputError, match=r"x\.fits: .*; expected a mask that staticmask wrote"):
        StaticMask.read(str(path))


def test_masks_of_other_detector_pixels_are_not_merged() -> None:
    def mask_at(**facts: Any) -> StaticMask:  # noqa: ANN401
        mask = StaticMask(SIGNATURE, facts=facts)
        mask.add(sky(seed=len(facts)), label="a.fits")
        return mask

    for other in ({"LTV1": -100.0}, {"LTV1": 0.0, "BINAXIS1": 2}, {"CCDCHIP": 2}):
        mask = mask_at(LTV1=0.0)
        before = mask.array
        with pytest.raises(ChipError, match=r"different pixels .* \(ACSWFC, number 1\)"):
            mask.merge(mask_at(**other))
        np.testing.assert_array_equal(mask.array, before)
        assert len(mask.members) == 1


def test_masks_of_arrays_take_the_position_of_the_first_that_has_one() -> None:
    mask = StaticMask(SIGNATURE)  # nothing is known about its position
    mask.merge(StaticMask(SIGNATURE, facts={"LTV1": 0.0, "BUNIT": "COUNTS"}))
    mask.merge(StaticMask(SIGNATURE, facts={"LTV1": 0.0, "BUNIT": "ELECTRONS"}))
    with pytest.raises(ChipError, match="LTV1 = -9 and not 0"):
        mask.merge(StaticMask(SIGNATURE, facts={"LTV1": -9.0}))
    assert mask.grid == {"LTV1": 0.0}


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"static_sig": "4"}, "static_sig = 4: expected a number > 0"),
        ({"static_sig": -1}, "static_sig = -1: expected a number > 0"),
        ({"static_sig": float("nan")}, "static_sig = nan: expected a number > 0"),
        ({"static_sig": np.ones((9, 9))}, r"static_sig = ndarray of shape \(9, 9\): expected a"),
        ({"sky": "flat"}, "sky = flat: expected global or local"),
        ({"agree": "some"}, "agree = some: expected any, all, a count"),
        ({"agree": None}, "agree = None: expected any, all, a count"),
        ({"signature": "ACSWFC"}, r"signature = ACSWFC: expected .* such as Signature\('CAMERA', "),
        ({"signature": ("ACS", 60, 1)}, "expected a name, the shape of a chip and its number"),
        ({"signature": ("ACS", (6.5, 8), 1)}, "expected a name, the shape of a chip"),
    ],
)
def test_a_mask_of_wrong_parameters_is_refused_at_once(
    given: dict[str, Any], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        StaticMask(**{"signature": SIGNATURE, **given})


def test_parameters_of_other_types_are_those_of_the_command(tmp_path: Path) -> None:
    mask = StaticMask(("ACSWFC", [60, 80], 1), static_sig=np.float32(3), agree="2",  # type: ignore[arg-type]
                      final_bits=96)  # type: ignore[arg-type]
    for number in range(3):
        mask.add(sky(seed=number), label=tmp_path / "a.fits")  # type: ignore[arg-type]
    assert (mask.signature, mask.rule.agree, mask.votes_needed) == (SIGNATURE, 2, 2)
    mask.write(tmp_path / "m.fits")
    read = StaticMask.read(tmp_path / "m.fits")
    assert read.rule == mask.rule
    read.merge(mask)
    assert len(read.members) == 6
