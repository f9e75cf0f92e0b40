"""The command create: what it asks the pipeline for, what a user gets, and how it ends."""

import dataclasses
import gzip
import os
import re
import shlex
import shutil
import sys
from pathlib import Path
from typing import Any
from unittest.mock import ANY

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from staticmask_cli import Parameters, __version__
from staticmask_cli.cli import main
from staticmask_cli.pipeline import create
from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.command import done, run
from tests.support.documents import checked
from tests.support.editor import Editor
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.oracle import oracle_mask
from tests.support.process import run_python

Asked = tuple[Parameters, dict[str, object]]

DEFAULTS = Parameters.load()
KEYWORDS: dict[str, object] = {
    "suffix": None, "output_dir": ".", "overwrite": False, "update": False,
    "checkpoint": None, "keep_going": False, "plot": None,
    "jobs": None, "executor": None, "progress": ANY,
}
NAMES = ["ACSWFC_150x220_1_staticMask.fits", "ACSWFC_150x220_2_staticMask.fits"]
NOT_TEXT = re.compile(r"[\x00-\x09\x0b-\x1f\x7f]")


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is a new one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[Asked]:
    """Note what the pipeline is asked for; it makes nothing."""
    calls: list[Asked] = []

    def record(parameters: Parameters, **keywords: object) -> create.Masks:
        calls.append((parameters, keywords))
        return create.Masks()

    monkeypatch.setattr(create, "make_masks", record)
    return calls


def masks_in(folder: Path) -> dict[str, npt.NDArray[np.int16]]:
    """Pixels of the masks in a folder, by file name."""
    return {path.name: fits.getdata(path) for path in sorted(folder.glob("*_staticMask.fits"))}


def reference(visit: Visit, extver: int, static_sig: float = 4.0) -> npt.NDArray[np.int16]:
    """Mask as the reference makes it of one chip of the visit."""
    chips = [fits.getdata(path, ("SCI", extver)).astype(np.float32) for path in visit.paths]
    return oracle_mask(chips, static_sig)


def save_cfg(name: str, text: str) -> None:
    """Write a .cfg to the current folder."""
    Path(name).write_text(text, encoding="utf-8")


# What the pipeline is asked for.


def test_without_options_the_pipeline_is_asked_for_the_defaults(asked: list[Asked]) -> None:
    done("create", "a_flt.fits", "b_flt.fits")
    assert asked == [(DEFAULTS.with_input(("a_flt.fits", "b_flt.fits")), KEYWORDS)]


def test_with_all_options_the_pipeline_is_asked_for_them(asked: list[Asked]) -> None:
    save_cfg("run.cfg", "input = c_flt.fits\nstatic_sig = 3\nfinal_bits = 16\ngroup = 7\n")
    done("create", "a_flt.fits", "-c", "run.cfg", "--static", "--static-sig", "5",
         "--sky", "local", "--agree", "joint", "--final-bits", "64,32", "--group", "1,4",
         "--high", "--least-depth", "0.75", "--name", "{visit}",
         "--include", "a.reg", "--include", "b.fits", "--include-bad", "0",
         "--instrument", "GMOS-S", "--sci-ext", "CCD*", "--dq-ext", "BPM*",
         "--suffix", "flc", "-o", "out", "--overwrite", "--update", "--checkpoint", "7",
         "--keep-going", "--plot", "masks.pdf",
         "-j", "3", "--save-config", "saved.cfg", "--report", "run.json", "-q", "-v",
         "--log-file", "run.log")
    parameters = Parameters(("a_flt.fits",), (1, 4), "{visit}", static=True, static_sig=5.0,
                            sky="local", agree="joint", final_bits="64,32", high=True,
                            least_depth=0.75,
                            include=("a.reg", "b.fits"), include_bad=0,
                            instrument="GMOS-S", sci_ext="CCD*", dq_ext="BPM*")
    keywords = {
        "suffix": "flc", "output_dir": "out", "overwrite": True, "update": True,
        "checkpoint": 7, "keep_going": True,
        "plot": "masks.pdf", "jobs": 3, "executor": None,
        "progress": None,
    }
    assert asked == [(parameters, keywords)]
    assert Path("saved.cfg").read_text(encoding="utf-8") == parameters.text()


