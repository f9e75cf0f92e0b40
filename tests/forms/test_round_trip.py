"""Export and include are inverse, in every form."""

import os
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings

from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.forms.export import FORMS, export_masks
from staticmask_cli.forms.including import included_pixels
from tests.support.masks import (
    FACTS,
    Bits,
    bad_pixels,
    target_of,
    write_mask,
    write_mask_of_drizzlepac,
)

IMAGES = ("dq", "flag", "weight")
JWST: dict[str, str | float] = {"TELESCOP": "JWST", "INSTRUME": "NIRCAM", "DETECTOR": "NRCA1"}
ODD: dict[str, str | float] = {**FACTS, "INSTRUME": "ACS é\\}\"'", "LTV1": -3.5, "CCDCHIP": 1e-9}


def example() -> Bits:
    bad = np.zeros((20, 30), bool)
    bad[3, 4] = bad[:, 17] = bad[0, -1] = True
    return bad


@given(bad_pixels())
@settings(max_examples=40)
def test_what_export_writes_is_read_back_to_the_same_pixels(bad: Bits) -> None:
    with TemporaryDirectory() as name:
        mask = write_mask(Path(name), bad)
        paths = [mask, *export_masks([mask], FORMS, output_dir=name)]
        assert len(paths) == 1 + len(FORMS)
        for path in paths:
            found = included_pixels([path], None, [target_of(bad)])
            assert list(found) == [target_of(bad).name]
            np.testing.assert_array_equal(found[target_of(bad).name].bad, bad, path)
            assert found[target_of(bad).name].files == (path,)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("facts", [FACTS, JWST, ODD, {"INSTRUME": "WFPC2"}],
                         ids=["ACS", "JWST", "odd", "WFPC2"])
def test_a_list_finds_its_mask_among_others_by_itself(
    form: str, facts: dict[str, str | float], tmp_path: Path
) -> None:
    bad = example()
    (path,) = export_masks([write_mask(tmp_path, bad, number=2, facts=facts)],
                           [form if facts is not ODD or form != "dq" else "flag"],
                           output_dir=str(tmp_path))
    targets = [target_of(bad, number=number, facts=facts) for number in (1, 2, 3)]
    found = included_pixels([path], None, targets)
    assert list(found) == ["ACSWFC_20x30_2"]
    np.testing.assert_array_equal(found["ACSWFC_20x30_2"].bad, bad)
    with pytest.raises(InputError, match=r"belongs to no mask of this run; ACSWFC_20x30_1: mask is "
                                         "ACSWFC_20x30_2 instead of ACSWFC_20x30_1"):
        included_pixels([path], None, targets[:1])
    with pytest.raises(InputError, match="belongs to no mask of this run"):
        included_pixels([f"ACSWFC_20x30_1={path}"], None, targets)


@pytest.mark.parametrize("form", FORMS)
def test_a_list_of_another_part_of_the_detector_is_refused(form: str, tmp_path: Path) -> None:
    (path,) = export_masks([write_mask(tmp_path, example())], [form], output_dir=str(tmp_path))
    elsewhere = target_of(example(), facts={**FACTS, "LTV1": -100.0})
    with pytest.raises(InputError, match=r"ACSWFC_20x30_1: LTV1 is 0\.0 instead of -100\.0"):
        included_pixels([path], None, [elsewhere])


@pytest.mark.parametrize("form", FORMS)
def test_lists_of_a_mask_of_drizzlepac_are_read_back(form: str, tmp_path: Path) -> None:
    bad = example()
    mask = write_mask_of_drizzlepac(tmp_path / "j8bt06nyq_20x30_1_staticMask.fits", bad)
    if form == "dq":
        with pytest.raises(InputError, match="found no INSTRUME in its header; use --as flag"):
            export_masks([mask], [form], output_dir=str(tmp_path))
        return
    (path,) = export_masks([mask], [form], output_dir=str(tmp_path))
    assert os.path.basename(path).startswith(f"j8bt06nyq_20x30_1_{form}.")
    for source in (mask, path):
        found = included_pixels([source], None, [target_of(bad)])
        np.testing.assert_array_equal(found["ACSWFC_20x30_1"].bad, bad)


# Polarity is never guessed.


@pytest.mark.parametrize(
    ("form", "wrong", "stated"),
    [("dq", 0, "good"), ("flag", 0, "good"), ("weight", 1, "bad"), ("mask", 1, "bad")],
)
def test_a_polarity_that_a_list_contradicts_is_refused(
    form: str, wrong: int, stated: str, tmp_path: Path
) -> None:
    path = write_mask(tmp_path, example())
    if form != "mask":
        (path,) = export_masks([path], [form], output_dir=str(tmp_path))
    with pytest.raises(ConfigError, match=f"^include_bad = {wrong}, but .* says itself that 0 is "
                                          f"{stated}; leave include_bad "):
        included_pixels([path], wrong, [target_of(example())])
    found = included_pixels([path], 1 - wrong, [target_of(example())])
    np.testing.assert_array_equal(found["ACSWFC_20x30_1"].bad, example())


@pytest.mark.parametrize("form", IMAGES)
def test_an_image_that_lost_the_words_of_its_header_needs_the_polarity(
    form: str, tmp_path: Path
) -> None:
    (path,) = export_masks([write_mask(tmp_path, example())], [form], output_dir=str(tmp_path))
    pixels = fits.getdata(path)
    fits.PrimaryHDU(pixels).writeto(path, overwrite=True)
    right = 0 if form == "weight" else 1
    with pytest.raises(ConfigError, match="does not say whether 0 is a good pixel or a bad one; "
                                          "say which value is bad: --include-bad 1 "):
        included_pixels([path], None, [target_of(example())])
    with pytest.raises(InputError, match=rf"with include_bad = {1 - right}, 57\d of its 600 pixels "
                                         rf"would be bad; is {right} the bad value\?"):
        included_pixels([path], 1 - right, [target_of(example())])
    found = included_pixels([path], right, [target_of(example())])
    np.testing.assert_array_equal(found["ACSWFC_20x30_1"].bad, example())


def test_a_polarity_is_for_images_that_need_it_beside_lists_that_say_the_opposite(
    tmp_path: Path
) -> None:
    mask, image = write_mask(tmp_path, example()), tmp_path / "bpm.fits"
    others = np.zeros((20, 30), np.uint8)
    others[9, 8] = 64
    fits.PrimaryHDU(others).writeto(image)
    found = included_pixels([mask, str(image)], 1, [target_of(example())])["ACSWFC_20x30_1"]
    np.testing.assert_array_equal(found.bad, example() | (others > 0))
    assert found.names == ("ACSWFC_20x30_1_staticMask.fits", "bpm.fits")
