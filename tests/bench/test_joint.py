"""The benchmark of joint evidence runs, small, and its measures are right."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.bench.detector_scenes import DETECTOR_SCENES, DetectorScene
from tests.bench.joint import main
from tests.bench.patterns import PATTERNS
from tests.bench.rivals import curve, depth_found, low_in_maximum, oracle, per_million, tuned
from tests.bench.scenes import SCENES, Scene
from tests.bench.truth import Truth, truth_of

SHAPE = (60, 90)


def truth_with_depths() -> Truth:
    """Return the truth of a flat chip on which the pixels of one row are 0 to 8.9 sigma deep."""
    sky, nothing = np.full(SHAPE, 100.0), np.zeros(SHAPE, np.bool_)
    lowered = np.zeros(SHAPE)
    lowered[20] = np.arange(90.0)
    return truth_of([sky], [np.full(SHAPE, 10.0)], [lowered], lines=nothing,
                    sides=np.zeros(SHAPE, np.int8), saturated=nothing, missing=nothing,
                    pointings=(0,))


def test_joint_evidence_finds_shallower_pixels_than_votes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("matplotlib")
    picture = tmp_path / "roc.png"
    main(["sparse 4", "glow", "--size", "small", "--plot", str(picture)])
    rows = [line.strip("|").split("|") for line in capsys.readouterr().out.splitlines() if line]
    title, _, sparse, other_title, _, glow = rows
    half = {name.strip(): float(cell.split(",")[0].replace("-", "inf"))
            for name, cell in zip(title[1:], sparse[1:], strict=True)}
    assert half["oracle"] < half["joint"] + 0.3
    assert half["joint"] < half["local 5, any"] - 1
    assert half["local 5, any"] < half["local 5, agree 2"]
    assert other_title[-1].strip() == "evidence"
    assert float(glow[1].split(",")[0]) < 2
    assert float(glow[1].split("(")[1].strip(") ")) < 40
    assert picture.read_bytes().startswith(b"\x89PNG")


def test_an_unknown_scene_is_an_error(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["spare"])
    assert "no such scene: spare; there are sparse 4, " in capsys.readouterr().err


def test_the_depth_is_where_the_fraction_is_found() -> None:
    truth = truth_with_depths()
    bad = np.nan_to_num(truth.depth) > 3.05
    assert depth_found(bad, truth) == pytest.approx(3.1)
    bad[20, 51::2] = False
    assert depth_found(bad, truth, 0.4) == pytest.approx(3.1)
    assert depth_found(bad, truth, 0.9) == np.inf


def test_a_tuned_mask_holds_no_more_good_pixels_than_allowed() -> None:
    truth = truth_with_depths()
    statistic = np.random.default_rng(1).normal(0, 1, SHAPE).astype(np.float32)
    statistic[20] += np.arange(90)
    bad = tuned(statistic, truth)
    assert per_million(bad, truth) == 0  # one would be 188 per million
    assert 75 < bad.sum() < 90
    false, found = curve(statistic, truth, (1.0, 8.0))
    assert false[0] == pytest.approx(1e6 / truth.good.sum())
    assert (np.diff(found) >= 0).all()
    assert 0.9 < found[0] <= found[-1] == 1


def test_the_rivals_are_large_where_a_pixel_is_low() -> None:
    images, truth = SCENES["sparse"].exposures(1, SHAPE, 8)
    deep = np.nan_to_num(truth.depth) > 10
    for statistic in (oracle(images, truth), low_in_maximum(images)):
        assert statistic[deep].min() > np.median(statistic[truth.good]) + 3


@pytest.mark.parametrize("scene", [SCENES["crowded"], DETECTOR_SCENES["globular"]])
def test_exposures_of_a_pointing_show_the_same_sky(scene: Scene | DetectorScene) -> None:
    images, truth = replace(scene, per_pointing=2).exposures(1, SHAPE, 4)
    assert truth.pointings == (0, 0, 1, 1)
    np.testing.assert_array_equal(truth.skies[0], truth.skies[1])
    assert (truth.skies[1] != truth.skies[2]).mean() > 0.9
    assert (images[0] != images[1]).mean() > 0.9


def test_an_exposure_has_the_light_of_its_time() -> None:
    scene = replace(SCENES["sparse"], times=(1.0, 1.0, 0.125))
    images, truth = scene.exposures(1, SHAPE, 4)
    assert [np.median(sky) for sky in truth.skies] == pytest.approx([80, 80, 10, 80], rel=0.1)
    for image, first in zip(scene.exposures(1, SHAPE, 2)[0], images, strict=False):
        np.testing.assert_array_equal(image, first)


def test_a_pattern_is_the_same_in_all_exposures() -> None:
    images, _ = PATTERNS["odd-even columns"].exposures(1, SHAPE, 2)
    for image in images:
        assert np.median(image[:, ::2]) - np.median(image[:, 1::2]) == pytest.approx(9.8, abs=1)
