"""Columns and rows that are too shallow for any pixel are found in the sums of many exposures."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.evidence import scores_of_chip
from staticmask_cli.masks.evidence import Evidence
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
