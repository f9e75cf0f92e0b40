"""Export writes what other tools read, whole, and replaces nothing of others."""

import io
import re
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.table import Table

from staticmask_cli.cli.export import _FORMS
from staticmask_cli.errors import OutputError
from staticmask_cli.forms import export as module
from staticmask_cli.forms.export import FORMS, export_masks
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from tests.support.command import done, run
from tests.support.exposures import digest
from tests.support.masks import FACTS, Bits, write_mask, write_mask_of_drizzlepac

pytestmark = pytest.mark.usefixtures("folder")

NAME = "ACSWFC_20x30_1_staticMask.fits"


def example() -> Bits:
    bad = np.zeros((20, 30), bool)
    bad[3, 4] = bad[:, 17] = bad[0, -1] = True
    return bad


def with_causes() -> str:
    """Write a mask of which a line, a flagged pixel and an included one are bad."""
    mask = StaticMask(Signature("ACSWFC", (20, 30), 1), sky="local", final_bits="0", facts=FACTS)
    below = np.zeros((20, 30), bool)
    below[5, 5] = True
    mask.below = below
    mask.flagged = np.zeros((20, 30), bool)
    mask.flagged[7, 8] = mask.flagged[5, 5] = True
    mask.included = np.zeros((20, 30), bool)
    mask.included[7, 9] = True
    mask.write(NAME)
    return NAME


def test_the_command_offers_all_forms() -> None:
    assert _FORMS == FORMS


def test_each_form_is_a_file_of_its_own_whose_path_goes_to_stdout(folder: Path) -> None:
    mask = write_mask(folder, example())
    before = digest(Path(mask))
    words = [word for form in FORMS for word in ("--as", form)]
    paths = done("export", NAME, *words).stdout.splitlines()
    assert paths == [
        "ACSWFC_20x30_1_dq.fits", "ACSWFC_20x30_1_flag.fits", "ACSWFC_20x30_1_weight.fits",
        "ACSWFC_20x30_1_regions.reg", "ACSWFC_20x30_1_defects.ecsv", "ACSWFC_20x30_1_pixels.ecsv",
    ]
    assert sorted(path.name for path in folder.iterdir()) == sorted([NAME, *paths])
    assert digest(Path(mask)) == before


@pytest.mark.parametrize(
    ("form", "dtype", "good", "bad"),
    [("dq", ">i2", 0, 4), ("flag", "uint8", 0, 1), ("weight", "uint8", 1, 0)],
)
def test_an_image_says_which_value_is_bad(
    form: str, dtype: str, good: int, bad: int, folder: Path
) -> None:
    write_mask(folder, example())
    (path,) = done("export", NAME, "--as", form).stdout.splitlines()
    with fits.open(path, checksum=True) as hdus:
        assert len(hdus) == 1
        header = hdus[0].header
        assert hdus[0].data.dtype == np.dtype(dtype)
        np.testing.assert_array_equal(hdus[0].data, np.where(example(), bad, good))
    assert (header["GOODVAL"], header["BADVAL"], header["FORM"]) == (good, bad, form)
    assert header["COMMENT"][0] == f"{good} = good, {bad} = bad."
    assert (header["SIGDET"], header["SIGNUM"], header["CCDCHIP"]) == ("ACSWFC", 1, 2)
    assert header["CREATOR"].startswith("staticmask ")


@pytest.mark.parametrize(
    ("instrument", "bits"),
    [("ACS", 4), ("WFC3", 4), ("STIS", 4), ("WFPC2", 4), ("NICMOS", 32),
     ("NIRCAM", 1 | 1 << 30), ("MIRI", 1 | 1 << 30)],
)
def test_dq_has_the_bits_of_the_instrument(instrument: str, bits: int, folder: Path) -> None:
    write_mask(folder, example(), facts={"INSTRUME": instrument, "DETECTOR": "IR"})
    (path,) = export_masks([NAME], ["dq"])
    np.testing.assert_array_equal(fits.getdata(path), np.where(example(), bits, 0))


