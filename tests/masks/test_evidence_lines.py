"""Columns and rows that are too shallow for any pixel are found in the sums of many exposures."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.evidence import SCORE_UNIT, WEIGHT_UNIT, scores_of_chip
from staticmask_cli.masks.evidence import Evidence
from staticmask_cli.masks.evidence_lines import low_lines
from tests.support.exposures import sky
from tests.support.joint import joint_rule

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]

SHAPE = (330, 290)
NOISE = 5.0
X, Y = np.arange(SHAPE[1]), np.arange(SHAPE[0])[:, None]


def low_in(pattern: Callable[[int], npt.NDArray[np.floating]], count: int = 9) -> Bits:
    """Return the low pixels of exposures with a pattern, in units of the noise, in each of them."""
    evidence = Evidence(SHAPE)
    for number in range(count):
        data = sky(SHAPE, seed=number) + np.float32(NOISE) * pattern(number).astype(np.float32)
        evidence.add(scores_of_chip(data, 8.0))
    return evidence.low(joint_rule(5.0))


def test_shallow_lines_are_found_with_their_ends_and_no_others() -> None:
    one, two = np.zeros(SHAPE, bool), np.zeros(SHAPE, bool)  # lines that are so wide
    one[:, 100] = one[20:310, 200] = one[150] = True
    two[:, 60:62] = two[20:310, 240:242] = two[230:232] = True
    found = low_in(lambda _: np.minimum(-0.33 * one, -0.53 * two))
    for low in (one, two):
        assert found[low].mean() > 0.9
    assert (found & ~one & ~two).sum() < 40  # at the ends


def test_what_a_few_exposures_cannot_show_is_not_looked_for() -> None:
    assert not low_in(lambda _: -0.6 * ((X == 100) | (Y == 150)), count=7).any()


@pytest.mark.parametrize("pattern", [
    lambda number: sum(
        scale * np.random.default_rng(seed).normal(0, 1, (SHAPE[0], 1))
        for scale, seed in ((1.0, number), (0.5, 1))
    ) + 0.5 * (X % 2),
    lambda _: 1.0 * (X > 160) + 2.0 * (Y > 150),
    lambda _: 0.3 * (X > 160) + 0.4 * (Y > 150) + 0.8 * ((X > 60) & (X < 100)),
    lambda _: 1.0 * (X > 160) + 0.1 * ((X == 157) | (X == 158)) + 20 * np.exp(-X / 40) + 0 * Y,
], ids=["new and fixed row offsets, odd-even columns", "quadrants",
        "faint quadrants and a bright band", "a step beside bright columns, and glow"])
def test_patterns_of_the_detector_are_no_low_lines(
    pattern: Callable[[int], npt.NDArray[np.floating]]
) -> None:
    # As strong in nine exposures as the pattern itself in sixteen.
    found = low_in(lambda number: 4 / 3 * pattern(number))
    assert found.sum() < 12  # single pixels at a step; a line would be 256


def test_missing_columns_those_beside_them_and_the_outermost_are_not_low() -> None:
    edges, missing = [0, SHAPE[1] - 1], 150
    pattern = np.zeros(SHAPE)
    pattern[:, edges] = -0.4
    pattern[:, missing] = np.nan
    found = low_in(lambda _: pattern)
    assert found[:, edges].mean() < 0.5  # some of their pixels may be low by themselves
    assert not found[:, 2:-2].any()


GAIN = 25_600  # of the sum of many exposures, so that a significance is a whole number of steps


def marked(
    significance: dict[int, float], *, rows: int = 512, depth: float = 0.5
) -> list[int]:
    """Return the columns that are marked of sums without noise, in which a few are low or high."""
    score = np.zeros((rows, 60), np.int32)
    for column, sigma in significance.items():
        score[:, column] = round(-sigma * SCORE_UNIT * np.sqrt(GAIN / rows))
    low = low_lines(score, np.full(score.shape, GAIN * WEIGHT_UNIT, np.int32),
                    depth * np.sign(-score).astype(np.float32))
    np.testing.assert_array_equal(low.any(axis=0), low.all(axis=0))
    return [int(column) for column in np.flatnonzero(low.any(axis=0))]


def beside(column: int, left: float, right: float) -> dict[int, float]:
    """Return that the two columns on each side of one are high by this."""
    return {column - 2: -left, column - 1: -left, column + 1: -right, column + 2: -right}


@pytest.mark.parametrize(("sigma", "found"), [(5.2, []), (6.8, [30])])
def test_a_line_exceeds_the_scatter_of_all_lines_by_6_sigma(
    sigma: float, found: list[int]
) -> None:
    assert marked({30: sigma, **beside(30, 2.0, 2.0)}) == found


@pytest.mark.parametrize(("depth", "found"), [(0.085, []), (0.115, [30])])
def test_a_line_is_low_by_a_tenth_of_the_noise_of_an_exposure_on_average(
    depth: float, found: list[int]
) -> None:
    assert marked({30: 20.0, **beside(30, 4.0, 4.0)}, depth=depth) == found


@pytest.mark.parametrize(("rows", "found"), [(240, []), (272, [30])])
def test_a_line_has_256_pixels(rows: int, found: list[int]) -> None:
    assert marked({30: 20.0, **beside(30, 4.0, 4.0)}, rows=rows) == found


@pytest.mark.parametrize(("left", "right", "found"), [
    (0.115, 0.115, [30]), (0.085, 0.085, []),  # of the depth of the column
    (0.45, 1.0, [30]), (0.35, 1.0, []), (1.0, 0.35, []),  # a step raises one side more
])
def test_the_columns_on_both_sides_of_a_bad_one_look_high_and_equally_so(
    left: float, right: float, found: list[int]
) -> None:
    assert marked({30: 100.0, **beside(30, 100.0 * left, 100.0 * right)}) == found


@pytest.mark.parametrize(("right", "found"), [(3.5, [30]), (4.5, [])])
def test_the_sides_may_differ_by_chance(right: float, found: list[int]) -> None:
    assert marked({30: 7.0, **beside(30, 1.0, right)}) == found


def test_three_adjacent_low_columns_belong_to_the_sky() -> None:
    for width in (1, 2, 3):
        columns = dict.fromkeys(range(30, 30 + width), 20.0)
        sides = {28: -5.0, 29: -5.0, 30 + width: -5.0, 31 + width: -5.0}
        assert marked({**columns, **sides}) == (list(columns) if width < 3 else [])


@pytest.mark.parametrize(("distance", "extends"), [(7, True), (11, False)])
def test_no_single_pixel_decides_where_a_line_ends(distance: int, *, extends: bool) -> None:
    shape = (600, 60)
    score, depth = np.zeros(shape, np.int32), np.zeros(shape, np.float32)
    score[:400, 30], depth[:400, 30] = -200, 0.2
    score[:400, [28, 29, 31, 32]] = 50
    depth[399 + distance, 30] = 50.0
    low = low_lines(score, np.full(shape, GAIN * WEIGHT_UNIT, np.int32), depth)
    assert low.sum() == (400 + distance if extends else 400)
