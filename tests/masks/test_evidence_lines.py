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


def lines(width: int = 1) -> Bits:
    low = np.zeros(SHAPE, bool)
    low[:, 100 : 100 + width] = low[20:310, 200 : 200 + width] = low[150 : 150 + width] = True
    return low


@pytest.mark.parametrize(("depth", "width"), [(0.33, 1), (0.53, 2)])
def test_shallow_lines_are_found_with_their_ends_and_no_others(depth: float, width: int) -> None:
    low = lines(width)
    found = low_in(lambda _: -depth * low)
    assert found[low].mean() > 0.9
    assert (found & ~low).sum() < 40  # at the ends


def test_what_a_few_exposures_cannot_show_is_not_looked_for() -> None:
    assert not low_in(lambda _: -0.6 * lines(), count=7).any()


@pytest.mark.parametrize("pattern", [
    lambda number: np.random.default_rng(number).normal(0, 1, (SHAPE[0], 1)) + 0 * X,
    lambda _: np.random.default_rng(1).normal(0, 0.5, (SHAPE[0], 1)) + 0 * X,
    lambda _: 0.5 * (X % 2) + 0 * Y,
    lambda _: 1.0 * (X > 160) + 2.0 * (Y > 150),
    lambda _: 0.3 * (X > 160) + 0.4 * (Y > 150),
    lambda _: 1.0 * (X > 160) + 0.1 * ((X == 157) | (X == 158)) + 0 * Y,
    lambda _: 0.8 * ((X > 100) & (X < 140)) + 0 * Y,
    lambda _: 20 * np.exp(-X / 40) + 0 * Y,
], ids=["new row offsets", "fixed row offsets", "odd-even columns", "quadrants", "faint quadrants",
        "a step beside bright columns", "a bright band", "glow"])
def test_patterns_of_the_detector_are_no_low_lines(
    pattern: Callable[[int], npt.NDArray[np.floating]]
) -> None:
    # As strong in nine exposures as the pattern itself in sixteen.
    found = low_in(lambda number: 4 / 3 * pattern(number))
    assert found.sum() < 12  # single pixels at a step; a line would be 256


def test_a_missing_column_is_not_low_and_neither_are_those_beside_it() -> None:
    missing = np.zeros(SHAPE)
    missing[:, 150] = np.nan
    assert not low_in(lambda _: missing).any()


@pytest.mark.parametrize("column", [0, 289])
def test_nothing_is_said_of_the_first_and_last_two_lines(column: int) -> None:
    low = np.zeros(SHAPE, bool)
    low[:, column] = True
    assert not low_in(lambda _: -0.4 * low)[:, column].mean() > 0.5
