"""--update: masks on disk grow, and are those of one run over everything."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.errors import ConfigError, InputError, OutputError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.io.update_lock import update_lock
from staticmask_cli.pipeline import batches
from tests.support.command import run
from tests.support.documents import checked
from tests.support.exposures import WriteExposure, coordinates, digest, sky, writer_into

NAME = "ACSWFC_60x80_1_staticMask.fits"
SECOND = "ACSWFC_60x80_2_staticMask.fits"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Work in an empty folder, at a time that stands still for DATE."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    return tmp_path


@pytest.fixture(scope="module")
def seven_in(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write seven exposures of two chips, some of them odd, into a folder that is not changed.

    a has no EXPTIME and another BUNIT, b is set aside by its header, d has a constant chip.
    """
    odd: dict[str, dict[str, Any]] = {"a": {"EXPTIME": None, "BUNIT": "COUNTS"},
                                      "b": {"EXPTIME": 0.0}}
    folder = tmp_path_factory.mktemp("seven")
    for number, letter in enumerate("abcdefg"):
        chips = []
        for seed in (number, number + 50):
            dq = np.zeros((60, 80), np.int16)
            dq[number] = 16
            dq[:, number] = 64
            chips.append({"data": sky(seed=seed), "dq": dq, "CCDCHIP": 2, "LTV1": -1.1})
        if letter == "a":
            chips = [{**chip, "BUNIT": "COUNTS"} for chip in chips]
        if letter == "d":
            chips[1]["data"] = np.full((60, 80), 7, np.float32)
        chips[1]["CCDCHIP"] = 1
        keywords = {k: v for k, v in odd.get(letter, {}).items() if k != "BUNIT"}
        writer_into(folder)(f"{letter}_flt.fits", chips=chips, **keywords)
    return folder


@pytest.fixture
def seven(seven_in: Path, folder: Path) -> list[str]:
    """Return the names of copies of the seven exposures."""
    shutil.copytree(seven_in, folder, dirs_exist_ok=True)
    return sorted(os.listdir(seven_in))


