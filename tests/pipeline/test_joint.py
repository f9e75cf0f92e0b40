"""``agree = joint`` through the whole run: its masks, in any steps, and what it refuses."""

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError
from staticmask_cli.masks.causes import CAUSES
from staticmask_cli.pipeline import batches
from staticmask_cli.pipeline.dry_run import dry_run_of, plan_run
from tests.support.command import run
from tests.support.exposures import WriteExposure, coordinates, sky, writer_into

SHAPE = (70, 90)
NAME = "ACSWFC_70x90_1_staticMask.fits"
LOW = np.zeros(SHAPE, bool)
LOW[5::17, 7::19] = True
NINE = [f"{number}_flt.fits" for number in range(9)]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, at a time that stands still for DATE."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return tmp_path


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder of nine exposures and their mask, which is not changed.

    They are at as many pointings, and some pixels are low by 2.5 sigma.
    """
    folder = tmp_path_factory.mktemp("nine")
    for number in range(9):
        data = sky(SHAPE, seed=number) - np.float32(12.5) * LOW
        dq = np.zeros(SHAPE, np.int16)
        dq[2, 3] = 16
        writer_into(folder)(f"{number}_flt.fits",
                            chips=[{"data": data, "dq": dq, **coordinates(10.0 * number)}])
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("SOURCE_DATE_EPOCH", "1700000000")
        masked(NINE)
    return folder


@pytest.fixture
def nine(made: Path, folder: Path) -> list[str]:
    """Return the names of the nine exposures, which are in the current folder."""
    for name in NINE:
        shutil.copy(made / name, folder)
    return NINE


@pytest.fixture
def mask(made: Path, folder: Path) -> StaticMask:
    """Return the mask of the nine exposures, which is in the current folder."""
    shutil.copy(made / NAME, folder)
    return StaticMask.read(NAME)


def masked(names: list[str], **options: Any) -> StaticMask:  # noqa: ANN401
    (mask,) = create_masks(names, static_sig=5, sky="local", agree="joint", **options)
    return mask


def test_pixels_that_no_exposure_shows_are_found(nine: list[str], mask: StaticMask) -> None:
    assert mask.bad[LOW].mean() > 0.9
    assert not mask.bad[~LOW].any()
    assert mask.nbelow == mask.nbad
    assert 0 < mask.chance < 0.02
    (by_votes,) = create_masks(nine, static_sig=5, sky="local", agree=2, output_dir="votes")
    assert by_votes.bad[LOW].mean() < 0.2


def test_flagged_pixels_are_bad_by_votes(nine: list[str]) -> None:
    mask = masked(nine, final_bits="0")
    assert mask.bad[2, 3]
    assert mask.nbelow == mask.nbad - 1


def test_what_is_written_is_read_back(nine: list[str]) -> None:
    mask, read = masked(nine[:5]), StaticMask.read(NAME)
    np.testing.assert_array_equal(read.bad, mask.bad)
    assert read.evidence is not None
    assert mask.evidence is not None
    np.testing.assert_array_equal(read.evidence.depth, mask.evidence.depth)
    assert read.rule == mask.rule


def test_high_pixels_are_bad_only_if_asked_for(
    write_exposure: WriteExposure
) -> None:
    nine = [f"{number}_flt.fits" for number in range(9)]
    for number, name in enumerate(nine):
        data = sky(SHAPE, seed=number) + np.float32(20.0) * LOW
        write_exposure(name, chips=[{"data": data, **coordinates(10.0 * number)}])
    assert masked(nine).nbad == 0
    words = ("--sky", "local", "--agree", "joint", "--static-sig", "5", "-o", "high")
    shown = run("*_flt.fits", *words, "--high")
    assert " high " in shown.stderr
    read = StaticMask.read(f"high/{NAME}")
    np.testing.assert_array_equal(read.bad, LOW)
    assert set(read.why[LOW]) == {CAUSES["high"]}
    assert read.count_by_cause() == {"high": LOW.sum()}
    assert (read.nbelow, read.rule.high) == (0, True)
    refused = run("*_flt.fits", *words, "--update", code=1)
    assert "high = True, now False" in refused.stderr
    inspected = run("inspect", f"high/{NAME}")
    assert f"{LOW.sum()} high" in inspected.stdout


def test_the_least_depth_is_part_of_the_rule(nine: list[str]) -> None:
    assert masked(nine, least_depth=3).nbad == 0  # which is more than the 2.5 of the low pixels
    assert StaticMask.read(NAME).rule.least_depth == 3


@pytest.mark.usefixtures("mask")
def test_the_planned_size_includes_the_evidence(nine: list[str]) -> None:
    size = Path(NAME).stat().st_size
    given = {"input": nine, "sky": "local", "agree": "joint"}
    parameters = Parameters.load(None, given)
    (planned,) = dry_run_of(
        plan_run(parameters, suffix=None, output_dir=".", overwrite=False), parameters).masks
    assert 2 * SHAPE[0] * SHAPE[1] * 2 < planned.bytes < size


@pytest.mark.usefixtures("mask")
def test_updates_checkpoints_and_processes_give_the_same_bytes(nine: list[str]) -> None:
    expected = Path(NAME).read_bytes()
    masked(nine[4:], output_dir="steps")
    masked(nine[:6], output_dir="steps", update=True)
    masked(nine, output_dir="steps", update=True, checkpoint=2)
    assert Path("steps", NAME).read_bytes() == expected
    assert run("*_flt.fits", "--sky", "local", "--agree", "joint", "--static-sig", "5",
               "--scheduler", "local", "-j", "1", "-o", "workers", "-q").exit_code == 0
    assert Path("workers", NAME).read_bytes() == expected


def test_fewer_than_four_pointings_are_refused_with_what_to_do(nine: list[str]) -> None:
    expected = (r"agree = joint: only 3 exposures of ACSWFC_70x90_1_staticMask\.fits can be used,"
                r" and 4 pointings are needed.*agree = 2, or add exposures")
    with pytest.raises(ConfigError, match=expected):
        masked(nine[:3])
    assert not Path(NAME).exists()


def test_the_global_sky_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"agree = joint .* needs sky = local \(--sky local\)"):
        create_masks("*_flt.fits", agree="joint")


def test_a_mask_of_votes_is_not_updated_with_evidence(nine: list[str]) -> None:
    create_masks(nine[:5], static_sig=5, sky="local", agree=2)
    result = run("*_flt.fits", "--sky", "local", "--static-sig", "5", "--agree", "joint",
                 "--update")
    assert result.exit_code == 1
    assert "cannot be updated, as it was made with agree = 2" in result.stderr


def test_too_few_are_refused_before_any_pixel_is_read(
    nine: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_nothing(*_: object, **__: object) -> None:
        raise AssertionError

    monkeypatch.setattr(batches, "read_pixels", read_nothing)
    with pytest.raises(ConfigError, match="only 3 exposures"):
        masked(nine[:3])
    with pytest.raises(AssertionError):
        masked(nine[:4])


def test_exposures_of_few_pointings_are_warned_of(
    write_exposure: WriteExposure, caplog: pytest.LogCaptureFixture
) -> None:
    names = [f"{number}_flt.fits" for number in range(8)]
    for number, name in enumerate(names):
        write_exposure(name, chips=[{"data": sky(SHAPE, seed=number),
                                     **coordinates(10.0 * (number // 2))}])
    masked(names)
    warning = "ACSWFC_70x90_1: 8 exposures at 4 pointings: structure of the sky adds up"
    assert warning in caplog.text
    caplog.clear()
    masked(names[::2])  # one exposure at each pointing
    assert "adds up" not in caplog.text
    assert "however deep" not in caplog.text  # what is warned of with a threshold of 8
    with pytest.raises(ConfigError, match=r"only 2 pointings \(4 exposures\) of ACSWFC"):
        masked(names[:4])


def test_a_threshold_that_no_pixel_can_reach_is_warned_of(
    nine: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    create_masks(nine[:4], static_sig=8, sky="local", agree="joint")
    warning = "ACSWFC_70x90_1: no pixel, however deep, is 8 sigma low in the evidence of 4"
    assert warning in caplog.text
