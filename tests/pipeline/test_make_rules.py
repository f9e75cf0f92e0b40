"""Make rules, run by GNU Make itself."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from staticmask_cli import Parameters
from staticmask_cli.errors import ConfigError
from staticmask_cli.pipeline.make_rules import make_rules
from staticmask_cli.pipeline.plan import plan_masks
from staticmask_cli.simulate.visit import simulate_visit
from tests.support.exposures import WriteExposure
from tests.support.process import process_environment

MAKE = shutil.which("make")
WFC = "ACSWFC_60x80_1_staticMask.fits"
HRC = "ACSHRC_60x80_1_staticMask.fits"


def rules(*paths: str, options: Sequence[str] = (), others: Sequence[str] = (),
          output_dir: str = ".") -> str:
    """Make rules for exposures in the current folder."""
    parameters = Parameters.load(None, {"input": paths})
    return make_rules(plan_masks(parameters, output_dir=output_dir), options, others)


def make(text: str, *words: str) -> "subprocess.CompletedProcess[bytes]":
    """Include rules as a user does, and make their masks with the command of this package."""
    Path("masks.mk").write_bytes(os.fsencode(text))
    Path("Makefile").write_text("all:\n\ninclude masks.mk\nall: $(STATIC_MASKS)\n")
    assert MAKE is not None
    command = f"STATICMASK={sys.executable} -m staticmask_cli"
    return subprocess.run([MAKE, command, *words], env=process_environment(), check=False,
                          capture_output=True, timeout=60)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is a new one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def has_grouped_targets() -> bool:
    """Whether Make is there, and not older than 4.3."""
    if MAKE is None:
        return False
    shown = subprocess.run([MAKE, "--version"], capture_output=True, text=True, check=False).stdout
    version = re.match(r"GNU Make (\d+)\.(\d+)", shown)
    return version is not None and (int(version[1]), int(version[2])) >= (4, 3)


needs_make = pytest.mark.skipif(not has_grouped_targets(), reason="needs GNU Make 4.3 or newer")


def names_made(result: "subprocess.CompletedProcess[bytes]") -> list[str]:
    """Masks that a call of Make made again."""
    assert result.returncode == 0, result.stderr
    lines = os.fsdecode(result.stdout).splitlines()
    return sorted(line for line in lines if line.endswith("_staticMask.fits"))


@needs_make
def test_make_makes_what_is_missing_then_nothing_then_what_is_older(
    write_exposure: WriteExposure
) -> None:
    for name, detector in (("a", "WFC"), ("b", "WFC"), ("c", "HRC")):
        write_exposure(f"{name}_flt.fits", detector=detector)
    Path("run.cfg").write_text("static_sig = 5\n")
    text = rules("a_flt.fits", "b_flt.fits", "c_flt.fits",
                 options=("-c", "run.cfg"), others=("run.cfg",))
    assert names_made(make(text)) == [HRC, WFC]
    assert names_made(make(text)) == []
    touch("c_flt.fits")
    assert names_made(make(text)) == [HRC]
    for name, expected in {
        "b_flt.fits": {"a_flt.fits", "b_flt.fits"},
        "run.cfg": {"a_flt.fits", "b_flt.fits", "c_flt.fits"},
        "Makefile": set(),
    }.items():
        touch(name)
        commands = make(text, "--dry-run").stdout.decode()
        assert set(re.findall(r"\w_flt\.fits", commands)) == expected


def touch(path: str) -> None:
    """Let a file be newer than the masks, which are newer than all else; all are old."""
    for name in os.listdir():
        when = 1e9 + (10 if name.endswith("_staticMask.fits") else 0)
        os.utime(name, (when, when))
    os.utime(path, (1e9 + 20,) * 2)


ODD = (
    "a b", " a", "a#b", "a$b", "${a}", "a:b", "a*b", "a?b", "a[b]", "a'b", 'a"b', "a&b", "a,b",
    "a@b", "-a", "a+b!", "a`b", "<a>", "\u00e9", "\udcff",
)


@needs_make
def test_odd_names_of_exposures_survive_make_and_the_shell(write_exposure: WriteExposure) -> None:
    names = [f"{part}_flt.fits" for part in ODD]
    for name in names:
        os.rename(write_exposure("x_flt.fits"), name)
    text = rules(*(f"./{name}" for name in names))
    assert names_made(make(text)) == [WFC]
    assert names_made(make(text)) == []
    for name in names:
        touch(name)
        assert make(text, "-q").returncode == 1, name
    touch("Makefile")
    assert make(text, "-q").returncode == 0


@needs_make
def test_an_odd_name_of_a_folder_survives_make_and_the_shell(write_exposure: WriteExposure) -> None:
    write_exposure("a_flt.fits")
    folder = "".join(ODD)
    text = rules("a_flt.fits", output_dir=folder, options=("-o", folder))
    assert names_made(make(text)) == [f"{folder}/{WFC}"]
    assert names_made(make(text)) == []


@needs_make
def test_masks_of_one_exposure_are_made_by_one_run(folder: Path) -> None:
    paths = simulate_visit(str(folder), "ACS/WFC", exposures=2, shape=(60, 80)).paths
    text = rules(*map(os.path.basename, paths))
    assert text.count("$(STATICMASK) create") == 1
    result = make(text)
    assert names_made(result) == [WFC, WFC.replace("_1_", "_2_")]
    assert result.stdout.count(b"staticmask_cli create") == 1


@needs_make
def test_copies_follow_their_exposures_and_masks(folder: Path) -> None:
    visit = simulate_visit(str(folder), "WFPC2", exposures=2, shape=(60, 80))
    paths = [os.path.basename(path) for path in visit.paths]
    parameters = Parameters.load(None, {"input": paths})
    copies = {path: f"out dir/{path}" for path in paths}
    text = make_rules(plan_masks(parameters), ("-q",), copies=copies)
    text += "\nall: $(STATIC_COPIES)\n"
    assert len(copied(make(text))) == 2
    assert copied(make(text)) == []
    touch(paths[0].replace("_c0m", "_c1m"))
    for copy in copies.values():
        os.utime(copy, (1e9 + 10,) * 2)
    assert copied(make(text)) == [copies[paths[0]]]


def copied(result: "subprocess.CompletedProcess[bytes]") -> list[str]:
    """Return the copies that a call of Make made again."""
    assert result.returncode == 0, result.stderr
    lines = os.fsdecode(result.stdout).splitlines()
    return sorted(line for line in lines if line.startswith("out dir/"))


@pytest.mark.parametrize(
    ("name", "found"),
    [("a%b", "'%'"), ("a=b", "'='"), ("a;b", "';'"), ("a|b", r"'\|'"), ("a\\b", r"'\\\\'"),
     ("lib(a)", r"'\('"), ("~a", "'~'"), ("a\tb", r"'\\t'"), ("a\nb", r"'\\n'")],
)
def test_names_that_make_cannot_have_are_refused(
    name: str, found: str, write_exposure: WriteExposure
) -> None:
    os.rename(write_exposure("x_flt.fits"), f"{name}_flt.fits")
    with pytest.raises(ConfigError, match=f"holds {found}, which Make cannot have"):
        rules(f"{name}_flt.fits")


def test_a_name_that_ends_with_a_blank_is_refused(write_exposure: WriteExposure) -> None:
    write_exposure("a_flt.fits")
    with pytest.raises(ConfigError, match=r"run\.cfg : holds a blank at its end, which Make"):
        rules("a_flt.fits", others=("run.cfg ",))


def test_rules_without_a_mask_make_nothing() -> None:
    assert "STATIC_MASKS += \n" in make_rules([], ())
