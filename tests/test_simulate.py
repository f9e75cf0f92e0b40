"""The simulator and the demonstration that stands on it."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.demonstration import demonstrate
from staticmask_cli.errors import ConfigError, OutputError
from staticmask_cli.simulate import CAMERAS, Visit, simulate_visit
from tests.conftest import digest

WORDS = {"TELESCOP", "INSTRUME", "ROOTNAME", "DATE-OBS", "OBSTYPE", "TARGNAME"}


def test_same_seed_same_files(tmp_path: Path) -> None:
    made = [
        simulate_visit(str(tmp_path / name), "ACS/HRC", exposures=2, shape=(40, 60), seed=seed)
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    prints = [[digest(Path(path)) for path in visit.paths] for visit in made]
    assert prints[0] == prints[1]
    assert not set(prints[0]) & set(prints[2])


@pytest.mark.parametrize("camera", CAMERAS)
def test_every_camera_writes_the_keywords_of_its_instrument(camera: str, tmp_path: Path) -> None:
    row = CAMERAS[camera]
    visit = simulate_visit(str(tmp_path), camera, exposures=1, shape=(40, 60))
    with fits.open(visit.paths[0]) as hdus:
        header = hdus[0].header
        assert set(header) >= WORDS | {row.exptime_key}
        assert {key: header[key] for key in row.primary} == dict(row.primary)
        science = [hdu for hdu in hdus if hdu.name == "SCI"]
        assert len(science) == (0 if row.plain else len(row.chips) * row.image_sets)
        assert [hdu.ver for hdu in science] == list(range(1, len(science) + 1))
        assert all(hdu.header["BUNIT"] == row.bunit for hdu in science)
    assert set(visit.planted) == set(row.numbers)


def test_planted_pixels_are_low_in_every_exposure_and_flags_mark_what_they_say(
    visit: Visit,
) -> None:
    for path in visit.paths:
        with fits.open(path) as hdus:
            for extver, planted in visit.planted.items():
                data, flags = hdus["SCI", extver].data, hdus["DQ", extver].data
                assert 20 < np.count_nonzero(planted) < 200
                assert np.median(data[planted]) < np.median(data) - 10 * 10
                assert np.median(data[flags == 16]) > np.median(data) + 100
                assert not (flags[planted] & 16).any()


@pytest.mark.parametrize("camera", ["ACS/WFC", "WFPC2", "NICMOS/2", "NIRCAM/NRCA1"])
def test_the_demonstration_counts_what_it_planted_and_found(camera: str, tmp_path: Path) -> None:
    outcome = demonstrate(str(tmp_path), 2, camera)
    planted, found, other = outcome.counts
    assert planted == sum(np.count_nonzero(truth) for truth in outcome.visit.planted.values())
    assert 0.95 * planted <= found <= planted
    bad = sum(np.count_nonzero(mask.array == 0) for mask in outcome.masks)
    assert bad == found + other
    assert f"Found {found} of {planted} low pixels" in str(outcome)
    assert f"*{CAMERAS[camera].suffix}.fits' --static-sig 4" in str(outcome)


def test_the_demonstration_overwrites_nothing(tmp_path: Path) -> None:
    (tmp_path / "mine.fits").write_bytes(b"precious")
    with pytest.raises(OutputError, match="holds FITS files already; name an empty folder"):
        demonstrate(str(tmp_path))
    assert [path.name for path in tmp_path.iterdir()] == ["mine.fits"]


def test_an_unknown_camera_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"camera = HRI: expected one of ACS/WFC, .*, any camera"):
        demonstrate(str(tmp_path), camera="HRI")
