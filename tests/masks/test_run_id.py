"""RUNID: masks of one run have the same number, and those of different runs are warned of."""

import os
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.masks.run_id import sharing_files
from tests.support.command import run
from tests.support.exposures import WriteExposure, sky

NAMES = [f"ACSWFC_60x80_{number}_staticMask.fits" for number in (1, 2)]
WARNING = ("out/ACSWFC_60x80_1_staticMask.fits, out/ACSWFC_60x80_2_staticMask.fits: share "
           "exposures, but different runs wrote them, as after a power failure between two renames")


@pytest.fixture
def exposures(write_exposure: WriteExposure, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:  # noqa: ANN401
    """Return the names of three exposures of two chips, and of one of another detector."""
    assert folder == Path.cwd()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    for number, letter in enumerate("abc"):
        chips = [{"data": sky(seed=number + more), "CCDCHIP": 2 - (more > 0)} for more in (0, 50)]
        write_exposure(f"{letter}_flt.fits", chips=chips)
    write_exposure("h_flt.fits", detector="HRC")
    return ["a_flt.fits", "b_flt.fits", "c_flt.fits", "h_flt.fits"]


def run_ids(folder: str) -> dict[str, str]:
    return {path.name: fits.getheader(path)["RUNID"] for path in sorted(Path(folder).iterdir())}


def test_masks_of_the_same_exposures_have_the_number_of_their_run(exposures: list[str]) -> None:
    create_masks(exposures, output_dir="out")
    first, second = (run_ids("out")[name] for name in NAMES)
    assert first == second
    assert len(set(run_ids("out").values())) == 2  # another one of the other detector
    for keywords in ({"static_sig": 5.0}, {"agree": 2}, {"final_bits": 0}):
        create_masks(exposures[:3], output_dir="other", **keywords)
        assert set(run_ids("other").values()).isdisjoint({first})
    create_masks(exposures[:2], output_dir="fewer")
    assert first not in run_ids("fewer").values()


def test_it_depends_on_the_pixels_of_the_exposures(exposures: list[str]) -> None:
    create_masks(exposures[:1], output_dir="out")
    before = run_ids("out")
    with fits.open(exposures[0], mode="update") as hdus:
        hdus[2].data += 1
    create_masks(exposures[:1], output_dir="out", overwrite=True)
    after = run_ids("out")
    assert before.keys() == after.keys()
    assert set(before.values()).isdisjoint(after.values())


def test_a_mask_that_is_written_from_python_has_none(exposures: list[str]) -> None:
    (mask, *_) = create_masks(exposures[:1], output_dir="out")
    assert mask.run_id == fits.getheader(str(mask.path))["RUNID"]
    read = StaticMask.read(str(mask.path))
    assert read.run_id == mask.run_id
    read.write("copy.fits")
    assert "RUNID" not in fits.getheader("copy.fits")


@pytest.mark.parametrize("words", [["plan"], ["create"], ["create", "--update"]])
def test_masks_of_different_runs_are_warned_of_until_one_run_makes_them(
    words: list[str], exposures: list[str]
) -> None:
    create_masks(exposures, output_dir="new")
    create_masks(exposures[:2], output_dir="out")
    command = [*words, *exposures, "-o", "out"]
    assert "different runs" not in run(*command).stderr
    create_masks(exposures[:2], output_dir="old")
    for name, folder in zip(NAMES, ("new", "old"), strict=True):  # as a power failure leaves them
        os.replace(f"{folder}/{name}", f"out/{name}")
    result = run(*command)
    assert WARNING in result.stderr
    assert result.exit_code == 0
    if "plan" not in words:
        assert "different runs" not in run(*command).stderr
        create_masks(exposures, output_dir="whole")
        assert run_ids("out") == run_ids("whole")


@given(st.lists(st.sets(st.integers(0, 12), max_size=3), max_size=10))
def test_items_are_in_one_group_if_files_connect_them(items: list[set[int]]) -> None:
    groups = sharing_files(range(len(items)), lambda number: map(str, items[number]))
    assert sorted(number for group in groups for number in group) == list(range(len(items)))
    assert groups == sorted(map(sorted, groups))
    for group in groups:
        files = [set[int]().union(*(items[n] for n in other)) for other in groups if other != group]
        assert all(items[n].isdisjoint(found) for n in group for found in files)
        reached = {group[0]}
        for _ in group:
            near = set[int]().union(*(items[n] for n in reached))
            reached.update(n for n in group if items[n] & near)
        assert reached == set(group)
