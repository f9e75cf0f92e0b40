"""The benchmark of truth runs, small, and the local rule is true there."""

from pathlib import Path

import numpy as np
import pytest

from tests.bench.completeness import RULES, main, outcomes
from tests.bench.scenes import SCENES


def test_it_prints_a_row_for_every_scene_and_rule(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sparse", "bad columns", "--size", "small"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[2:4]] == ["| sparse", "| bad columns"]
    assert sum(line.startswith("| sparse: ") for line in lines) == 2 * len(RULES)
    assert "bad columns, local 5, 2: 100.0% of the bad lines found" in lines


@pytest.mark.parametrize("name", SCENES)
def test_a_low_pixel_is_found_by_the_local_rule_and_hardly_any_other(name: str) -> None:
    found = outcomes(SCENES[name], seed=3, shape=(220, 300))
    for rule in RULES[1:3]:
        assert found[rule].deep > 0.9
        # All lanes of a nebula cross on this small chip.
        assert found[rule].wrong < (5e-4 if name == "nebula" else 1e-4)
    assert found[RULES[2]].wrong <= 2e-5
    if name in ("nebula", "gradient"):
        assert found[RULES[0]].deep < 0.8


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    main(["gradient", "--size", "small", "--plot", str(tmp_path / "truth.png")])
    assert (tmp_path / "truth.png").read_bytes().startswith(b"\x89PNG")


def test_a_scene_is_the_same_for_the_same_seed() -> None:
    first, again, other = (
        SCENES["crowded"].exposures(seed, (60, 90), 2, defects=9)[0][1] for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9
