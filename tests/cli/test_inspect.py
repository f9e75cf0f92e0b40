"""The command inspect shows what masks contain, and compares two of them."""

import re
from pathlib import Path

import pytest

from staticmask_cli.simulate.visit import Visit
from tests.support.command import done, run
from tests.support.documents import cells, checked
from tests.support.exposures import WriteExposure, sky

NAMES = ["ACSWFC_150x220_1_staticMask.fits", "ACSWFC_150x220_2_staticMask.fits"]


@pytest.fixture(autouse=True)
def _new_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in a new folder."""
    monkeypatch.chdir(tmp_path)


def test_inspect_shows_the_numbers_of_a_mask(visit: Visit) -> None:
    done(*visit.paths, "-q", "--final-bits", "256")
    document = checked("inspection", done("inspect", "--json", NAMES[0]).stdout)["masks"][0]
    rows = cells(done("inspect", NAMES[0]).stdout)
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
    done("*flt.fits", "-q")
    output = done("inspect", "ACSWFC_60x80_1_staticMask.fits").stdout
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
    done("*flt.fits", "-q")
    output = done("inspect", "ACSWFC_60x80_1_staticMask.fits").stdout
    assert output.count("_flt.fits") == 20
    assert re.search(r"a18_flt.*\n *a24_flt\.fits .*mode \+.*\n *and 5 more \(-v", output)
    everything = done("inspect", "-v", "ACSWFC_60x80_1_staticMask.fits").stdout
    assert everything.count("_flt.fits") == 25


def test_inspect_compares_two_masks(visit: Visit) -> None:
    done(*visit.paths, "-q", "-o", "old")
    done(*visit.paths, "-q", "-o", "new", "--static-sig", "3")
    words = (f"old/{NAMES[0]}", f"new/{NAMES[0]}")
    found = checked("inspection", done("inspect", "--json", *words).stdout)["comparison"]
    assert found["added"] > 0 == found["removed"]
    rows = cells(done("inspect", *words).stdout)
    assert ["added", f"{found['added']}, bad in the second alone"] in rows
    assert ["removed", "0, bad in the first alone"] in rows


def test_inspect_says_that_a_checksum_is_wrong(visit: Visit) -> None:
    done(*visit.paths, "-q")
    content = Path(NAMES[0]).read_bytes()
    Path(NAMES[0]).write_bytes(content.replace(b"STATSIG =                  4.0",
                                               b"STATSIG =                  9.0"))
    assert ["checksum", "WRONG: the file is not as it was written"] in cells(
        done("inspect", NAMES[0]).stdout)


def test_inspect_wants_masks(visit: Visit) -> None:
    assert "Missing argument 'MASK...'" in run("inspect", code=2).stderr
    result = run("inspect", visit.paths[0], "nothing.fits", code=1)
    assert "is not a static mask" in result.stderr
    assert "nothing.fits: expected a FITS file, found nothing" in result.stderr
    assert result.stdout == ""
