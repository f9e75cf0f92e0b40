"""Each part of the local rule can be left out, and the table shows what it was worth."""

import numpy as np
import pytest

from staticmask_cli.localsky.local_sky import pixels_below_local_sky
from tests.bench.ablation import PARTS, main, without
from tests.bench.detector_scenes import DetectorScene
from tests.bench.real_fields import stars


@pytest.mark.parametrize("part", PARTS)
def test_the_rule_works_without_any_part(part: str) -> None:
    chip = np.random.default_rng(1).normal(100, 10, (70, 90)).astype(np.float32)
    chip[30, 40] = -100
    with without(part):
        low, _ = pixels_below_local_sky(chip, 6.0)
    assert np.argwhere(low).tolist() == [[30, 40]]


def test_without_the_part_that_finds_some_defects_these_are_not_found(
    capsys: pytest.CaptureFixture[str],
) -> None:
    scene = DetectorScene(stars(80.0, 40), chip=(110, 190), clusters=20.0, has_lines=True)
    parts = ["nothing", "clusters", "columns and rows"]
    main(parts, {"defects": scene})
    rows = [line.strip("| ").split(" | ") for line in capsys.readouterr().out.splitlines()[3:]]
    found = {part: [float(cell.strip("%")) for cell in cells] for part, *cells in rows}
    assert list(found) == parts
    assert found["nothing"][3] > 90
    assert found["clusters"][3] < 60
    assert found["nothing"][4] == 100
    assert found["columns and rows"][4] < 90
