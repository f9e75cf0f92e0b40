"""Test the statistics of small masks, for which they can be counted by hand."""

import math

import numpy as np
import pytest

from staticmask_cli.reports.bad_pixels import (
    Cluster,
    Comparison,
    Line,
    SizeClass,
    compare,
    shape_of_bad,
    worst_lines,
)
from staticmask_cli.reports.outliers import deviations


def test_the_worst_lines_come_first_and_are_counted_from_one() -> None:
    bad = np.zeros((4, 10), np.bool_)
    bad[2, :5] = bad[0, 3] = bad[3, 3] = True
    assert worst_lines(bad, axis=0) == (Line(3, 5, 0.5), Line(1, 1, 0.1), Line(4, 1, 0.1))
    assert worst_lines(bad, axis=1, most=2) == (Line(4, 3, 0.75), Line(1, 1, 0.25))
    assert worst_lines(np.zeros((4, 10), np.bool_), axis=0) == ()


def test_clusters_are_classified_by_powers_of_two() -> None:
    bad = np.zeros((20, 40), np.bool_)
    for row, size in enumerate((1, 1, 2, 3, 4, 5, 8, 9)):
        bad[2 * row, 1 : size + 1] = True
    layout = shape_of_bad(bad)
    assert layout.sizes == (
        SizeClass(1, 1, 2, 2), SizeClass(2, 2, 1, 2), SizeClass(3, 4, 2, 7),
        SizeClass(5, 8, 2, 13), SizeClass(9, 16, 1, 9),
    )
    assert layout.largest[:2] == (
        Cluster(9, columns=(2, 10), rows=(15, 15)), Cluster(8, columns=(2, 9), rows=(13, 13)),
    )
    assert len(layout.largest) == 5
    assert sum(size.pixels for size in layout.sizes) == bad.sum()


def test_a_mask_without_bad_pixels_has_no_lines_and_no_clusters() -> None:
    layout = shape_of_bad(np.zeros((3, 5), np.bool_))
    assert (layout.worst_rows, layout.sizes, layout.largest) == ((), (), ())


def test_a_comparison_counts_added_and_removed_pixels() -> None:
    first, second = np.zeros((3, 5), np.bool_), np.zeros((3, 5), np.bool_)
    first[0, :4] = True
    second[0, 1:5] = second[2, 0] = True
    assert compare(first, second) == Comparison(both=3, added=2, removed=1, agreement=0.5)
    assert compare(second, first) == Comparison(both=3, added=1, removed=2, agreement=0.5)
    none = np.zeros((3, 5), np.bool_)
    assert compare(none, none).agreement == 1.0


def test_the_deviation_of_an_outlier_is_returned() -> None:
    values = [10.0, 10.1, 9.9, 10.05, 9.95, 20.0]
    found = deviations(values)
    assert found[:5] == [0.0] * 5
    median = float(np.median(values))
    sigma = 1.4826 * float(np.median(np.abs(np.array(values) - median)))
    assert found[5] == pytest.approx((20.0 - median) / sigma)
    assert deviations([-value for value in values])[5] == pytest.approx(-found[5])


def test_differences_below_the_least_standard_deviation_are_no_outliers() -> None:
    values = [10.0, 10.0, 10.0, 10.0, 10.4]
    assert deviations(values, least=0.1) == [0.0] * 5
    assert deviations(values, least=0.01)[4] == pytest.approx(40.0)
    assert deviations([10.0] * 4) == [0.0] * 4


def test_three_values_have_no_outlier_and_nan_is_none() -> None:
    assert deviations([1.0, 1.0, 900.0], least=0.1) == [0.0] * 3
    assert deviations([]) == []
    found = deviations([1.0, 1.0, 1.0, math.nan, 900.0, 1.0], least=0.1)
    assert found == [0.0, 0.0, 0.0, 0.0, pytest.approx(8990.0), 0.0]


@pytest.mark.parametrize("members", [4, 8, 50])
def test_gaussian_noise_rarely_has_outliers(members: int) -> None:
    sets = np.random.default_rng(3).normal(size=(2000, members))
    with_outliers = sum(any(deviations(list(values))) for values in sets)
    assert with_outliers < {4: 80, 8: 50, 50: 15}[members]  # 2.4, 1.3 and 0.1 percent are expected
