"""Read reports of runs as JSON, ECSV and CSV, and compare them with the masks."""

import csv
import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest
from astropy import units
from astropy.table import QTable, Table

from staticmask_cli import Parameters, StaticMask, __version__, create_masks
from staticmask_cli.errors import ConfigError, OutputError
from staticmask_cli.io.visible import visible
from staticmask_cli.masks.findings import CHIPS_APART, Finding
from staticmask_cli.masks.signature import Signature
from staticmask_cli.pipeline.findings import findings_of
from staticmask_cli.pipeline.masks import Masks
from staticmask_cli.reports.run_report import Course, check_report, plain, write_report
from staticmask_cli.simulate.visit import Visit
from tests.support.documents import checked
from tests.support.exposures import WriteExposure, digest, sky

SHAPE = (60, 80)
PARAMETERS = Parameters.load(None, {"input": "*flt.fits", "group": "sci,2", "final_bits": "256"})


@pytest.fixture
def masks(visit: Visit, write_exposure: WriteExposure, tmp_path: Path) -> list[StaticMask]:
    """Return the masks of the visit and of an exposure that is set aside, with DQ."""
    grid = {"CCDCHIP": 2, "LTV1": 0.0, "LTV2": 0.0, "BINAXIS1": 1, "BINAXIS2": 1}
    pixels = np.ones((150, 220), np.float32)
    flat = write_exposure("flat_flt.fits", chips=[{"data": pixels, **grid}])
    return list(create_masks([*visit.paths, flat], final_bits="256", output_dir=tmp_path))


def test_the_json_describes_the_run_and_fits_the_schema(
    masks: list[StaticMask], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    path = tmp_path / "new" / "run.json"
    write_report(str(path), PARAMETERS, masks)
    document = checked("report", path.read_text("ascii"))
    assert document["program"] == f"staticmask {__version__}"
    assert document["date"] == "1970-01-02T00:00:00"
    assert document["versions"]["numpy"] == np.__version__
    assert document["parameters"] == {
        **plain(PARAMETERS), "input": ["*flt.fits"], "group": [["SCI", 2]], "final_bits": "256",
    }
    assert set(document["parameters"]) == {field.name for field in dataclasses.fields(Parameters)}
    for mask, shown in zip(masks, document["masks"], strict=True):
        assert shown["path"] == mask.path
        assert shown["bad"] == np.count_nonzero(mask.array == 0)
        assert shown["nbelow"] + shown["ndq"] == shown["bad"]
        assert shown["ndq"] > 0
        assert shown["dqbits"] == {str(bit): n for bit, n in mask.added_by_bit().items()}
        rows = [row for row in document["chips"] if row["mask"] == mask.path]
        assert [row["mode"] for row in rows] == [
            None if math.isnan(member.mode) else member.mode for member in mask.members
        ]
    assert [row["used"] for row in document["chips"]].count(False) == 1


def test_astropy_reads_the_ecsv_with_its_units(masks: list[StaticMask], tmp_path: Path) -> None:
    path = str(tmp_path / "run.ecsv")
    write_report(path, PARAMETERS, masks)
    table = QTable.read(path)
    members = [member for mask in masks for member in mask.members]
    for name in ("mode", "rms", "median", "thresh"):
        assert table[name].unit == units.electron
    assert table["exptime"].unit == units.s
    assert table["nbelow"].unit == units.pix
    np.testing.assert_array_equal(table["mode"].value, [member.mode for member in members])
    assert list(table["file"]) == [member.label.file for member in members]
    assert table.meta["parameters"] == plain(PARAMETERS)
    assert [mask["bad"] for mask in table.meta["masks"]] == [mask.nbad for mask in masks]


@pytest.mark.parametrize(
    ("bunit", "unit"),
    [
        ("ELECTRONS/S", units.electron / units.s), ("COUNTS", units.ct),
        ("COUNTS/S", units.ct / units.s), ("MJy/sr", units.MJy / units.sr),
        ("DN/s", units.Unit("DN/s")), ("ADU", units.adu),
    ],
)
def test_units_are_those_of_the_exposures(
    bunit: str, unit: units.UnitBase, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "BUNIT": bunit}])
    write_report(str(tmp_path / "a.ecsv"), PARAMETERS, create_masks(path, output_dir=tmp_path))
    table = Table.read(tmp_path / "a.ecsv")
    assert table["mode"].unit == unit
    assert list(table["bunit"]) == [bunit]


