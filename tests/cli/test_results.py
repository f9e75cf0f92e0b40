"""The commands that show what there is: plan and inspect, and the report of create."""

import os
import re
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from staticmask_cli.cli import cli
from staticmask_cli.simulate.visit import Visit
from tests.support.documents import checked
from tests.support.editor import Editor
from tests.support.exposures import WriteExposure, sky

NAMES = ["ACSWFC_150x220_1_staticMask.fits", "ACSWFC_150x220_2_staticMask.fits"]


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is a new one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(*words: str, code: int = 0) -> Result:
    """Run the command, which must end with this code."""
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    assert result.exit_code == code, result.output
    return result


def cells(output: str) -> list[list[str]]:
    """Cells of the lines of a table."""
    return [re.split(r"\s{2,}", line.strip()) for line in output.splitlines()]


# plan


def test_plan_shows_the_masks_and_files_and_writes_nothing(visit: Visit, folder: Path) -> None:
    result = run("plan", *visit.paths, "-o", "out")
    rows = cells(result.stdout)
    for name in NAMES:
        assert [f"out/{name}", "4", "66.2 kB", "missing"] in rows
    for path in visit.paths:
        assert [path, f"{os.path.getsize(path) / 1000:.3g} kB", "1, 2"] in rows
    assert "Would read 4 files" in result.stdout
    assert result.stderr == ""
    assert list(folder.iterdir()) == []


def test_plan_follows_the_masks(visit: Visit) -> None:
    run(*visit.paths, "-q")
    assert run("plan", *visit.paths).stdout.count("up to date\n") == 2
    changed = run("plan", *visit.paths, "--static-sig", "5").stdout
    assert changed.count("other parameters; static_sig = 4.0, now 5.0") == 2
    fewer = run("plan", *visit.paths[1:]).stdout
    assert fewer.count(f"other members; gone: {visit.paths[0]}[SCI,") == 2


def test_plan_shows_what_is_set_aside(write_exposure: WriteExposure) -> None:
    write_exposure("a_flt.fits")
    write_exposure("b_flt.fits", EXPTIME=0.0)
    result = run("plan", "*_flt.fits")
    assert "1 of 2" in result.stdout
    assert re.search(r"b_flt\.fits +\d+.\d* kB +EXPTIME = 0\n", result.stdout)
    assert "Warning: b_flt.fits[SCI,1]: set aside: EXPTIME = 0" in result.stderr


def test_plan_shows_the_first_of_many_files(write_exposure: WriteExposure) -> None:
    names = [f"a{number:02d}_flt.fits" for number in range(23)]
    for name in names:
        write_exposure(name)
    few, all_of_them = run("plan", *names).stdout, run("plan", "-v", *names).stdout
    assert few.count("_flt.fits") == 20
    assert "and 3 more (-v shows all)" in few
    assert all_of_them.count("_flt.fits") == 23


