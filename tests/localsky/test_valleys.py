"""Gaps and valleys are compared with a slow reference that visits one pixel after the other."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from staticmask_cli.localsky.candidates import Candidates
from staticmask_cli.localsky.noise import NoiseModel
from staticmask_cli.localsky.valleys import in_valleys

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SHAPE = (19, 22)
THRESHOLD = 5.0
NOISE_OF_1 = NoiseModel(np.array([0.0, 1e6]), np.ones(2), np.ones((1, 1)), 1000)


def found_in(data: Floats, low: Bits) -> list[bool]:
    """Return which low pixels lie in a gap or in a valley, checked along both axes."""
    found = []
    for image, bits in ((data, low), (data.T, low.T)):
        rows, columns = np.nonzero(bits)
        pixels = Candidates(rows, columns, np.full(rows.size, 9, np.float32), np.ones(rows.size))
        before, part = image.copy(), np.zeros(bits.shape, np.bool_)
        part[bits] = in_valleys(pixels, image, bits, NOISE_OF_1, THRESHOLD)
        np.testing.assert_array_equal(image, before)
        found.append(part)
    np.testing.assert_array_equal(found[0], found[1].T)
    return [bool(value) for value in found[0][low]]


def test_between_two_trails_a_pixel_as_high_as_the_sky_beyond_lies_in_a_gap() -> None:
    data, low = np.full(SHAPE, 50.0), np.zeros(SHAPE, np.bool_)
    data[:, [6, 7, 9, 10, 11, 12, 13]] = 9000.0  # columns 3 and 14 are six columns away from 8 or 9
    low[5:9, 8] = True
    assert found_in(data, low) == [True] * 4
    data[low] = 47.9  # the margin is 2
    assert found_in(data, low) == [False] * 4
    data[low] = 48.1
    data[:5, 8] = data[9:, 8] = 9000.0
    data[5:7, 14] = 9000.0  # no sky is left within six pixels on the right
    assert found_in(data, low) == [False, False, True, True]


def test_low_and_missing_pixels_are_not_the_sky_beside_a_gap() -> None:
    data, low = np.full(SHAPE, 50.0), np.zeros(SHAPE, np.bool_)
    data[9, 8] = 30.0
    low[9, 8] = True
    assert found_in(data, low) == [False]
    data[9, 6], data[9, 11] = 20.0, 20.0
    assert found_in(data, low) == [True]
    low[9, 6] = True
    data[9, 14] = np.nan
    assert found_in(data, low) == [False, False]
    data[9, 3:14] = np.nan
    data[9, 8] = 30.0
    low[9, 6] = False
    assert found_in(data, low) == [False]


def test_a_gap_between_two_trails_that_falls_along_its_length_is_a_valley() -> None:
    data, low = np.full(SHAPE, 9000.0), np.zeros(SHAPE, np.bool_)
    data[:, 8] = 400.0 - 20.0 * np.arange(SHAPE[0])
    low[6:13, 8] = True  # so the first pixel that is not low is up to seven pixels away
    assert found_in(data, low) == [True] * 7
    data[:, 8] = 400.0 - 0.5 * np.arange(SHAPE[0])  # now it falls by 3.5, as noise does
    data[:6, 8] = 9000.0
    assert found_in(data, low) == [False] * 7


def test_a_valley_is_followed_for_sixteen_pixels() -> None:
    data, low = np.full((40, 13), 9000.0), np.zeros((40, 13), np.bool_)
    data[3:, 8] = 800.0 - 20.0 * np.arange(37)
    low[3:39, 8] = True
    assert found_in(data, low) == [False] * 20 + [True] * 16  # row 39 alone is known to be good


def test_the_floor_of_a_lane_with_soft_sides_is_a_valley_and_a_bad_column_is_not() -> None:
    lane, low = np.full(SHAPE, 300.0), np.zeros(SHAPE, np.bool_)
    lane[:, 7:10] = 150.0, 50.0, 150.0
    low[9, 8] = True
    assert found_in(lane, low) == [True]
    end = lane.copy()
    end[:9, 7:10] = 300.0  # the lane begins at the pixel, which so is in no gap
    for beyond, soft in ((225.0, True), (215.0, False)):  # 75 or 65 above the first, of 100
        end[9, [6, 10]] = beyond
        assert found_in(end, low) == [soft]
    lane[9, 8] = 50.0 - 34.0  # 34 below the pixels along the lane, of 134 across it
    assert found_in(lane, low) == [False]
    lane[9, 8] = 50.0 - 32.0
    assert found_in(lane, low) == [True]
    column = np.full(SHAPE, 300.0)
    column[8:, 8] = 50.0
    low[8, 8] = True  # of all others it is not known
    assert found_in(column, low) == [False, False]


def _first(values: Floats) -> float:
    known = values[:16][~np.isnan(values[:16])]
    return float(known[0]) if known.size else np.nan


def _is_valley(along: Floats, across: Floats, whole: Floats) -> bool:
    """Whether a pixel is a valley's, from lines of 33 without low pixels, and with them across."""
    value = whole[16]
    sides = [[_first(line[15::-1]), _first(line[17:])] for line in (along, across)]
    rise = min((side for side in sides[0] if not np.isnan(side)), default=np.nan) - value
    rise_across = sides[1][0] - value if sides[1][0] < sides[1][1] else sides[1][1] - value
    if np.isnan(sides[1]).any() or not rise_across > 0 or not rise < 0.25 * rise_across:
        return False
    softness = (whole[14] + whole[18] - whole[15] - whole[17]) / 2
    return bool(rise < -THRESHOLD or softness > 0.7 * rise_across)


@given(arrays.arrays(np.float64, st.tuples(st.integers(1, 9), st.integers(1, 10)),
                     elements=st.sampled_from([0.0, 1.0, 2.0, 3.0, 9.0, 40.0, np.nan])), st.data())
def test_gaps_and_valleys_are_those_of_a_slow_reference(data: Floats, draw: st.DataObject) -> None:
    low = draw.draw(arrays.arrays(np.bool_, data.shape)) & np.isfinite(data)
    whole = np.pad(data, 16, mode="reflect")
    sky = np.pad(np.where(low, np.nan, data), 16, mode="reflect")
    expected = []
    for y, x in zip(*np.nonzero(low), strict=True):
        limit = data[y, x] + 0.4 * THRESHOLD
        lines = [(image[y : y + 33, x + 16], image[y + 16, x : x + 33]) for image in (sky, whole)]
        gap = any((line[10:16] < limit).any() and (line[17:23] < limit).any() for line in lines[0])
        column, row = lines[0]
        expected.append(gap or _is_valley(column, row, lines[1][1])
                        or _is_valley(row, column, lines[1][0]))
    assert found_in(data, low) == expected
