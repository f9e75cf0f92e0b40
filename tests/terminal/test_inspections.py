"""Tables of inspect, on terminals of any width."""

import os
from pathlib import Path

import numpy as np
import pytest

from staticmask_cli import create_masks
from staticmask_cli.reports.inspection import inspect_masks
from staticmask_cli.simulate.visit import Visit
from staticmask_cli.terminal.inspections import show_inspections
from tests.support.documents import cells, in_a_column
from tests.support.exposures import WriteExposure
from tests.support.joint import joint_mask, known_depths


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


def test_an_inspection_of_a_joint_mask_shows_what_was_found_and_what_was_reached(
    capsys: pytest.CaptureFixture[str], width: int
) -> None:
    mask = joint_mask(known_depths())
    mask.write("m.fits")
    inspections = inspect_masks(["m.fits"])
    show_inspections(inspections)
    output = capsys.readouterr().out
    assert max(map(len, output.splitlines())) <= width
    joint = inspections.masks[0].joint
    assert joint is not None
    assert joint.depth is not None
    for words in (
        "8 low by all exposures together, 7 of them by nothing else",
        "0 by votes of pointings alone",
        f"{joint.depth[0]:.2f}..{joint.depth[1]:.2f} of the noise of one exposure",
        f"half of the pixels deeper than {joint.half_found:.2f} of the noise of one exposure",
    ):
        assert in_a_column(words, output), words
    assert [f"{joint.deepest[0].depth:.2f}", "61", "81"] in [row[:3] for row in cells(output)]


def test_a_reach_beyond_all_pixels_is_shown_in_words(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = str(tmp_path / "m.fits")
    joint_mask(known_depths(), exposures=4, static_sig=7.0).write(path)
    show_inspections(inspect_masks([path]))
    output = capsys.readouterr().out
    assert "no pixel, however deep, is found by the evidence of these exposures" in output
    assert "deeper than" not in output
