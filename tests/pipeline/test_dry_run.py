"""What a run would do: sizes, members, and the state of each mask on disk."""

import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import Parameters, create_masks
from staticmask_cli.errors import InputError, OutputError
from staticmask_cli.pipeline.dry_run import DryRun, dry_run_of, plan_run
from staticmask_cli.pipeline.existing import MaskStatus
from staticmask_cli.reports.run_report import as_json
from staticmask_cli.simulate.visit import simulate_visit
from tests.support.documents import checked
from tests.support.exposures import WriteExposure, digest, sky

MASK = "ACSWFC_60x80_1_staticMask.fits"


def forecast(folder: Path, *paths: Path | str, **given: object) -> DryRun:
    """Say what a run with these inputs would do in a folder, which stays as it is."""
    before = snapshot(folder)
    parameters = Parameters.load(None, {"input": [str(path) for path in paths], **given})
    plans = plan_run(parameters, suffix=None, output_dir=str(folder), overwrite=True)
    found = dry_run_of(plans, parameters)
    checked("plan", as_json("plan", found))
    assert snapshot(folder) == before
    return found


def snapshot(folder: Path) -> dict[str, tuple[int, str]]:
    return {
        path.name: (path.stat().st_mtime_ns, digest(path))
        for path in sorted(folder.iterdir()) if path.is_file()
    }


def state(found: DryRun) -> MaskStatus:
    (mask,) = found.masks
    return MaskStatus(mask.state, mask.why)


@pytest.fixture
def exposures(write_exposure: WriteExposure) -> list[Path]:
    """Three exposures of one chip, an hour old."""
    paths = [
        write_exposure(f"{name}_flt.fits", chips=[{"data": sky(seed=seed)}])
        for seed, name in enumerate("abc")
    ]
    for path in paths:
        age(path, 3600)
    return paths


def age(path: Path, seconds: float) -> None:
    then = path.stat().st_mtime - seconds
    os.utime(path, (then, then))


def test_a_mask_is_missing_and_then_up_to_date(exposures: list[Path], tmp_path: Path) -> None:
    assert state(forecast(tmp_path, *exposures)) == MaskStatus("missing")
    create_masks(exposures, output_dir=tmp_path)
    assert state(forecast(tmp_path, *exposures[::-1])) == MaskStatus("up to date")


def test_a_mask_is_older_than_a_member(exposures: list[Path], tmp_path: Path) -> None:
    create_masks(exposures, output_dir=tmp_path)
    age(tmp_path / MASK, 5000)
    listed = ", ".join(map(str, exposures))
    assert state(forecast(tmp_path, *exposures)) == MaskStatus("older", (f"newer: {listed}",))
    written = (tmp_path / MASK).stat().st_mtime_ns
    for path in exposures:
        os.utime(path, ns=(written, written))  # not older than itself
    assert state(forecast(tmp_path, *exposures)) == MaskStatus("up to date")
    os.utime(exposures[1], ns=(written, written + 1000))
    assert state(forecast(tmp_path, *exposures)) == MaskStatus("older", (f"newer: {exposures[1]}",))


def test_a_mask_is_older_than_the_file_of_its_dq_flags(tmp_path: Path) -> None:
    visit = simulate_visit(str(tmp_path), "WFPC2", exposures=1, shape=(60, 80))
    create_masks(visit.paths, final_bits="0", output_dir=tmp_path)
    companion = Path(visit.paths[0].replace("_c0m", "_c1m"))
    age(companion, -60)
    found = forecast(tmp_path, *visit.paths, final_bits="0")
    assert {mask.state for mask in found.masks} == {"older"}
    assert [file.file for file in found.files] == [visit.paths[0], str(companion)]
    assert {chip["dq"] for mask in found.masks for chip in mask.chips} == {str(companion)}
    without = forecast(tmp_path, *visit.paths)
    assert {mask.state for mask in without.masks} == {"other parameters"}
    assert {chip["dq"] for mask in without.masks for chip in mask.chips} == {None}


