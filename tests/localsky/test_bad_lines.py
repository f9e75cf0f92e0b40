"""Planted columns and rows are marked where they are low, and no other pixel is."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.bad_lines import mark_low_lines
from staticmask_cli.localsky.sign_counts import SignCounts
from staticmask_cli.localsky.windows import tiles
from tests.support.skies import UNIT_NOISE, grid

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SHAPE = (300, 220)
Y, X = grid(SHAPE)


def noisy(sky: Floats | float = 100.0, *, seed: int = 3) -> Floats:
    """Add noise of 1 to a sky."""
    return np.asarray(sky + np.random.default_rng(seed).normal(size=SHAPE))


def marked(data: Floats, candidates: list[int] | None = None) -> Bits:
    """Return the pixels of low lines at 5 sigma; the noise of a pixel is 1.

    The candidates are the columns given, or the columns and rows that the signs show.
    """
    low = np.zeros(data.shape, np.bool_)
    if candidates is not None:
        columns = np.isin(np.arange(data.shape[1]), candidates)
        mark_low_lines(low, data, columns, UNIT_NOISE, 5.0)
        return low
    signs = SignCounts((data.shape[0], data.shape[1]))
    for row, column, tile in tiles(data):
        signs.add(row, column, tile)
    mark_low_lines(low, data, signs.low_columns(5.0), UNIT_NOISE, 5.0)
    mark_low_lines(low.T, data.T, signs.low_rows(5.0), UNIT_NOISE, 5.0)
    return low


def columns_of(low: Bits) -> list[int]:
    """Return the columns with any marked pixel, after a check that they are marked completely."""
    np.testing.assert_array_equal(low.any(axis=0), low.all(axis=0))
    return [int(column) for column in np.flatnonzero(low.any(axis=0))]


@pytest.mark.parametrize("seed", range(4))
def test_noise_has_no_low_lines(seed: int) -> None:
    assert not marked(noisy(seed=seed)).any()
    assert not marked(noisy(seed=seed), list(range(3, 217, 4))).any()


@pytest.mark.parametrize("column", [0, 1, 2, 3, 77, 217, 218, 219])
def test_a_column_low_by_twice_the_noise_is_marked_completely(column: int) -> None:
    data = noisy()
    data[:, column] -= 2.0
    assert columns_of(marked(data)) == [column]
    assert columns_of(marked(data.T.copy()).T) == [column]


def test_two_adjacent_columns_and_a_row_across_them_are_marked() -> None:
    data = noisy()
    data[:, 50:52] -= 3.0
    data[170] -= 3.0
    low = marked(data)
    expected = np.zeros(SHAPE, np.bool_)
    expected[:, 50:52] = expected[170] = True
    np.testing.assert_array_equal(low, expected)


@pytest.mark.parametrize(("first", "width"),
                         [(0, 1), (0, 2), (218, 2), (100, 1), (100, 2), (100, 3)])
def test_lines_of_up_to_three_pixels_low_by_twice_the_noise_are_marked(
    first: int, width: int
) -> None:
    data = noisy()
    data[:, first : first + width] -= 2.0
    assert columns_of(marked(data)) == list(range(first, first + width))
    assert columns_of(marked(data.T.copy()).T) == list(range(first, first + width))


@pytest.mark.parametrize(("width", "columns"), [(1, [50]), (3, [50, 51, 52]), (4, [])])
def test_a_line_is_at_most_three_pixels_wide(width: int, columns: list[int]) -> None:
    data = noisy()
    data[:, 50 : 50 + width] -= 3.0
    assert columns_of(marked(data, list(range(50, 50 + width)))) == columns


@pytest.mark.parametrize(("start", "end"), [(64, 192), (40, 200), (100, 300), (0, 130)])
def test_a_part_of_a_column_is_marked_where_it_is_low(start: int, end: int) -> None:
    data = noisy()
    data[start:end, 77] -= 4.0
    low = marked(data)
    rows = np.flatnonzero(low[:, 77])
    assert abs(int(rows[0]) - start) <= 2
    assert abs(int(rows[-1]) + 1 - end) <= 2
    assert low[rows[0] : rows[-1] + 1, 77].all()
    low[:, 77] = False
    assert not low.any()


def test_two_parts_of_one_column_are_both_marked() -> None:
    data = noisy()
    data[:90, 77] -= 4.0
    data[190:, 77] -= 4.0
    rows = np.flatnonzero(marked(data)[:, 77])
    assert np.count_nonzero(rows < 140) == pytest.approx(90, abs=2)
    assert np.count_nonzero(rows > 140) == pytest.approx(110, abs=2)


@pytest.mark.parametrize("start", [0, 70, 150])
def test_150_pixels_of_a_column_low_by_twice_the_noise_are_marked(start: int) -> None:
    data = noisy()
    data[start : start + 150, 77] -= 2.0
    low = marked(data)
    assert low[start : start + 150, 77].mean() > 0.9
    low[max(start - 15, 0) : start + 165, 77] = False  # the end is uncertain
    assert not low.any()


def test_the_pixels_between_two_low_parts_of_a_column_are_not_marked() -> None:
    data = noisy()
    data[:140, 77] -= 3.0
    data[215:, 77] -= 3.0
    assert not marked(data)[150:205, 77].any()


@pytest.mark.parametrize(("length", "found"), [(58, 0), (70, 70)])
def test_a_run_shorter_than_64_pixels_is_no_line(length: int, found: int) -> None:
    data = np.full(SHAPE, 100.0)
    data[128 : 128 + length, 77] -= 20.0
    assert marked(data).sum() == found


@pytest.mark.parametrize(("distance", "marked_to_the_edge"), [(13, True), (19, False)])
def test_a_line_that_ends_within_16_pixels_of_the_edge_extends_to_it(
    distance: int, *, marked_to_the_edge: bool
) -> None:
    data = np.full(SHAPE, 100.0)
    data[distance:-distance, 77] -= 20.0
    low = marked(data)
    assert (low[0, 77], low[-1, 77]) == (marked_to_the_edge, marked_to_the_edge)
    assert low[distance:-distance, 77].all()


@pytest.mark.parametrize(("length", "depth"), [(300, 0.859), (150, 1.215)])
def test_the_depth_of_a_line_must_exceed_5_times_the_error_of_its_median(
    length: int, depth: float
) -> None:
    data = np.full(SHAPE, 100.0)
    data[:length, 77] -= 1.1 * depth
    assert marked(data, [77])[:, 77].sum() == length
    data[:length, 77] = 100.0 - 0.9 * depth
    assert not marked(data, [77]).any()


@pytest.mark.parametrize(("depth", "found"), [(0.42, False), (0.58, True)])
def test_a_line_of_any_length_is_low_by_half_the_noise_at_least(
    depth: float, *, found: bool
) -> None:
    data = np.full((4000, 31), 100.0)
    data[:, 17] -= depth
    assert marked(data)[:, 17].all() == found


@pytest.mark.parametrize(("count", "found"), [(29, True), (37, False)])
def test_a_few_bright_pixels_do_not_interrupt_a_line(count: int, *, found: bool) -> None:
    data = np.full((600, 31), 100.0)
    bright, rest = np.s_[400 - count : 400, 17], np.s_[400:, 17]
    data[:, 17] -= 1.2
    data[bright] = 1000.0  # each counts as 3 sigma at most
    low = marked(data)
    assert low[bright].all() == low[bright].any() == found
    assert low[rest].all()


@pytest.mark.parametrize("sky", [5.0 * X, 4.0 * Y - 3.0 * X, 0.02 * (X - 110.0) ** 2],
                         ids=["across", "both", "lane"])
def test_slopes_and_smooth_lanes_are_not_low_but_columns_on_them_are(sky: Floats) -> None:
    data = noisy(sky)
    candidates = list(range(3, 217, 4))
    assert not marked(data, candidates).any()
    data[:, 111] -= 3.0
    assert columns_of(marked(data, candidates)) == [111]


def test_a_lane_along_the_edge_is_not_low() -> None:
    data = noisy(30.0 * np.minimum(X / 4.0, 1.0) ** 2)
    assert not marked(data, [0]).any()


def test_a_column_beside_a_star_is_marked_and_the_star_is_not() -> None:
    star = 3000.0 * (1 + ((X - 80.0) ** 2 + (Y - 120.0) ** 2) / 20.0) ** -3.0
    data = noisy(100.0 + star)
    assert not marked(data).any()
    data[:, 77] -= 4.0
    low = marked(data)
    assert low[:, 77].mean() > 0.9
    low[:, 77] = False
    assert not low.any()


@pytest.mark.parametrize(("distance", "found"), [(8, False), (9, True)])
def test_a_line_must_exceed_the_structure_of_the_columns_on_its_sides(
    distance: int, *, found: bool
) -> None:
    data = np.full(SHAPE, 100.0)
    beyond = np.abs(X - 110.0)
    data[(beyond >= distance) & (beyond < distance + 7) & (beyond % 2 == 0)] += 5.0
    data[:, 110] -= 2.0
    assert marked(data, [110]).any() == found


def test_missing_pixels_beside_a_column_do_not_hide_it() -> None:
    data = noisy()
    data[:, 77] -= 3.0
    data[140:150, 78:81] = np.nan
    data[40:60, 74:77] = np.inf
    assert columns_of(marked(data)) == [77]


def test_the_chip_is_not_modified_and_marked_pixels_stay_marked() -> None:
    data = noisy()
    data[:, 77] -= 3.0
    data.flags.writeable = False
    low = np.zeros(SHAPE, np.bool_)
    low[5, 6] = True
    mark_low_lines(low, data, np.arange(SHAPE[1]) == 77, UNIT_NOISE, 5.0)
    assert low[5, 6]
    assert low[:, 77].all()
    assert low.sum() == SHAPE[0] + 1


def test_the_edge_of_an_unlit_strip_does_not_hide_a_column_in_it() -> None:
    data = noisy(np.where(X < 14, 100.0, 200.0))
    data[:, 1] -= 3.0
    assert columns_of(marked(data, [1])) == [1]


def test_a_column_beside_a_missing_column_is_marked() -> None:
    data = noisy()
    data[:, 77] -= 2.0
    data[:, 78] = np.nan
    assert columns_of(marked(data)) == [77]


@pytest.mark.parametrize("offset", [0.5, 1.0])
@pytest.mark.parametrize("seed", range(3))
def test_rows_with_offsets_are_not_low(offset: float, seed: int) -> None:
    offsets = offset * np.random.default_rng(seed).normal(size=(SHAPE[0], 1))
    assert not marked(noisy(100.0 + offsets, seed=seed + 10)).any()


def test_a_row_much_lower_than_the_offsets_of_rows_is_marked() -> None:
    data = noisy(100.0 + 0.5 * np.random.default_rng(1).normal(size=(SHAPE[0], 1)))
    data[123] -= 8.0
    assert columns_of(marked(data).T) == [123]


@pytest.mark.parametrize("depth", [0.5, 1.0, 2.0])
def test_where_every_second_column_is_low_none_is_bad(depth: float) -> None:
    data = noisy()
    data[:, ::2] -= depth
    assert not marked(data).any()


@pytest.mark.parametrize("slope", [1.0, 2.0, 5.0])
def test_a_slope_at_the_edge_of_the_chip_is_not_low(slope: float) -> None:
    for distance in (Y, SHAPE[0] - 1 - Y, X, SHAPE[1] - 1 - X):
        edge = 100.0 + slope * np.minimum(distance, 20.0)
        assert not marked(noisy(edge)).any()
        assert not marked(noisy(edge), [0, SHAPE[1] - 1]).any()


@pytest.mark.parametrize(("depth", "length"), [(3.0, 4000), (10.0, 220), (40.0, 220)])
@pytest.mark.parametrize("centre", [20.0, 20.3, 20.5])
def test_a_dark_lane_along_a_row_is_not_low(depth: float, length: int, centre: float) -> None:
    y, _ = grid((41, length))
    lane = 100.0 - depth * np.exp(-(((y - centre) / 1.5) ** 2))  # 2.5 pixels wide at half depth
    assert not marked(lane + np.random.default_rng(3).normal(size=y.shape)).any()


def test_a_lane_as_sharp_as_an_image_can_be_is_not_low_and_a_column_with_crosstalk_is() -> None:
    lane = 40.0 * np.exp(-(((X - 110.0) / 0.72) ** 2))  # 1.2 pixels wide at half depth
    assert not marked(noisy() - lane, [110]).any()
    data = noisy()
    data[:, 110] -= 40.0
    data[:, [109, 111]] -= 4.2
    assert columns_of(marked(data, [110])) == [110]


@pytest.mark.parametrize(("width", "is_gap"), [(5, True), (6, False)])
def test_a_gap_between_bright_stripes_is_not_low_if_the_sky_beyond_is_near(
    width: int, *, is_gap: bool
) -> None:
    data = noisy()
    for first in (110 - width, 111):
        data[:, first : first + width] += 2000.0
    assert columns_of(marked(data, [110])) == ([] if is_gap else [110])


def test_a_column_beside_a_saturated_column_is_not_low() -> None:
    data = noisy(100.0 + 60.0 * np.exp(-np.abs(X - 100.0) / 3.0))
    data[60:260, 100] = 5e4
    data[100:200, 101] = 3e4
    assert not marked(data).any()