def test_dq_of_jwst_is_what_dq_init_reads_from_its_user(folder: Path) -> None:
    """Do what jwst's do_dqinit does with --user_supplied_dq: getdata, and bitwise or."""
    write_mask(folder, example(), facts={"INSTRUME": "NIRCAM", "DETECTOR": "NRCA1"})
    (path,) = export_masks([NAME], ["dq"])
    user_dq = fits.getdata(path)
    assert user_dq.dtype == np.uint32
    pixeldq = np.bitwise_or(np.full((20, 30), 4, np.uint32), user_dq)
    np.testing.assert_array_equal(pixeldq, np.where(example(), 5 | 1 << 30, 4))


def test_dq_of_a_camera_without_known_bits_is_refused(folder: Path) -> None:
    write_mask(folder, example(), facts={"INSTRUME": "MYCAM"})
    result = run("export", NAME, "--as", "dq", "--as", "flag", code=1)
    assert "known for HST and JWST alone, found INSTRUME MYCAM; use --as flag" in result.stderr
    assert [path.name for path in folder.iterdir()] == [NAME]


def test_tables_have_the_causes_and_are_read_by_astropy() -> None:
    defects, pixels = (Table.read(path) for path in
                       export_masks([with_causes()], ["defects", "pixels"]))
    assert defects.colnames == ["x0", "y0", "width", "height", "reason"]
    assert [tuple(row) for row in defects] == [
        (5, 5, 1, 1, "local+dq"), (8, 7, 2, 1, "dq+included"),
    ]
    assert defects["x0"].unit == "pix"
    assert defects.meta["OBSTYPE"] == "defects"
    assert pixels.colnames == ["x_from_0", "y_from_0", "x_from_1", "y_from_1", "reason"]
    assert [tuple(row) for row in pixels] == [
        (5, 5, 6, 6, "local+dq"), (8, 7, 9, 8, "dq"), (9, 7, 10, 8, "included"),
    ]
    assert pixels.meta["SIGDET"] == "ACSWFC"


@pytest.mark.parametrize("form", ["defects", "pixels"])
def test_a_table_of_no_bad_pixel_is_read_by_astropy(form: str, folder: Path) -> None:
    write_mask(folder, np.zeros((20, 30), bool))
    (path,) = export_masks([NAME], [form])
    assert len(Table.read(path)) == 0


def test_regions_are_boxes_with_centres_counted_from_1() -> None:
    (path,) = export_masks([with_causes()], ["regions"])
    lines = Path(path).read_text("ascii").splitlines()
    assert lines[0] == "# Region file format: DS9 version 4.1"
    assert lines[lines.index("image") :] == [
        "image", "box(6,6,1,1,0) # tag={local+dq}", "box(9.5,8,2,1,0) # tag={dq+included}",
    ]


def test_the_causes_of_a_mask_of_drizzlepac_are_unknown(folder: Path) -> None:
    write_mask_of_drizzlepac(folder / "a_20x30_1_staticMask.fits", example())
    (path,) = export_masks(["a_20x30_1_staticMask.fits"], ["pixels"])
    assert set(Table.read(path)["reason"]) == {"unknown"}


def test_bad_pixels_grow_in_every_form(folder: Path) -> None:
    bad = np.zeros((20, 30), bool)
    bad[3, 0] = True
    write_mask(folder, bad)
    flag, pixels = done("export", NAME, "--as", "flag", "--as", "pixels", "--grow",
                        "1").stdout.splitlines()
    expected = np.zeros((20, 30), int)
    expected[2:5, 0:2] = 1
    np.testing.assert_array_equal(fits.getdata(flag), expected)
    assert list(Table.read(pixels)["reason"]).count("grown") == 5
    assert list(Table.read(pixels)["reason"]).count("global") == 1