@pytest.mark.parametrize(
    ("options", "parameters", "keywords"),
    [
        ("--static", {"static": True}, {}),
        ("--no-static", {"static": False}, {}),
        ("--static-sig 5", {"static_sig": 5.0}, {}),
        ("--sky local", {"sky": "local"}, {}),
        ("--sky GLOBAL", {}, {}),
        ("--agree all", {"agree": "all"}, {}),
        ("--agree 2", {"agree": 2}, {}),
        ("--agree 0.5", {"agree": 0.5}, {}),
        ("--final-bits 64,32", {"final_bits": "64,32"}, {}),
        ("--final-bits 0", {"final_bits": "0"}, {}),
        ("--final-bits ~4096", {"final_bits": "~4096"}, {}),
        ("--final-bits None", {}, {}),
        ("--group sci,2", {"group": (("SCI", 2),)}, {}),
        ("--group 0", {"group": (0,)}, {}),
        ("--suffix flc", {}, {"suffix": "flc"}),
        ("-o out", {}, {"output_dir": "out"}),
        ("--output-dir out/in", {}, {"output_dir": "out/in"}),
        ("--overwrite", {}, {"overwrite": True}),
        ("--keep-going", {}, {"keep_going": True}),
        ("--plot masks.svg", {}, {"plot": "masks.svg"}),
        ("-j 2", {}, {"jobs": 2}),
        ("--jobs 1024", {}, {"jobs": 1024}),
        ("-q", {}, {}),
        ("--quiet", {}, {}),
        ("-v", {}, {}),
        ("--verbose", {}, {}),
        ("--log-file run.log", {}, {}),
        ("--save-config saved.cfg", {}, {}),
        ("--report run.json", {}, {}),
        ("-c run.cfg", {"static_sig": 3.0, "group": (1,)}, {}),
        ("--config run.cfg", {"static_sig": 3.0, "group": (1,)}, {}),
        ("-c run.cfg --group None", {"static_sig": 3.0}, {}),
        ("-c run.cfg --static-sig 4", {"group": (1,)}, {}),
    ],
)
def test_each_option_changes_its_part_of_what_is_asked(
    asked: list[Asked], options: str, parameters: dict[str, Any], keywords: dict[str, object]
) -> None:
    save_cfg("run.cfg", "input = c_flt.fits\ngroup = 1\nstatic_sig = 3\n")
    done("create", *options.split(), "a_flt.fits")
    expected = dataclasses.replace(DEFAULTS, input=("a_flt.fits",), **parameters)
    assert asked == [(expected, {**KEYWORDS, **keywords})]


@pytest.mark.parametrize(
    "words",
    ["a_flt.fits", "--static-sig 5 a_flt.fits", "-c run.cfg", "--config run.cfg --static",
     "a_flt.fits -o out", "-- -a_flt.fits"],
)
def test_create_is_the_default_command(asked: list[Asked], words: str) -> None:
    save_cfg("run.cfg", "input = c_flt.fits\n")
    done(*words.split())
    done("create", *words.split())
    parameters, keywords = asked[1]
    assert asked[0] == (parameters, {**keywords, "progress": ANY})
    assert asked[0][0].input != ()


def test_what_was_edited_is_what_is_asked_for_and_saved(
    asked: list[Asked], editor: Editor
) -> None:
    save_cfg("run.cfg", "static_sig = 3\n")
    editor.does(("static_sig = 3.0", "static_sig = 7"))
    done("--edit", "-c", "run.cfg", "a_flt.fits", "b_flt.fits", "--save-config", "saved.cfg")
    parameters = dataclasses.replace(DEFAULTS, input=("a_flt.fits", "b_flt.fits"), static_sig=7.0)
    assert asked == [(parameters, KEYWORDS)]
    assert Path("saved.cfg").read_text(encoding="utf-8") == parameters.text()
    assert Path("run.cfg").read_text(encoding="utf-8") == "static_sig = 3\n"