def test_an_unknown_unit_is_kept(write_exposure: WriteExposure, tmp_path: Path) -> None:
    path = write_exposure(chips=[{"data": sky(), "BUNIT": "FURLONGS / FORTNIGHT"}])
    write_report(str(tmp_path / "a.ecsv"), PARAMETERS, create_masks(path, output_dir=tmp_path))
    assert str(Table.read(tmp_path / "a.ecsv")["mode"].unit) == "FURLONGS / FORTNIGHT"


def test_a_column_of_several_units_has_none(write_exposure: WriteExposure, tmp_path: Path) -> None:
    paths = [
        write_exposure(f"{name}_flt.fits", detector=name, chips=[{"data": sky(), "BUNIT": bunit}])
        for name, bunit in (("IR", "ELECTRONS/S"), ("UVIS", "ELECTRONS"))
    ]
    write_report(str(tmp_path / "a.ecsv"), PARAMETERS, create_masks(paths, output_dir=tmp_path))
    table = Table.read(tmp_path / "a.ecsv")
    assert table["mode"].unit is None
    assert list(table["bunit"]) == ["ELECTRONS/S", "ELECTRONS"]


def test_the_csv_has_a_row_for_each_chip(masks: list[StaticMask], tmp_path: Path) -> None:
    path = tmp_path / "run.CSV"
    write_report(str(path), PARAMETERS, masks)
    with path.open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    members = [member for mask in masks for member in mask.members]
    assert len(rows) == len(members) == 9
    for row, member in zip(rows, members, strict=True):
        assert row["file"] == member.label.file
        assert (float(row["rms"] or "nan") == member.rms) is member.used
        assert row["dqbits"] == ",".join(f"{b}:{n}" for b, n in member.added_by_bit.items())


@pytest.fixture
def visits(tmp_path: Path) -> Masks:
    """Return the masks of a run with a nebula, an exposure that is faint, and one left out."""
    masks = Masks(left_out={"gone_flt.fits": "no such file"}, seconds={"chips": 1.5, "masks": 0.25})
    for visit, level in enumerate((1.0, 0.02)):
        mask = StaticMask(Signature("ACSWFC", SHAPE, 1 + visit), final_bits="64,32", agree=2)
        for number in range(4):
            data = sky(SHAPE, seed=number) * (level if number == 2 else 1.0)
            mask.add(data, label=f"v{visit}_{number}_flt.fits")
        mask.sort_members()
        mask.path = str(tmp_path / f"v{visit}_staticMask.fits")
        masks.append(mask)
    masks.findings = [Finding("v0_staticMask.fits", "it is\rodd", "odd", "look at it"),
                      *findings_of(masks, ())]
    return masks


def test_warnings_and_what_stands_apart_are_in_all_forms(visits: Masks, tmp_path: Path) -> None:
    course = Course(visits.findings, visits.left_out, visits.seconds)
    for form in ("json", "ecsv", "csv"):
        write_report(str(tmp_path / f"run.{form}"), PARAMETERS, visits, course)
    document = checked("report", (tmp_path / "run.json").read_text())
    assert [mask["status"] for mask in document["masks"]] == ["made", "made"]
    assert [mask["warnings"] for mask in document["masks"]] == [["it is\rodd; look at it"], []]
    assert [len(mask["apart"]) for mask in document["masks"]] == [0, 1]
    assert document["left_out"] == [{"name": "gone_flt.fits", "why": "no such file"}]
    assert document["seconds"] == {"chips": 1.5, "masks": 0.25}
    assert [warning["short"] for warning in document["warnings"]] == ["odd", CHIPS_APART]
    ecsv = Table.read(tmp_path / "run.ecsv")
    assert {name: ecsv.meta[name] for name in ("left_out", "seconds", "versions")} == {
        name: document[name] for name in ("left_out", "seconds", "versions")}
    with (tmp_path / "run.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    for table in (document["chips"], ecsv, rows):
        assert [row["file"] for row in table if "mode by -" in row["apart"]] == ["v1_2_flt.fits"]
    assert {row["warnings"] for row in rows[:4]} == {"it is\\rodd; look at it"}
    assert {row["warnings"] for row in ecsv[:4]} == {"it is\\rodd; look at it"}
    assert (rows[-1]["file"], rows[-1]["used"], rows[-1]["whynot"], rows[-1]["status"]) == (
        "gone_flt.fits", "False", "no such file", "left out")


def test_the_csv_has_parameters_and_numbers_of_the_masks_beside(
    visits: Masks, tmp_path: Path
) -> None:
    course = Course(seconds=visits.seconds)
    write_report(str(tmp_path / "run.csv"), PARAMETERS, visits, course)
    with (tmp_path / "run.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) == 8
    for row, member in zip(rows, [m for mask in visits for m in mask.members], strict=True):
        assert (row["final_bits"], row["group"], row["static_sig"]) == ("256", "SCI,2", "4.0")
        assert (row["numpy"], row["seconds"], row["ncombine"]) == (np.__version__, "1.75", "4")
        assert float(row["mode"]) == member.mode
        assert "input" not in row


def test_what_noise_makes_is_not_reported_where_it_is_not_known(tmp_path: Path) -> None:
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1))
    mask.add(np.round(sky(SHAPE, noise=2.0)), label="coarse.fits")
    mask.add(sky(SHAPE), label="fine.fits")
    write_report(str(tmp_path / "run.json"), PARAMETERS, [mask])
    document = checked("report", (tmp_path / "run.json").read_text())
    assert [row["nchance"] is None for row in document["chips"]] == [True, False]


