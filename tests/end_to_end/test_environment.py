"""The command runs with any home, terminal, locale and file names."""

import os
import shlex
from pathlib import Path

import pytest

from staticmask_cli import StaticMask
from tests.support.command import done
from tests.support.exposures import WriteExposure
from tests.support.process import shell

NAME = "ACSWFC_60x80_1_staticMask.fits"


def masks_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.rglob("*staticMask.fits"))


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
    process = shell("$MASK *_flt.fits", tmp_path, without=without, **more)
    assert (process.returncode, process.stdout) == (0, f"{NAME}\n"), process.stderr
    assert "Traceback" not in process.stderr
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
    process = shell(f"$MASK -- {words}", tmp_path)
    assert (process.returncode, process.stdout) == (0, f"{NAME}\n"), process.stderr
    assert "\x1b" not in process.stderr
    members = StaticMask.read(str(tmp_path / NAME)).members
    assert len([member for member in members if member.used]) == len(NAMES)
    assert len(list(tmp_path.iterdir())) == len(NAMES) + 1


@pytest.mark.parametrize("name", [*NAMES, "cost$5", "~x y"], ids=ascii)
def test_any_name_of_an_output_folder_is_taken_as_it_is(
    name: str, write_exposure: WriteExposure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_exposure()
    if name == "$HOME":  # of an existing folder; otherwise it stands for the home
        (tmp_path / name).mkdir()
    result = done("a_flt.fits", "-o", name)
    assert result.stdout_bytes == os.fsencode(f"{name}/{NAME}\n")
    assert sorted(os.listdir(tmp_path)) == sorted(["a_flt.fits", name])


def test_a_current_folder_that_was_removed_is_named(tmp_path: Path) -> None:
    (tmp_path / "gone").mkdir()
    process = shell("cd gone; rmdir ../gone; $MASK a_flt.fits", tmp_path)
    assert process.returncode == 1
    assert process.stderr == (
        "Error: the current folder does not exist any more; change to another one\n"
    )