# What a user gets.


def test_masks_are_those_of_the_reference_and_stdout_is_their_paths(visit: Visit) -> None:
    before = [digest(Path(path)) for path in visit.paths]
    result = done(*visit.paths, "-o", "out/masks", "--static-sig", "5")
    assert result.stdout == "".join(f"out/masks/{name}\n" for name in NAMES)
    found = masks_in(Path("out/masks"))
    assert list(found) == NAMES
    for extver, name in enumerate(NAMES, 1):
        np.testing.assert_array_equal(found[name], reference(visit, extver, 5.0))
        assert name.removesuffix("_staticMask.fits") in result.stderr
    assert [digest(Path(path)) for path in visit.paths] == before
    assert sorted(path.name for path in Path("out/masks").iterdir()) == NAMES


def test_flagged_pixels_are_masked_but_those_of_final_bits(visit: Visit) -> None:
    done(*visit.paths, "--final-bits", "256")
    flags = [fits.getdata(path, ("DQ", 1)) for path in visit.paths]
    flagged = np.bitwise_or.reduce(flags) & ~256 != 0
    assert flagged.any()
    expected = reference(visit, 1) * ~flagged
    np.testing.assert_array_equal(masks_in(Path())[NAMES[0]], expected)


def test_a_group_restricts_the_run_to_its_chips(visit: Visit) -> None:
    assert done(*visit.paths, "--group", "sci,2").stdout == f"{NAMES[1]}\n"
    assert list(masks_in(Path())) == NAMES[1:]


def test_wildcards_are_expanded_when_the_shell_does_not(visit: Visit) -> None:
    done(Path(visit.paths[0]).parent / "*flt.fits")
    np.testing.assert_array_equal(masks_in(Path())[NAMES[0]], reference(visit, 1))


def test_a_real_exposure_gets_the_mask_of_the_reference(real_exposure: Path) -> None:
    chip = fits.getdata(real_exposure, ("SCI", 1)).astype(np.float32)
    name = f"ACSHRC_{chip.shape[0]}x{chip.shape[1]}_1_staticMask.fits"
    assert done(real_exposure).stdout == f"{name}\n"
    np.testing.assert_array_equal(fits.getdata(name), oracle_mask([chip]))


def test_a_saved_config_makes_the_same_masks_again(visit: Visit) -> None:
    done(*visit.paths, "-o", "one", "--static-sig", "20", "--save-config", "run.cfg")
    done("-c", "run.cfg", "-o", "two")
    one, two = masks_in(Path("one")), masks_in(Path("two"))
    assert list(one) == list(two) == NAMES
    for name in NAMES:
        np.testing.assert_array_equal(one[name], two[name])
    assert not np.array_equal(one[NAMES[0]], reference(visit, 1))


def test_no_static_says_so_in_one_line_and_makes_nothing(visit: Visit, folder: Path) -> None:
    result = done("--no-static", *visit.paths, "-o", "out")
    assert (result.stdout, result.stderr) == ("", "static = False: no mask is made\n")
    assert list(folder.iterdir()) == []


def test_a_cancelled_edit_says_so_in_one_line_and_makes_nothing(
    visit: Visit, folder: Path, editor: Editor
) -> None:
    editor.does(1)
    result = done("--edit", *visit.paths, "-o", "out", "--save-config", "saved.cfg")
    assert (result.stdout, result.stderr) == ("", "Cancelled: nothing was made.\n")
    assert list(folder.iterdir()) == []


def test_quiet_is_silent(visit: Visit, folder: Path) -> None:
    result = done("-q", *visit.paths)
    assert (result.stdout, result.stderr) == ("", "")
    assert list(masks_in(folder)) == NAMES


