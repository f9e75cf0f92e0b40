"""From exposures to masks where one threshold for a chip and one vote do not do."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from click.testing import CliRunner

from staticmask_cli import StaticMask, create_masks, staticMask
from staticmask_cli.cli import cli
from staticmask_cli.errors import ConfigError
from tests.support.exposures import WriteExposure, sky

SHAPE = (60, 80)
LOW = np.zeros(SHAPE, bool)
LOW[3::11, 4::12] = True
Hard = list[Path]


@pytest.fixture
def hard(write_exposure: WriteExposure) -> Hard:
    """Four exposures of a slope with low pixels, cosmic rays in DQ and a static flag."""
    rng = np.random.default_rng(1)
    paths = []
    for number in range(4):
        data = sky(seed=number) + 4.0 * np.arange(SHAPE[1], dtype=np.float32)
        data[LOW] -= 80.0
        flags = np.where(rng.random(SHAPE) < 0.01, 4096, 0).astype(np.int16)
        flags[10, 20:40] = 4
        data[flags == 4096] += 900.0
        paths.append(write_exposure(f"{number}_flt.fits", chips=[{"data": data, "dq": flags}]))
    return paths


def flags_of(paths: Hard) -> npt.NDArray[np.bool_]:
    """Which pixels are flagged, by exposure."""
    return np.array([fits.getdata(path, "DQ") != 0 for path in paths])


def test_the_local_rule_finds_low_pixels_that_the_global_one_is_blind_for(
    hard: Hard, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (blind,) = create_masks(hard, output_dir=tmp_path)
    assert not (blind.array[LOW] == 0).any()
    assert caplog.text.count("4 of 4 chips: rms") == caplog.text.count("times the noise") == 1
    assert caplog.text.count("try --sky local --agree 2") == 1
    caplog.clear()
    (mask,) = create_masks(hard, static_sig=5, sky="local", output_dir=tmp_path / "local")
    assert (mask.array[LOW] == 0).mean() > 0.98
    assert (mask.array[~LOW] == 0).sum() <= 2
    assert caplog.text == ""
    rows = fits.getdata(str(mask.path), "MEMBERS")
    assert np.isnan(rows["THRESH"]).all()
    assert ((rows["NOISE"] > 4.5) & (rows["NOISE"] < 10)).all()
    assert rows["NCHANCE"] == pytest.approx(4800 * 2.87e-7, rel=0.01)


def test_what_comes_and_goes_drops_out_when_exposures_must_agree(
    hard: Hard, tmp_path: Path
) -> None:
    votes = flags_of(hard).sum(axis=0) + 4 * LOW
    assert (votes == 1).sum() > 100
    for agree, needed in (("any", 1), (2, 2), (0.5, 2), (0.75, 3), ("all", 4)):
        (mask,) = create_masks(
            hard, static_sig=5, sky="local", agree=agree, final_bits=0, output_dir=tmp_path
        )
        wrong = (mask.array == 0) != (votes >= needed)
        assert wrong.sum() <= (0 if needed == 2 else 4), agree
        assert (mask.array[10, 20:40] == 0).all()


def serial(paths: Hard, folder: Path) -> list[StaticMask]:
    """Make the masks with whatever the command would do."""
    return create_masks(paths, static_sig=5, sky="local", agree=2, final_bits=0,
                        output_dir=folder)


def processes(paths: Hard, folder: Path) -> list[StaticMask]:
    """Make the masks with partial ones that other processes ship."""
    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as executor:
        return create_masks(paths, static_sig=5, sky="local", agree=2, final_bits=0,
                            output_dir=folder, executor=executor)


def drop_in(paths: Hard, folder: Path) -> list[StaticMask]:
    """Make the masks with the names of the reference."""
    assert folder == Path()
    return staticMask.createMask([str(path) for path in paths], static_sig=5.0, sky="local",
                                 agree="2", final_bits="0")


def command(paths: Hard, folder: Path) -> list[StaticMask]:
    """Make the masks with the command, then again with the parameters that it saved."""
    CliRunner().invoke(
        cli, [*map(str, paths), "--static-sig", "5", "--sky", "local", "--agree", "2",
              "--final-bits", "0", "-o", "first", "--save-config", "run.cfg"],
        catch_exceptions=False,
    )
    assert "\nsky = local\n" in Path("run.cfg").read_text()
    result = CliRunner().invoke(cli, ["-c", "run.cfg", "-o", str(folder)], catch_exceptions=False)
    return [StaticMask.read(path) for path in result.stdout.split()]


@pytest.mark.parametrize("way", [processes, drop_in, command])
def test_every_way_to_ask_gives_the_same_mask(
    way: Callable[[Hard, Path], list[StaticMask]], hard: Hard, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    (expected,), (mask,) = serial(hard, tmp_path / "serial"), way(hard, Path())
    np.testing.assert_array_equal(mask.array, expected.array)
    assert mask.votes is not None
    assert expected.votes is not None
    np.testing.assert_array_equal(mask.votes, expected.votes)
    assert (mask.rule.sky, mask.rule.agree, mask.rule.static_sig) == ("local", 2, 5.0)


def test_exposures_that_are_set_aside_do_not_vote(
    hard: Hard, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    flat = [write_exposure(f"flat{n}_flt.fits", chips=[{"data": np.ones(SHAPE)}]) for n in (1, 2)]
    (mask,) = create_masks([*hard, *flat], static_sig=5, sky="local", agree="all",
                           output_dir=tmp_path)
    assert (len(mask.members), mask.votes_needed) == (6, 4)
    assert (mask.array[LOW] == 0).mean() > 0.9


def test_more_votes_than_exposures_are_refused(hard: Hard, tmp_path: Path) -> None:
    expected = (r"agree = 5: only 4 exposures of ACSWFC_60x80_1_staticMask\.fits can vote, so no "
                "pixel could be bad; expected at most 4, or any or all")
    with pytest.raises(ConfigError, match=expected):
        create_masks(hard, agree=5, output_dir=tmp_path / "none")
    assert not (tmp_path / "none").exists()
    result = CliRunner().invoke(cli, [*map(str, hard), "--agree", "5"])
    assert (result.exit_code, result.stdout) == (2, "")
