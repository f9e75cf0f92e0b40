"""Masks on disk that a run would replace: what is refused, what is warned of, what is silent."""

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import OutputError
from tests.support.command import done, run
from tests.support.exposures import WriteExposure, digest, sky

NAME = "ACSWFC_60x80_1_staticMask.fits"
SHORT = NAME.removesuffix("_staticMask.fits")


@pytest.fixture
def exposures(write_exposure: WriteExposure, folder: Path) -> list[str]:
    """Write six exposures into the current folder."""
    for number, letter in enumerate("abcdef"):
        write_exposure(f"{letter}_flt.fits", chips=[
            {"data": sky(seed=number), "LTV1": 0.0, "dq": np.zeros((60, 80), np.int16)},
        ])
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def warnings(caplog: pytest.LogCaptureFixture) -> Callable[[], list[str]]:
    """Return the warnings since the last call."""
    def since() -> list[str]:
        found = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
        caplog.clear()
        return found
    return since


@pytest.mark.parametrize(
    ("before", "now", "said"),
    [
        ({"inputs": "abcd", "static_sig": 5}, {"inputs": "ef"},
         ("a mask of 4 other exposures (a_flt.fits[SCI,1], b_flt.fits[SCI,1], c_flt.fits[SCI,1] "
          "and 1 more), made with static_sig = 5.0, now 4.0; to keep both,")),
        ({"inputs": "a"}, {"inputs": "b"},
         "a mask of 1 other exposure (a_flt.fits[SCI,1]); to add to it, use --update; to keep"),
        ({"inputs": "abcd"}, {"inputs": "bcdef"},
         "a mask of 4 exposures, 1 of them not in this run (a_flt.fits[SCI,1]); to add"),
        ({"inputs": "ab", "final_bits": "16"}, {"inputs": "ab", "final_bits": "64"},
         "a mask of exposures of this run, made with final_bits = 16, now 64; to keep"),
        ({"inputs": "ab", "sky": "local", "agree": 1}, {"inputs": "ab"},
         "a mask of exposures of this run, made with sky = local, now global; agree = 1, now any"),
    ],
)
def test_a_mask_that_holds_more_is_replaced_with_a_warning(
    before: dict[str, Any], now: dict[str, Any], said: str, exposures: list[str],
    warnings: Callable[[], list[str]],
) -> None:
    for arguments in (before, now):
        letters = arguments.pop("inputs")
        create_masks([name for name in exposures if name[0] in letters], **arguments)
    (warning,) = warnings()
    assert warning.startswith(f"{SHORT}: replaces {said}")
    assert [member["FILE"][0] for member in fits.getdata(NAME, "MEMBERS")] == list(letters)


@pytest.mark.parametrize(
    ("before", "now"),
    [
        ({"inputs": "ab"}, {"inputs": "ab"}),
        ({"inputs": "ab"}, {"inputs": "abc"}),
        ({"inputs": "ab", "final_bits": "16"}, {"inputs": "abc", "final_bits": "HOT"}),
        ({"inputs": "ab"}, {"inputs": "cd", "overwrite": True}),
    ],
    ids=["same", "more", "same bits", "overwrite"],
)
def test_a_mask_that_is_contained_in_the_new_one_is_replaced_silently(
    before: dict[str, Any], now: dict[str, Any], exposures: list[str],
    warnings: Callable[[], list[str]],
) -> None:
    for arguments in (before, now):
        letters = arguments.pop("inputs")
        create_masks([name for name in exposures if name[0] in letters], **arguments)
    assert warnings() == []


def test_another_spelling_of_a_path_or_a_moved_file_is_no_other_exposure(
    exposures: list[str], folder: Path, warnings: Callable[[], list[str]]
) -> None:
    create_masks(exposures)
    create_masks([folder / name for name in exposures])
    create_masks("*flt.fits")
    assert warnings() == []
    (folder / "moved").mkdir()
    for name in exposures:
        shutil.move(name, "moved")
    create_masks("moved/*flt.fits")
    assert warnings() == []
    shutil.copytree("moved", "copied")  # files of the same names, beside those of the mask
    create_masks("copied/*flt.fits")
    assert "a mask of 6 other exposures" in warnings()[0]