def test_quiet_keeps_warnings(write_exposure: WriteExposure) -> None:
    flat = np.ones((60, 80), np.float32)
    paths = [write_exposure(), write_exposure("b_flt.fits", chips=[{"data": flat}])]
    result = done("-q", *paths)
    assert re.fullmatch(r"Warning: \S*b_flt\.fits\[SCI,1\]: set aside: .*\n", result.stderr)


def test_verbose_tells_what_each_chip_gave(visit: Visit) -> None:
    lines = done("-v", *visit.paths).stderr.splitlines()
    table = fits.getdata(NAMES[1], "MEMBERS")
    assert len(table) == len(visit.paths)
    for row in table:
        start = (f"{row['FILE']}[SCI,2]: mode {row['MODE']:.6g}, rms {row['RMS']:.6g}, "
                 f"threshold {row['THRESH']:.6g}, {row['NBELOW']} pixels below, ")
        assert sum(line.startswith(start) for line in lines) == 1


def test_the_log_file_holds_the_full_story_and_grows(visit: Visit) -> None:
    for _ in range(2):
        result = done(*visit.paths, "--log-file", "run.log", "--static-sig", "5")
        assert "threshold" not in result.stderr
    lines = Path("run.log").read_text(encoding="utf-8").splitlines()
    stamp = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3} (DEBUG|INFO|WARNING) \S")
    assert all(map(stamp.match, lines))
    for part in (f"staticmask {__version__}, Python", "static_sig = 5.0", "final_bits = None",
                 f"{visit.paths[0]}[SCI,1]: mode ", f"{NAMES[0]}: 4 chips, ",
                 f"{NAMES[0]}: to be made of 4 chips in 4 files", f", numpy {np.__version__}, ",
                 "INFO staticmask", f"INFO in {os.getcwd()}", "INFO done after "):
        assert sum(part in line for line in lines) == 2


def test_the_log_file_holds_the_error_too() -> None:
    assert run("nowhere_flt.fits", "--log-file", "run.log").exit_code == 1
    last = Path("run.log").read_text(encoding="utf-8").splitlines()[-1]
    assert last.endswith("ERROR InputError: nowhere_flt.fits: no such file")


@pytest.mark.parametrize("name", ["it's \"quoted\"_flt.fits", "tab\t_flt.fits", "\xa0_flt.fits",
                                  b"\xff_flt.fits".decode("utf-8", "surrogateescape")], ids=ascii)
def test_a_name_that_a_cfg_cannot_hold_makes_masks_all_the_same(
    write_exposure: WriteExposure, name: str
) -> None:
    result = done(write_exposure().rename(name).name, "--log-file", "run.log")
    assert result.stdout == "ACSWFC_60x80_1_staticMask.fits\n"
    assert "Traceback" not in result.stderr


def test_outputs_that_are_piped_hold_plain_lines(visit: Visit, folder: Path) -> None:
    words = ("-m", "staticmask_cli", *visit.paths, "-v", "--final-bits", "0")
    process = run_python(*words, cwd=folder, TERM="xterm-256color")
    assert process.returncode == 0
    assert process.stdout.split("\n") == [*NAMES, ""]
    assert "ACSWFC_150x220_2" in process.stderr
    assert NOT_TEXT.findall(process.stdout + process.stderr) == []
    assert list(masks_in(folder)) == NAMES


def test_a_path_that_is_not_utf_8_is_passed_on_byte_by_byte(visit: Visit, folder: Path) -> None:
    name = os.fsdecode(b"\xff")
    words = ("-m", "staticmask_cli", visit.paths[0], "-o", name)
    process = run_python(*words, cwd=folder, PYTHONIOENCODING="utf-8:strict")
    assert [os.fsencode(line) for line in process.stdout.splitlines()] == [
        b"\xff/" + path.encode() for path in NAMES
    ]


# The report of a run.


