"""Pixels that are known to be bad, in a whole run."""

import os
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import Parameters, StaticMask, create_masks
from staticmask_cli.errors import ConfigError, InputError, OutputError
from staticmask_cli.masks.causes import CAUSES
from staticmask_cli.pipeline.dry_run import dry_run_of, plan_run
from staticmask_cli.pipeline.make_rules import make_rules
from staticmask_cli.pipeline.plan import plan_masks
from tests.support.command import done, run
from tests.support.documents import cells, checked
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.process import run_python

pytestmark = pytest.mark.usefixtures("folder")

NAME, OTHER = "ACSWFC_60x80_1_staticMask.fits", "ACSWFC_60x80_2_staticMask.fits"
FIRST = "ACSWFC_60x80_1"
LIST = "x_from_0 y_from_0\n7 5\n8 5\n"
MORE = "x_from_1 y_from_1\n1 1\n"


@pytest.fixture
def exposures(write_exposure: WriteExposure, folder: Path) -> list[str]:
    """Four exposures of two chips, of which one pixel is low, and lists of bad pixels."""
    (folder / "bad.txt").write_text(LIST)
    (folder / "more.txt").write_text(MORE)
    names = []
    for number in range(4):
        chips = []
        for chip in (1, 2):
            data, dq = sky(seed=10 * number + chip), np.zeros((60, 80), np.int16)
            data[5, 7] = data[20, 30] = -400.0
            dq[40, 41] = 4
            chips.append({"data": data, "dq": dq, "CCDCHIP": 3 - chip})
        names.append(write_exposure(f"{number}_flt.fits", chips=chips, EXPSTART=float(number)).name)
    return names


def state(*names: str, **given: Any) -> tuple[str, tuple[str, ...]]:  # noqa: ANN401
    parameters = Parameters.load(None, {"input": list(names), **given})
    plans = plan_run(parameters, suffix=None, output_dir=".", overwrite=False)
    mask = next(mask for mask in dry_run_of(plans, parameters).masks if mask.path == NAME)
    return mask.state, mask.why


@pytest.mark.parametrize("agree", ["any", "2", "all"])
@pytest.mark.parametrize("final_bits", [None, "0"])
def test_included_pixels_are_bad_whatever_the_exposures_show(
    agree: str, final_bits: str | None, exposures: list[str]
) -> None:
    plain = create_masks(exposures, static_sig=20, agree=agree, final_bits=final_bits)
    masks = create_masks(exposures, static_sig=20, agree=agree, final_bits=final_bits,
                         include=f"{FIRST}=bad.txt", output_dir="out")
    np.testing.assert_array_equal(masks[1].bad, plain[1].bad)
    expected = plain[0].bad.copy()
    assert not expected[5, 8]
    expected[5, 7] = expected[5, 8] = True
    mask = StaticMask.read(f"out/{NAME}")
    np.testing.assert_array_equal(mask.bad, expected)
    np.testing.assert_array_equal(masks[0].bad, expected)
    counts = mask.count_by_cause()
    assert (counts["included"], mask.nbelow, counts.get("dq")) == (1, 2, 1 if final_bits else None)
    assert sum(counts.values()) == mask.nbad
    assert mask.why[5, 7] == CAUSES["included"] | CAUSES["global"]
    assert (mask.why[5, 8], mask.included_from) == (CAUSES["included"], ("bad.txt",))
    header = fits.getheader(f"out/{NAME}")
    assert (header["NINCL"], header["INCLUDE"]) == (2, "bad.txt")
    assert "INCLUDE" not in fits.getheader(f"out/{OTHER}")


def without_run_id(path: Path) -> bytes:
    """Return the bytes of a mask without the cards that differ from run to run."""
    return re.sub(rb"(RUNID   |CHECKSUM)=.{70}", b"", path.read_bytes())


