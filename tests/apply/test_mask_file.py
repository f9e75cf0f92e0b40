"""Masks of staticmask and of drizzlepac are read; other files are not."""

import shutil
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import ExposureError, InputError
from staticmask_cli.simulate.visit import Visit
from tests.support.applied import SHAPE, applied, bad_pixels, dq_of
from tests.support.exposures import WriteExposure, sky


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


def test_a_mask_is_not_applied_to_another_section_of_a_detector(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = np.zeros(SHAPE, np.int16)
    first, same, other = (
        write_exposure(f"{n}_flt.fits", chips=[{"data": sky(), "dq": dq, "DETSEC": section}])
        for n, section in enumerate(["[1:80,1:60]", "[1:80, 1:60]", "[81:160,1:60]"])
    )
    (mask,) = create_masks(first, output_dir=tmp_path / "masks")
    applied(tmp_path, Path(str(mask.path)), same)
    with pytest.raises(InputError, match=r"cannot be applied to .*2_flt.*DETSEC is \[1:80,1:60"):
        applied(tmp_path, Path(str(mask.path)), other)
