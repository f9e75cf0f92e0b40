"""Tables of plan and inspect, on terminals of any width."""

import os
import re
from pathlib import Path

import numpy as np
import pytest

from staticmask_cli import Parameters, create_masks
from staticmask_cli.pipeline.dry_run import dry_run_of, plan_run
from staticmask_cli.reports.inspection import inspect_masks
from staticmask_cli.simulate.visit import Visit
from staticmask_cli.terminal import tables
from staticmask_cli.terminal.tables import show, show_inspections, show_plan, size, text
from tests.support.exposures import WriteExposure

FOLDERS = ["out", "a folder/with quite/a long name/and more/of it"]


@pytest.fixture(params=[60, 80, 120])
def width(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> int:
    """Set the width of tables, in columns; the test runs in a new folder."""
    monkeypatch.chdir(tmp_path)
    columns: int = request.param
    monkeypatch.setattr(tables, "_WIDTH_WITHOUT_TERMINAL", columns)
    return columns


def in_a_column(words: str, table: str) -> bool:
    """Find whether a text is in a table, even if it is broken over several lines of its column."""
    lines = table.splitlines()
    longest = max(map(len, lines))
    padded = [line.ljust(longest) for line in lines]
    return any(
        re.sub(r"\s", "", words) in re.sub(r"\s", "", "".join(line[start:] for line in padded))
        or re.sub(r"\s", "", words) in re.sub(r"\s", "", "".join(line[:start] for line in padded))
        for start in range(longest)
    )


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_plan_loses_no_word(
    visit: Visit, capsys: pytest.CaptureFixture[str], folder: str, width: int
) -> None:
    os.symlink(Path(visit.paths[0]).parent, "v")
    paths = [os.path.join("v", os.path.basename(path)) for path in visit.paths]
    create_masks(paths[:2], output_dir=folder)
    parameters = Parameters.load(None, {"input": paths})
    plans = plan_run(parameters, suffix=None, output_dir=folder, overwrite=False)
    show_plan(dry_run_of(plans, parameters))
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in output
    for words in (
        "mask", "66.2 kB", "other members; new: v/jsim6002q_flt.fits[SCI,1], v/jsim6003q_flt",
        f"{folder}/ACSWFC_150x220_1_staticMask.fits{folder}/ACSWFC_150x220_2_staticMask.fits",
    ):
        assert in_a_column(words, output), words


def test_an_inspection_loses_no_word(
    visit: Visit, write_exposure: WriteExposure, capsys: pytest.CaptureFixture[str], width: int
) -> None:
    paths = [visit.paths[0], os.fspath(write_exposure(
        "dark_flt.fits", EXPTIME=0.0, chips=[{"data": np.zeros((150, 220), np.float32)}]))]
    masks = create_masks(paths)
    show_inspections(inspect_masks([str(masks[0].path)]))
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= width
    assert "\N{HORIZONTAL ELLIPSIS}" not in output
    for words in (*paths, "not used: EXPTIME = 0", "stands apart", "1 used of 2", "worst column"):
        assert in_a_column(words, output), words


def test_names_are_shown_as_they_are_and_leave_the_terminal_alone(
    capsys: pytest.CaptureFixture[str]
) -> None:
    show(text("[bold]:bug: \x1b[31mred\udcff\r"))
    assert capsys.readouterr().out == "[bold]:bug: \\x1b[31mred\\udcff\\r\n"


@pytest.mark.parametrize(
    ("count", "words"),
    [(0, "0 B"), (999, "999 B"), (2880, "2.88 kB"), (168_000_000, "168 MB"),
     (3.2e9, "3.2 GB"), (4.5e15, "4500 TB")],
)
def test_sizes_are_for_people(count: float, words: str) -> None:
    assert size(count) == words