@pytest.fixture
def pixels_read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return the chips whose pixels are read, as they are."""
    seen: list[str] = []

    def read(chip: Chip, **keywords: Any) -> Any:  # noqa: ANN401
        seen.append(str(chip.label))
        return read_pixels(chip, **keywords)

    monkeypatch.setattr(batches, "read_pixels", read)
    return seen


def contents(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(Path(folder).iterdir())}


# Each order with two rules: test_batches.py merges in any order under several rules.
@pytest.mark.parametrize(("order", "parameters"), [
    ("abc|de|fg", {}), ("gbf|gfab|edc", {}),
    ("fg|c|abde", {"agree": 2}),
    ("defg|abc|abcdefg", {"agree": 0.5, "final_bits": 64}),
    ("gbf|gfab|edc", {"agree": "all", "final_bits": "0"}),
    ("defg|abc|abcdefg", {"final_bits": "~16"}),
    ("abc|de|fg", {"sky": "local", "agree": 2, "final_bits": 64}),
    ("fg|c|abde", {"sky": "local", "agree": 2, "final_bits": 64}),
], ids=str)
def test_steps_make_the_masks_of_one_run_bit_for_bit(
    order: str, parameters: dict[str, Any], seven: list[str]
) -> None:
    create_masks(seven, static_sig=2.0, output_dir="one", **parameters)
    for letters in order.split("|"):
        names = [f"{letter}_flt.fits" for letter in letters]
        create_masks(names, static_sig=2.0, output_dir="steps", update=True, **parameters)
    assert contents("steps") == contents("one")
    assert sorted(contents("one")) == [NAME, SECOND]


def test_more_voters_than_a_byte_counts(write_exposure: WriteExposure) -> None:
    content = write_exposure("e000_flt.fits", chips=[{"data": sky()}]).read_bytes()
    names = [f"e{number:03}_flt.fits" for number in range(258)]
    for name in names:  # of the same pixels, so that some have 258 votes
        Path(name).write_bytes(content.replace(b"e000", name[:4].encode()))
    create_masks(names, static_sig=2.0, agree=3, output_dir="one")
    for part in (names[:200], names[200:]):
        create_masks(part, static_sig=2.0, agree=3, output_dir="steps", update=True)
    votes = fits.getdata(f"one/{NAME}", "VOTES")
    assert (votes.dtype.itemsize, votes.max()) == (2, 258)
    assert contents("steps") == contents("one")


def test_members_are_not_read_again(seven: list[str], pixels_read: list[str]) -> None:
    create_masks(seven[:4], output_dir="out", update=True)
    assert len(pixels_read) == 6  # of a, c and d
    pixels_read.clear()
    create_masks(seven, output_dir="out", update=True)
    assert sorted(pixels_read) == [f"{n}_flt.fits[SCI,{e}]" for n in "efg" for e in (1, 2)]
    pixels_read.clear()
    before = [digest(Path("out") / name) for name in (NAME, SECOND)]
    times = [os.stat(Path("out") / name).st_mtime_ns for name in (NAME, SECOND)]
    result = run(*seven, "-o", "out", "--update")
    assert (result.exit_code, result.stdout) == (0, f"out/{NAME}\nout/{SECOND}\n")
    assert pixels_read == []
    assert [digest(Path("out") / name) for name in (NAME, SECOND)] == before
    assert [os.stat(Path("out") / name).st_mtime_ns for name in (NAME, SECOND)] == times


def test_a_member_is_known_by_any_path_to_it(
    seven: list[str], pixels_read: list[str], folder: Path
) -> None:
    create_masks(seven, output_dir="out")
    pixels_read.clear()
    os.mkdir("sub")
    for words in (["./*_flt.fits"], ["sub/../*_flt.fits"], [str(folder / "*_flt.fits")]):
        create_masks(words, output_dir="out", update=True)
    assert pixels_read == []
    os.symlink(folder, "elsewhere")
    create_masks("elsewhere/*_flt.fits", output_dir="out", update=True)
    assert pixels_read == []


def test_a_member_that_may_be_the_same_under_a_path_that_is_gone_is_warned_of(
    seven: list[str],
) -> None:
    create_masks(seven, output_dir="out")
    os.mkdir("archive")
    shutil.move("c_flt.fits", "archive")
    result = run("archive/c_flt.fits", "-o", "out", "--update")
    assert result.exit_code == 0
    warning = ("Warning: archive/c_flt.fits[SCI,1] may be the same exposure as the member "
               "c_flt.fits[SCI,1], whose file no longer exists; if so, it counts twice\n")
    assert warning in result.stderr


@pytest.mark.parametrize(
    ("words", "differs"),
    [
        (["--static-sig", "5"], "static_sig = 4.0, now 5.0"),
        (["--sky", "local"], "sky = global, now local"),
        (["--agree", "2"], "agree = any, now 2"),
        (["--final-bits", "64"], "final_bits = None, now 64"),
        (["--sky", "local", "--static-sig", "5"],
         "static_sig = 4.0, now 5.0; sky = global, now local"),
    ],
)
def test_other_parameters_are_refused_and_the_masks_stay(
    words: list[str], differs: str, seven: list[str]
) -> None:
    create_masks(seven[:4], output_dir="out")
    before = contents("out")
    result = run(*seven, "-o", "out", "--update", *words)
    assert (result.exit_code, result.stdout) == (1, "")
    lines = [line for line in result.stderr.splitlines() if "Warning: b_flt" not in line]
    assert lines == [
        f"{start}out/{name}: cannot be updated, as it was made with {differs}; use the same, or "
        "another --output-dir, or make it again without --update"
        for start, name in (("Error: ", NAME), ("", SECOND))
    ]
    assert contents("out") == before


def test_other_words_for_the_same_bits_are_no_difference(seven: list[str]) -> None:
    create_masks(seven, final_bits="96", output_dir="one")
    create_masks(seven[:3], final_bits="64,32", output_dir="out")
    create_masks(seven, final_bits="96", output_dir="out", update=True)
    assert contents("out") == contents("one")
    with pytest.raises(OutputError, match=r"final_bits = 96, now 64;"):
        create_masks(seven, final_bits="64", output_dir="out", update=True)


@pytest.mark.parametrize(
    ("keywords", "differs"),
    [
        ({"LTV1": -300.0}, r"LTV1 = 0\.0, now -300\.0"),
        ({"CCDCHIP": 1}, "CCDCHIP = 2, now 1"),
        ({"BINAXIS1": 2}, "BINAXIS1 = None, now 2"),
    ],
)
def test_another_grid_is_refused_and_the_mask_stays(
    keywords: dict[str, float], differs: str, write_exposure: WriteExposure
) -> None:
    chip = {"data": sky(), "LTV1": 0.0, "CCDCHIP": 2}
    write_exposure("a_flt.fits", chips=[chip])
    write_exposure("b_flt.fits", chips=[{**chip, **keywords}])
    create_masks("a_flt.fits")
    before = digest(Path(NAME))
    with pytest.raises(OutputError, match=rf"{NAME}: cannot be updated, .* {differs}; use the"):
        create_masks("b_flt.fits", update=True)
    assert digest(Path(NAME)) == before


def test_a_mask_that_took_the_name_of_another_is_refused(write_exposure: WriteExposure) -> None:
    create_masks(write_exposure(detector="HRC").name, output_dir="out")
    (path,) = Path("out").iterdir()
    path.rename(NAME)
    write_exposure("b_flt.fits")
    with pytest.raises(OutputError, match="detector = ACSHRC, now ACSWFC;"):
        create_masks("b_flt.fits", update=True)


def test_a_member_that_has_changed_is_refused(seven: list[str]) -> None:
    create_masks(seven[:3], output_dir="out")
    before = contents("out")
    later = os.stat(f"out/{NAME}").st_mtime_ns + 1
    os.utime("c_flt.fits", ns=(later, later))
    message = (r"cannot be updated, as members have changed: c_flt\.fits\[SCI,1\] \(newer than the "
               r"mask\); what they added cannot be removed: make it again without --update")
    with pytest.raises(OutputError, match=message):
        create_masks(seven, output_dir="out", update=True)
    create_masks(["d_flt.fits"], output_dir="out", update=True)  # c is not named
    os.utime("c_flt.fits", ns=(0, 0))
    with fits.open("c_flt.fits", mode="update") as hdus:
        hdus[0].header["ROOTNAME"] = "other"
    os.utime("c_flt.fits", ns=(0, 0))
    with pytest.raises(OutputError, match=r"\[SCI,1\] \(ROOTNAME was c, is other\)"):
        create_masks(seven, output_dir="out", update=True)
    assert contents("out") != before


def test_what_could_not_be_read_is_tried_again(seven: list[str], pixels_read: list[str]) -> None:
    create_masks(seven, output_dir="one")
    whole = {name: Path(name).read_bytes() for name in seven}
    os.truncate("c_flt.fits", 4000)
    os.rename("e_flt.fits", "hidden")
    first = create_masks(seven, output_dir="out", update=True, keep_going=True)
    assert list(first.left_out) == ["e_flt.fits", "c_flt.fits"]
    again = create_masks(["c_flt.fits", "e_flt.fits", "a_flt.fits"], output_dir="out", update=True,
                         keep_going=True)
    assert list(again.left_out) == ["e_flt.fits", "c_flt.fits"]
    labels = [str(member.label) for member in again[0].members]
    assert labels[-2:] == ["c_flt.fits[SCI,0]", "e_flt.fits[SCI,0]"]
    for name in ("c_flt.fits", "e_flt.fits"):
        Path(name).write_bytes(whole[name])
        os.utime(name, ns=(0, 0))
    pixels_read.clear()
    last = create_masks(seven, output_dir="out", update=True, keep_going=True)
    assert last.left_out == {}
    assert sorted(pixels_read) == [f"{n}_flt.fits[SCI,{e}]" for n in "ce" for e in (1, 2)]
    assert contents("out") == contents("one")


def test_a_member_that_is_gone_by_now_stays_one(seven: list[str]) -> None:
    create_masks(seven[:4], output_dir="out")
    before = contents("out")
    os.unlink("c_flt.fits")
    with pytest.raises(InputError, match=r"c_flt\.fits: no such file"):
        create_masks(seven[:4], output_dir="out", update=True)
    masks = create_masks(seven[:4], output_dir="out", update=True, keep_going=True)
    assert masks.left_out == {"c_flt.fits": "no such file"}
    assert contents("out") == before


def test_chips_cut_while_they_were_read_are_tried_again(
    seven: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_masks(seven, final_bits=0, agree=2, output_dir="one")

    def fail(chip: Chip, **keywords: Any) -> Any:  # noqa: ANN401
        if str(chip.label) in {"a_flt.fits[SCI,2]", "g_flt.fits[SCI,1]"}:
            msg = f"{chip.path}: is truncated"
            raise InputError(msg)
        return read_pixels(chip, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(batches, "read_pixels", fail)
        masks = create_masks(seven, final_bits=0, agree=2, output_dir="out", update=True,
                             keep_going=True)
    assert len(masks.left_out) == 2
    assert contents("out") != contents("one")
    create_masks(seven, final_bits=0, agree=2, output_dir="out", update=True)
    assert contents("out") == contents("one")


def test_too_few_votes_are_counted_over_all_members(seven: list[str]) -> None:
    create_masks(seven[2:5], agree=3, output_dir="out", group="1")
    create_masks(seven[5:6], agree=3, output_dir="out", group="1", update=True)
    with pytest.raises(ConfigError, match="agree = 3: only 2 exposures"):
        create_masks(seven[4:6], agree=3, output_dir="new", update=True)
    assert list(Path("new").iterdir()) == []


@pytest.mark.usefixtures("seven")
def test_exposures_that_are_all_set_aside_are_noted_in_a_mask_that_is_there() -> None:
    create_masks(["a_flt.fits", "b_flt.fits"], output_dir="one")
    create_masks(["a_flt.fits"], output_dir="out")
    create_masks(["b_flt.fits"], output_dir="out", update=True)
    assert contents("out") == contents("one")


@pytest.mark.parametrize("kind", ["drizzlepac", "text", "folder", "link", "damaged"])
def test_what_is_no_mask_of_ours_is_refused_and_stays(kind: str, seven: list[str]) -> None:
    path = Path(NAME)
    create_masks(seven[:2])
    if kind == "drizzlepac":
        fits.PrimaryHDU(np.ones((60, 80), np.int16)).writeto(path, overwrite=True)
    elif kind == "damaged":
        content = bytearray(path.read_bytes())
        content[5760 + 2 * 1000 + 1] ^= 1
        path.write_bytes(content)
    else:
        path.unlink()
        instead: dict[str, Callable[[], object]] = {
            "text": lambda: path.write_text("notes"), "folder": path.mkdir,
            "link": lambda: path.symlink_to("nowhere"),
        }
        instead[kind]()
    before = b"" if kind in {"folder", "link"} else path.read_bytes()
    remedy = "move it away, or make it again without --update"
    message = rf"^{NAME}: .*; it cannot be updated: {remedy}$"
    with pytest.raises(OutputError, match=message):
        create_masks(seven[:1] + seven[2:], update=True, group="1")
    assert (b"" if kind in {"folder", "link"} else path.read_bytes()) == before
    assert os.path.islink(path) == (kind == "link")


def test_update_contradicts_overwrite(seven: list[str]) -> None:
    result = run(*seven, "--update", "--overwrite")
    assert result.exit_code == 2
    assert result.stderr == ("Error: update and overwrite contradict each other: masks are either "
                             "updated or made again\n")
    assert run(*seven, "--checkpoint", "2").stderr == (
        "Error: checkpoint = 2 needs update, with which an interrupted run can be continued\n")
    with pytest.raises(ConfigError, match="checkpoint = 0: expected a number > 0"):
        create_masks(seven, update=True, checkpoint=0)


# Tables and reports of updated masks.


@pytest.mark.parametrize("final_bits", ["None", "64"])
def test_report_and_table_tell_what_is_new_and_for_which_cause(
    final_bits: str, seven: list[str]
) -> None:
    words = ["-o", "out", "--update", "--final-bits", final_bits, "--report", "run.json"]
    made_again = run(*seven[:3], *words)
    first = checked("report", Path("run.json").read_text("ascii"))
    assert [mask["added"] for mask in first["masks"]] == [3, 3]
    assert [mask["nbelow"] + mask["ndq"] - mask["bad"] for mask in first["masks"]] == [0, 0]
    assert " new" not in made_again.stderr
    grown = run(*seven, *words)
    second = checked("report", Path("run.json").read_text("ascii"))
    assert [mask["added"] for mask in second["masks"]] == [4, 4]
    assert [row["file"][0] for row in second["chips"] if row["added"]] == list("defgdefg")
    (line, _) = [line for line in grown.stderr.splitlines() if line.startswith(" ACSWFC")]
    assert "6 of 7, 4 new" in line
    for mask in second["masks"]:
        found = np.count_nonzero(fits.getdata(mask["path"]) == 0)
        assert (mask["bad"], mask["nbelow"] + mask["ndq"]) == (found, found)
        assert (mask["ndq"] > 0) == (final_bits == "64")
    assert "?" not in line
    again = run(*seven, *words)
    third = checked("report", Path("run.json").read_text("ascii"))
    assert [mask["added"] for mask in third["masks"]] == [0, 0]
    assert "6 of 7, 0 new" in again.stderr


# Runs at the same time.


@pytest.fixture
def meanwhile(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], object]], None]:
    """Do something when a run has read its exposures, and not yet looked at the masks again."""
    def arrange(action: Callable[[], object]) -> None:
        def held(paths: Any) -> Any:  # noqa: ANN401
            monkeypatch.setattr("staticmask_cli.io.update_lock.update_lock", update_lock)
            action()
            return update_lock(paths)
        monkeypatch.setattr("staticmask_cli.io.update_lock.update_lock", held)
    return arrange


@pytest.mark.parametrize("agree", ["any", 2])
@pytest.mark.parametrize("there", [0, 3], ids=["no mask yet", "a mask"])
def test_what_another_run_added_meanwhile_is_kept(
    agree: str | int, there: int, seven: list[str], meanwhile: Callable[..., None]
) -> None:
    create_masks(seven, agree=agree, output_dir="one")
    if there:
        create_masks(seven[:there], agree=agree, output_dir="out")
    meanwhile(lambda: create_masks(seven[4:], agree=agree, output_dir="out", update=True))
    create_masks(seven[:4], agree=agree, output_dir="out", update=True)
    assert contents("out") == contents("one")


def test_the_same_exposures_added_meanwhile_do_not_count_twice(
    seven: list[str], meanwhile: Callable[..., None]
) -> None:
    create_masks(seven, output_dir="one")
    meanwhile(lambda: create_masks(seven[2:6], output_dir="out", update=True))
    create_masks(seven, output_dir="out", update=True)
    assert contents("out") == contents("one")
    create_masks(seven[:4], agree=2, output_dir="votes")
    meanwhile(lambda: create_masks(seven[4:6], agree=2, output_dir="votes", update=True))
    with pytest.raises(OutputError, match=r"another run has added e_flt\.fits\[SCI,1\], f_flt"):
        create_masks(seven, agree=2, output_dir="votes", update=True)
    create_masks(seven, agree=2, output_dir="votes", update=True)
    create_masks(seven, agree=2, output_dir="one")
    assert contents("votes") == contents("one")


def test_a_mask_that_loses_members_meanwhile_is_refused(
    seven: list[str], meanwhile: Callable[..., None]
) -> None:
    for action in (lambda: os.unlink(f"out/{NAME}"),
                   lambda: create_masks(seven[1:3], output_dir="out")):
        create_masks(seven[:2], output_dir="out")
        meanwhile(action)
        message = "has lost members while this run was under way; run it again|found nothing"
        with pytest.raises(OutputError, match=message):
            create_masks(seven, output_dir="out", update=True)


# Runs that are ended and taken up again.


class Recorder:
    """Keeps the progress that is reported to it."""

    def __init__(self, reported: list[tuple[int, int]]) -> None:
        self._reported = reported

    def __call__(self, done: int, total: int) -> None:
        self._reported.append((done, total))


@pytest.mark.parametrize("agree", ["any", 2])
def test_checkpoints_change_nothing_in_the_end(agree: str | int, seven: list[str]) -> None:
    create_masks(seven, agree=agree, final_bits=0, output_dir="one")
    for number in (1, 3, 100):
        reported: list[tuple[int, int]] = []
        masks = create_masks(
            seven, agree=agree, final_bits=0, output_dir=f"out{number}", update=True,
            checkpoint=number, progress=Recorder(reported),
        )
        assert contents(f"out{number}") == contents("one")
        assert [Path(str(mask.path)).name for mask in masks] == [NAME, SECOND]
        assert [len(mask.members) for mask in masks] == [7, 7]
        assert reported[-1] == (14, 14)
        assert reported == sorted(reported)


def test_a_run_that_fails_goes_on_from_its_last_checkpoint(
    seven: list[str], pixels_read: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    create_masks(seven, agree=2, output_dir="one")
    pixels_read.clear()

    def interrupted(chip: Chip, **keywords: Any) -> Any:  # noqa: ANN401
        if chip.path == "f_flt.fits":
            raise KeyboardInterrupt
        pixels_read.append(str(chip.label))
        return read_pixels(chip, **keywords)

    with monkeypatch.context() as patch:
        patch.setattr(batches, "read_pixels", interrupted)
        result = run(*seven, "--agree", "2", "-o", "out", "--update", "--checkpoint", "2", "-j1")
    assert result.exit_code == 130
    assert "checkpoint: out/ACSWFC_60x80_1_staticMask.fits of 4 chips, out/" in result.stderr
    mask = StaticMask.read(f"out/{NAME}")
    assert [member.label.file[0] for member in mask.members] == list("abcd")
    before = len(pixels_read)
    masks = create_masks(seven, agree=2, output_dir="out", update=True, checkpoint=2)
    assert sorted(pixels_read[before:]) == [f"{n}_flt.fits[SCI,{e}]" for n in "efg" for e in (1, 2)]
    assert [len(mask.previous_members) for mask in masks] == [4, 4]
    assert contents("out") == contents("one")


def test_what_a_killed_update_left_is_removed_by_one_that_has_nothing_to_do(
    seven: list[str], folder: Path
) -> None:
    create_masks(seven[:2], update=True)
    before = sorted(path.name for path in folder.iterdir())
    for name in (f".{NAME}.lock.tmp", f".{SECOND}.abc123.tmp"):
        (folder / name).touch()
    create_masks(seven[:2], update=True)
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.fixture
def pairs(write_exposure: WriteExposure) -> list[str]:
    """Return two exposures at each of two pointings, and one in between that joins two of them."""
    names = []
    for number, dx in enumerate((0.0, 9.0, 0.4, 9.3, 7.4)):
        names.append(f"{number}_flt.fits")
        write_exposure(names[-1], chips=[{"data": sky(seed=number), **coordinates(dx)}])
    return names


RULE: dict[str, Any] = {"static_sig": 1.0, "sky": "local"}


@pytest.mark.parametrize("agree", ["any", 2, 0.5])
def test_a_new_exposure_votes_with_its_pointing(pairs: list[str], agree: str | float) -> None:
    create_masks(pairs, agree=agree, output_dir="one", **RULE)
    create_masks(pairs[2:4], agree=agree, output_dir="out", **RULE)
    create_masks(pairs, agree=agree, output_dir="out", update=True, checkpoint=1, **RULE)
    assert contents("out") == contents("one")
    assert list(fits.getdata(f"out/{NAME}", "MEMBERS")["POINTING"]) == [1, 2, 1, 2, 2]


def test_a_mask_without_pointings_is_updated_only_where_they_do_not_count(
    pairs: list[str],
) -> None:
    for agree, name in ((2, "out"), ("all", "all"), ("any", "any")):
        create_masks(pairs[:2], agree=agree, output_dir=name, **RULE)
        path = Path(name) / NAME
        with fits.open(path) as hdus:
            columns = [column for column in hdus["MEMBERS"].columns
                       if column.name not in ("POINTING", "RA1", "DEC1", "RA2", "DEC2")]
            hdus["MEMBERS"] = fits.BinTableHDU.from_columns(columns, name="MEMBERS")
            hdus.writeto("old.fits", overwrite=True, checksum=True)
        os.replace("old.fits", path)
    before = contents("out")
    with pytest.raises(OutputError, match="cannot be updated, as an older version made it, which "
                                          "did not store the pointings of its members; make it"):
        create_masks(pairs, agree=2, output_dir="out", update=True, **RULE)
    assert contents("out") == before
    for agree in ("all", "any"):
        (mask,) = create_masks(pairs, agree=agree, output_dir=agree, update=True, **RULE)
        (whole,) = create_masks(pairs, agree=agree, output_dir="one", **RULE)
        np.testing.assert_array_equal(mask.array, whole.array)
        assert mask.pointings == 4  # two that are unknown


def test_members_have_dates_but_those_of_versions_without_them(
    write_exposure: WriteExposure
) -> None:
    for seed, name in enumerate("abc"):
        write_exposure(f"{name}_flt.fits", chips=[{"data": sky(seed=seed)}],
                       EXPSTART=59000.5 + seed)
    run("a_flt.fits", "-q", code=0)
    with fits.open(NAME) as hdus:
        assert hdus["MEMBERS"].data["EXPSTART"].tolist() == [59000.5]
        columns = [column for column in hdus["MEMBERS"].columns if column.name != "EXPSTART"]
        hdus["MEMBERS"] = fits.BinTableHDU.from_columns(columns, name="MEMBERS")
        hdus.writeto(NAME, overwrite=True)
    run("a_flt.fits", "b_flt.fits", "-q", "--update", code=0)
    dates = fits.getdata(NAME, "MEMBERS")["EXPSTART"]
    assert np.isnan(dates[0])
    assert dates[1:].tolist() == [59001.5]
    mask = StaticMask.read(NAME)
    mask.merge(create_masks("c_flt.fits", write=False)[0])
    assert [member.label.expstart for member in mask.used][1:] == [59001.5, 59002.5]
