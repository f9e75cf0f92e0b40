"""Evidence of exposures adds up in any order, and shows what none of them shows alone."""

import functools
import io
import itertools
import pickle
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.errors import ChipError
from staticmask_cli.fits.writer import image, write_hdus
from staticmask_cli.localsky.evidence import SCORE_UNIT, WEIGHT_UNIT, Scores, scores_of_chip
from staticmask_cli.masks.evidence import Evidence
from staticmask_cli.masks.evidence_hdus import evidence_hdus, evidence_of
from staticmask_cli.masks.rule import LEAST_DEPTH
from tests.support.exposures import sky
from tests.support.joint import joint_rule

SHAPE = (70, 90)
LOW = np.zeros(SHAPE, bool)
LOW[3::9, 4::11] = True


def scores_of(count: int, depth: float = 0.0, *, gain: float = 20.0) -> list[Scores]:
    """Return the scores of exposures in which some pixels are low by `depth` sigma."""
    return [_score_of(seed, depth, gain) for seed in range(count)]


@functools.cache
def _score_of(seed: int, depth: float, gain: float) -> Scores:
    return scores_of_chip(sky(SHAPE, seed=seed) - np.float32(5.0 * depth) * LOW, gain)


def evidence_from(scores: Sequence[Scores]) -> Evidence:
    evidence = Evidence(SHAPE)
    for one in scores:
        evidence.add(one)
    return evidence


def arrays(evidence: Evidence) -> tuple[object, ...]:
    return (evidence.score.tobytes(), evidence.weight.tobytes(), evidence.exposures, evidence.gain)


def test_sixteen_exposures_show_what_none_shows_alone() -> None:
    evidence = evidence_from(scores_of(16, 2.0))
    low = evidence.low(joint_rule(5.0))
    assert low[LOW].mean() > 0.95
    assert not low[~LOW].any()
    assert evidence.significance[LOW].mean() == pytest.approx(2.0 * 4.0, abs=1.0)
    assert evidence.depth[LOW].mean() == pytest.approx(2.0, abs=0.25)
    assert not evidence_from(scores_of(1, 2.0)).low(joint_rule(5.0)).any()


def test_noise_alone_is_significant_as_often_as_chance_makes_it() -> None:
    evidence = evidence_from(scores_of(9))
    assert np.std(evidence.significance) == pytest.approx(1.0, abs=0.04)
    assert 2 <= np.count_nonzero(evidence.significance > 3.0) <= 18  # 8.5 by chance
    assert abs(np.median(evidence.depth)) < 0.05


def test_what_is_significant_but_shallow_is_not_low() -> None:
    evidence = evidence_from(scores_of(36, 0.3))
    assert np.median(evidence.significance[LOW]) > 1.5
    assert np.median(evidence.depth[LOW]) < 0.7 * LEAST_DEPTH
    assert evidence.low(joint_rule(1.2))[LOW].mean() < 0.2
    assert evidence.low(replace(joint_rule(1.2), least_depth=0.2))[LOW].mean() > 0.6


def test_pixels_that_are_high_at_all_pointings_are_high_if_asked_for() -> None:
    evidence = evidence_from(scores_of(16, -2.5))
    high = evidence.high(joint_rule(5.0, high=True))
    assert high[LOW].mean() > 0.95
    assert not high[~LOW].any()
    assert not evidence.low(joint_rule(5.0)).any()
    assert not evidence.high(joint_rule(5.0)).any()
    assert not evidence_from(scores_of(16, 2.0)).high(joint_rule(5.0, high=True)).any()


def test_a_good_pixel_beside_a_low_one_is_not_high() -> None:
    evidence = evidence_from([Scores(np.where(LOW, -60, np.where(np.roll(LOW, 1, 0), 60, 0)),
                                     np.full(SHAPE, 400), 1.0)] * 9)
    rule = joint_rule(5.0, high=True)
    assert evidence.low(rule)[LOW].all()
    assert not evidence.high(rule).any()
    evidence = evidence_from([Scores(np.where(LOW, 60, 0), np.full(SHAPE, 400), 1.0)] * 9)
    np.testing.assert_array_equal(evidence.high(rule), LOW)


def test_light_that_is_high_at_few_pointings_is_not_a_high_pixel() -> None:
    scores = scores_of(13) + scores_of(3, -30.0)
    assert not evidence_from(scores).high(joint_rule(5.0, high=True)).any()


def test_the_threshold_of_high_pixels_is_higher_than_that_of_low_ones() -> None:
    low, high = (evidence_from(scores_of(16, sign * 1.3)) for sign in (1, -1))
    rule = joint_rule(5.0, high=True)
    assert high.high(rule)[LOW].mean() < 0.6 * low.low(rule)[LOW].mean()


def test_longer_exposures_count_more() -> None:
    deep, shallow = scores_of(4, 3.0, gain=30.0), scores_of(12, 0.0, gain=3.0)
    both, alone = evidence_from(deep + shallow), evidence_from(deep)
    assert both.significance[LOW].mean() > 0.85 * alone.significance[LOW].mean()


@settings(max_examples=20)
@given(st.permutations(range(6)), st.integers(0, 6), st.integers(0, 6))
def test_order_and_grouping_do_not_matter(order: list[int], first: int, second: int) -> None:
    scores = scores_of(6)
    bounds = [0, *sorted((first, second)), 6]
    total = Evidence(SHAPE)
    for start, end in itertools.pairwise(bounds):
        part = evidence_from([scores[index] for index in order[start:end]])
        assert part.significance.shape == SHAPE  # also known before more is added
        total.merge(pickle.loads(pickle.dumps(part)))  # noqa: S301 - our own
    assert arrays(total) == arrays(evidence_from(scores))
    rule = joint_rule(3.0)
    np.testing.assert_array_equal(total.low(rule), evidence_from(scores).low(rule))


