"""Simulated exposures are reproducible and complete, and have the defects that they should have."""

from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from astropy.wcs import WCS

from staticmask_cli.errors import OutputError
from staticmask_cli.masks.pointings import corners_on_sky, pointing_labels
from staticmask_cli.simulate.visit import CAMERAS, simulate_visit
from tests.support.exposures import digest
from tests.support.oracle import oracle_statistics

SHAPE = (120, 170)
PRIMARY = ("FILENAME", "TELESCOP", "INSTRUME", "ROOTNAME", "TARGNAME", "DATE-OBS", "OBSTYPE",
           "EXPSTART", "EXPEND")
SCIENCE = ("EXTVER", "BUNIT", "CRPIX1", "CTYPE1", "LTV1", "LTV2", "BINAXIS1", "NGOODPIX")


def science_of(path: str) -> list[npt.NDArray[np.float64]]:
    """Return the pixels of every chip, in double precision and native byte order."""
    with fits.open(path) as hdus:
        chips = [hdu for hdu in hdus if hdu.name == "SCI"] or [hdus[0]]
        return [hdu.data.astype(np.float64) for hdu in chips]


def fingerprints(folder: Path) -> dict[str, str]:
    return {path.name: digest(path) for path in folder.iterdir()}


@pytest.mark.parametrize("camera", ["ACS/WFC", "WFPC2", "MIRI/MIRIMAGE", "any camera"])
def test_the_same_seed_gives_the_same_files(camera: str, tmp_path: Path) -> None:
    for name, seed in {"a": 5, "b": 5, "c": 6}.items():
        simulate_visit(str(tmp_path / name), camera, exposures=2, shape=SHAPE, seed=seed)
    first, second, other = (fingerprints(tmp_path / name) for name in "abc")
    assert first == second
    assert len(first) == (4 if CAMERAS[camera].companion else 2)
    assert not set(first.values()) & set(other.values())
    assert len(set(first.values())) == len(first)


@pytest.mark.parametrize("camera", CAMERAS)
def test_planted_pixels_are_low_in_every_exposure(camera: str, tmp_path: Path) -> None:
    row = CAMERAS[camera]
    visit = simulate_visit(str(tmp_path), camera, exposures=3, shape=SHAPE)
    assert set(visit.planted) == set(row.numbers)
    assert all(np.count_nonzero(truth) == SHAPE[0] * SHAPE[1] // 700
               for truth in visit.planted.values())
    for path in visit.paths:
        chips = science_of(path)
        assert len(chips) == len(row.numbers) * row.image_sets
        for index, chip in enumerate(chips):
            truth = visit.planted[row.numbers[index % len(row.numbers)]]
            finite = np.isfinite(chip)
            stats = oracle_statistics(chip[finite].reshape(1, -1).astype(np.float32))
            low = chip < stats.mode - 4.0 * stats.rms
            assert np.count_nonzero(low & truth) >= 0.9 * np.count_nonzero(truth & finite)
            assert np.count_nonzero(low & ~truth) <= 5


@pytest.mark.parametrize("camera", CAMERAS)
def test_headers_hold_what_readers_of_such_files_look_for(camera: str, tmp_path: Path) -> None:
    row = CAMERAS[camera]
    (path,) = simulate_visit(str(tmp_path), camera, exposures=1, shape=SHAPE, exptime=40.0).paths
    assert Path(path).name.endswith(f"q_{row.suffix}.fits")
    with fits.open(path) as hdus:
        hdus.verify("exception")
        primary = hdus[0].header
        assert set(PRIMARY) <= set(primary)
        assert {key: primary[key] for key in row.primary} == row.primary
        assert primary["FILENAME"] == Path(path).name
        assert primary[row.exptime_key] == 40.0
        assert primary["TELESCOP"] == row.primary.get("TELESCOP", "HST")
        names = [(hdu.name, hdu.ver) for hdu in hdus[1:]]
        kinds = () if row.plain else ("SCI",) if row.companion else ("SCI", "ERR", "DQ")
        count = len(row.numbers) * row.image_sets
        assert names == [(kind, ver) for ver in range(1, count + 1) for kind in kinds]
        for index, hdu in enumerate(hdu for hdu in hdus if hdu.name == "SCI"):
            assert set(SCIENCE) <= set(hdu.header)
            facts = row.chips[index % len(row.chips)]
            assert {key: hdu.header[key] for key in facts} == facts
            assert hdu.header["BUNIT"] == row.bunit
            assert (hdu.data.shape, hdu.data.dtype) == (SHAPE, np.dtype(">f4"))