# Files that are there already.


@pytest.mark.parametrize("form", FORMS)
def test_a_file_that_export_wrote_is_replaced(form: str, folder: Path) -> None:
    write_mask(folder, example())
    (path,) = export_masks([NAME], [form])
    write_mask(folder, np.zeros((20, 30), bool))
    before = digest(Path(path))
    assert export_masks([NAME], [form]) == [path]
    assert digest(Path(path)) != before


@pytest.mark.parametrize("content", [b"", b"image\nbox(1,1,1,1)\n", b"SIMPLE  =", b"\0"])
@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_others_is_replaced_only_if_that_is_asked_for(
    form: str, content: bytes, folder: Path
) -> None:
    write_mask(folder, example())
    (path,) = export_masks([NAME], [form])
    expected = digest(Path(path))
    Path(path).write_bytes(content)
    result = run("export", NAME, "--as", form, "--as", "flag", "--as", "regions", code=1)
    assert re.search(rf"^Error: .*{path}: exists and was not written by export; move it away, or "
                     "use --overwrite$", result.stderr.strip())
    assert Path(path).read_bytes() == content
    assert sorted(p.name for p in folder.iterdir()) == sorted([NAME, path])
    done("export", NAME, "--as", form, "--overwrite")
    if form not in ("dq", "flag", "weight"):  # which have their date
        assert digest(Path(path)) == expected


def test_no_mask_is_replaced_whatever_is_asked_for(folder: Path) -> None:
    mask = Path(write_mask(folder, example()))
    for name in ("a_flag.fits", "a.fits"):  # of which the second makes a file as the first
        (folder / name).write_bytes(mask.read_bytes())
    with pytest.raises(OutputError, match=r"^a_flag\.fits: would take the place of a mask; choose"):
        export_masks(["a_flag.fits", "a.fits"], ["flag"], overwrite=True)
    assert len(list(folder.iterdir())) == 3


def test_two_masks_of_one_name_are_not_exported_to_one_file(folder: Path) -> None:
    for name in ("a", "b"):
        (folder / name).mkdir()
        write_mask(folder / name, example())
    result = run("export", f"a/{NAME}", f"b/{NAME}", "--as", "flag", "-o", "out", code=2)
    assert "both would be exported to out/ACSWFC_20x30_1_flag.fits; export them to fold" in (
        result.stderr)
    assert not (folder / "out").exists()


def test_all_files_are_written_or_none(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_mask(folder, example())

    def full(stream: io.BytesIO, content: bytes) -> None:
        stream.write(content[:10])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, "_write", full)
    with pytest.raises(OutputError, match=r"_regions\.reg: cannot be written: No space left"):
        export_masks([NAME], ["dq", "flag", "regions"])
    assert [path.name for path in folder.iterdir()] == [NAME]


# What is no mask.


def test_all_that_are_no_masks_are_named(folder: Path) -> None:
    write_mask(folder, example())
    (flag,) = export_masks([NAME], ["flag"])
    fits.PrimaryHDU(example().astype(np.int16)).writeto(folder / "bpm.fits")
    fits.PrimaryHDU(example().astype(np.float32)).writeto(folder / "a_1_staticMask.fits")
    (folder / "text.fits").write_text("no mask")
    result = run("export", NAME, flag, "bpm.fits", "a_1_staticMask.fits", "text.fits", "none.fits",
                 "--as", "regions", code=1)
    lines = result.stderr.strip().splitlines()
    assert [line.partition(": ")[2].partition(";")[0].partition(",")[0] for line in
            (lines[0].removeprefix("Error: "), *lines[1:])] == [
        "is a list in the form flag",
        "is not known to be a static mask: expected one of staticmask",
        "is not a static mask: expected an image of whole numbers",
        "cannot be read as FITS: it begins with 'no mas'",
        "expected a FITS file",
    ]
    assert not list(folder.glob("*.reg"))
