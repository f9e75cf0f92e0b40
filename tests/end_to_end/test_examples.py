"""The examples do what their READMEs say; every one is run."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import StaticMask
from staticmask_cli.masks.grow import grown
from staticmask_cli.simulate.visit import simulate_visit
from tests.support.process import process_environment, run_python

EXAMPLES = Path(__file__).parents[2] / "examples"
DEMO = "ACSWFC_400x500_1_staticMask.fits"
WFC = ["masks/ACSWFC_40x50_1_staticMask.fits", "masks/ACSWFC_40x50_2_staticMask.fits"]
IR = ["masks/WFC3IR_30x50_1_staticMask.fits"]


def make_is_new_enough() -> bool:
    """Whether there is a GNU Make with grouped targets, which came with 4.3."""
    if shutil.which("make") is None:
        return False
    words = ["make", "--version"]
    found = subprocess.run(words, capture_output=True, text=True, check=False)
    version = re.match(r"GNU Make (\d+)\.(\d+)", found.stdout)
    return version is not None and (int(version[1]), int(version[2])) >= (4, 3)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty folder, with staticmask on the PATH and an English system."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, words in {"staticmask": "-m staticmask_cli ", "python": ""}.items():
        script = commands / name
        script.write_text(f'#!/bin/sh\nexec "{sys.executable}" {words}"$@"\n')
        script.chmod(0o755)
    environment = process_environment(
        PATH=f"{commands}{os.pathsep}{os.environ['PATH']}", LC_ALL="C"
    )
    for name in ("MAKEFLAGS", "MAKELEVEL", "CONFIG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    place = tmp_path / "place"
    place.mkdir()
    monkeypatch.chdir(place)
    return place


def run(*words: str, timeout: float = 60) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(words, capture_output=True, text=True, check=False, timeout=timeout)


def shown(example: str, script: str, *, timeout: float = 60) -> str:
    """Run the commands of a README that run a script, as they are, and return what they print."""
    shutil.copytree(EXAMPLES / example, ".", dirs_exist_ok=True)
    blocks = re.findall(r"```sh\n(.*?)```", Path("README.md").read_text(), flags=re.DOTALL)
    (block,) = [block for block in blocks if script in block]
    result = run("sh", "-ec", block, timeout=timeout)
    assert result.returncode == 0, result.stderr
    return result.stdout


def made(*words: str) -> list[str]:
    """Masks that make says it made."""
    result = run("make", *words)
    assert result.returncode == 0, result.stdout + result.stderr
    return re.findall(r"^masks/.*\.fits$", result.stdout, flags=re.MULTILINE)


def test_each_example_has_a_readme_and_is_listed() -> None:
    folders = {path.name for path in EXAMPLES.iterdir() if path.is_dir()}
    listed = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert set(re.findall(r"\]\((\w+)\)", listed)) == folders
    for name in folders:
        assert (EXAMPLES / name / "README.md").read_text(encoding="utf-8").startswith("# ")


@pytest.mark.skipif(not make_is_new_enough(), reason="needs GNU Make 4.3")
def test_make_makes_again_what_changed_and_nothing_else(folder: Path) -> None:
    shutil.copytree(EXAMPLES / "make", folder, dirs_exist_ok=True)
    wfc = simulate_visit(".", "ACS/WFC", shape=(40, 50)).paths
    simulate_visit(".", "WFC3/IR", shape=(30, 50), exposures=2)
    assert made() == [*WFC, *IR]
    assert made() == []
    Path(wfc[1]).touch()
    assert made() == WFC
    Path("static.cfg").touch()
    assert made() == [*WFC, *IR]
    Path(wfc[3]).unlink()
    assert made() == WFC
    assert len(StaticMask.read(WFC[0]).members) == 3
    assert made() == []


@pytest.mark.skipif(not make_is_new_enough(), reason="needs GNU Make 4.3")
def test_make_takes_associations_and_prefers_flc(folder: Path) -> None:
    shutil.copytree(EXAMPLES / "make", folder, dirs_exist_ok=True)
    empty = run("make")
    assert empty.returncode == 2
    assert "There is no *_flt.fits, *_flc.fits or *_asn.fits" in empty.stderr
    paths = simulate_visit(".", "ACS/WFC", shape=(40, 50)).paths
    for path in paths:
        shutil.copy(path, path.replace("_flt", "_flc"))
    Path(paths[3]).unlink()
    rows = fits.BinTableHDU.from_columns([
        fits.Column("MEMNAME", "14A", array=[Path(path).name[:9].upper() for path in paths]),
        fits.Column("MEMTYPE", "14A", array=["EXP-DTH"] * 4),
    ])
    rows.writeto("jsim60010_asn.fits")
    assert made() == WFC
    files = [member.label.file for member in StaticMask.read(WFC[0]).members]
    assert sorted(files) == [path.replace("_flt", "_flc") for path in paths]
    assert made() == []
    assert made("clean") == []
    assert not Path("masks").exists()


def test_the_batch_goes_on_past_a_bad_visit(folder: Path) -> None:
    shutil.copytree(EXAMPLES / "batch", folder, dirs_exist_ok=True)
    Path("empty").mkdir()
    for name in ("one", "two 2"):
        simulate_visit(name, "WFC3/IR", shape=(30, 50), exposures=2)
    result = run("sh", "run.sh", "one", "empty/", "two 2/")
    assert result.returncode == 1
    assert "0 of 2 masks stand apart." in result.stdout
    assert all(Path(visit, IR[0]).exists() for visit in ("one", "two 2"))
    assert "empty: FAILED" in result.stderr
    assert result.stderr.endswith("2 of 3 visits done\n")
    assert StaticMask.read(f"one/{IR[0]}").rule.final_bits == "64,32"
    assert "final_bits = 64,32" in Path("one/masks/staticmask.log").read_text()
    assert len(list(Path("qa").iterdir())) == 3
    assert run("sh", "run.sh").returncode == 2


@pytest.mark.skipif(not make_is_new_enough(), reason="needs GNU Make 4.3")
def test_many_visits_are_made_by_one_pattern_rule_and_those_that_stand_apart_are_named(
    folder: Path
) -> None:
    shutil.copytree(EXAMPLES / "batch", folder, dirs_exist_ok=True)
    for name, exposures in (("v1", 3), ("v2", 2), ("v3", 3)):
        simulate_visit(f"data/{name}", "WFC3/IR", shape=(30, 50), exposures=exposures)
    made = [run("make", "-k", "-j2") for _ in range(2)]
    assert [result.stdout.count("staticmask create") for result in made] == [3, 0]
    next(Path("data/v1").glob("*_flt.fits")).touch()
    again = run("make", "-k", "-j2").stdout
    assert again.count("staticmask create") == again.count("data/v1/masks/report.json") == 1
    page = run("make", "page")
    assert page.returncode == 2
    assert "Error 3" in page.stderr
    assert f"data/v2/{IR[0]}: it has 2 exposures, where 3 are usual" in page.stdout
    assert len(list(Path("qa").iterdir())) == 4


def test_the_notebook_hands_masks_on_and_leaves_the_exposures_alone(folder: Path) -> None:
    paths = simulate_visit(".", "ACS/WFC", shape=(40, 50)).paths
    before = [Path(path).read_bytes() for path in paths]
    process = run_python("-W", "error", str(EXAMPLES / "notebook" / "masks.py"), cwd=folder)
    assert (process.returncode, process.stderr) == (0, "")
    mask = StaticMask.read(WFC[0])
    assert f"{WFC[0]}: {mask.nbad} bad pixels, from 4 exposures" in process.stdout
    assert f"combined 4 chips; {mask.nbad} pixels have no value" in process.stdout
    assert "will use 0 of the bad pixels" in process.stdout
    for path in paths:
        dq, flagged = (fits.getdata(Path(f) / path, ("DQ", 1)) for f in (".", "flagged"))
        np.testing.assert_array_equal(flagged, dq | np.where(mask.bad, 4, 0))
    assert [Path(path).read_bytes() for path in paths] == before


@pytest.mark.usefixtures("folder")
def test_an_old_astrodrizzle_cfg_makes_masks() -> None:
    simulate_visit(".", "ACS/WFC", shape=(40, 50))
    cfg = str(EXAMPLES / "astrodrizzle" / "astrodrizzle.cfg")
    result = run("staticmask", "-c", cfg, "-o", "masks")
    assert (result.returncode, result.stdout.split()) == (0, WFC)
    mask = StaticMask.read(WFC[0])
    assert (mask.rule.static_sig, mask.rule.final_bits) == (3.5, str(64 + 32 + 4096))


def test_the_picture_of_a_nebula_shows_what_the_readme_says(folder: Path) -> None:
    script = EXAMPLES / "pictures" / "nebula.py"
    # Older matplotlib calls pyparsing by names that newer pyparsing deprecates.
    process = run_python("-W", "error", "-W", "ignore::DeprecationWarning", str(script), cwd=folder)
    assert process.returncode == 0, process.stderr
    counts = re.findall(r": (\d+) of (\d+) low pixels found, (\d+) good ones", process.stdout)
    (none, planted, _), (found, _, others) = counts
    assert (none, others) == ("0", "0")
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert f"have {planted} low pixels" in readme
    assert f"finds {found} and marks no good pixel" in readme
    assert Path("nebula.png").stat().st_size > 10_000


@pytest.mark.skipif(shutil.which("source-extractor") is None, reason="needs SExtractor")
@pytest.mark.usefixtures("folder")
def test_sextractor_flags_all_objects_that_touch_bad_pixels_and_no_others() -> None:
    printed = shown("photometry", "sextractor.sh")
    objects = fits.getdata("objects.fits")
    touching = set(objects[grown(StaticMask.read(DEMO).bad, 1)].tolist()) - {0}
    rows = np.loadtxt("objects.cat")
    assert 10 < len(touching) < len(rows) / 2
    assert set(rows[rows[:, 5] > 0, 0].tolist()) == touching
    assert f"{len(rows)} objects, {len(touching)} of them touch bad pixels" in printed


@pytest.mark.usefixtures("folder")
def test_photutils_leaves_bad_pixels_out_of_the_fluxes() -> None:
    pytest.importorskip("photutils")
    assert run("staticmask", "demo", ".").returncode == 0
    printed = shown("photometry", "apertures.py")
    rows = np.loadtxt("stars.ecsv", comments=("#", "id"))
    y, x = np.nonzero(StaticMask.read(DEMO).bad)
    within = [np.count_nonzero(np.hypot(x - row[1], y - row[2]) < 4) for row in rows]
    assert rows[:, -1].tolist() == within
    assert sum(within) > 3
    assert f"{len(rows)} stars, {np.count_nonzero(within)} of them on bad pixels" in printed


@pytest.mark.usefixtures("folder")
def test_ccdproc_fills_bad_pixels_from_other_dithers() -> None:
    pytest.importorskip("ccdproc")
    printed = shown("stack", "stack.py")
    bad, stack = StaticMask.read(DEMO).bad, fits.getdata("stack.fits")
    assert f"{np.count_nonzero(bad)} of {np.count_nonzero(bad)} bad pixels" in printed
    sky, spread = np.median(stack), np.median(np.abs(stack - np.median(stack)))
    assert abs(np.median(stack[bad]) - sky) < spread
    (without,) = re.findall(r"without the mask ([\d.]+),", printed)
    assert float(without) < sky - 5 * spread


@pytest.mark.usefixtures("folder")
def test_dq_init_of_jwst_flags_the_bad_pixels_and_no_others() -> None:
    pytest.importorskip("jwst")
    printed = shown("jwst", "dq_init.py")
    nbad = StaticMask.read("NIRCAMNRCA1_400x500_1_staticMask.fits").nbad
    assert nbad > 100
    assert [line for line in printed.splitlines() if " of 200000 pixels" in line] == [
        f"DO_NOT_USE: {nbad} of 200000 pixels", f"OTHER_BAD_PIXEL: {nbad} of 200000 pixels"
    ]


@pytest.mark.usefixtures("folder")
def test_all_ways_of_a_mask_into_astrodrizzle_make_the_same_products() -> None:
    pytest.importorskip("drizzlepac")
    printed = shown("astrodrizzle", "drizzle.py", timeout=900)
    line = re.compile(r"^(.+?) +differs in +(\d+), +(\d+), +(\d+) pixels", re.MULTILINE)
    rows = line.findall(printed)
    same = [name for name, *differing in rows if differing == ["0"] * 3]
    assert same == ["step 1 of drizzlepac", "install()", "install(masks=...)", "apply"]
    assert len(rows) == 6
    assert "the masks on disk are as before: True" in printed
