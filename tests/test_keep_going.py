"""--keep-going: what cannot be read is left out, and said everywhere it should be."""

import os
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner, Result

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.cli import cli
from staticmask_cli.errors import ExposureError, InputError, OutputError, StaticMaskError
from staticmask_cli.plan import plan_masks
from staticmask_cli.simulate import Visit, simulate_visit
from tests.support.damages import DAMAGES
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.fits_files import write_json
from tests.support.oracle import oracle_mask

NAME = "ACSWFC_60x80_1_staticMask.fits"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, where masks go by default."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str | Path) -> Result:
    return CliRunner().invoke(cli, list(map(str, words)), catch_exceptions=False)


def shorten(path: str | Path) -> None:
    """Cut a file in its last pixels."""
    os.truncate(path, os.path.getsize(path) - 12_000)


@pytest.fixture
def shrinking(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Let a file become shorter between the plan and the reading of its pixels."""
    def shrink_after_the_plan(path: str) -> None:
        def plan(*words: Any, **keywords: Any) -> Any:  # noqa: ANN401
            plans = plan_masks(*words, **keywords)
            shorten(path)
            return plans
        monkeypatch.setattr("staticmask_cli.pipeline.plan_masks", plan)
    return shrink_after_the_plan


@pytest.mark.parametrize("damage", sorted(DAMAGES.keys() - {"folder"}))
def test_an_unreadable_exposure_is_left_out_of_the_masks_of_the_others(
    damage: str, write_exposure: WriteExposure, folder: Path
) -> None:
    good, bad = write_exposure("good_flt.fits"), write_exposure("bad_flt.fits")
    spoil, _ = DAMAGES[damage]
    spoil(bad)
    result = run("good_flt.fits", "bad_flt.fits", "--keep-going", "--static-sig", "2")
    assert (result.exit_code, result.stdout) == (1, f"{NAME}\n")
    mask = StaticMask.read(NAME)
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()], 2.0))
    used, unused = mask.members
    assert (used.label.file, used.label.extver, used.unused) == ("good_flt.fits", 1, "")
    assert (unused.label.file, unused.label.extver) == ("bad_flt.fits", 0)
    assert f"Warning: bad_flt.fits: left out: {unused.unused}\n" in result.stderr
    table = result.stderr.split("why")[1]
    assert unused.unused.split()[0] in table
    assert len(unused.unused) > 5
    assert good.exists()
    assert sorted(os.listdir(folder / ".")) == sorted(
        {"good_flt.fits", NAME, *(["bad_flt.fits"] if os.path.lexists(bad) else []),
         *(["elsewhere"] if damage == "mask" else [])}
    )


def test_one_that_is_unreadable_in_fifty_costs_only_itself(
    write_exposure: WriteExposure, folder: Path
) -> None:
    chips = [sky(seed=seed) for seed in range(50)]
    paths = [write_exposure(f"e{n:02}_flt.fits", chips=[{"data": chip}])
             for n, chip in enumerate(chips)]
    shorten(paths[7])
    with pytest.raises(InputError, match=r"e07_flt\.fits: is cut"):
        create_masks("*_flt.fits")
    assert not (folder / NAME).exists()
    masks = create_masks("*_flt.fits", keep_going=True)
    assert list(masks.left_out) == ["e07_flt.fits"]
    np.testing.assert_array_equal(masks[0].array, oracle_mask(chips[:7] + chips[8:]))
    assert len(masks[0].used) == 49


@pytest.mark.parametrize("executor", [False, True], ids=["threads", "processes"])
def test_a_file_that_shrinks_while_it_is_read_loses_only_the_chip_that_was_cut(
    visit: Visit, folder: Path, shrinking: Callable[[str], None], *, executor: bool
) -> None:
    paths = simulate_visit(str(folder), "ACS/WFC", shape=(150, 220)).paths
    before = create_masks(paths, output_dir="all")
    shrinking(paths[1])
    with pytest.raises(InputError, match=r"became shorter while it was read|is cut"):
        create_masks(paths, final_bits=0, output_dir="none")
    assert not (folder / "none").exists()
    for path, original in zip(paths, visit.paths, strict=True):
        Path(path).write_bytes(Path(original).read_bytes())
    pool = ProcessPoolExecutor(1) if executor else None
    masks = create_masks(paths, final_bits=0, keep_going=True, executor=pool)
    if pool is not None:
        pool.shutdown()
    assert list(masks.left_out) == [f"{paths[1]}[SCI,2]"]
    (reason,) = masks.left_out.values()
    assert reason.startswith(("is cut: ", "cannot be read as FITS: "))
    assert [member.unused for member in masks[1].members] == ["", reason, "", ""]
    assert [len(mask.used) for mask in masks] == [4, 3]
    assert StaticMask.read(str(masks[1].path)).members[1].unused == reason
    np.testing.assert_array_equal(masks[0].below, before[0].below)


def test_missing_files_and_members_are_left_out(
    write_exposure: WriteExposure, folder: Path
) -> None:
    for name in ("a_cal.fits", "b_cal.fits"):
        write_exposure(name)
    write_json(folder / "v_asn.json", [("a_cal.fits", "science"), ("gone_cal.fits", "science")])
    os.symlink("loop_flt.fits", "loop_flt.fits")
    with pytest.raises(InputError) as caught:
        create_masks(["v_asn.json", "b_cal.fits", "away_flt.fits", "*_flt.fits"])
    assert str(caught.value).splitlines() == [
        "v_asn.json: member gone_cal.fits: no such exposure beside the association",
        "away_flt.fits: no such file",
        "loop_flt.fits: is a link that leads nowhere",
    ]
    masks = create_masks(["v_asn.json", "b_cal.fits", "away_flt.fits", "*_flt.fits"],
                         keep_going=True)
    assert masks.left_out == {
        "gone_cal.fits": "v_asn.json: member gone_cal.fits: no such exposure beside the "
                         "association",
        "away_flt.fits": "no such file",
        "loop_flt.fits": "is a link that leads nowhere",
    }
    members = StaticMask.read(NAME).members
    assert [(m.label.file, m.label.extver) for m in members] == [
        ("a_cal.fits", 1), ("b_cal.fits", 1),
        ("away_flt.fits", 0), ("gone_cal.fits", 0), ("loop_flt.fits", 0),
    ]


@pytest.mark.parametrize(
    ("words", "kind", "message"),
    [
        (["*.txt"], InputError, "no file matches"),
        (["bad.lst"], InputError, "cannot be read as FITS"),
        (["@gone.lst"], InputError, "cannot read the list"),
        (["gone_flt.fits", "gone_flc.fits"], InputError, "gone_flc.fits: no such file"),
        (["a_flt.fits", "a_flc.fits"], InputError, "the same exposure twice; choose"),
        (["a_flt.fits", "x_asn.json"], InputError, "expected a JWST association"),
        (["a_flt.fits", "sub_flt.fits"], ExposureError, "do not share a detector grid"),
        (["flat_flt.fits"], ExposureError, "none of its 1 chips could be used"),
    ],
)
def test_what_nobody_could_rely_on_stops_the_run_all_the_same(
    words: list[str], kind: type[StaticMaskError], message: str, write_exposure: WriteExposure,
    folder: Path,
) -> None:
    for name in ("a_flt.fits", "a_flc.fits"):
        write_exposure(name)
    write_exposure("sub_flt.fits", chips=[{"data": sky(), "LTV1": -9.0}])
    write_exposure("flat_flt.fits", chips=[{"data": np.zeros((60, 80), np.float32)}])
    (folder / "bad.lst").write_text("a_flt.fits\n")
    (folder / "x_asn.json").write_text("{}")
    before = sorted(os.listdir(folder))
    with pytest.raises(kind, match=message):
        create_masks(words, keep_going=True)
    assert sorted(os.listdir(folder)) == before


def test_a_mask_of_which_no_chip_is_left_is_not_made_and_its_old_file_stays(
    write_exposure: WriteExposure, shrinking: Callable[[str], None]
) -> None:
    good, bad = write_exposure("a_flt.fits"), write_exposure("b_flt.fits", detector="HRC")
    old = "ACSHRC_60x80_1_staticMask.fits"
    create_masks(bad)
    before = digest(Path(old))
    shrinking(str(bad))
    result = run(good, bad, "--keep-going", "-q")
    assert (result.exit_code, result.stdout) == (1, f"{NAME}\n")
    assert f"Warning: {old}: not made: none of its 1 chips could be used: {bad}" in result.stderr
    assert digest(Path(old)) == before


def test_without_anything_unreadable_it_changes_nothing(
    write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    path = write_exposure()
    outcomes = [(run(path, *words), digest(Path(NAME))) for words in ((), ("--keep-going",))]
    assert outcomes[0][0].output == outcomes[1][0].output
    assert outcomes[0][1] == outcomes[1][1]
    assert [result.exit_code for result, _ in outcomes] == [0, 0]


@pytest.mark.parametrize("words", [["--static-sig", "0"], ["-c", "gone.cfg"], ["--nonsense"]])
def test_wrong_usage_still_ends_with_2(words: list[str], write_exposure: WriteExposure) -> None:
    assert run(write_exposure(), "gone_flt.fits", "--keep-going", *words).exit_code == 2


def test_a_mask_that_would_replace_an_unreadable_input_is_refused(folder: Path) -> None:
    fits.PrimaryHDU(np.ones((60, 80), np.int16)).writeto(folder / NAME)  # no INSTRUME
    header = fits.Header({"INSTRUME": "ACSWFC"})
    fits.PrimaryHDU(sky(), header).writeto(folder / "a.fits")
    before = digest(folder / NAME)
    with pytest.raises(OutputError, match="would take the place of the input"):
        create_masks(["a.fits", NAME], keep_going=True)
    assert digest(folder / NAME) == before
