"""Histograms near the sky: every pixel is counted where it lies."""

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.clipping import chip_statistics, pixels_below
from staticmask_cli.skyhistogram import SkyHistogram, sky_histogram
from tests.support.exposures import sky


def slow(data: npt.NDArray[Any], histogram: SkyHistogram) -> tuple[list[int], list[int]]:
    """Count with comparisons alone."""
    finite = data[np.isfinite(data)].astype(float)
    tail, body = histogram.tail_edges, histogram.body_edges
    below = [int(((finite >= a) & (finite < b)).sum()) for a, b in pairwise(tail)]
    below[0] += int((finite < tail[0]).sum())
    return below, [
        int(((finite >= a) & (finite < b)).sum()) for a, b in pairwise(body)
    ]


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8"])
@pytest.mark.parametrize("static_sig", [0.25, 4.0, 100.0])
def test_counts_are_those_of_comparisons(dtype: str, static_sig: float) -> None:
    data = sky((70, 90)).astype(dtype)
    data[3, 5:20] = np.linspace(20, 90, 15)
    data[9, :4] = np.nan, np.inf, -np.inf, -1e30
    statistics = chip_statistics(sky((70, 90)))
    threshold = statistics.threshold(static_sig)
    histogram = sky_histogram(data, statistics.mode, statistics.rms, threshold)
    below, above = slow(data, histogram)
    assert histogram.tail.tolist() == below
    assert histogram.body.tolist() == above
    assert below[0] >= 1
    assert histogram.tail.size + histogram.body.size <= 402


def test_the_tail_is_what_the_mask_takes_also_at_the_threshold_itself() -> None:
    data = np.array([[1.0, 2.0, 3.0, 3.0, 4.0, 50.0, -7.0]], np.float32)
    histogram = sky_histogram(data, 10.0, 1.0, 3.0)
    assert histogram.tail.sum() == np.count_nonzero(pixels_below(data, 3.0)) == 3
    assert histogram.body[0] == 2
    assert histogram.body.sum() == 3  # 50 lies too high to be shown
    assert histogram.tail_edges[-1] == histogram.body_edges[0] == 3.0


def test_more_pixels_than_fit_a_block_are_all_counted() -> None:
    data = np.full((600, 500), 10.0, np.float32)
    data[::3] = 0.0
    histogram = sky_histogram(data, 10.0, 1.0, 6.0)
    assert (histogram.tail.sum(), histogram.body.sum()) == (100_000, 200_000)