def test_nothing_is_known_about_no_exposure_and_about_missing_pixels() -> None:
    assert np.isnan(Evidence(SHAPE).significance).all()
    assert not Evidence(SHAPE).low(joint_rule(1.0)).any()
    data = sky(SHAPE)
    data[30:50, 40:70] = np.nan
    evidence = evidence_from([scores_of_chip(data, 8.0)] * 4)
    assert np.isnan(evidence.depth[30:50, 40:70]).all()
    assert np.isnan(evidence.significance[30:50, 40:70]).all()


def test_sums_that_could_overflow_are_refused() -> None:
    one = Scores(np.zeros(SHAPE, np.int32), np.ones(SHAPE, np.int32), 64.0)
    evidence = Evidence.restored(one.score, one.weight, 1, (1 << 29) - 64 * 64 * WEIGHT_UNIT)
    evidence.add(one)
    with pytest.raises(ChipError, match="too large for more exposures"):
        evidence.add(one)


def read(evidence: Evidence) -> fits.HDUList:
    stream = io.BytesIO()
    primary = image(np.ones(SHAPE, np.int16))
    write_hdus(stream, [primary, *evidence_hdus(evidence)], "2024-01-01T00:00:00")
    return fits.open(io.BytesIO(stream.getvalue()))


def test_a_file_holds_the_sums_and_the_depth() -> None:
    evidence = evidence_from(scores_of(5, 2.0))
    with read(evidence) as hdus:
        assert arrays(evidence_of(hdus, SHAPE, 5)) == arrays(evidence)
        np.testing.assert_allclose(hdus["DEPTH"].data, evidence.depth, atol=1 / 16 + 1e-6)
        assert hdus["DEPTH"].header["BUNIT"] == "sigma"


def test_the_depth_of_a_pixel_of_which_nothing_is_known_is_missing() -> None:
    data = sky(SHAPE)
    data[7, 8] = np.nan
    with read(evidence_from([scores_of_chip(data, 8.0)] * 3)) as hdus:
        assert np.isnan(hdus["DEPTH"].data[7, 8])


def other_weight(hdus: fits.HDUList, weight: npt.NDArray[np.int32]) -> None:
    hdus[hdus.index_of("WEIGHT")] = fits.ImageHDU(weight, hdus["WEIGHT"].header)


@pytest.mark.parametrize(("change", "message"), [
    (lambda hdus: hdus["SCORE"].header.set("NEXPOS", 4), "contradicts its MEMBERS"),
    (lambda hdus: hdus["SCORE"].header.set("GAINSUM", 0.5), "contradicts its MEMBERS"),
    (lambda hdus: hdus["SCORE"].header.set("GAINSUM", -1), "contradict each other"),
    (lambda hdus: hdus["SCORE"].header.set("SCUNIT", 1), "another version"),
    (lambda hdus: hdus["WEIGHT"].header.remove("WTUNIT"), "WTUNIT"),
    (lambda hdus: other_weight(hdus, np.zeros(SHAPE, np.int32)), "contradict each other"),
    (lambda hdus: other_weight(hdus, np.full(SHAPE, -1, np.int32)), "contradict each other"),
    (lambda hdus: other_weight(hdus, hdus["WEIGHT"].data[:-1]), "whole numbers"),
    (lambda hdus: hdus.pop(), "WEIGHT"),
])
def test_sums_that_contradict_each_other_are_refused(change: object, message: str) -> None:
    with read(evidence_from(scores_of(5))) as hdus:
        assert callable(change)
        change(hdus)
        with pytest.raises((ValueError, KeyError), match=message):
            evidence_of(hdus, SHAPE, 5)


def test_units_are_those_of_the_header() -> None:
    with read(evidence_from(scores_of(2))) as hdus:
        assert hdus["SCORE"].header["SCUNIT"] == SCORE_UNIT
        assert hdus["WEIGHT"].header["WTUNIT"] == WEIGHT_UNIT


@pytest.mark.parametrize("static_sig", [4.0, 7.0])
def test_half_of_the_pixels_as_deep_as_the_reach_are_found(static_sig: float) -> None:
    reach = evidence_from(scores_of(9)).reach(joint_rule(static_sig))
    shallower, as_deep, deeper = (
        evidence_from(scores_of(9, factor * reach)).low(joint_rule(static_sig))[LOW].mean()
        for factor in (0.8, 1.0, 1.25)
    )
    assert shallower < 0.3
    assert 0.3 < as_deep < 0.7
    assert deeper > 0.7


def test_more_exposures_reach_shallower_pixels_but_none_that_do_no_harm() -> None:
    four, sixteen = (evidence_from(scores_of(count)) for count in (4, 16))
    rule = joint_rule(4.0)
    assert four.reach(rule) == pytest.approx(2.1 * sixteen.reach(rule), rel=0.1)
    assert sixteen.reach(joint_rule(0.1)) == pytest.approx(LEAST_DEPTH, rel=0.02)


def test_the_limited_distances_of_deep_pixels_need_more_depth() -> None:
    evidence = evidence_from(scores_of(9))
    four, six, eight = (evidence.reach(joint_rule(sigma)) for sigma in (4.0, 6.0, 8.0))
    assert six == pytest.approx(1.5 * four, rel=0.04)
    assert eight > 2.25 * four


def test_a_significance_that_no_pixel_reaches_has_no_reach() -> None:
    assert np.isnan(evidence_from(scores_of(4)).reach(joint_rule(7.0)))
    assert np.isnan(Evidence(SHAPE).reach(joint_rule(5.0)))
