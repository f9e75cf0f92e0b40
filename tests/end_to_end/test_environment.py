"""Where the command runs: streams, home, terminal, locale and names that are not as usual."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from staticmask_cli import StaticMask
from staticmask_cli.cli import cli
from tests.support.exposures import WriteExposure
from tests.support.process import process_environment

NAME = "ACSWFC_60x80_1_staticMask.fits"
COMMAND = shlex.join([sys.executable, "-m", "staticmask_cli"])


def shell(
    words: str, folder: Path, *, without: tuple[str, ...] = (), **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash, in which $MASK is the command."""
    environment = process_environment(**more)
    for name in without:
        environment.pop(name, None)
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words.replace('$MASK', COMMAND)}"],  # noqa: S607 - the user's own
        cwd=folder, env=environment, capture_output=True, encoding="utf-8",
        errors="surrogateescape", check=False, timeout=60,
    )


def masks_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*staticMask.fits"))


@pytest.mark.parametrize(
    "words",
    [
        "$MASK a_flt.fits >&-",
        "$MASK a_flt.fits <&- >&- 2>&-",
        "$MASK a_flt.fits 2>/dev/full",
        "$MASK a_flt.fits | true",
        "$MASK a_flt.fits b_flt.fits 2>&1 | head -1",
        "$MASK a_flt.fits 2> >(true)",
    ],
)
def test_a_stream_that_is_closed_or_not_read_costs_no_mask(
    words: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    inputs = [write_exposure("a_flt.fits"), write_exposure("b_flt.fits", detector="SBC")]
    before = [path.read_bytes() for path in inputs]
    done = shell(words, tmp_path)
    assert done.returncode == 0
    assert "Traceback" not in done.stdout + done.stderr
    assert NAME in masks_in(tmp_path)
    StaticMask.read(str(tmp_path / NAME))  # nothing was printed into it
    assert [path.read_bytes() for path in inputs] == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_stdout_that_is_full_is_an_error_and_the_mask_is_there(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    write_exposure()
    done = shell("$MASK -q a_flt.fits >/dev/full", tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: stdout: cannot be written: No space left on device; "
        "the masks are complete, only their paths are not shown\n"
    )
    assert masks_in(tmp_path) == [NAME]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_log_file_that_cannot_be_written_is_told_once_and_costs_no_mask(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    write_exposure()
    done = shell("$MASK -q a_flt.fits --log-file /dev/full", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{NAME}\n")
    assert done.stderr == (
        "Warning: /dev/full: the log cannot be written: [Errno 28] No space left on device\n"
    )


@pytest.mark.parametrize(
    ("without", "more"),
    [
        (("HOME", "TERM", "LANG", "LC_ALL", "TMPDIR"), {}),
        ((), {"HOME": "/dev/null/x", "TERM": "no-such", "COLUMNS": "nonsense", "TMPDIR": "/dev/x"}),
        ((), {"LC_ALL": "tlh_QO.KOI-8"}),
        ((), {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}),
    ],
    ids=["nothing", "nonsense", "unknown locale", "ascii"],
)
def test_home_terminal_and_locale_make_no_difference(
    without: tuple[str, ...], more: dict[str, str], write_exposure: WriteExposure, tmp_path: Path
) -> None:
    write_exposure().rename(tmp_path / "\N{LATIN SMALL LETTER E WITH ACUTE}_flt.fits")
    done = shell("$MASK *_flt.fits", tmp_path, without=without, **more)
    assert (done.returncode, done.stdout) == (0, f"{NAME}\n"), done.stderr
    assert "Traceback" not in done.stderr
    assert masks_in(tmp_path) == [NAME]


NAMES = (
    "two  blanks", "it's", 'say "x"', "new\nline", "t\u00e9l\u00e9", "-rf", "[1]", "a*b", "$HOME",
    "#1", "\x1b[31m", "b\udcff", "a;b", ".hidden", "\u202e",
)


def test_any_name_of_an_exposure_is_taken_as_it_is(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    for name in NAMES:
        write_exposure().rename(tmp_path / f"{name}_flt.fits")
    words = " ".join(shlex.quote(f"{name}_flt.fits") for name in NAMES)
    done = shell(f"$MASK -- {words}", tmp_path)
    assert (done.returncode, done.stdout) == (0, f"{NAME}\n"), done.stderr
    assert "\x1b" not in done.stderr
    members = StaticMask.read(str(tmp_path / NAME)).members
    assert len([member for member in members if member.used]) == len(NAMES)
    assert len(list(tmp_path.iterdir())) == len(NAMES) + 1


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_any_name_of_an_output_folder_is_taken_as_it_is(
    name: str, write_exposure: WriteExposure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_exposure()
    done = CliRunner().invoke(cli, ["a_flt.fits", "-q", "-o", name])
    assert done.exit_code == 0, done.stderr
    assert done.stdout_bytes == os.fsencode(f"{name}/{NAME}\n")
    assert sorted(os.listdir(tmp_path)) == sorted(["a_flt.fits", name])


def test_a_current_folder_that_was_removed_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    done = shell("cd gone; rmdir ../gone; $MASK a_flt.fits", tmp_path)
    assert done.returncode == 1
    assert done.stderr == (
        "Error: the current folder does not exist any more; change to another one\n"
    )
