"""The demonstration prints true figures and overwrites nothing."""

import glob
import os
import re
import shlex
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import Signature, StaticMask
from staticmask_cli.errors import ConfigError, OutputError
from staticmask_cli.simulate.demo import Demonstration, demonstrate
from staticmask_cli.simulate.visit import Visit
from tests.support.oracle import oracle_mask


def test_its_figures_are_those_of_the_files(tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    outcome = demonstrate(str(tmp_path / "demo"), 2, progress=lambda *now: reported.append(now))
    planted = found = other = 0
    for number in (1, 2):
        chips = [fits.getdata(path, ("SCI", number)) for path in outcome.visit.paths]
        written = fits.getdata(tmp_path / "demo" / f"ACSWFC_400x500_{number}_staticMask.fits")
        np.testing.assert_array_equal(written, oracle_mask(chips))
        truth = outcome.visit.planted[number]
        planted += int(truth.sum())
        found += int((written[truth] == 0).sum())
        other += int((written[~truth] == 0).sum())
    assert outcome.counts == (planted, found, other)
    assert 0.95 * planted < found <= planted
    assert reported == [(done, 4) for done in range(5)]
    # 2 exposures of 2 chips: 800000 pixels, of which 1 in 31574 lies below -4 sigma.
    found_line, _ = str(outcome).splitlines()
    assert found_line == (
        f"Found {found} of {planted} low pixels that were planted, and {other} others "
        "(Gaussian noise alone gives about 25)."
    )


@pytest.mark.parametrize("camera", ["WFPC2", "NICMOS/2", "NIRCAM/NRCA1", "STIS/CCD"])
def test_any_camera_that_is_simulated_is_demonstrated(camera: str, tmp_path: Path) -> None:
    outcome = demonstrate(str(tmp_path), 2, camera)
    planted, found, other = outcome.counts
    assert planted == sum(np.count_nonzero(truth) for truth in outcome.visit.planted.values())
    assert 0.95 * planted < found <= planted
    assert sum(np.count_nonzero(mask.array == 0) for mask in outcome.masks) == found + other
    pattern = shlex.split(str(outcome).splitlines()[-1].removeprefix("The same again: "))[1]
    assert sorted(glob.glob(pattern)) == sorted(outcome.visit.paths)


def test_an_unknown_camera_names_those_there_are(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"camera = HRI: expected one of ACS/WFC, .*, any camera"):
        demonstrate(str(tmp_path), camera="HRI")
    assert not list(tmp_path.iterdir())


def test_counts_separate_missed_pixels_from_false_ones() -> None:
    truth, bad = np.zeros((3, 5), bool), np.zeros((3, 5), bool)
    truth[0, :3] = True
    bad[0, 1:3] = bad[2, 4] = True
    mask = StaticMask(Signature("ACSWFC", (3, 5), 2))
    mask.below = bad
    assert Demonstration(Visit(("x/a_flt.fits",), {2: truth}), [mask]).counts == (3, 2, 1)


@pytest.mark.parametrize(("folder", "options"), [("", ""), ("my demo", " -o 'my demo'")])
def test_the_command_that_repeats_it_is_ready_for_the_shell(folder: str, options: str) -> None:
    path = os.path.join(folder, "a_flt.fits")
    last = str(Demonstration(Visit((path,), {}), [])).splitlines()[-1]
    assert last.endswith(f"--static-sig 4{options}")
    words = shlex.split(last.removeprefix("The same again: "))
    assert words[:2] == ["staticmask", os.path.join(folder, "*flt.fits")]


def test_a_folder_that_holds_fits_files_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "mine.fits"
    path.write_bytes(b"precious")
    with pytest.raises(OutputError, match=rf"{re.escape(str(tmp_path))}: holds FITS files already"):
        demonstrate(str(tmp_path), 1)
    assert list(tmp_path.iterdir()) == [path]
    assert path.read_bytes() == b"precious"


def test_other_files_in_the_folder_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine", encoding="utf-8")
    assert len(demonstrate(str(tmp_path), 1).masks) == 2
    assert (tmp_path / "notes.txt").read_text(encoding="utf-8") == "mine"
    assert len(list(tmp_path.iterdir())) == 4


def test_a_path_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="file: cannot create the output folder: File exists"):
        demonstrate(str(tmp_path / "file"), 1)