def test_plan_as_json_is_that_of_the_schema(visit: Visit) -> None:
    document = checked("plan", run("plan", "--json", *visit.paths, "--final-bits", "~64").stdout)
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
    result = run("plan", "-c", "run.cfg", "--static-sig", "5", "--static", "--suffix", "flc",
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
    assert "foreign" in run("plan", "--overwrite", *visit.paths).stdout


def test_plan_says_that_nothing_would_be_made() -> None:
    assert run("plan", "--no-static", "a").stdout == "static = False: no mask would be made.\n"
    assert "masks" in checked("plan", run("plan", "--no-static", "--json", "a").stdout)


# inspect


def test_inspect_shows_the_numbers_of_a_mask(visit: Visit) -> None:
    run(*visit.paths, "-q", "--final-bits", "256")
    document = checked("inspection", run("inspect", "--json", NAMES[0]).stdout)["masks"][0]
    rows = cells(run("inspect", NAMES[0]).stdout)
    assert [NAMES[0]] in rows
    assert ["bad", f"{document['bad']} ({document['fraction']:.4%})"] in rows
    worst = [document["layout"][f"worst_{lines}"][0] for lines in ("rows", "columns")]
    assert [str(cell) for line in worst for cell in (
        line["number"], line["bad"], f"{line['fraction']:.2%}")] in rows
    for size in document["layout"]["sizes"][:1]:
        assert ["1", str(size["clusters"]), str(size["pixels"])] in [row[:3] for row in rows]
    for member in document["members"]:
        numbers = [f"{member[name]:.5g}" for name in ("exptime", "mode", "rms")]
        assert [member["file"], "1", *numbers, str(member["nbelow"]), str(member["ndq"])] in rows


def test_inspect_marks_what_stands_apart_and_what_was_not_used(
    write_exposure: WriteExposure
) -> None:
    for seed, name in enumerate("abcde"):
        level = 170.0 if name == "d" else 100.0
        write_exposure(f"{name}_flt.fits", chips=[{"data": sky(seed=seed, level=level)}])
    write_exposure("f_flt.fits", EXPTIME=0.0)
    run("*flt.fits", "-q")
    output = run("inspect", "ACSWFC_60x80_1_staticMask.fits").stdout
    marked = {row[0]: row[-1] for row in cells(output) if row[0].endswith("_flt.fits")}
    assert re.fullmatch(r"mode \+\d+(\.\d)? sd", marked.pop("d_flt.fits"))
    assert marked.pop("f_flt.fits") == "not used: EXPTIME = 0"
    assert all(cell.isdigit() for cell in marked.values())


def test_inspect_shows_some_of_many_members_and_all_that_is_remarkable(
    write_exposure: WriteExposure
) -> None:
    for seed in range(25):
        level = 170.0 if seed == 24 else 100.0
        write_exposure(f"a{seed:02d}_flt.fits", chips=[{"data": sky(seed=seed, level=level)}])
    run("*flt.fits", "-q")
    output = run("inspect", "ACSWFC_60x80_1_staticMask.fits").stdout
    assert output.count("_flt.fits") == 20
    assert re.search(r"a18_flt.*\n *a24_flt\.fits .*mode \+.*\n *and 5 more \(-v", output)
    everything = run("inspect", "-v", "ACSWFC_60x80_1_staticMask.fits").stdout
    assert everything.count("_flt.fits") == 25


def test_inspect_compares_two_masks(visit: Visit) -> None:
    run(*visit.paths, "-q", "-o", "old")
    run(*visit.paths, "-q", "-o", "new", "--static-sig", "3")
    words = (f"old/{NAMES[0]}", f"new/{NAMES[0]}")
    found = checked("inspection", run("inspect", "--json", *words).stdout)["comparison"]
    assert found["added"] > 0 == found["removed"]
    rows = cells(run("inspect", *words).stdout)
    assert ["added", f"{found['added']}, bad in the second alone"] in rows
    assert ["removed", "0, bad in the first alone"] in rows


def test_inspect_says_that_a_checksum_is_wrong(visit: Visit) -> None:
    run(*visit.paths, "-q")
    content = Path(NAMES[0]).read_bytes()
    Path(NAMES[0]).write_bytes(content.replace(b"STATSIG =                  4.0",
                                               b"STATSIG =                  9.0"))
    assert ["checksum", "WRONG: the file is not as it was written"] in cells(
        run("inspect", NAMES[0]).stdout)


def test_inspect_wants_masks(visit: Visit) -> None:
    assert "Missing argument 'MASK...'" in run("inspect", code=2).stderr
    result = run("inspect", visit.paths[0], "nothing.fits", code=1)
    assert "is no static mask" in result.stderr
    assert "nothing.fits: expected a FITS file, found nothing" in result.stderr
    assert result.stdout == ""


# create --report


def test_a_run_is_reported_as_data(visit: Visit) -> None:
    result = run(*visit.paths, "--report", "out/run.json", "--static-sig", "5")
    assert result.stdout.splitlines() == NAMES
    document = checked("report", Path("out/run.json").read_text())
    assert [mask["path"] for mask in document["masks"]] == NAMES
    assert document["parameters"]["static_sig"] == 5
    assert len(document["chips"]) == 8


def test_a_report_that_cannot_be_is_refused_before_any_work(visit: Visit, folder: Path) -> None:
    assert "expected a name that ends with" in run(
        *visit.paths, "--report", "run.txt", "--save-config", "a.cfg", code=2).stderr
    assert list(folder.iterdir()) == []


def test_the_report_is_of_what_was_edited(visit: Visit, editor: Editor) -> None:
    editor.does(("static_sig = 4.0", "static_sig = 7"))
    run(*visit.paths, "--edit", "--report", "run.json", "-q")
    assert checked("report", Path("run.json").read_text())["parameters"]["static_sig"] == 7
