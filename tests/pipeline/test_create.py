"""--keep-going: what cannot be read is left out, and said everywhere it should be.

From inputs to masks: what is combined, what is refused, what is said.
"""

import os
import re
import shutil
import tracemalloc
from collections.abc import Callable
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import AbstractContextManager, nullcontext
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.errors import (
    ConfigError,
    ExposureError,
    InputError,
    OutputError,
    StaticMaskError,
)
from staticmask_cli.pipeline.masks import Masks
from staticmask_cli.pipeline.plan import plan_masks
from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.command import run
from tests.support.damages import DAMAGES
from tests.support.exposures import WriteExposure, coordinates, digest, sky
from tests.support.fits_files import write_json
from tests.support.oracle import oracle_mask


def test_four_exposures_make_exactly_two_masks_each_the_and_over_all(
    visit: Visit, tmp_path: Path
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    names = ["ACSWFC_150x220_1_staticMask.fits", "ACSWFC_150x220_2_staticMask.fits"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names
    for extver, mask in enumerate(masks, 1):
        chips = [fits.getdata(path, ("SCI", extver)) for path in visit.paths]
        np.testing.assert_array_equal(fits.getdata(tmp_path / names[extver - 1]),
                                      oracle_mask(chips))
        assert [member.label.file for member in mask.members] == sorted(visit.paths)
        alone = [np.count_nonzero(oracle_mask([chip]) == 0) for chip in chips]
        assert [member.below for member in mask.members] == alone
        read = StaticMask.read(str(mask.path))
        assert read.members == mask.members
        assert (read.signature, read.rule.static_sig, read.facts, read.path) == (
            mask.signature, mask.rule.static_sig, mask.facts, mask.path
        )
        np.testing.assert_array_equal(mask.array, read.array)
        assert mask.array.dtype == np.int16


@pytest.mark.parametrize("how", ["one", "three", "threads", "processes", "backwards"])
def test_the_bytes_do_not_depend_on_who_does_the_work_or_in_what_order(
    how: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    pools: dict[str, AbstractContextManager[Executor | None]] = {
        "threads": ThreadPoolExecutor(2),
        "processes": ProcessPoolExecutor(2, mp_context=get_context("spawn")),
    }
    paths = visit.paths[::-1] if how == "backwards" else visit.paths
    expected = create_masks(visit.paths, final_bits=0, output_dir=tmp_path / "a", jobs=2)
    jobs = {"one": 1, "three": 3}.get(how)
    with pools.get(how, nullcontext()) as executor:
        masks = create_masks(
            paths, final_bits=0, output_dir=tmp_path / "b", jobs=jobs, executor=executor
        )
    assert [digest(Path(str(m.path))) for m in masks] == [
        digest(Path(str(m.path))) for m in expected
    ]


class Backwards(Executor):
    """Starts its tasks only when all are there, the last one first."""

    def __init__(self, tasks: int) -> None:
        self._waiting: list[tuple[Future[Any], Callable[[], Any]]] = []
        self._tasks = tasks

    def submit(
        self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any  # noqa: ANN401
    ) -> Future[Any]:
        future: Future[Any] = Future()
        self._waiting.append((future, partial(fn, *args, **kwargs)))
        if len(self._waiting) == self._tasks:
            for waiting, run in reversed(self._waiting):
                waiting.set_result(run())
        return future


def test_an_executor_that_finishes_backwards_changes_nothing(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    digests = []
    for name, executor in (("usual", None), ("backwards", Backwards(8))):
        masks = create_masks(visit.paths, output_dir=tmp_path / name, jobs=8, executor=executor)
        digests.append([digest(Path(str(mask.path))) for mask in masks])
    assert digests[0] == digests[1]


def test_a_chip_that_cannot_be_clipped_is_set_aside_with_its_dq(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    good = write_exposure("good_flt.fits")
    flags = np.full((60, 80), 4, np.int16)
    flat = write_exposure("flat_flt.fits", chips=[{"data": np.full((60, 80), 3.0), "dq": flags}])
    (mask,) = create_masks([good, flat], final_bits=0, output_dir=tmp_path)
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()]))
    assert f"{flat}[SCI,1]: set aside: its pixels fill fewer than two" in caplog.text
    with pytest.raises(ExposureError, match=r"none of its 1 chips could be used: .*flat_flt\.fits"):
        create_masks(flat, output_dir=tmp_path / "none")
    assert not (tmp_path / "none").exists()


@pytest.mark.parametrize("pixels", [7.0, np.nan])
def test_a_mask_of_which_no_chip_can_be_used_stops_the_others_too(
    pixels: float, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    useless = {"data": np.full((60, 80), pixels, np.float32)}
    paths = [
        write_exposure(f"{n}_flt.fits", chips=[{"data": sky(seed=n)}, useless]) for n in (1, 2)
    ]
    old = create_masks(paths, group="sci,1", output_dir=tmp_path)
    before = digest(Path(str(old[0].path)))
    expected = r"ACSWFC_60x80_2_staticMask\.fits: none of its 2 chips could be used: .*1_flt.*2_flt"
    with pytest.raises(ExposureError, match=expected):
        create_masks(paths, static_sig=1.0, output_dir=tmp_path)
    assert digest(Path(str(old[0].path))) == before
    assert sorted(tmp_path.glob("*_staticMask.fits")) == [Path(str(old[0].path))]


def test_the_header_tells_the_facts_of_the_chips_that_were_used(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    paths = [
        write_exposure("a_flt.fits", EXPTIME=0.0,
                       chips=[{"data": sky(), "LTV1": -100.0, "BUNIT": "COUNTS"}]),
        write_exposure("b_flt.fits", chips=[{"data": sky(seed=2), "LTV1": 0.0}]),
    ]
    (mask,) = create_masks(paths, output_dir=tmp_path)
    assert [member.used for member in mask.members] == [False, True]
    header = fits.getheader(str(mask.path))
    assert (header["LTV1"], mask.facts["BUNIT"], header["NCOMBINE"]) == (0.0, "ELECTRONS", 1)


def test_different_units_are_told_and_none_is_named(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    units = ("ELECTRONS", "COUNTS/S", "electrons", "COUNTS/S")
    paths = [
        write_exposure(f"{letter}_flt.fits", chips=[{"data": sky(seed=number), "BUNIT": unit}])
        for number, (letter, unit) in enumerate(zip("abcd", units, strict=True))
    ]
    (mask,) = create_masks(paths, output_dir=tmp_path)
    assert "BUNIT" not in StaticMask.read(str(mask.path)).facts
    columns = fits.getdata(str(mask.path), "MEMBERS").columns
    assert columns["MODE"].unit is None
    assert columns["EXPTIME"].unit == "s"
    (words,) = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert words.startswith("ACSWFC_60x80_1: its exposures have different units: "
                            "COUNTS/S in ")
    assert "b_flt.fits[SCI,1], ELECTRONS in " in words
    caplog.clear()
    (mask,) = create_masks([paths[0], paths[2]], output_dir=tmp_path, overwrite=True)
    assert StaticMask.read(str(mask.path)).facts["BUNIT"] == "ELECTRONS"
    assert not caplog.records


def test_masks_are_made_in_the_current_folder_by_default(
    write_exposure: WriteExposure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_exposure("a_flt.fits")
    write_exposure("b_flt.fits", chips=[{"data": sky(seed=2)}])
    write_exposure("c_raw.fits", instrume="WFC3")
    monkeypatch.chdir(tmp_path)
    (mask,) = create_masks("*flt.fits")
    assert mask.path == "ACSWFC_60x80_1_staticMask.fits"
    assert [member.label.file for member in mask.members] == ["a_flt.fits", "b_flt.fits"]
    (again,) = create_masks([Path("b_flt.fits"), "a_flt.fits", "./a_flt.fits"])
    assert [member.label.file for member in again.members] == ["a_flt.fits", "b_flt.fits"]


def test_a_number_of_jobs_below_one_is_a_wrong_parameter(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match="jobs"):
        create_masks(write_exposure(), output_dir=tmp_path, jobs=-1)


@pytest.mark.parametrize("kind", ["jobs", "executor"])
def test_an_error_in_a_worker_is_the_users_error(
    kind: str, visit: Visit, tmp_path: Path
) -> None:
    """The file becomes unreadable between the plan and the pixels."""
    paths = [Path(shutil.copy(path, tmp_path)) for path in visit.paths]

    def progress(now: int, _total: int) -> None:
        if now == 0:
            paths[2].write_bytes(paths[2].read_bytes()[:6000])

    with (
        ThreadPoolExecutor(2) as pool,
        pytest.raises(InputError, match=rf"{paths[2].name}: (is truncated|cannot be read)"),
    ):
        create_masks(
            paths, output_dir=tmp_path / "out", progress=progress, jobs=2,
            executor=pool if kind == "executor" else None,
        )
    assert not (tmp_path / "out").exists()


def crowded() -> Any:  # noqa: ANN401
    """Noise with a long lower tail, so that more than 1% lie below 3 rms."""
    chip = sky((90, 120), noise=2.0)
    chip[::7, ::3] -= 60.0
    return chip


def nebular() -> Any:  # noqa: ANN401
    """Half of the chip on a broad pedestal, so that mode and median part."""
    chip = sky((90, 120), noise=5.0)
    rng = np.random.default_rng(3)
    chip[:, 45:] += rng.uniform(0.0, 60.0, (90, 75)).astype(np.float32)
    return chip


@pytest.mark.parametrize(
    ("chip", "static_sig", "words"),
    [
        (crowded(), 0.5, r"\[SCI,1\]: \d+\.\d% of the pixels lie below the threshold .*sources"),
        (nebular(), 4.0, r"\[SCI,1\]: mode .* and median .* are \d\.\d\d rms apart; .*sources"),
    ],
)
def test_where_a_mask_would_lie_it_says_so_with_the_figure(
    chip: Any, static_sig: float, words: str, write_exposure: WriteExposure,  # noqa: ANN401
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_exposure(chips=[{"data": chip}])
    create_masks(path, static_sig=static_sig, output_dir=path.parent)
    (record,) = [r for r in caplog.records if r.levelname == "WARNING"]
    assert record.name == "staticmask_cli.exposures.problems"
    assert record.getMessage().startswith(str(path))
    assert re.search(words, record.getMessage())


def test_a_plain_sky_is_not_warned_of(visit: Visit, tmp_path: Path,
                                    caplog: pytest.LogCaptureFixture) -> None:
    create_masks(visit.paths, final_bits=0, output_dir=tmp_path)
    assert caplog.text == ""


def test_dq_that_removes_much_is_warned_of_with_its_bits(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    flags = np.zeros((60, 80), np.int16)
    flags[:9] = -32768
    path = write_exposure(chips=[{"data": sky(), "dq": flags}])
    (mask,) = create_masks(path, final_bits=0, output_dir=tmp_path)
    assert mask.members[0].flagged == 720
    assert "DQ removes 15.0% of the pixels (added by bit: 32768: 7" in caplog.text


@pytest.mark.parametrize(("final_bits", "warned"), [(None, False), (0, True), ("~16", True)])
def test_dq_that_is_asked_for_and_missing_is_a_warning(
    final_bits: str | int | None, *, warned: bool, write_exposure: WriteExposure, tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = write_exposure()
    (mask,) = create_masks(path, final_bits=final_bits, output_dir=tmp_path)
    expected = [f"{path}[SCI,1]: no DQ extension, so no pixel counts as flagged"]
    assert [record.getMessage() for record in caplog.records] == (expected if warned else [])
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()]))


def test_dq_of_every_exposure_is_combined_and_counted_by_bit(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    rng = np.random.default_rng(11)
    chips = [sky(seed=n) for n in range(3)]
    flags = [rng.choice([0, 4, 16, 20, -32768], (60, 80), p=[0.96, 0.01, 0.01, 0.01, 0.01])
             .astype(np.int16) for _ in chips]
    paths = [
        write_exposure(f"{n}_flt.fits", chips=[{"data": data, "dq": dq}])
        for n, (data, dq) in enumerate(zip(chips, flags, strict=True))
    ]
    (mask,) = create_masks(paths, static_sig=2.0, final_bits="16", output_dir=tmp_path)
    bad = [np.isin(dq, (4, 20, -32768)) for dq in flags]
    expected = (oracle_mask(chips, 2.0) == 1) & ~np.logical_or.reduce(bad)
    np.testing.assert_array_equal(mask.good, expected)
    assert [member.flagged for member in mask.members] == [np.count_nonzero(b) for b in bad]
    for member, data, dq in zip(mask.members, chips, flags, strict=True):
        above = oracle_mask([data], 2.0) == 1
        pattern = dq.astype(np.int32) & 0xFFFF
        assert member.added_by_bit == {
            bit: np.count_nonzero((pattern & bit != 0) & above) for bit in (4, 32768)
        }


def test_flag_names_are_those_of_each_instrument(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    flags = np.zeros((60, 80), np.int16)
    flags[1, 1], flags[2, 2] = 1024, 16
    chips = [{"data": sky(), "dq": flags}]
    acs = write_exposure("a_flt.fits", chips=chips)
    infrared = write_exposure("i_flt.fits", chips=chips, instrume="WFC3", detector="IR")
    (mask,) = create_masks(infrared, final_bits="SPIKE", output_dir=tmp_path)
    assert mask.flagged is not None
    assert np.argwhere(mask.flagged).tolist() == [[2, 2]]
    with pytest.raises(ConfigError, match=r"final_bits = SPIKE: .*; flags of ACS: .*TRAP \(1024\)"):
        create_masks([infrared, acs], final_bits="SPIKE", output_dir=tmp_path)


def test_an_output_folder_that_cannot_be_made_is_an_error(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(OutputError, match="file/out: cannot create the output folder: Not a dir"):
        create_masks(write_exposure(), output_dir=tmp_path / "file" / "out")


def test_progress_counts_every_chip(visit: Visit, tmp_path: Path) -> None:
    reported: list[tuple[int, int]] = []
    create_masks(visit.paths, output_dir=tmp_path, progress=lambda *now: reported.append(now))
    assert reported == [(done, 8) for done in range(9)]


def test_memory_does_not_grow_with_the_number_of_exposures(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    paths = [write_exposure(f"{n}_flt.fits", chips=[{"data": sky((300, 500), seed=n)}])
             for n in range(12)]
    create_masks(paths[:2], output_dir=tmp_path)  # what is loaded and kept once
    peaks = []
    for count in (3, 12):
        tracemalloc.start()
        create_masks(paths[:count], output_dir=tmp_path, jobs=1)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[1] < 1.2 * peaks[0]


NAME = "ACSWFC_60x80_1_staticMask.fits"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, where masks go by default."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


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
        monkeypatch.setattr("staticmask_cli.pipeline.create.plan_masks", plan)
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
    used, skip_reason = mask.members
    assert (used.label.file, used.label.extver, used.skip_reason) == ("good_flt.fits", 1, "")
    assert (skip_reason.label.file, skip_reason.label.extver) == ("bad_flt.fits", 0)
    assert f"Warning: bad_flt.fits: left out: {skip_reason.skip_reason}\n" in result.stderr
    table = result.stderr.split("why")[1]
    assert skip_reason.skip_reason.split()[0] in table
    assert len(skip_reason.skip_reason) > 5
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
    with pytest.raises(InputError, match=r"e07_flt\.fits: is truncated"):
        create_masks("*_flt.fits")
    assert not (folder / NAME).exists()
    masks = create_masks("*_flt.fits", keep_going=True)
    assert list(masks.left_out) == ["e07_flt.fits"]
    np.testing.assert_array_equal(masks[0].array, oracle_mask(chips[:7] + chips[8:]))
    assert len(masks[0].used) == 49


@pytest.mark.parametrize("executor", [False, True], ids=["threads", "processes"])
def test_a_file_that_shrinks_while_a_run_is_under_way_is_left_out(
    visit: Visit, folder: Path, shrinking: Callable[[str], None], *, executor: bool
) -> None:
    paths = simulate_visit(str(folder), "ACS/WFC", shape=(150, 220)).paths
    shrinking(paths[1])
    with pytest.raises(InputError, match=r"became shorter while it was read|is truncated"):
        create_masks(paths, final_bits=0, output_dir="none")
    assert not (folder / "none").exists()
    for path, original in zip(paths, visit.paths, strict=True):
        Path(path).write_bytes(Path(original).read_bytes())
    pool = ProcessPoolExecutor(1) if executor else None
    masks = create_masks(paths, final_bits=0, keep_going=True, executor=pool)
    if pool is not None:
        pool.shutdown()
    assert list(masks.left_out) == [f"{paths[1]}[SCI,1]", f"{paths[1]}[SCI,2]"]
    (reason,) = set(masks.left_out.values())
    assert reason.startswith(("is truncated: ", "cannot be read as FITS: "))
    assert [member.skip_reason for member in masks[1].members] == ["", reason, "", ""]
    assert [len(mask.used) for mask in masks] == [3, 3]
    assert StaticMask.read(str(masks[1].path)).members[1].skip_reason == reason


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
def test_a_mask_without_any_usable_chip_stops_the_run_all_the_same(
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
    result = run(good, bad, "--keep-going")
    assert (result.exit_code, result.stdout) == (1, f"{NAME}\n")
    assert "Warning: ACSHRC_60x80_1: not made: none of its 1 chips could be used: " in result.stderr
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


def write_pairs(write_exposure: WriteExposure, *offsets: float) -> list[str]:
    """Write exposures at these offsets, with low pixels of their own and one of all."""
    names = []
    for number, dx in enumerate(offsets):
        data = sky(seed=number)
        data[20, 30] = data[10 + number, 40] = 20.0
        names.append(os.fspath(write_exposure(
            f"{number}_flt.fits", chips=[{"data": data, **coordinates(dx)}]
        )))
    return names


def test_exposures_of_one_pointing_do_not_confirm_each_other(
    write_exposure: WriteExposure, folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    paths = write_pairs(write_exposure, 0.0, 0.2, 9.0, 9.1)
    for path in paths[:2]:  # a source that is there at one pointing
        with fits.open(path, mode="update") as hdus:
            hdus["SCI"].data[5, 6] = 20.0
    (mask,) = create_masks(paths, static_sig=5, sky="local", agree=2, output_dir=folder / "a")
    assert np.argwhere(mask.bad).tolist() == [[20, 30]]
    assert (mask.pointings, mask.voters, mask.votes_needed) == (2, 2, 2)
    assert [member.pointing for member in mask.members] == [1, 1, 2, 2]
    message = (
        "ACSWFC_60x80_1_staticMask.fits: 4 exposures at 2 pointings: agree = 2 needs 2 of these "
        "pointings, as exposures of the same pixels of the sky do not confirm each other"
    )
    assert caplog.messages.count(message) == 1
    (exposures,) = create_masks(paths, static_sig=5, agree=2, output_dir=folder / "b")
    assert {(5, 6), (20, 30)} == set(map(tuple, np.argwhere(exposures.bad).tolist()))
    assert "4 exposures at 2 pointings: agree = 2 needs 2 of these exposures, even" in caplog.text
    caplog.clear()
    create_masks(paths, static_sig=5, sky="local", output_dir=folder / "c")
    assert "pointing" not in caplog.text


@pytest.mark.parametrize("sky_rule", ["global", "local"])
def test_a_visit_with_static_pixels_causes_no_warning_about_its_masks(
    sky_rule: str, visit: Visit, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    create_masks(visit.paths, static_sig=5, sky=sky_rule, output_dir=tmp_path)
    assert caplog.messages == []


def test_a_mask_whose_low_pixels_differ_in_all_exposures_causes_one_warning(
    write_exposure: WriteExposure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    paths = []
    for number in range(4):
        data = sky(seed=number)
        data[5:55:5, 4 + 10 * number : 10 + 10 * number : 2] = 20.0
        paths.append(write_exposure(f"{number}_flt.fits", chips=[{"data": data}]))
    create_masks(paths[:3], static_sig=6, update=True, output_dir=tmp_path)
    create_masks(paths, static_sig=6, update=True, output_dir=tmp_path)
    assert [message.split(",")[0] for message in caplog.messages] == [
        f"ACSWFC_60x80_1: at least {low} of {low} low pixels are low in one "
        f"exposure of {number} only" for low, number in ((90, 3), (120, 4))
    ]


def test_a_folder_that_is_not_writable_is_refused_before_an_exposure_is_read(
    monkeypatch: pytest.MonkeyPatch, folder: Path
) -> None:
    (folder / "x_flt.fits").write_bytes(b"never read")
    monkeypatch.setattr(os, "access", lambda path, mode: path != str(folder) or mode != os.W_OK)
    for target in (folder, folder / "new" / "folder"):
        with pytest.raises(OutputError, match=f"{target}: cannot be written: the folder {folder} "):
            create_masks(folder / "x_flt.fits", output_dir=target)


def test_more_votes_than_pointings_are_refused(
    write_exposure: WriteExposure, folder: Path
) -> None:
    paths = write_pairs(write_exposure, 0.0, 0.2)
    expected = (r"agree = 2: only 1 pointing \(2 exposures\) of ACSWFC_60x80_1_staticMask\.fits "
                "can vote, so no pixel could be bad; expected at most 1, or any or all")
    with pytest.raises(ConfigError, match=expected):
        create_masks(paths, sky="local", agree=2, output_dir=folder / "none")
    (mask,) = create_masks(paths, static_sig=5, sky="local", agree="all", output_dir=folder)
    assert np.argwhere(mask.bad).tolist() == [[20, 30]]


@pytest.mark.parametrize(
    ("inputs", "found"),
    [
        (sky(), r"ndarray of shape \(60, 80\)"),
        ([sky(), sky()], r"ndarray of shape \(60, 80\)"),
        (np.ma.array(sky()), r"MaskedArray of shape \(60, 80\)"),
        (fits.PrimaryHDU(sky()), r"PrimaryHDU of shape \(60, 80\)"),
        (fits.HDUList([fits.PrimaryHDU()]), "PrimaryHDU"),
        (None, "None"),
        (["a_flt.fits", 3], "3"),
        (b"a_flt.fits", "97"),
    ],
)
def test_arrays_are_no_exposures_and_the_message_says_what_to_do(
    inputs: Any, found: str  # noqa: ANN401
) -> None:
    with pytest.raises(ConfigError, match=rf"^inputs: expected names of files, found {found}; "
                       r"to make a mask of arrays: mask = StaticMask\(") as error:
        create_masks(inputs)
    assert len(str(error.value)) < 300


def test_arrays_as_other_parameters_are_not_written_into_the_message() -> None:
    array: Any = sky()
    for name in ("static_sig", "sky", "agree", "final_bits", "group", "include"):
        with pytest.raises(ConfigError, match=rf"{name}.*ndarray of shape \(60, 80\)") as error:
            create_masks("x_flt.fits", **{name: array})
        assert len(str(error.value)) < 500


@pytest.mark.usefixtures("folder")
def test_masks_are_made_without_writing_anything(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(seed=1)}, {"data": sky(seed=2)}])
    foreign = tmp_path / "masks" / "ACSWFC_60x80_1_staticMask.fits"  # which would be refused
    foreign.parent.mkdir()
    foreign.write_bytes(b"x")
    before = sorted(path.parent.rglob("*")) + sorted(Path().rglob("*"))
    masks = create_masks(path, write=False, output_dir=foreign.parent)
    assert sorted(path.parent.rglob("*")) + sorted(Path().rglob("*")) == before
    assert foreign.read_bytes() == b"x"
    assert [mask.path for mask in masks] == [None, None]
    written = create_masks(path, output_dir=tmp_path / "others")
    for mask, other in zip(masks, written, strict=True):
        np.testing.assert_array_equal(mask.array, other.array)
        assert mask.members == other.members
    masks[0].write(str(tmp_path / "mine.fits"))
    assert masks[0].path == str(tmp_path / "mine.fits")
    with pytest.raises(ConfigError, match="update and write = False contradict each other"):
        create_masks(path, write=False, update=True)


@pytest.mark.usefixtures("folder")
def test_a_list_of_masks_says_what_they_are(write_exposure: WriteExposure) -> None:
    good, broken = write_exposure("a_flt.fits"), Path("b_flt.fits")
    broken.write_bytes(b"no FITS")
    masks = create_masks([good, broken], keep_going=True, write=False)
    assert repr(masks) == f"Masks([{masks[0]!r}], left out: b_flt.fits)"
    assert repr(Masks(masks)) == f"Masks([{masks[0]!r}])"
    assert masks._repr_html_().count("<tr>") == 2
