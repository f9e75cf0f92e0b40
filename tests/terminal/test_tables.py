"""Tables of plan, on terminals of any width."""

import os
from pathlib import Path

import pytest

from staticmask_cli import Parameters, create_masks
from staticmask_cli.pipeline.dry_run import dry_run_of, plan_run
from staticmask_cli.simulate.visit import Visit
from staticmask_cli.terminal.tables import show, show_plan, size, text
from tests.support.documents import in_a_column

FOLDERS = ["out", "a folder/with quite/a long name/and more/of it"]


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
