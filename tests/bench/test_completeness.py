"""The benchmark of truth runs, small, and the local rule is true there."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from tests.bench.completeness import main
from tests.bench.judging import AGREED, BINS, GLOBAL, LOCAL, judge, votes
from tests.bench.scenes import SCENES
from tests.bench.truth import CAUSES, causes, truth_of


def test_it_prints_a_row_for_every_scene_and_rule(capsys: pytest.CaptureFixture[str]) -> None:
    main(["sparse", "bad columns", "--size", "small", "--exposures", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(" | ")[0] for line in lines[3:5]] == ["| sparse", "| bad columns"]
    assert sum(line.startswith("| sparse: local 4, 2 | ") for line in lines) == 2
    assert "bad columns, local 4, 2: 100.0% of the bad lines found" in lines


@pytest.mark.parametrize("name", SCENES)
def test_a_low_pixel_is_found_by_the_local_rule_and_hardly_any_other(name: str) -> None:
    shape = (220, 300) if name == "gradient" else (150, 220)  # whose sky must rise far enough
    found = judge(SCENES[name], seed=3, shape=shape).by_rule
    for rule in (LOCAL, AGREED):
        assert found[rule, 4].deep > 0.9
        # All lanes of a nebula cross on this small chip.
        assert found[rule, 4].per_million < (500 if name == "nebula" else 100)
    assert found[AGREED, 4].per_million <= 20
    if name in ("nebula", "gradient"):
        assert found[GLOBAL, 4].deep < 0.8


def test_the_plot_is_a_picture(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    main(["planet, 64", "--size", "small", "--exposures", "1", "--plot", str(tmp_path / "a.png")])
    assert (tmp_path / "a.png").read_bytes().startswith(b"\x89PNG")


def test_a_scene_is_the_same_for_the_same_seed() -> None:
    first, again, other = (SCENES["crowded"].exposures(seed, (60, 90), 2)[0][1]
                           for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert (first != other).mean() > 0.9


def test_exposures_of_a_pointing_vote_once_together() -> None:
    masks = [np.array([[True, False]]), np.array([[True, True]]), np.array([[False, True]])]
    assert votes(masks, range(3)).tolist() == [[2, 2]]
    assert votes(masks, (0, 0, 1)).tolist() == [[1, 2]]


def test_each_false_pixel_has_one_cause() -> None:
    sky = np.full((30, 50), 100.0)
    sky[10:15, 20:25] += 30 * np.arange(5)
    saturated = np.zeros(sky.shape, np.bool_)
    saturated[24, 40] = True
    nothing = np.zeros_like(saturated)
    lowered = np.zeros(sky.shape)
    lowered[2, 2] = 50.0
    truth = truth_of([sky], [np.full(sky.shape, 10.0)], [lowered], lines=nothing,
                     sides=np.zeros(sky.shape, np.int8), saturated=saturated, missing=nothing,
                     pointings=(0,))
    assert truth.depth[2, 2] == 5
    bad = saturated | truth.planted
    bad[:, 5] = bad[20] = True
    bad[[0, 12, 24, 5], [30, 22, 42, 45]] = True
    assert causes(bad, truth) == dict(zip(CAUSES, (30, 49, 1, 1, 1, 1), strict=True))


def test_pixels_are_planted_in_real_exposures(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    chips = np.random.default_rng(1).normal(100, 10, (2, 120, 170)).astype(np.float32)
    chips[:, 50, 60] = -1000
    paths = [str(tmp_path / f"{number}.fits") for number in range(2)]
    for path, chip in zip(paths, chips, strict=True):
        fits.writeto(path, chip)
    main(["--background", *paths])
    rows = [line.split(" | ") for line in capsys.readouterr().out.splitlines()]
    assert rows[0][3:] == [*BINS[:-1], f"{BINS[-1]} |"]
    assert [row[0] for row in rows[2:4]] == ["| 120 x 170, 2: local 5, 1",
                                             "| 120 x 170, 2: local 5, 2"]
    assert {row[1] for row in rows[2:]} == {"49.0"}
    assert rows[2][-1] == "100.0% |"