def test_a_run_is_reported_as_data(visit: Visit) -> None:
    result = done(*visit.paths, "--report", "out/run.json", "--static-sig", "5")
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
    done(*visit.paths, "--edit", "--report", "run.json", "-q")
    assert checked("report", Path("run.json").read_text())["parameters"]["static_sig"] == 7


# How it ends.


def test_the_version_goes_to_stdout() -> None:
    assert done("--version").stdout == f"staticmask {__version__}\n"


@pytest.mark.parametrize("words", [("--help",), ("-h",), ("create", "--help"), ("demo", "-h")])
def test_help_goes_to_stdout_with_examples_on_lines_of_their_own(words: tuple[str, ...]) -> None:
    result = done(*words)
    lines = result.stdout.splitlines()
    assert lines[0].startswith("Usage: ")
    examples = [line for line in lines if re.match(r" {4}staticmask \S", line)]
    assert len(examples) == 2
    assert NOT_TEXT.findall(result.stdout.replace("\n", "")) == []
    assert "\\" not in result.stdout


def test_no_word_at_all_shows_the_help_and_is_wrong_usage() -> None:
    result = run()
    assert result.exit_code == 2
    assert result.output.startswith("Usage: ")


def test_cosmic_rays_that_astrodrizzle_clears_are_not_in_the_mask(
    write_exposure: WriteExposure, folder: Path
) -> None:
    dq = np.zeros((60, 80), np.int16)
    dq[7, 9], dq[20, 30] = 4096, 16
    write_exposure(chips=[{"data": sky(), "dq": dq}])
    (folder / "drizzle.cfg").write_text(
        "_task_name_ = astrodrizzle\ninput = a_flt.fits\nresetbits = 4096# cosmic rays\n"
        "[STEP 7: DRIZZLE FINAL COMBINED IMAGE]\nfinal_bits = 0\n")
    result = done("-c", "drizzle.cfg")
    assert "resetbits = 4096: AstroDrizzle would clear these DQ bits, so they are" in result.stderr
    (mask,) = masks_in(folder).values()
    assert (mask[7, 9], mask[20, 30]) == (1, 0)
    result = done("-c", "drizzle.cfg", "--final-bits", "0", "-o", "all")
    assert result.stderr.startswith("Warning: drizzle.cfg resetbits = 4096: these DQ bits, which")
    (mask,) = masks_in(folder / "all").values()
    assert (mask[7, 9], mask[20, 30]) == (0, 0)


@pytest.mark.parametrize("words", ["create", "-o out", "-c run.cfg", "create , -q", "plan"])
def test_a_run_without_inputs_is_wrong_usage(folder: Path, words: str) -> None:
    (folder / "run.cfg").write_text("[STEP 1: STATIC MASK]\nstatic_sig = 4\n")
    result = run(*shlex.split(words), code=2)
    assert result.stderr == "Error: no input: name exposures, as in: staticmask '*flt.fits'\n"
    assert os.listdir() == ["run.cfg"]


@pytest.mark.parametrize("words", ["@empty.lst", "--keep-going @empty.lst"])
def test_an_empty_list_is_no_wrong_usage(folder: Path, words: str) -> None:
    (folder / "empty.lst").touch()
    assert "no input" in run(*shlex.split(words), code=1).stderr


@pytest.mark.parametrize(("word", "advice"), [
    ("creat", "did you mean create?"), ("Inspect", "did you mean inspect?"),
    ("exprot", "did you mean export?"), ("xyzzy", "there are create, "),
])
def test_a_first_word_that_is_no_command_and_no_file_is_wrong_usage(
    visit: Visit, word: str, advice: str
) -> None:
    result = run(word, *visit.paths, code=2)
    assert f"Error: {word}: no such command, and no such file; {advice}" in result.stderr
    Path(word).write_bytes(Path(visit.paths[0]).read_bytes())
    assert done(word).stdout.split() == NAMES


