"""The command that prints, saves and checks parameters."""

from pathlib import Path

import pytest

from staticmask_cli import Parameters
from tests.support.command import done, run
from tests.support.exposures import digest

SAVED_BY_DRIZZLEPAC = """\
_task_name_ = staticMask#
input = *flt.fits# Input files
group = sci,2#

[STEP 1: STATIC MASK]
static = True# Create static bad-pixel mask?
static_sig = 3.5# Sigma*rms below mode
"""
WHOLE = """\
_task_name_ = astrodrizzle
input = "*flc.fits"
[STEP 1: STATIC MASK ]
static = yes
static_sig = 3
[STEP 3: DRIZZLE SEPARATE IMAGES]
driz_separate = True
[STEP 7: DRIZZLE FINAL COMBINED IMAGE]
final_bits = "64,32"
"""


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is a new one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_without_options_the_defaults_are_printed(folder: Path) -> None:
    result = done("config")
    assert result.stdout == Parameters.load().text()
    assert result.stderr == ""
    assert list(folder.iterdir()) == []


def test_every_parameter_has_its_comment() -> None:
    lines = done("config").stdout.splitlines()
    named = [number for number, line in enumerate(lines) if " = " in line and line[0] != "#"]
    assert len(named) == len(vars(Parameters.load()))
    assert all(lines[number - 1].startswith("# ") for number in named)


def test_options_come_before_the_cfg_and_that_before_the_defaults() -> None:
    Path("run.cfg").write_text("static_sig = 3\nfinal_bits = 16\n")
    words = ("a.fits", "-c", "run.cfg", "--final-bits", "~64", "--group", "1,4")
    Path("printed.cfg").write_text(done("config", *words).stdout)
    expected = {"input": "a.fits", "static_sig": 3, "final_bits": "~64", "group": "1,4"}
    assert Parameters.load("printed.cfg") == Parameters.load(None, expected)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (SAVED_BY_DRIZZLEPAC, {"input": "*flt.fits", "group": "sci,2", "static_sig": 3.5}),
        (WHOLE, {"input": "*flc.fits", "static_sig": 3, "final_bits": "64,32"}),
    ],
    ids=["staticMask.cfg", "astrodrizzle.cfg"],
)
def test_a_cfg_of_drizzlepac_becomes_one_of_ours(text: str, expected: dict[str, object]) -> None:
    Path("theirs.cfg").write_text(text)
    before = digest(Path("theirs.cfg"))
    result = done("config", "-c", "theirs.cfg", "--save", "ours.cfg")
    assert (result.stdout, result.stderr) == ("", "ours.cfg: saved\n")
    assert Parameters.load("ours.cfg") == Parameters.load(None, expected)
    assert done("config", "-c", "ours.cfg").stdout == Path("ours.cfg").read_text()
    assert "task_name" not in Path("ours.cfg").read_text()
    assert digest(Path("theirs.cfg")) == before


@pytest.mark.parametrize("text", [SAVED_BY_DRIZZLEPAC, WHOLE, "static_sig = 3\n", ""])
def test_a_valid_cfg_is_found_to_be_valid(text: str, folder: Path) -> None:
    Path("run.cfg").write_text(text)
    result = done("config", "--check", "run.cfg")
    assert (result.stdout, result.stderr) == ("", "run.cfg: is valid\n")
    assert done("config", "--check", "run.cfg", "-q").stderr == ""
    assert [path.name for path in folder.iterdir()] == ["run.cfg"]


def test_a_wrong_cfg_ends_with_2_and_all_its_problems() -> None:
    Path("run.cfg").write_text("static_sig = big\nstatic_sgi = 3\ngroup = ,\n")
    stderr = run("config", "--check", "run.cfg", code=2).stderr
    assert "run.cfg static_sig = big: expected a number > 0" in stderr
    assert "did you mean static_sig?" in stderr
    assert "run.cfg group = ,: expected extension numbers" in stderr
    assert "cannot read the parameters" in run("config", "--check", "nothing.cfg", code=2).stderr


def test_a_check_does_nothing_else() -> None:
    Path("run.cfg").write_text("static_sig = 3\n")
    result = run("config", "--check", "run.cfg", "--save", "other.cfg", code=2)
    assert "--check does nothing else" in result.stderr
    assert not Path("other.cfg").exists()


def test_a_file_that_is_no_text_is_not_replaced() -> None:
    Path("a.fits").write_bytes(b"SIMPLE  =                    T")
    assert "is not a text file" in run("config", "--save", "a.fits", code=1).stderr
    assert Path("a.fits").read_bytes().startswith(b"SIMPLE")
