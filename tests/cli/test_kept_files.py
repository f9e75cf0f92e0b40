"""No option makes a run write over its inputs, or over the files of others."""

import json
from pathlib import Path

import pytest

from tests.support.command import run
from tests.support.exposures import WriteExposure, digest

MASK = "ACSWFC_60x80_1_staticMask.fits"
STAYS = "is an input of this run, and stays as it is; choose another name for"


@pytest.fixture
def exposure(write_exposure: WriteExposure, folder: Path) -> str:
    """Return the name of an exposure in the current folder, with files that name it."""
    assert folder == Path.cwd()
    Path("visit.lst").write_text("a_flt.fits\n")
    Path("outer.csv").write_text("@visit.lst\n")
    product = {"name": "a", "members": [{"expname": "a_flt.fits", "exptype": "science"}]}
    Path("x_asn.json").write_text(json.dumps({"products": [product]}))
    Path("run.cfg").write_text("# Parameters for: staticmask\nstatic_sig = 5\n")
    Path("notes.csv").write_text("night,seeing\n1,0.9\n")
    Path("reduce.py").write_text("import staticmask_cli\n")
    Path("bad.json").write_text("{}")
    Path("notes.png").write_text("a list\n")
    return write_exposure().name


@pytest.mark.parametrize("overwrite", [[], ["--overwrite"]], ids=["", "overwrite"])
@pytest.mark.parametrize(
    "words",
    [
        "x_asn.json --report x_asn.json",
        "@outer.csv --report outer.csv",
        "@visit.lst --save-config visit.lst",
        "@outer.csv --save-config ./visit.lst",
        "a_flt.fits -c run.cfg --save-config run.cfg",
        "a_flt.fits --include ACSWFC_60x80_1=bad.json --report bad.json",
    ],
)
def test_an_input_is_never_a_target(
    words: str, overwrite: list[str], exposure: str
) -> None:
    before = {path.name: digest(path) for path in Path().iterdir()}
    result = run(*words.split(), *overwrite)
    option, target = words.split()[-2:]
    assert (result.exit_code, result.stderr) == (1, f"Error: {target}: {STAYS} {option}\n")
    assert {path.name: digest(path) for path in Path().iterdir()} == before
    assert exposure in before


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("--report notes.csv", "a report of staticmask"),
        ("--report bad.json", "a report of staticmask"),
        ("--save-config reduce.py", "a .cfg that staticmask or drizzlepac's editor saved"),
        ("--plot notes.png", "a picture"),
        ("--log-file reduce.py", "a log, with a date in a line"),
        ("--log-file visit.lst", "a log, with a date in a line"),
        ("--log-file run.cfg", "a log, with a date in a line"),
    ],
)
def test_a_text_of_another_program_stays(words: str, expected: str, exposure: str) -> None:
    option, target = words.split()
    before = digest(Path(target))
    result = run(exposure, option, target)
    assert result.exit_code == 1
    assert result.stderr == (f"Error: {target}: exists and is not {expected}; choose another name, "
                             "or move it away\n")
    assert digest(Path(target)) == before
    assert not Path(MASK).exists()


@pytest.mark.parametrize("option", ["--report=notes.csv", "--save-config=reduce.py"])
def test_overwrite_replaces_a_text_of_another_program(option: str, exposure: str) -> None:
    before = digest(Path(option.partition("=")[2]))
    assert run(exposure, option, "--overwrite").exit_code == 0
    assert digest(Path(option.partition("=")[2])) != before


@pytest.mark.parametrize(
    ("option", "name"),
    [("--report", "run.json"), ("--report", "run.csv"), ("--report", "run.ecsv"),
     ("--save-config", "new.cfg"), ("--log-file", "run.log"), ("--report", "empty.csv"),
     ("--plot", "run.png"), ("--plot", "run.pdf"), ("--plot", "run.svg")],
)
@pytest.mark.usefixtures("drawn")
def test_what_a_run_wrote_is_written_again(option: str, name: str, exposure: str) -> None:
    Path("empty.csv").touch()
    for static_sig in ("4", "5"):
        result = run(exposure, option, name, "--static-sig", static_sig)
        assert result.exit_code == 0, result.stderr
    if name in {"run.json", "run.ecsv", "new.cfg", "run.log"}:
        assert "5.0" in Path(name).read_text()


def test_what_the_editor_of_drizzlepac_saved_is_replaced(exposure: str) -> None:
    Path("old.cfg").write_text("_task_name_ = staticMask\nstatic_sig = 4.0\n")
    assert run(exposure, "--save-config", "old.cfg").exit_code == 0
    Path("whole.cfg").write_text("_task_name_ = astrodrizzle\n[STEP 1: STATIC MASK]\n")
    assert run(exposure, "--save-config", "whole.cfg").exit_code == 1


def test_a_log_of_another_program_grows(exposure: str) -> None:
    Path("pipeline.log").write_text("# night 3\n[2026-11-30T12:00:00] started\n")
    assert run(exposure, "--log-file", "pipeline.log").exit_code == 0
    assert Path("pipeline.log").read_text().startswith("# night 3\n[2026-11-30T12:00:00] started\n")


def test_config_saves_over_what_it_read_but_over_no_list(exposure: str) -> None:
    assert run("config", "-c", "run.cfg", "--sky", "local", "--save", "run.cfg").exit_code == 0
    assert "local" in Path("run.cfg").read_text()
    assert STAYS in run("config", "@visit.lst", "--save", "visit.lst").stderr
    assert "exists and is not a .cfg" in run("config", exposure, "--save", "reduce.py").stderr


@pytest.mark.parametrize("suffix", ["json", "csv", "ecsv"])
def test_a_report_of_inspect_is_written_again(suffix: str, exposure: str) -> None:
    assert run(exposure).exit_code == 0
    for _ in range(2):
        result = run("inspect", "--brief", MASK, "--report", f"all.{suffix}")
        assert result.exit_code == 0, result.stderr