def test_help_and_the_version_are_found_by_their_usual_words() -> None:
    assert done("help").output == done("--help").output == done("-h").output
    assert done("help", "inspect").output == done("inspect", "--help").output
    assert done("-V").output == done("--version").output == f"staticmask {__version__}\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("nowhere_flt.fits", "nowhere_flt.fits: no such file"),
        ("'x*_flt.fits' -q", "x*_flt.fits: no file matches"),
        ("text_flt.fits", "text_flt.fits: "),
        ("folder", "folder: is a folder, expected files such as folder"),
        ("@missing.lst", "@missing.lst: cannot read the list: No such file"),
        ("good.fits text_flt.fits", "text_flt.fits: "),
        ("good.fits --group 9", "good.fits: group = 9 is not a SCI extension; this file has 1"),
        ("good.fits -o text_flt.fits/out",
         "text_flt.fits/out: cannot create the output folder: Not a directory"),
        ("good.fits --log-file text_flt.fits/log",
         "text_flt.fits/log: the log cannot be written: Not a directory"),
        ("good.fits --save-config text_flt.fits/cfg",
         "text_flt.fits/cfg: cannot be written: Not a directory"),
    ],
)
def test_what_cannot_be_done_ends_with_1_and_its_reason(
    write_exposure: WriteExposure, folder: Path, words: str, message: str
) -> None:
    write_exposure("good.fits")
    (folder / "text_flt.fits").write_text("no exposure")
    (folder / "folder").mkdir()
    before = sorted(folder.iterdir())
    result = run(*shlex.split(words))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith(f"Error: {message}")
    assert "Traceback" not in result.stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--bogus", "No such option:? '?--bogus'?"),
        ("-j 0", "Invalid value for '-j' / '--jobs': 0 is not in the range 1<=x<=1024"),
        ("-j many", "'many' is not a valid integer"),
        ("--static-sig", "'?--static-sig'? requires an argument"),
        ("--static-sig big", "Error: static_sig = big: expected a number > 0"),
        ("--static-sig 0", "Error: static_sig = 0: expected a number > 0"),
        ("--group sci", "Error: group = sci: expected extension numbers"),
        ("-c missing.cfg", "Error: missing.cfg: cannot read the parameters: No such file"),
        ("-c bad.cfg --static-sig x",
         "Error: bad.cfg static = 7: expected True or False\nstatic_sig = x: expected a number"),
        *((f"--final-bits {bits}",
           rf"final_bits = {bits}: expected None .* 0 .* .96., .*64,32 or 64\+32.*~4096.*WARMPIX")
          for bits in ("nonsense", "8,", "1.5")),
        ("--final-bits nonsense", "; flags of ACS: .*HOTPIX .16.*WARMPIX .64."),
        ("demo --exposures 0", "0 is not in the range 1<=x<=100"),
    ],
)
def test_what_is_asked_wrongly_ends_with_2_and_what_is_allowed(
    write_exposure: WriteExposure, folder: Path, words: str, message: str
) -> None:
    save_cfg("bad.cfg", "static = 7\n")
    path = write_exposure()
    before = sorted(folder.iterdir())
    inputs = () if words == "--static-sig" or words.startswith("demo") else (path,)
    result = run(*words.split(), *inputs)
    assert result.exit_code == 2
    assert result.stdout == ""
    assert re.search(message, result.stderr)
    assert "Traceback" not in result.stderr
    assert sorted(folder.iterdir()) == before


@pytest.mark.parametrize("option", ["--log-file", "--save-config"])
@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_an_exposure_is_never_written_to(
    write_exposure: WriteExposure, folder: Path, option: str, *, compressed: bool
) -> None:
    path = write_exposure()
    if compressed:
        packed = folder / "a_flt.fits.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    before = digest(path)
    result = run(path, option, path)
    assert digest(path) == before
    assert result.exit_code == 1
    why = "is an input of this run," if "save" in option else "is not a text file"
    assert result.stderr.startswith(f"Error: {path}: {why} and stays as it is")
    assert masks_in(folder) == {}


