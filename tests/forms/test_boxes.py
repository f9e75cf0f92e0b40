"""Boxes cover the bad pixels exactly."""

import numpy as np
import pytest
from hypothesis import given

from staticmask_cli.errors import InputError
from staticmask_cli.forms.boxes import boxes_of, paint_boxes
from tests.support.masks import Bits, bad_pixels


@given(bad_pixels())
def test_boxes_cover_the_bad_pixels_once_and_no_other(bad: Bits) -> None:
    times = np.zeros(bad.shape, int)
    for x, y, width, height in boxes_of(bad):
        times[y : y + height, x : x + width] += 1
    np.testing.assert_array_equal(times, bad)


def test_lines_and_clusters_are_one_box_each() -> None:
    bad = np.zeros((30, 40), bool)
    bad[:, 7] = True
    bad[12, 20:39] = True
    bad[3:6, 30:34] = True
    assert boxes_of(bad).tolist() == [[7, 0, 1, 30], [30, 3, 4, 3], [20, 12, 19, 1]]


@pytest.mark.parametrize("transposed", [False, True])
def test_a_line_with_pixels_beside_it_stays_one_box(transposed: bool) -> None:  # noqa: FBT001
    bad = np.zeros((30, 40), bool)
    bad[:, 7] = True
    bad[[4, 9, 17], 8] = True
    found = boxes_of(bad.T if transposed else bad)
    assert len(found) == 4
    assert found.max() == 30


def test_no_bad_pixel_makes_no_box() -> None:
    assert boxes_of(np.zeros((3, 4), bool)).shape == (0, 4)


@pytest.mark.parametrize(
    "box", [(-1, 0, 1, 1), (0, -1, 1, 1), (4, 0, 1, 1), (0, 3, 1, 1), (3, 0, 2, 1), (0, 2, 1, 2),
            (0, 0, 0, 1), (0, 0, 1, 0), (0, 0, -1, 1), (0, 0, 10**18, 1), (10**18, 0, 1, 1)],
)
def test_a_box_that_is_empty_or_not_within_the_mask_is_refused(
    box: tuple[int, int, int, int]
) -> None:
    with pytest.raises(InputError, match=r"a\.ecsv: .* do not lie within the 4 x 3 pixels"):
        paint_boxes([box], (3, 4), "a.ecsv")


def test_boxes_that_cover_the_mask_over_and_over_are_refused() -> None:
    assert paint_boxes([(0, 0, 4, 3)] * 100, (3, 4), "a.ecsv").all()
    with pytest.raises(InputError, match=r"a\.ecsv: its shapes cover the mask more than 100 times"):
        paint_boxes([(0, 0, 4, 3)] * 101, (3, 4), "a.ecsv")
