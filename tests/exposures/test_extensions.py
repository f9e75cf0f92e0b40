"""The chips and flags of files whose extensions are not called SCI and DQ."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import ConfigError, ExposureError, InputError
from staticmask_cli.exposures.exposure import read_exposure
from staticmask_cli.exposures.extensions import FileForm
from staticmask_cli.masks.static_mask import StaticMask
from tests.support.exposures import sky

pytestmark = pytest.mark.usefixtures("folder")

Extension = tuple[str, dict[str, Any]]


def write(path: str, *extensions: Extension, primary: dict[str, Any] | None = None) -> str:
    """Write a file of images, each with an EXTNAME (or none) and keywords; flags are integers."""
    header = fits.Header({"INSTRUME": "MYCAM", "EXPTIME": 5.0} if primary is None else primary)
    hdus: list[Any] = [fits.PrimaryHDU(header=header)]
    for place, (name, keywords) in enumerate(extensions, 1):
        bad = keywords.pop("bad", None)
        data: Any = sky(seed=place)
        if bad is not None:
            data = np.zeros(data.shape, np.uint8)
            data[bad] = 1
        hdus.append(fits.ImageHDU(data, fits.Header(keywords), name=name or None))
    fits.HDUList(hdus).writeto(path)
    return path


def numbers(path: str, **form: str) -> dict[int, int]:
    """Return the numbers of the chips by HDU."""
    chips = read_exposure(path, dq=False, form=FileForm(**form)).chips
    assert [chip.label.extver for chip in chips] == [chip.signature.number for chip in chips]
    return {chip.extension: chip.signature.number for chip in chips}


def flagged(masks: list[StaticMask]) -> dict[int, list[list[int]]]:
    """Return the flagged pixels by number of the chip."""
    return {mask.signature.number: np.argwhere(mask.flagged).tolist()
            for mask in masks if mask.flagged is not None}


# Which images are chips, and their numbers.


@pytest.mark.parametrize(
    ("extensions", "expected"),
    [
        ([("IM1", {"EXTVER": 1}), ("IM2", {"EXTVER": 2})], {1: 1, 2: 2}),
        ([("IM1", {"EXTVER": 7}), ("IM2", {"EXTVER": 3})], {1: 7, 2: 3}),
        ([("S29", {"CCDNUM": 29}), ("N4", {"CCDNUM": 35})], {1: 29, 2: 35}),
        ([("S29", {"CCDNUM": 29, "EXTVER": 1}), ("N4", {"CCDNUM": 35, "EXTVER": 1})],
         {1: 29, 2: 35}),
        ([("", {"DETSEC": "[81:160,1:60]"}), ("", {"DETSEC": "[80:1, 1:60]"}),
          ("", {"DETSEC": "[1:80,61:120]"})], {1: 2, 2: 1, 3: 3}),
        ([("CCD1", {"DETSEC": "[1:80,1:60]"}), ("CCD2", {"DETSEC": "[1:80,1:60]"})],
         {1: 1, 2: 2}),
        ([("", {}), ("", {})], {1: 1, 2: 2}),
        ([("S29", {"CCDNUM": 29, "EXTVER": 1})], {1: 29}),
        ([("CCD1", {"EXTVER": 4})], {1: 4}),
        ([("IMAGE", {"EXTVER": 1}), ("MASK", {"EXTVER": 1, "bad": (1, 1)}),
          ("VARIANCE", {"EXTVER": 1})], {1: 1}),
        ([("CCD1", {}), ("CCD1_ERR", {}), ("CCD1-BPM", {}), ("CCD2", {}), ("WHT2", {})],
         {1: 1, 4: 2}),
    ],
    ids=["EXTVER", "EXTVER in any order", "CCDNUM", "CCDNUM where EXTVER are equal", "DETSEC",
         "equal DETSEC", "order", "CCDNUM of one chip", "EXTVER of one chip", "LSST", "others"],
)
def test_every_image_is_a_chip_with_the_number_that_its_header_has(
    extensions: list[Extension], expected: dict[int, int]
) -> None:
    assert numbers(write("x.fits", *extensions)) == expected


def test_images_called_sci_are_the_only_chips_of_their_file() -> None:
    path = write("x.fits", ("SCI", {"EXTVER": 2}), ("CCD1", {}), ("SCI", {"EXTVER": 1}))
    assert numbers(path) == {1: 2, 3: 1}


def test_an_image_in_the_primary_hdu_has_the_number_of_its_detector() -> None:
    header = fits.Header({"INSTRUME": "MYCAM", "CCDNUM": 12})
    fits.PrimaryHDU(sky(), header).writeto("x.fits")
    assert numbers("x.fits") == {0: 12}


@pytest.mark.parametrize(("pattern", "expected"), [
    ("S*", {1: 29, 2: 30}), ("s30", {2: 30}), ("S29, N*", {1: 29, 3: 35}), ("?4", {3: 35}),
])
def test_sci_ext_chooses_the_chips(pattern: str, expected: dict[int, int]) -> None:
    path = write("x.fits", ("S29", {"CCDNUM": 29}), ("S30", {"CCDNUM": 30}),
                 ("N4", {"CCDNUM": 35}))
    assert numbers(path, sci_ext=pattern) == expected
    with pytest.raises(ExposureError, match=r"x\.fits: sci_ext = CCD\*: expected the EXTNAME of "
                                            r"images, found S29, S30, N4"):
        numbers(path, sci_ext="CCD*")


def test_group_takes_the_numbers_of_the_chips() -> None:
    path = write("x.fits", ("S29", {"CCDNUM": 29}), ("S30", {"CCDNUM": 30}))
    for group in ("sci,30", "2"):
        (mask,) = create_masks(path, group=group)
        assert str(mask.path).endswith("MYCAM_60x80_30_staticMask.fits")
    with pytest.raises(ExposureError, match=r"this file has 1 \(sci,29\), 2 \(sci,30\)"):
        create_masks(path, group="sci,2")


def test_a_file_without_an_image_of_the_sky_says_what_it_holds() -> None:
    path = write("x.fits", ("WHT", {}), ("BPM", {"bad": (1, 1)}))
    with pytest.raises(ExposureError, match=r"found neither, .* it holds WHT, BPM"):
        numbers(path)


# INSTRUME.


def test_instrument_stands_for_a_missing_instrume_alone() -> None:
    path = write("x.fits", ("CCD1", {}), primary={})
    with pytest.raises(ExposureError, match=r"x\.fits: expected INSTRUME .* --instrument NAME"):
        create_masks(path)
    (mask,) = create_masks(path, instrument="My Cam")
    assert str(mask.path).endswith("MyCam_60x80_1_staticMask.fits")
    assert mask.facts["INSTRUME"] == "My Cam"
    other = write("y.fits", ("CCD1", {}))
    (mask,) = create_masks(other, instrument="My Cam", final_bits=0)
    assert str(mask.path).endswith("MYCAM_60x80_1_staticMask.fits")


def test_a_whole_header_in_an_extension_makes_the_mask_of_the_plain_file() -> None:
    header = fits.Header({"INSTRUME": "MYCAM", "EXPTIME": 5.0, "ROOTNAME": "night1"})
    counts = np.round(sky() * 20).astype(np.uint16)
    fits.PrimaryHDU(counts, header).writeto("x.fits")
    # What fpack makes of it: an empty primary HDU, and all cards in the extension.
    fits.HDUList([fits.PrimaryHDU(), fits.CompImageHDU(counts, header)]).writeto("x.fits.fz")
    plain, packed = (create_masks(name, static_sig=2.0)[0] for name in ("x.fits", "x.fits.fz"))
    assert plain.path == packed.path
    assert plain.nbad > 20
    np.testing.assert_array_equal(plain.array, packed.array)
    assert plain.facts == packed.facts
    labels = [mask.members[0].label for mask in (plain, packed)]
    assert [(x.rootname, x.exptime, x.extver) for x in labels] == [("night1", 5.0, 1)] * 2


# DQ flags.


@pytest.mark.parametrize(
    "extensions",
    [
        [("CCD1", {}), ("CCD2", {}), ("BPM1", {"bad": (1, 1)}), ("BPM2", {"bad": (2, 2)})],
        [("CCD1", {}), ("CCD2", {}), ("BPM2", {"bad": (2, 2)}), ("BPM1", {"bad": (1, 1)})],
        [("CCD1", {}), ("CCD1_MASK", {"bad": (1, 1)}), ("CCD2", {}),
         ("MASK-CCD2", {"bad": (2, 2)})],
        [("CCD1", {"EXTVER": 1}), ("CCD2", {"EXTVER": 2}), ("BPM", {"bad": (2, 2), "EXTVER": 2}),
         ("BPM", {"bad": (1, 1), "EXTVER": 1})],
        [("SCI", {"EXTVER": 1}), ("SCI", {"EXTVER": 2}), ("MASK", {"bad": (2, 2), "EXTVER": 2}),
         ("MASK", {"bad": (1, 1), "EXTVER": 1})],
        [("", {}), ("", {}), ("MASK", {"bad": (1, 1)}), ("MASK", {"bad": (2, 2)})],
    ],
    ids=["number in the name", "in any order", "name", "EXTVER", "SCI", "order"],
)
def test_extensions_with_flags_are_found_and_matched(extensions: list[Extension]) -> None:
    path = write("x.fits", *extensions)
    assert flagged(create_masks(path, final_bits=0)) == {1: [[1, 1]], 2: [[2, 2]]}
    assert flagged(create_masks(path)) == {}


def test_the_only_mask_is_that_of_the_only_chip() -> None:
    header = fits.Header({"INSTRUME": "MYCAM"})
    mask = np.zeros((60, 80), np.uint8)
    mask[3, 4] = 1
    fits.HDUList([fits.PrimaryHDU(sky(), header), fits.ImageHDU(mask, name="MASK"),
                  fits.ImageHDU(sky(), name="UNCERT")]).writeto("ccdproc.fits")
    assert flagged(create_masks("ccdproc.fits", final_bits=0)) == {1: [[3, 4]]}


def test_flags_that_cannot_be_told_apart_are_refused() -> None:
    path = write("x.fits", ("A", {}), ("B", {}), ("MASK", {"bad": (1, 1)}))
    with pytest.raises(ExposureError, match=r"1 extensions with DQ flags \(MASK\) for 2 chips"):
        create_masks(path, final_bits=0)
    assert len(create_masks(path)) == 2


def test_a_chip_whose_flags_are_missing_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    path = write("x.fits", ("CCD1", {}), ("CCD2", {}), ("BPM2", {"bad": (2, 2)}))
    assert flagged(create_masks(path, final_bits=0))[2] == [[2, 2]]
    assert "x.fits[SCI,1]: no DQ" in caplog.text


def test_dq_ext_names_the_flags() -> None:
    path = write("x.fits", ("CCD1", {}), ("CCD2", {}), ("MASK", {"bad": (9, 9)}),
                 ("STATUS1", {"bad": (1, 1)}), ("STATUS2", {"bad": (2, 2)}))
    masks = create_masks(path, final_bits=0, sci_ext="CCD*", dq_ext="status*")
    assert flagged(masks) == {1: [[1, 1]], 2: [[2, 2]]}
    with pytest.raises(ExposureError, match=r"dq_ext = BAD\*: expected the EXTNAME of images .* "
                                            r"found CCD1, CCD2, MASK, STATUS1, STATUS2"):
        create_masks(path, final_bits=0, sci_ext="CCD*", dq_ext="BAD*")


def test_dq_ext_names_a_file_with_the_flags(tmp_path: Path) -> None:
    write("c4d_1_ooi_r.fits", ("S29", {"CCDNUM": 29}), ("S30", {"CCDNUM": 30}))
    path = str(tmp_path / "c4d_1_ooi_r.fits")
    with pytest.raises(InputError, match=r"expected the DQ flags in .*c4d_1_ood_r\.fits"):
        create_masks(path, final_bits=0, dq_ext="_ooi_=_ood_")
    write("c4d_1_ood_r.fits", ("S30", {"CCDNUM": 30, "bad": (2, 2)}),
          ("S29", {"CCDNUM": 29, "bad": (1, 1)}))
    masks = create_masks(path, final_bits=0, dq_ext="_ooi_=_ood_")
    assert flagged(masks) == {29: [[1, 1]], 30: [[2, 2]]}
    with pytest.raises(ExposureError, match=r"holds DQ flags; name the exposure, c4d_1_ooi_r"):
        create_masks("*.fits", final_bits=0, dq_ext="_ooi_=_ood_", output_dir="out")
    with pytest.raises(InputError, match="expected the first part in the name of the exposure"):
        create_masks(path, final_bits=0, dq_ext="_oow_=_ood_")


def test_dq_ext_is_of_no_use_where_dq_is_not_read(caplog: pytest.LogCaptureFixture) -> None:
    create_masks(write("x.fits", ("CCD1", {})), dq_ext="BPM*")
    assert "dq_ext = BPM* is not used, as DQ is not read" in caplog.text


@pytest.mark.parametrize("value", ["=_dq", "_sci=", "a=b=c", "=", '"BPM"'])
def test_a_dq_ext_without_meaning_is_refused(value: str) -> None:
    with pytest.raises(ConfigError, match=r"dq_ext = .*: expected an EXTNAME or pattern"):
        create_masks("x.fits", final_bits=0, dq_ext=value)