def test_an_edit_without_editor_is_wrong_usage(
    folder: Path, editor: Editor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EDITOR", "")
    result = run("--edit", "a_flt.fits")
    assert (result.exit_code, result.stdout, editor.saw) == (2, "", [])
    assert result.stderr.startswith("Error: the parameters cannot be edited: install the extra ")
    assert list(folder.iterdir()) == []


def test_a_failed_run_leaves_old_masks_alone(visit: Visit, folder: Path) -> None:
    done(*visit.paths)
    before = {name: digest(folder / name) for name in NAMES}
    (folder / "cut_flt.fits").write_bytes(Path(visit.paths[0]).read_bytes()[:50_000])
    result = run(*visit.paths, "cut_flt.fits", "--static-sig", "9")
    assert result.exit_code == 1
    assert "cut_flt.fits" in result.stderr
    assert {name: digest(folder / name) for name in NAMES} == before


def test_an_interrupted_run_ends_with_130_and_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(create, "make_masks", interrupt)
    result = run("a_flt.fits")
    assert result.exit_code == 130
    assert result.stdout == ""
    assert result.stderr == "Interrupted: the masks are all as they were, or all new.\n"


def test_a_bug_of_ours_is_called_one_and_shows_its_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object, **__: object) -> None:
        msg = "boom"
        raise RuntimeError(msg)

    monkeypatch.setattr(create, "make_masks", fail)
    monkeypatch.setattr(sys, "argv", ["staticmask", "a_flt.fits"])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == 1
    captured = capsys.readouterr()
    assert captured.out == ""
    lines = captured.err.splitlines()
    assert lines[0] == "Traceback (most recent call last):"
    assert "RuntimeError: boom" in lines
    assert lines[-1].startswith("staticmask: this is a bug in staticmask, not in your data; ")


@pytest.mark.parametrize(
    ("words", "code"), [("--version", 0), ("nowhere_flt.fits", 1), ("-c missing.cfg", 2)]
)
def test_main_ends_with_the_exit_code_of_the_command(
    monkeypatch: pytest.MonkeyPatch, words: str, code: int
) -> None:
    monkeypatch.setattr(sys, "argv", ["staticmask", *words.split()])
    with pytest.raises(SystemExit) as caught:
        main()
    assert caught.value.code == code


# The demonstration.


def test_the_demonstration_finds_nearly_all_planted_pixels_and_can_be_repeated(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    result = done("demo", "try", "--exposures", "2")
    truth = simulate_visit(str(tmp_path_factory.mktemp("truth")), exposures=2, shape=(400, 500))
    masks = masks_in(Path("try"))
    assert result.stdout == "".join(f"try/{name}\n" for name in masks)
    bad = np.stack([mask == 0 for mask in masks.values()])
    planted = np.stack([truth.planted[1], truth.planted[2]])
    found, others = (bad & planted).sum(), (bad & ~planted).sum()
    assert found >= 0.95 * planted.sum() > 0
    assert f"Found {found} of {planted.sum()} low pixels that were planted, and {others} others" \
        in result.stderr

    command = result.stderr.splitlines()[-1].removeprefix("The same again: staticmask ")
    shutil.rmtree("again", ignore_errors=True)
    done(*shlex.split(command)[:-1], "again")
    for name, mask in masks_in(Path("again")).items():
        np.testing.assert_array_equal(mask, masks[name])


def test_the_demonstration_refuses_a_folder_with_fits_files(
    write_exposure: WriteExposure, folder: Path
) -> None:
    path = write_exposure(chips=[{"data": sky()}])
    before = digest(path)
    result = run("demo")
    assert result.exit_code == 1
    assert result.stderr == (
        "Error: .: holds FITS files already; name an empty folder for the demonstration\n")
    assert digest(path) == before
    assert list(folder.iterdir()) == [path]
