"""The benchmark of joint evidence on real exposures plants pixels and finds them."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.bench.joint_backgrounds import main, shifted
from tests.support.exposures import sky


def test_each_pixel_of_the_detector_sees_another_part_of_the_sky() -> None:
    parts = shifted(np.arange(210 * 230, dtype=np.float32).reshape(210, 230))
    assert {part.shape for part in parts} == {(114, 134)}
    assert len({float(part[50, 60]) for part in parts}) == len(parts)


def test_deep_pixels_are_found_and_others_are_not(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    header = fits.Header({"INSTRUME": "TEST"})
    fits.PrimaryHDU(sky((210, 230)), header).writeto(tmp_path / "real.fits")
    main([str(tmp_path / "real.fits")])
    lines = [line for line in capsys.readouterr().out.splitlines() if ": " in line]
    rows = [line.strip("| ").split(" | ") for line in lines]
    found = {row[0].removeprefix("TEST 210 x 230 1: "): row[1:] for row in rows}
    assert list(found) == ["low", "low by votes", "high"]
    for kind in ("low", "high"):
        assert float(found[kind][3]) > 95  # percent of those deeper than 3
        assert float(found[kind][-1]) == 0
    assert float(found["low by votes"][1]) < 0.5 * float(found["low"][1])