def test_masks_without_lists_are_the_bytes_of_a_run_without_any(
    exposures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    create_masks(exposures, output_dir="plain")
    create_masks(exposures, output_dir="out", include=f"{FIRST}=more.txt")
    assert without_run_id(Path("plain", OTHER)) == without_run_id(Path("out", OTHER))
    assert without_run_id(Path("plain", NAME)) != without_run_id(Path("out", NAME))


def test_a_run_without_lists_imports_nothing_for_them(exposures: list[str], folder: Path) -> None:
    script = (
        "import sys\nfrom staticmask_cli import create_masks\n"
        f"create_masks({exposures!r})\n"
        "print([name for name in sys.modules if '.forms' in name or name.endswith('.included')])"
    )
    process = run_python("-c", script, cwd=folder)
    assert process.returncode == 0, process.stderr
    assert process.stdout == "[]\n"


def test_the_names_of_files_are_kept_whatever_they_are(exposures: list[str]) -> None:
    name = "ü,ä b\\x41'.txt"
    Path(name).write_text(LIST)
    Path("z.txt").write_text(MORE)
    create_masks(exposures, include=[f"{FIRST}={name}", f"{FIRST}=z.txt"])
    mask = StaticMask.read(NAME)
    assert mask.included_from == ("z.txt", name)
    assert mask.included is not None
    assert mask.included.sum() == 3


# The command.


def test_table_report_and_log_say_what_was_included(exposures: list[str]) -> None:
    result = done(*exposures, "--static-sig", "20", "--include", f"{FIRST}=bad.txt",
                  "--include", f"{FIRST}=more.txt", "--report", "run.json",
                  "--save-config", "c.cfg")
    assert f"{FIRST}: 3 pixels are known to be bad, by bad.txt, more.txt" in result.stderr
    rows = {row[0]: row for row in cells(result.stderr) if row[0].startswith("ACSWFC")}
    assert "included" in result.stderr
    assert [rows[name][-2] for name in (FIRST, "ACSWFC_60x80_2")] == ["2", "0"]
    first, second = checked("report", Path("run.json").read_text("ascii"))["masks"]
    assert (first["causes"]["included"], first["include"]) == (2, ["bad.txt", "more.txt"])
    assert "included" not in second["causes"]
    assert "include" not in second
    Path(NAME).unlink()
    done("-c", "c.cfg")
    assert StaticMask.read(NAME).included_from == ("bad.txt", "more.txt")


def test_a_run_without_lists_has_no_column_for_them(exposures: list[str]) -> None:
    assert "included" not in done(*exposures).stderr


@pytest.mark.parametrize(
    ("words", "code", "found"),
    [
        (["--include", "none.txt"], 1, "include = none.txt: no such file; expected files with"),
        (["--include", "bad.txt"], 2, "bad.txt: may be of ACSWFC_60x80_1, ACSWFC_60x80_2; say of"),
        (["--include", "0_flt.fits[0]"], 1, "include = 0_flt.fits[0]: no such file"),
        (["--include", f"{FIRST}=bpm.fits"], 2, "bpm.fits: does not say whether 0 is a good pixel"),
        (["--include-bad", "2"], 2, "include_bad = 2: expected 0, 1 or None"),
        (["--include", f"{FIRST}=far.txt"], 1, "do not lie within the 80 x 60 pixels of the mask"),
    ],
)
def test_lists_that_cannot_be_used_are_refused_before_any_chip_is_read(
    words: list[str], code: int, found: str, exposures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("far.txt").write_text("x_from_0 y_from_0\n80 0\n")
    fits.PrimaryHDU(np.zeros((60, 80), np.uint8)).writeto("bpm.fits")
    monkeypatch.setattr("staticmask_cli.pipeline.create.clip_and_combine", None)
    result = run(*exposures, *words, code=code)
    assert found in result.stderr
    assert not Path(NAME).exists()


def test_a_mask_does_not_take_the_place_of_a_list(exposures: list[str]) -> None:
    create_masks(exposures)
    before = digest(Path(NAME))
    for update in (False, True):
        with pytest.raises(OutputError, match="would take the place of the input ACSWFC_60x80_1"):
            create_masks(exposures, include=NAME, update=update)
    assert digest(Path(NAME)) == before
    create_masks(exposures, include=NAME, output_dir="out")
    assert StaticMask.read(f"out/{NAME}").included_from == (NAME,)


# Updates.


@pytest.mark.parametrize("agree", ["any", "2"])
@pytest.mark.parametrize("checkpoint", [None, 1])
def test_updates_make_the_mask_of_one_run(
    agree: str, checkpoint: int | None, exposures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    lists = [f"{FIRST}=bad.txt", f"{FIRST}=more.txt"]
    create_masks(exposures, agree=agree, include=lists, output_dir="one")
    create_masks(exposures[:2], agree=agree, include=lists[0], output_dir="steps")
    create_masks(exposures, agree=agree, include=lists[1], output_dir="steps", update=True,
                 checkpoint=checkpoint)
    for name in (NAME, OTHER):
        assert digest(Path("one", name)) == digest(Path("steps", name))


def test_a_list_is_added_to_a_mask_that_has_all_exposures(
    exposures: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_masks(exposures)
    other = digest(Path(OTHER))

    def read(*_: object, **__: object) -> None:
        pytest.fail("a chip is read again")

    monkeypatch.setattr("staticmask_cli.pipeline.batches.read_pixels", read)
    create_masks(exposures, include=f"{FIRST}=bad.txt", update=True)
    mask = StaticMask.read(NAME)
    assert (mask.included_from, len(mask.used)) == (("bad.txt",), 4)
    assert mask.bad[5, 8]
    assert digest(Path(OTHER)) == other
    before = os.stat(NAME).st_mtime_ns
    create_masks(exposures, include=f"{FIRST}=bad.txt", update=True)
    create_masks(exposures, update=True)
    assert os.stat(NAME).st_mtime_ns == before


# Plans.


def test_a_mask_is_up_to_date_if_its_lists_are(exposures: list[str]) -> None:
    words = [f"{FIRST}=bad.txt"]
    create_masks(exposures, include=words)
    for path in (*exposures, "bad.txt", "more.txt"):
        os.utime(path, (1e9, 1e9))
    assert state(*exposures, include=words) == ("up to date", ())
    assert state(*exposures) == ("other parameters", ("include = bad.txt, now None",))
    both = [*words, f"{FIRST}=more.txt"]
    assert state(*exposures, include=both) == (
        "other parameters", ("include = bad.txt, now bad.txt, more.txt",))
    os.utime("bad.txt")
    os.utime(NAME, (2e9, 2e9))
    assert state(*exposures, include=words) == ("up to date", ())
    os.utime(NAME, (1e9 + 1, 1e9 + 1))
    assert state(*exposures, include=words) == ("older", ("newer: bad.txt",))
    Path("bad.txt").write_text(MORE)
    assert state(*exposures, include=words) == ("other parameters", ("other pixels in bad.txt",))


def test_a_list_without_bad_pixels_is_up_to_date_too(exposures: list[str]) -> None:
    Path("none.txt").write_text("x_from_0 y_from_0\n")
    create_masks(exposures, include=f"{FIRST}=none.txt")
    assert state(*exposures, include=[f"{FIRST}=none.txt"]) == ("up to date", ())
    assert fits.getheader(NAME)["NINCL"] == 0


def test_make_rules_depend_on_the_lists(
    exposures: list[str], write_exposure: WriteExposure
) -> None:
    hrc = write_exposure("h_flt.fits", detector="HRC").name
    words = {"input": [*exposures, hrc], "include": [f"{FIRST}=bad.txt"]}
    plans = plan_masks(Parameters.load(None, words))
    text = make_rules(plans, ["--include", f"{FIRST}=bad.txt"])
    assert text.count("create --include ACSWFC_60x80_1=bad.txt") == 1
    rule = text.split("\n\n")[1]
    assert all(name in rule for name in (NAME, OTHER, "ACSHRC_60x80_1_staticMask.fits"))
    assert "\t\tbad.txt \\\n" in rule
    shown = done("plan", *exposures, hrc, "--include", f"{FIRST}=bad.txt", "--include",
                 f"{FIRST}=more.txt", "--make").stdout
    assert f"create --include {FIRST}=bad.txt --include {FIRST}=more.txt -- \\" in shown


def test_the_plan_names_the_lists_and_has_the_errors_of_a_run(exposures: list[str]) -> None:
    plan = checked("plan", done("plan", *exposures, "--include", f"{FIRST}=bad.txt",
                                "--json").stdout)
    assert "bad.txt" in [file["file"] for file in plan["files"]]
    assert plan["parameters"]["include"] == [f"{FIRST}=bad.txt"]
    with pytest.raises(InputError, match="no such file"):
        plan_masks(Parameters.load(None, {"input": exposures, "include": ["none.txt"]}))
    with pytest.raises(ConfigError, match=r"bad\.txt: may be of"):
        plan_masks(Parameters.load(None, {"input": exposures, "include": ["bad.txt"]}))