@pytest.mark.parametrize("name", ["=1+1.fits", "+a.fits", "-a.fits", "@a.fits", "a\r\nb.fits",
                                  "a\x1b[31m\u202e\u200b.fits", "\ta.fits"])
def test_no_name_breaks_a_row_or_is_a_formula(name: str, tmp_path: Path) -> None:
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1))
    mask.add(sky(SHAPE) - 1e4, label=name)
    for form in ("csv", "ecsv"):
        write_report(str(tmp_path / f"run.{form}"), PARAMETERS, [mask])
    text = (tmp_path / "run.csv").read_text()
    assert text.replace("\n", "").isprintable()
    (row,) = csv.DictReader(text.splitlines())
    assert row["file"] in (visible(name), f"'{name}")
    assert row["file"][0] not in "=+-@"
    assert float(row["mode"]) < 0  # a number stays a number
    assert Table.read(tmp_path / "run.ecsv")["file"][0] == visible(name)


@pytest.mark.parametrize("form", ["json", "ecsv", "csv"])
def test_a_run_without_masks_has_a_report_too(form: str, tmp_path: Path) -> None:
    path = tmp_path / f"none.{form}"
    write_report(str(path), PARAMETERS, [])
    if form == "json":
        assert checked("report", path.read_text())["chips"] == []
    elif form == "ecsv":
        table = Table.read(path)
        assert len(table) == 0
        assert table["nbelow"].dtype == np.int64
    else:
        assert path.read_text().count("\n") == 1


@pytest.mark.parametrize("name", ["run.txt", "run", "json", "run.json.gz", ""])
def test_another_suffix_is_refused(name: str) -> None:
    with pytest.raises(ConfigError, match=r"expected a name that ends with \.json, \.ecsv or"):
        check_report(name)
    with pytest.raises(ConfigError):
        write_report(name, PARAMETERS, [])


def test_a_binary_file_is_not_replaced(visit: Visit, tmp_path: Path) -> None:
    path = tmp_path / "exposure.csv"
    path.write_bytes(Path(visit.paths[0]).read_bytes())
    before = digest(path)
    with pytest.raises(OutputError, match="is not a text file"):
        write_report(str(path), PARAMETERS, [])
    assert digest(path) == before


def test_file_names_of_any_bytes_are_kept(write_exposure: WriteExposure, tmp_path: Path) -> None:
    path = write_exposure("a_flt.fits").rename(tmp_path / "\u00e9\udcff,\"'_flt.fits")
    masks = create_masks(path, output_dir=tmp_path)
    for form in ("json", "ecsv", "csv"):
        write_report(str(tmp_path / f"a.{form}"), PARAMETERS, masks)
    (chip,) = checked("report", (tmp_path / "a.json").read_text("ascii"))["chips"]
    assert chip["file"] == str(path)
    escaped = str(path).replace("\udcff", "\\udcff")
    assert Table.read(tmp_path / "a.ecsv")["file"][0] == escaped
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as stream:
        assert next(csv.DictReader(stream))["file"] == escaped
