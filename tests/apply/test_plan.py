"""Masks are applied to the chips of their detector pixels, and to no others."""

from pathlib import Path

import numpy as np
import pytest

from staticmask_cli import __version__, create_masks
from staticmask_cli.errors import ExposureError, InputError
from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.applied import SHAPE, applied, bad_pixels, dq_of, history_of, write_mask
from tests.support.exposures import WriteExposure, sky
from tests.support.hdus import changed_hdus


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
    assert len(history_of(copy)) == 4


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


def test_history_says_which_mask_set_what(write_exposure: WriteExposure, tmp_path: Path) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = write_mask(tmp_path / "m_staticMask.fits", bad_pixels((3, 4), (5, 6)))
    (copy,) = applied(tmp_path, mask, path, grow=1)
    assert history_of(copy) == [
        f"staticmask {__version__} apply: m_staticMask.fits",
        "  4 set where it is 0 and up to 1 pixels from there, in 17 pixels",
    ]


def test_dq_that_is_not_there_is_refused(write_exposure: WriteExposure, tmp_path: Path) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels())
    with pytest.raises(ExposureError, match=r"has no DQ array that can be flagged: no ext.* DQ,1"):
        applied(tmp_path, mask, write_exposure())
    visit = simulate_visit(str(tmp_path / "visit"), "WFPC2", exposures=2, shape=(50, 70))
    masks = create_masks(visit.paths, output_dir=tmp_path)
    Path(visit.paths[0].replace("_c0m", "_c1m")).unlink()
    with pytest.raises(ExposureError, match=r"no such image in .*usim6000q_c1m.fits; copy"):
        applied(tmp_path, masks, visit.paths)