@pytest.mark.parametrize("camera", [c for c in CAMERAS if not CAMERAS[c].plain])
def test_dq_flags_hot_saturated_and_nan_pixels(camera: str, tmp_path: Path) -> None:
    row = CAMERAS[camera]
    visit = simulate_visit(str(tmp_path), camera, exposures=1, shape=SHAPE)
    (path,) = visit.paths
    companion = path.replace("_c0m", "_c1m") if row.companion else path
    with fits.open(companion) as hdus:
        flags = [hdu.data for hdu in hdus if hdu.name == "DQ"]
    chips = science_of(path)
    assert len(flags) == len(chips)
    for index, (chip, dq) in enumerate(zip(chips, flags, strict=True)):
        # FITS stores unsigned integers with an offset, which is taken off in native order.
        assert dq.dtype.newbyteorder("=") == np.dtype(row.dq_dtype)
        assert dq.shape == SHAPE
        hot = dq & row.hot_bit != 0
        assert not (hot & visit.planted[row.numbers[index % len(row.numbers)]]).any()
        nan = np.isnan(chip)
        assert np.count_nonzero(hot) == SHAPE[0] * SHAPE[1] // 1200
        assert np.nanmedian(chip[hot]) > np.nanmedian(chip) + 5 * np.nanstd(chip[~hot & (dq == 0)])
        assert nan.any() == bool(row.nan_bit)
        np.testing.assert_array_equal(nan, dq & row.nan_bit != 0)
        known = row.hot_bit | row.saturated_bit | row.nan_bit
        assert np.bitwise_or.reduce(dq, axis=None) | known == known


def test_saturated_pixels_are_those_at_the_full_well(tmp_path: Path) -> None:
    (path,) = simulate_visit(str(tmp_path), "ACS/HRC", exposures=1, shape=(2000, 3000)).paths
    with fits.open(path) as hdus:
        data, flags = hdus["SCI", 1].data, hdus["DQ", 1].data
    saturated = flags & 256 != 0
    assert np.count_nonzero(saturated) > 3
    well, noise = 70_000.0, 70_000.0**0.5
    assert data.max() > well
    assert data[saturated].min() > well - 6 * noise
    assert data[~saturated].max() < well + 6 * noise


def test_a_visit_can_be_chosen_in_every_part(tmp_path: Path) -> None:
    folder = tmp_path / "new" / "folder"
    visit = simulate_visit(
        str(folder), "ACS/WFC", exposures=12, shape=(9, 13), suffix="flc", exptime=1.0, seed=3
    )
    assert len(set(visit.paths)) == 12
    assert sorted(visit.paths) == list(visit.paths)
    assert sorted(str(path) for path in folder.iterdir()) == list(visit.paths)
    assert all(path.endswith("q_flc.fits") for path in visit.paths)
    assert len({fits.getval(path, "ROOTNAME") for path in visit.paths}) == 12


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot create the output folder: Not a directory"):
        simulate_visit(str(tmp_path / "file" / "x"), exposures=1, shape=(9, 13))


@pytest.mark.parametrize("camera", ["ACS/WFC", "any camera"])
def test_the_coordinates_follow_the_stars(camera: str, tmp_path: Path) -> None:
    visit = simulate_visit(str(tmp_path), camera, exposures=3, shape=SHAPE)
    # The smaller of two neighbours shows stars, but no hot pixel, which does not move with them.
    stars = [
        np.clip(np.minimum(chip, np.roll(chip, 1, axis=1)), *np.percentile(chip, (70, 99)))
        for chip in (science_of(path)[0] for path in visit.paths)
    ]
    headers = [fits.getheader(path, 0 if CAMERAS[camera].plain else 1) for path in visit.paths]
    corners = [corners_on_sky(header, SHAPE) for header in headers]
    assert len(set(pointing_labels(np.array(corners), SHAPE).tolist())) == 3
    first, *others = (WCS(header, fix=False) for header in headers)
    for moved, other in zip(stars[1:], others, strict=True):
        dx, dy = 50 - first.wcs_world2pix(other.wcs_pix2world([[50, 50]], 0), 0)[0]
        match = {
            (i, j): np.corrcoef(
                stars[0][20:-20, 20:-20].ravel(),
                moved[20 + j : SHAPE[0] - 20 + j, 20 + i : SHAPE[1] - 20 + i].ravel(),
            )[0, 1]
            for i in range(-17, 18) for j in range(-17, 18)
        }
        best = max(match, key=lambda offset: match[offset])
        assert abs(best[0] - dx) <= 1
        assert abs(best[1] - dy) <= 1
