"""An overview of many masks names those that stand apart from the others of their signature."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.table import Table

from staticmask_cli.errors import InputError
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.reports.overview import overview_of, sorted_by
from tests.support.command import done, run
from tests.support.documents import checked
from tests.support.exposures import sky

SHAPE = (90, 120)


def mask_of(
    visit: int, *, exposures: int = 4, noise: float = 1.0, level: float = 1.0, bad: int = 12,
    block: int = 0, static_sig: float = 5.0,
) -> StaticMask:
    """Return the mask of a visit, whose exposures have some low pixels."""
    rng = np.random.default_rng(visit)
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), static_sig=static_sig)
    for number in range(exposures):
        data = level * (100 + noise * (sky(SHAPE, seed=100 * visit + number) - 100))
        data.flat[rng.choice(data.size, bad, replace=False)] = 0
        data[20 : 20 + block, 30 : 30 + block] = 0
        mask.add(data, label=f"v{visit}_{number}_flt.fits")
    return mask


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the masks of twelve visits, of which seven are spoiled."""
    folder = tmp_path_factory.mktemp("visits")
    spoiled: dict[str, dict[str, Any]] = {
        "fewer": {"exposures": 3}, "noise": {"noise": 6.0}, "faint": {"level": 0.02},
        "bad": {"bad": 900}, "block": {"block": 7}, "rule": {"static_sig": 4.0},
    }
    for visit in range(5):
        mask_of(visit).write(str(folder / f"good{visit}.fits"))
    for visit, (name, what) in enumerate(spoiled.items(), 10):
        mask_of(visit, **what).write(str(folder / f"{name}.fits"))
    one = mask_of(20, exposures=3)
    one.add(100 + 8 * (sky(SHAPE, seed=9) - 100), label="worse_flt.fits")
    one.add(sky(SHAPE, seed=5), label="v20_5_flt.fits")
    one.write(str(folder / "member.fits"))
    return folder


def test_each_spoiled_mask_is_named_with_its_reason_and_no_other(folder: Path) -> None:
    found = {Path(glance.path).stem: "; ".join(glance.apart)
             for glance in overview_of(sorted(map(str, folder.glob("*.fits"))))}
    assert [name for name, reasons in found.items() if not reasons] == [
        f"good{visit}" for visit in range(5)]
    assert "it has 3 exposures, where 4 are usual" in found["fewer"]
    assert "is the noise, where" in found["noise"]
    assert "is the level, where" in found["faint"]
    assert "of the pixels are bad, where" in found["bad"]
    assert "it has a cluster of 49 bad pixels" in found["block"]
    assert "its rule is static_sig = 4" in found["rule"]
    assert "worse_flt.fits[SCI,1] differs from the other members in" in found["member"]
    assert "rms by +" in found["member"]


def test_the_command_shows_a_line_for_each_and_says_by_its_exit_code(folder: Path) -> None:
    shown = run("inspect", "--check", f"{folder}/*.fits", code=3).stdout
    assert "7 of 12 masks stand apart." in shown
    assert len([line for line in shown.splitlines() if "good" in line]) == 5
    assert "0 of 5 masks stand apart." in done("inspect", "--check", f"{folder}/good*.fits").stdout
    assert "stand apart" in done("inspect", f"{folder}/good*.fits").stdout
    assert "worst row" in done("inspect", "--no-brief", f"{folder}/good*.fits").stdout


def test_the_overview_as_data_says_why(folder: Path) -> None:
    document = checked("overview", done("inspect", "--brief", "--json", f"{folder}/*.fits").stdout)
    apart = [mask["path"] for mask in document["masks"] if mask["apart"]]
    assert len(apart) == 7
    assert {mask["detector"] for mask in document["masks"]} == {"ACSWFC"}


def test_masks_are_sorted_by_name_or_with_the_largest_first(folder: Path) -> None:
    glances = overview_of(list(map(str, folder.glob("*.fits"))))
    values: dict[str, list[Any]] = {
        "bad": [-mask.fraction for mask in glances], "low": [-(mask.low or 0) for mask in glances],
        "exposures": [-(mask.exposures or 0) for mask in glances],
        "largest": [-mask.largest for mask in glances],
        "line": [-max(mask.worst_row, mask.worst_column) for mask in glances],
        "level": [-mask.level for mask in glances], "noise": [-mask.noise for mask in glances],
        "apart": [-len(mask.apart) for mask in glances],
        "name": [Path(mask.path).name for mask in glances],
    }
    for key, of_each in values.items():
        by_path = {mask.path: value for mask, value in zip(glances, of_each, strict=True)}
        found = [by_path[mask.path] for mask in sorted_by(glances, key)]
        assert found == sorted(found), key
        assert len(found) == 12


def test_unknown_values_come_last_and_dates_are_in_order(tmp_path: Path) -> None:
    paths = []
    for name, date in {"none": float("nan"), "late": 59030.0, "early": 59000.0}.items():
        mask = StaticMask(Signature("ACSWFC", SHAPE, 1), static_sig=5.0)
        mask.add(sky(SHAPE), label=ChipLabel("a.fits", expstart=date))
        mask.write(str(tmp_path / f"{name}.fits"))
        paths.append(str(tmp_path / f"{name}.fits"))
    shown = done("inspect", "--sort", "date", *paths).stdout
    assert shown.index("early.fits") < shown.index("late.fits") < shown.index("none.fits")
    assert "2020-05-31" in shown


def test_the_overview_is_a_table_for_other_programs(folder: Path, tmp_path: Path) -> None:
    done("inspect", f"{folder}/*.fits", "--sort", "name", "--report", tmp_path / "o.ecsv")
    table = Table.read(tmp_path / "o.ecsv")
    assert len(table) == 12
    assert table["path"][0].endswith("bad.fits")
    assert table["bad"].max() > 900
    assert "it has a cluster of 49 bad pixels" in str(table["apart"][1])


def test_few_masks_and_masks_of_other_chips_do_not_stand_apart(
    folder: Path, tmp_path: Path
) -> None:
    other = StaticMask(Signature("ACSWFC", SHAPE, 2), static_sig=5.0)
    other.add(5 * sky(SHAPE), label="a.fits")
    other.write(str(tmp_path / "other.fits"))
    paths = [str(folder / f"good{visit}.fits") for visit in range(5)]
    assert not any(glance.apart for glance in overview_of([*paths, str(tmp_path / "other.fits")]))
    assert not any(glance.apart for glance in overview_of([paths[0], str(folder / "noise.fits")]))


def test_all_files_that_are_no_masks_are_named(folder: Path, tmp_path: Path) -> None:
    Path(tmp_path / "a.fits").write_text("no mask")
    with pytest.raises(InputError, match=r"(?s)a\.fits.*b\.fits"):
        overview_of([str(folder / "good1.fits"), *(str(tmp_path / name)
                                                   for name in ("a.fits", "b.fits"))])
