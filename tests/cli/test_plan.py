"""The command plan shows masks and files, and writes nothing."""

import os
import re
from pathlib import Path

import pytest

from staticmask_cli.simulate.visit import Visit
from tests.support.command import done, run
from tests.support.documents import cells, checked
from tests.support.exposures import WriteExposure

NAMES = ["ACSWFC_150x220_1_staticMask.fits", "ACSWFC_150x220_2_staticMask.fits"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is a new one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_plan_shows_the_masks_and_files_and_writes_nothing(visit: Visit, folder: Path) -> None:
    result = done("plan", *visit.paths, "-o", "out")
    rows = cells(result.stdout)
    for name in NAMES:
        assert [f"out/{name}", "4", "66.2 kB", "missing"] in rows
    for path in visit.paths:
        assert [path, f"{os.path.getsize(path) / 1000:.3g} kB", "1, 2"] in rows
    assert "Would read 4 files" in result.stdout
    assert result.stderr == ""
    assert list(folder.iterdir()) == []


def test_plan_follows_the_masks(visit: Visit) -> None:
    done(*visit.paths, "-q")
    assert done("plan", *visit.paths).stdout.count("up to date\n") == 2
    changed = done("plan", *visit.paths, "--static-sig", "5").stdout
    assert changed.count("other parameters; static_sig = 4.0, now 5.0") == 2
    fewer = done("plan", *visit.paths[1:]).stdout
    assert fewer.count(f"other members; gone: {visit.paths[0]}[SCI,") == 2


def test_plan_shows_what_is_set_aside(write_exposure: WriteExposure) -> None:
    write_exposure("a_flt.fits")
    write_exposure("b_flt.fits", EXPTIME=0.0)
    result = done("plan", "*_flt.fits")
    assert "1 of 2" in result.stdout
    assert re.search(r"b_flt\.fits +\d+.\d* kB +EXPTIME = 0\n", result.stdout)
    assert "Warning: b_flt.fits[SCI,1]: set aside: EXPTIME = 0" in result.stderr


def test_plan_shows_the_first_of_many_files(write_exposure: WriteExposure) -> None:
    names = [f"a{number:02d}_flt.fits" for number in range(23)]
    for name in names:
        write_exposure(name)
    few, all_of_them = done("plan", *names).stdout, done("plan", "-v", *names).stdout
    assert few.count("_flt.fits") == 20
    assert "and 3 more (-v shows all)" in few
    assert all_of_them.count("_flt.fits") == 23


def test_plan_as_json_is_that_of_the_schema(visit: Visit) -> None:
    document = checked("plan", done("plan", "--json", *visit.paths, "--final-bits", "~64").stdout)
    assert [mask["path"] for mask in document["masks"]] == NAMES
    assert {mask["good_bits"] for mask in document["masks"]} == {~64}
    assert document["parameters"]["final_bits"] == "~64"


def test_plan_as_make_rules_keeps_the_options_of_the_run(
    write_exposure: WriteExposure, folder: Path
) -> None:
    write_exposure("a_flt.fits")
    write_exposure("a_flc.fits")
    Path("run.cfg").write_text("input = '*.fits'\nfinal_bits = 0\n")
    before = sorted(folder.iterdir())
    result = done("plan", "-c", "run.cfg", "--static-sig", "5", "--static", "--suffix", "flc",
                 "-o", "out put", "--make", "-v")
    rule = result.stdout.partition("\n\n")[2]
    assert rule == (
        "out\\ put/ACSWFC_60x80_1_staticMask.fits: \\\n\t\trun.cfg \\\n\t\ta_flc.fits\n"
        "\t$(STATICMASK) create --config run.cfg --static --static-sig 5 --suffix flc "
        "--output-dir 'out put' -- \\\n\t\ta_flc.fits\n"
    )
    assert sorted(folder.iterdir()) == before


def test_plan_has_one_form_at_a_time(visit: Visit) -> None:
    assert "choose one" in run("plan", *visit.paths, "--json", "--make", code=2).stderr


def test_plan_refuses_what_create_refuses(visit: Visit) -> None:
    Path(NAMES[0]).write_text("notes")
    for command in ("plan", "create"):
        assert "exists and is not a static mask" in run(command, *visit.paths, code=1).stderr
        assert "no_flt.fits: no such file" in run(command, "no_flt.fits", code=1).stderr
        assert "static_sig = 0" in run(command, "--static-sig", "0", "a", code=2).stderr
    assert "foreign" in done("plan", "--overwrite", *visit.paths).stdout


def test_plan_says_that_nothing_would_be_made() -> None:
    assert done("plan", "--no-static", "a").stdout == "static = False: no mask would be made.\n"
    assert "masks" in checked("plan", done("plan", "--no-static", "--json", "a").stdout)
