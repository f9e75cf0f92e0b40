"""Copies of exposures have the bad pixels of masks in DQ, and are the exposures otherwise."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import apply_masks, create_masks
from staticmask_cli.errors import ConfigError
from staticmask_cli.simulate.visit import CAMERAS, Visit, simulate_visit
from tests.support.applied import SHAPE, applied, dq_of
from tests.support.command import run
from tests.support.exposures import digest, sky
from tests.support.hdus import changed_hdus

BITS = {"WFPC2": 4, "NICMOS": 32, "NIRCAM": 1 | 1 << 30, "MIRI": 1 | 1 << 30,
        "NIRISS": 1 | 1 << 30}


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


def test_a_camera_of_another_form_has_copies_too(tmp_path: Path) -> None:
    for name, extensions in (
        ("x_sci.fits", [fits.ImageHDU(sky(seed=n), name=f"CCD{n}") for n in (1, 2)]),
        ("x_bad.fits", [fits.ImageHDU(np.zeros(SHAPE, np.int16), name=f"CCD{n}") for n in (2, 1)]),
    ):
        fits.HDUList([fits.PrimaryHDU(), *extensions]).writeto(tmp_path / name)
    path = tmp_path / "x_sci.fits"
    form: dict[str, Any] = {"instrument": "CAM", "sci_ext": "CCD*", "dq_ext": "_sci=_bad"}
    masks = create_masks(path, output_dir=tmp_path / "masks", static_sig=2.0, **form)
    (copy,) = applied(tmp_path, masks, path, dq_bit=4, **form)
    with fits.open(Path(copy).with_name("x_bad.fits")) as hdus:
        for mask in masks:
            flags = hdus[f"CCD{mask.signature.number}"].data
            assert mask.nbad > 20
            np.testing.assert_array_equal(flags == 4, mask.bad)
    result = run("create", path, "-o", tmp_path / "m", "--instrument", "CAM", "--sci-ext", "CCD*",
                 "--dq-ext", "_sci=_bad", "--final-bits", "0", "--apply-to", tmp_path / "c")
    assert "--dq-bit" in result.stderr  # INSTRUME is found, but which bit is bad is not known
