"""Candidates are compared with slow references that visit one pixel after the other."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from staticmask_cli.localsky.candidates import Candidates, far_below_sky
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.windows import tiles

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SHAPE = (12, 15)
NOISE_OF_1 = NoiseModel(np.array([0.0, 1e6]), np.ones(2), np.ones((1, 1)), 1000)


def candidates_at(bits: Bits) -> Candidates:
    """Return the pixels that are True, with a depth of 9 and a noise of 1."""
    rows, columns = np.nonzero(bits)
    return Candidates(rows, columns, np.full(rows.size, 9, np.float32), np.ones(rows.size))


@given(arrays.arrays(np.bool_, st.tuples(st.integers(1, 6), st.integers(1, 7))),
       st.sampled_from([0, 1]))
def test_runs_are_three_or_more_adjacent_candidates_along_an_axis(bits: Bits, axis: int) -> None:
    expected = np.zeros(bits.shape, np.bool_)
    for line, found in zip(np.moveaxis(bits, axis, 0).T, np.moveaxis(expected, axis, 0).T,
                           strict=True):
        for start in range(line.size - 2):
            if line[start : start + 3].all():
                found[start : start + 3] = True
    np.testing.assert_array_equal(candidates_at(bits).in_runs(axis), expected[bits])


def test_a_run_does_not_continue_at_the_other_edge_of_the_chip() -> None:
    bits = np.zeros(SHAPE, np.bool_)
    bits[3, -2:] = bits[4, :2] = bits[-2:, 7] = bits[:2, 8] = True
    for axis in (0, 1):
        assert not candidates_at(bits).in_runs(axis).any()
    bits[3, -3] = True
    assert np.count_nonzero(candidates_at(bits).in_runs(1)) == 3


def lowest(data: Floats, low: list[tuple[int, int]]) -> list[bool]:
    """Return which low pixels lie clearly below their neighbours; 5 times the noise is 5."""
    bits = np.zeros(SHAPE, np.bool_)
    bits[tuple(np.transpose(low))] = True
    before = data.copy()
    found = candidates_at(bits).lowest_of_neighbours(data, bits, 5.0)
    np.testing.assert_array_equal(data, before)
    positions = list(zip(*np.nonzero(bits), strict=True))
    return [bool(found[positions.index(position)]) for position in low]


def test_a_pixel_must_lie_below_all_of_its_neighbours_but_one() -> None:
    data = np.full(SHAPE, 50.0)
    data[4, 5] = 47.9
    assert lowest(data, [(4, 5)]) == [True]
    data[4, 5] = 48.1  # the margin is 2
    assert lowest(data, [(4, 5)]) == [False]
    data[4, 5], data[3, 4] = 30.0, 20.0
    assert lowest(data, [(4, 5)]) == [True]
    data[4, 4] = 31.0
    assert lowest(data, [(4, 5)]) == [False]


@pytest.mark.parametrize("position", [(0, 7), (2, 7), (11, 7), (9, 7), (6, 0), (6, 2), (6, 12)])
def test_within_three_pixels_of_the_edge_a_pixel_must_lie_below_all_by_the_whole_threshold(
    position: tuple[int, int]
) -> None:
    data = np.full(SHAPE, 50.0)
    data[position] = 44.9
    assert lowest(data, [position]) == [True]
    data[position] = 45.1
    assert lowest(data, [position]) == [False]
    data[position] = 30.0
    data[position[0], position[1] + 1] = 20.0
    assert lowest(data, [position]) == [False]


@pytest.mark.parametrize("position", [(3, 7), (8, 7), (6, 3), (6, 11)])
def test_farther_from_the_edge_a_margin_is_enough(position: tuple[int, int]) -> None:
    data = np.full(SHAPE, 50.0)
    data[position] = 47.9
    assert lowest(data, [position]) == [True]


def test_beside_two_saturated_pixels_a_candidate_must_be_deep() -> None:
    data = np.full(SHAPE, 50.0)
    data[4, 5], data[3, 4] = 40.0, 60_000.0
    assert lowest(data, [(4, 5)]) == [True]  # as a single one may be a cosmic ray
    data[4, 4] = 125.0  # a step of 85, for which the depth of 9 is just enough
    assert lowest(data, [(4, 5)]) == [True]
    data[4, 4] = 135.0
    assert lowest(data, [(4, 5)]) == [False]


def test_clusters_of_low_pixels_are_kept_and_ends_of_lanes_are_not() -> None:
    data = np.full(SHAPE, 50.0)
    data[4:7, 5:7] = 20.0
    cluster = [(y, x) for y in (4, 5, 6) for x in (5, 6)]
    assert lowest(data, cluster) == [True] * 6
    data[7:, 5:7] = 20.0  # now it is the end of a lane, whose other pixels were not found to be low
    assert lowest(data, cluster) == [True, True, True, True, False, False]


def test_missing_and_infinite_neighbours_do_not_count_as_lower() -> None:
    data = np.full(SHAPE, 50.0)
    data[0, 0] = 40.0
    data[0, 1] = data[1, 0] = np.nan
    data[4, 5], data[4, 6], data[4, 4] = 40.0, np.inf, -np.inf
    data[7, 5:7] = -np.inf
    assert lowest(data, [(0, 0), (4, 5), (7, 5), (7, 6)]) == [True] * 4


@pytest.mark.parametrize("shape", [(1, 9), (5, 26), (64, 2048)])
@pytest.mark.parametrize("static_sig", [0.0, 1.5, 4.0])
def test_pixels_far_below_are_those_that_the_median_of_all_pixels_shows(
    shape: tuple[int, int], static_sig: float
) -> None:
    rng = np.random.default_rng(4)
    data = rng.normal(100.0, 5.0, (31, 26)).astype(np.float32)
    data[:, 13:] *= 4
    data[rng.random(data.shape) < 0.05] += 3000.0
    data[rng.random(data.shape) < 0.05] -= 60.0
    excess = np.array([[1.0, 2.0], [1.5, 1.0]])  # by which the noise differs with the place
    model = NoiseModel(np.array([100.0, 400.0]), np.array([4.0, 16.0]), excess, 16.0)
    windows = np.lib.stride_tricks.sliding_window_view(np.pad(data, 2, mode="reflect"), (5, 5))
    sky = np.median(windows, axis=(2, 3))
    noise = np.interp(sky, [100.0, 400.0], [4.0, 16.0]) * np.maximum(1.0, sky / 400.0)
    noise *= excess[np.arange(31)[:, None] // 16, np.arange(26) // 16]
    expected = np.nonzero(sky - data > static_sig * noise)
    found = far_below_sky(tiles(data, shape), model, static_sig)
    order = np.lexsort((found.columns, found.rows))
    found = Candidates._make(values[order] for values in found)
    assert expected[0].size > 20
    np.testing.assert_array_equal(np.stack(found[:2]), np.stack(expected))
    np.testing.assert_allclose(found.depth, (sky - data)[expected], rtol=1e-5)
    np.testing.assert_allclose(found.noise, noise[expected], rtol=1e-5)


def test_selecting_keeps_the_values_of_each_candidate_together() -> None:
    candidates = candidates_at(np.eye(4, dtype=np.bool_))
    some = candidates.select(np.array([False, True, False, True]))
    assert (some.rows.tolist(), some.columns.tolist()) == ([1, 3], [1, 3])
    assert some.depth.size == some.noise.size == 2