def test_members_that_were_set_aside_are_no_loss(
    exposures: list[str], warnings: Callable[[], list[str]]
) -> None:
    with fits.open("f_flt.fits", mode="update") as hdus:
        hdus[0].header["EXPTIME"] = 0.0
    create_masks(exposures)
    assert warnings() == ["f_flt.fits[SCI,1]: set aside: EXPTIME = 0"]
    create_masks(exposures[:5])
    assert warnings() == []
    for name in exposures[:2]:  # which the mask on disk uses
        with fits.open(name, mode="update") as hdus:
            hdus[0].header["EXPTIME"] = 0.0
    create_masks(exposures[:5])
    assert "5 exposures, 2 of them not in this run (a_flt.fits[SCI,1], b_" in warnings()[-1]


def test_a_mask_of_other_pixels_stays_unless_it_is_to_be_overwritten(
    exposures: list[str], write_exposure: WriteExposure
) -> None:
    create_masks(exposures)
    before = digest(Path(NAME))
    write_exposure("other_flt.fits", chips=[{"data": sky(seed=9), "LTV1": -50.0}])
    message = (f"Error: {NAME}: is a mask of other detector pixels: LTV1 = 0.0, now -50.0; move it "
               "away, use another --output-dir or --name, ")
    for command in ("create", "plan"):
        result = run(command, "other_flt.fits", code=1)
        assert result.stderr.startswith(message)
        assert "--overwrite to replace it" in result.stderr
        assert digest(Path(NAME)) == before
    assert "LTV1" not in done("plan", "other_flt.fits", "--overwrite").stderr
    assert done("create", "-q", "other_flt.fits", "--overwrite").stderr == ""
    assert fits.getheader(NAME)["LTV1"] == -50.0


def test_all_masks_that_are_refused_are_named(
    write_exposure: WriteExposure, folder: Path
) -> None:
    first, second = (
        write_exposure(f"{letter}_flt.fits",
                       chips=[{"data": sky(seed=seed), "LTV2": ltv2} for seed in (1, 2, 3)])
        for letter, ltv2 in (("a", 0.0), ("b", -8.0))
    )
    create_masks(first)
    names = [f"ACSWFC_60x80_{number}_staticMask.fits" for number in (1, 2, 3)]
    Path(names[2]).write_text("notes", encoding="utf-8")
    with pytest.raises(OutputError) as error:
        create_masks(second)
    lines = str(error.value).splitlines()
    assert [line.partition(":")[0] for line in lines] == names
    assert "exists and is not a static mask of that shape" in lines[2]
    assert sorted(path.name for path in folder.glob("ACS*")) == names


def test_plan_shows_what_would_be_replaced_without_a_warning(exposures: list[str]) -> None:
    create_masks(exposures[:2])
    result = done("plan", *exposures[2:])
    assert (result.stderr, "other members" in result.stdout) == ("", True)


@pytest.mark.parametrize("changed", ["HIERARCH card", "compressed", "a column of another type"])
def test_a_mask_that_other_programs_changed_is_compared_too(
    changed: str, exposures: list[str], warnings: Callable[[], list[str]]
) -> None:
    create_masks(exposures[:2])
    with fits.open(NAME) as hdus:
        hdus[0].header["HIERARCH a card"] = 1
        if changed == "a column of another type":
            columns = hdus["MEMBERS"].columns
            extra = fits.Column("MINE", "2E", array=np.zeros((2, 2)))
            hdus[1] = fits.BinTableHDU.from_columns([extra, *columns], name="MEMBERS")
        hdus.writeto("changed.fits")
        if changed == "compressed":
            hdus.writeto("changed.fits.gz")
            shutil.move("changed.fits.gz", "changed.fits")
    shutil.move("changed.fits", NAME)
    create_masks(exposures[2:])
    assert "a mask of 2 other exposures (a_flt.fits[SCI,1], b_flt" in warnings()[0]


def test_a_mask_of_drizzlepac_is_replaced_with_a_warning(
    exposures: list[str], warnings: Callable[[], list[str]]
) -> None:
    fits.PrimaryHDU(np.ones((60, 80), np.int16)).writeto(NAME)
    create_masks(exposures)
    (warning,) = warnings()
    assert warning.startswith(f"{SHORT}: replaces a mask that does not list its exposures; to keep")


def test_included_pixels_that_are_lost_are_warned_of(
    exposures: list[str], warnings: Callable[[], list[str]]
) -> None:
    fits.PrimaryHDU(np.ones((60, 80), np.int16)).writeto("known.fits")
    lost = (f"{SHORT}: replaces a mask of exposures of this run, made with include = known.fits, "
            "now ")
    for include, said in (("known.fits", ""), ("known.fits", ""), (None, lost), ("known.fits", "")):
        create_masks(exposures, include=include, include_bad=0)
        found = warnings()
        assert len(found) == bool(said)
        assert "".join(found).startswith(said)