def test_a_mask_is_of_other_members(
    exposures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    create_masks(exposures[:2], output_dir=tmp_path)
    assert state(forecast(tmp_path, *exposures[1:])) == MaskStatus("other members", (
        f"new: {exposures[2]}[SCI,1]", f"gone: {exposures[0]}[SCI,1]",
    ))
    monkeypatch.chdir(tmp_path)
    assert state(forecast(tmp_path, "a_flt.fits", "b_flt.fits")).state == "other members"
    create_masks(["a_flt.fits", "b_flt.fits"], output_dir=tmp_path)
    assert state(forecast(tmp_path, "./a_flt.fits", "b_flt.fits")).state == "up to date"


def replace(path: Path, other: Path) -> None:
    """Replace a file by another one, which gets its date."""
    date = path.stat().st_mtime_ns
    other.replace(path)
    os.utime(path, ns=(date, date))


def test_a_member_that_was_replaced_by_an_old_file_is_noticed(
    exposures: list[Path], write_exposure: WriteExposure, tmp_path: Path
) -> None:
    create_masks(exposures, output_dir=tmp_path)
    replace(exposures[1], write_exposure("d_flt.fits", ROOTNAME="b", DATE="2020-02-02"))
    assert state(forecast(tmp_path, *exposures)) == MaskStatus(
        "other members", (f"replaced: {exposures[1]}[SCI,1]",))
    with pytest.raises(OutputError, match=r"b_flt\.fits\[SCI,1\] \(replaced: its headers"):
        create_masks(exposures, output_dir=tmp_path, update=True)
    create_masks(exposures, output_dir=tmp_path)
    assert state(forecast(tmp_path, *exposures)) == MaskStatus("up to date")


def test_an_exposure_that_is_replaced_after_it_was_read_is_noticed_by_the_next_run(
    exposures: list[Path], write_exposure: WriteExposure, tmp_path: Path
) -> None:
    other = write_exposure("d_flt.fits", ROOTNAME="a", DATE="2020-02-02")

    def replace_first(done: int, total: int) -> None:
        if done == total:
            replace(exposures[0], other)

    create_masks(exposures, output_dir=tmp_path, jobs=1, progress=replace_first)
    assert state(forecast(tmp_path, *exposures)).why == (f"replaced: {exposures[0]}[SCI,1]",)


def test_copies_of_the_exposures_make_the_same_bytes(
    exposures: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.chdir(tmp_path)
    names = [path.name for path in exposures]
    (mask,) = create_masks(names)
    before = digest(tmp_path / MASK)
    for path in exposures:
        path.write_bytes(path.read_bytes())
        age(path, 7200)
    assert state(forecast(Path(), *names)) == MaskStatus("up to date")
    create_masks(names)
    assert digest(tmp_path / MASK) == before
    for member in mask.members:  # as an older version wrote it
        object.__setattr__(member.label, "headsum", 0)
    mask.write(MASK)
    replace(exposures[0], exposures[1])
    assert state(forecast(Path(), *names[:1], *names[2:])).why == (f"gone: {names[1]}[SCI,1]",)


def test_many_names_are_shortened(write_exposure: WriteExposure, tmp_path: Path) -> None:
    paths = [write_exposure(f"{name}_flt.fits") for name in "abcdefg"]
    create_masks(paths[:1], output_dir=tmp_path)
    (reason,) = state(forecast(tmp_path, *paths)).why
    assert reason.startswith(f"new: {paths[1]}[SCI,1], {paths[2]}[SCI,1], ")
    assert reason.endswith("d_flt.fits[SCI,1] and 3 more")


@pytest.mark.parametrize(
    ("made_with", "asked_for", "why"),
    [
        ({}, {"static_sig": 5}, ("static_sig = 4.0, now 5.0",)),
        ({}, {"final_bits": 0}, ("final_bits = None, now 0",)),
        ({"final_bits": "~4096"}, {}, ("final_bits = ~4096, now None",)),
        ({"final_bits": "64,32"}, {"final_bits": 64, "static_sig": 3},
         ("static_sig = 4.0, now 3.0", "final_bits = 64,32, now 64")),
        ({"final_bits": "64,32"}, {"final_bits": 96}, None),
        ({"final_bits": "WARMPIX"}, {"final_bits": 64}, None),
    ],
)
def test_a_mask_is_made_with_other_parameters(
    exposures: list[Path], tmp_path: Path, made_with: dict[str, object],
    asked_for: dict[str, object], why: tuple[str, ...] | None,
) -> None:
    create_masks(exposures, output_dir=tmp_path, **made_with)  # type: ignore[arg-type]
    expected = MaskStatus("up to date") if why is None else MaskStatus("other parameters", why)
    assert state(forecast(tmp_path, *exposures, **asked_for)) == expected


@pytest.mark.parametrize("content", ["mask of drizzlepac", "text"])
def test_a_file_that_does_not_say_what_it_is_made_from_is_foreign(
    exposures: list[Path], tmp_path: Path, content: str
) -> None:
    if content == "text":
        (tmp_path / MASK).write_text("notes")
    else:
        fits.PrimaryHDU(np.ones((60, 80), np.int16)).writeto(tmp_path / MASK)
    assert state(forecast(tmp_path, *exposures)).state == "foreign"


def test_what_is_set_aside_is_told_also_where_no_mask_is_made_of_it(
    exposures: list[Path], write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dark = write_exposure("dark_flt.fits", EXPTIME=0.0)
    lost = write_exposure("lost_flt.fits", instrume="WFC3", detector="IR", EXPTIME=-1.0)
    found = forecast(tmp_path, *exposures, dark, lost)
    assert found.set_aside == (
        {"file": str(dark), "extver": 1, "whynot": "EXPTIME = 0"},
        {"file": str(lost), "extver": 1, "whynot": "EXPTIME = -1"},
    )
    (mask,) = found.masks
    assert [chip["whynot"] for chip in mask.chips] == ["", "", "", "EXPTIME = 0"]
    assert [file.file for file in found.files] == [*map(str, exposures), str(dark)]


def test_sizes_are_those_on_disk(exposures: list[Path], tmp_path: Path) -> None:
    found = forecast(tmp_path, *exposures)
    assert [file.bytes for file in found.files] == [path.stat().st_size for path in exposures]
    create_masks(exposures, output_dir=tmp_path)
    with fits.open(tmp_path / MASK) as hdus:
        assert found.masks[0].bytes == hdus[0].fileinfo()["datSpan"]


def test_nothing_is_planned_where_no_mask_is_asked_for(tmp_path: Path) -> None:
    assert forecast(tmp_path, "nothing_flt.fits", static=False).masks == ()


def test_a_file_that_vanished_is_an_error(exposures: list[Path], tmp_path: Path) -> None:
    parameters = Parameters.load(None, {"input": [str(path) for path in exposures]})
    plans = plan_run(parameters, suffix=None, output_dir=str(tmp_path), overwrite=False)
    exposures[0].unlink()
    with pytest.raises(InputError, match=r"a_flt\.fits: its .* cannot be read: No such"):
        dry_run_of(plans, parameters)
