"""Histograms are compared with those of stsci.imagestats and with plain loops."""

from collections.abc import Callable
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from stsci.imagestats import histogram1d

from staticmask_cli.stats import histogram
from staticmask_cli.stats.clipping import chip_statistics, pixels_below
from staticmask_cli.stats.histogram import Histogram, SkyHistogram, sky_histogram
from tests.support.exposures import sky
from tests.support.strategies import chips

Floats = npt.NDArray[np.float32]
Build = Callable[..., Histogram]


@pytest.fixture(scope="module", params=["few", "dense", "sparse"])
def build(request: pytest.FixtureRequest) -> Build:
    """Build a histogram with each of the three ways to count; pairs need few bins."""

    def make(blocks: list[Floats], lower: float, upper: float, nbins: int) -> Histogram:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(histogram, "_DENSE_BINS", 0 if request.param == "sparse" else 1 << 30)
            patch.setattr(histogram, "_MOST_PAIRED", 256 if request.param == "few" else 0)
            return histogram_of(blocks, lower, upper, nbins)

    return make


def histogram_of(blocks: list[Floats], lower: float, upper: float, nbins: int) -> Histogram:
    """Build a histogram of all these pixels, and count those outside one by one."""

    def outside(start: np.float32, end: np.float32) -> tuple[int, int]:
        pixels = [pixel for block in blocks for pixel in block]
        return sum(pixel < start for pixel in pixels), sum(pixel >= end for pixel in pixels)

    return Histogram.of(blocks, lower, upper, nbins, outside)


def all_bins(found: Histogram) -> list[int]:
    """Return the count of every bin, those that the histogram leaves out included."""
    counts = np.zeros(found.nbins, dtype=np.int64)
    counts[found.index.astype(int)] = found.count
    return [int(count) for count in counts]


def histogram_with(counts: list[int]) -> Histogram:
    """Build a histogram with these counts in bins of width 1 that start at 0."""
    listed = [number for number, count in enumerate(counts) if count]
    return Histogram(
        0.0, 1.0, len(counts), 0, sum(counts),
        np.array(listed, dtype=np.float64), np.array(counts, dtype=np.int64)[listed],
    )


@settings(max_examples=80)
@given(
    chip=chips(),
    nbins=st.integers(2, 400),
    ends=st.tuples(st.floats(0, 1), st.floats(0, 1)).filter(lambda pair: pair[0] != pair[1]),
    blocks=st.integers(1, 4),
)
def test_every_bin_has_the_count_of_the_reference(
    build: Build, chip: npt.NDArray[Any], nbins: int, ends: tuple[float, float], blocks: int
) -> None:
    with np.errstate(over="ignore"):
        pixels = chip.astype(np.float32).reshape(1, -1)
    pixels = np.clip(pixels, np.float32(-1e30), np.float32(1e30))
    lower, upper = (float(end) for end in np.quantile(pixels, sorted(ends)))
    width = (upper - lower) / (nbins - 1)
    if not np.float32(width) > 1e-6 * max(abs(lower), abs(upper), 1e-30):
        upper = lower + (nbins - 1) * max(1.0, abs(lower))  # float32 must resolve the bins
        width = (upper - lower) / (nbins - 1)
    # Pixels just below the end of the last bin are left out: the reference miscounts them.
    with np.errstate(over="ignore"):
        number = (pixels - np.float32(lower)) * (np.float32(1) / np.float32(width))
    pixels = pixels[np.abs(number - nbins) > 1e-4 * nbins].reshape(1, -1)
    theirs = histogram1d(pixels, nbins, width, lower).histogram
    ours = build(np.array_split(pixels[0], blocks), lower, upper, nbins)
    assert all_bins(ours) == theirs.tolist()
    assert (ours.nbins, ours.total) == (nbins, pixels.size)
    assert ours.below == np.count_nonzero(pixels < np.float32(lower))


def counted_one_by_one(pixels: Floats, lower: float, upper: float, nbins: int) -> list[int]:
    """Count in float32 as documented, without pixels at or beyond the end of the last bin."""
    start, width = np.float32(lower), np.float32((upper - lower) / (nbins - 1))
    scale, end = np.float32(1) / width, start + np.float32(nbins) * width
    counts = [0] * nbins
    for pixel in pixels:
        number = int((pixel - start) * scale)
        if start <= pixel < end and number < nbins:
            counts[number] += 1
    return counts


@settings(max_examples=80)
@given(
    lower=st.one_of(st.integers(-9, 9).map(float), st.floats(-1e3, 1e3, width=32)),
    width=st.one_of(st.sampled_from([0.25, 1.0, 2.0]), st.floats(0.01, 50.0)),
    nbins=st.integers(2, 60),
)
def test_pixels_at_the_edges_of_bins_fall_into_the_bin_that_float32_gives(
    build: Build, lower: float, width: float, nbins: int
) -> None:
    upper = float(np.float32(lower + (nbins - 1) * width))
    edges = (lower + np.arange(nbins + 2) * width).astype(np.float32)
    below, above = np.nextafter(edges, np.float32(-np.inf)), np.nextafter(edges, np.float32(np.inf))
    pixels = np.concatenate((edges, below, above))
    expected = counted_one_by_one(pixels, lower, upper, nbins)
    assert all_bins(build([pixels], lower, upper, nbins)) == expected


@pytest.mark.parametrize("nbins", [3, 254, 255, 256, 257])
def test_pixels_beyond_an_end_that_float32_rounds_up_are_left_out(
    build: Build, nbins: int
) -> None:
    """So far from zero that the next float32 is 8 higher, which is more than a bin."""
    lower = 2.0**26 + 8
    pixels = (lower + 8 * np.arange(-2, 6)).astype(np.float32)
    expected = counted_one_by_one(pixels, lower, lower + 8, nbins)
    assert all_bins(build([pixels], lower, lower + 8, nbins)) == expected


def test_blocks_are_not_modified(build: Build) -> None:
    block = np.random.default_rng(2).normal(5.0, 1.0, 999).astype(np.float32)
    before = block.tobytes()
    block.flags.writeable = False
    assert sum(all_bins(build([block], 2.0, 8.0, 50))) <= block.size
    assert block.tobytes() == before


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([5, 3], 0.5),
        ([3, 5], 1.5),
        ([4, 4], 1.0),
        ([9, 3, 2], 0.5),
        ([1, 3, 9], 2.5),
        ([2, 9, 2], 1.5),
        ([2, 9, 5], 1.5 + 0.5 * (7 - 4) / (7 + 4)),
        ([0, 9, 0, 9, 0], 1.5),
        ([0, 2, 7, 7, 2], 2.5 + 0.5),
        ([1, 0, 0, 4, 0, 0, 1], 3.5),
        ([7, 7, 7], 0.5),
    ],
    ids=str,
)
def test_mode_follows_the_documented_rules(counts: list[int], expected: float) -> None:
    assert histogram_with(counts).mode(1.0) == pytest.approx(expected, rel=1e-15)
    assert histogram_with(counts).mode(0.25) == pytest.approx(expected / 4, rel=1e-15)


@given(counts=st.lists(st.integers(0, 50), min_size=3, max_size=40).filter(any))
def test_mode_of_any_counts_is_the_peak_of_the_parabola(counts: list[int]) -> None:
    peak = counts.index(max(counts))
    shift = 0.0
    if 0 < peak < len(counts) - 1:
        rise, fall = counts[peak] - counts[peak - 1], counts[peak] - counts[peak + 1]
        shift = 0.5 * (rise - fall) / (rise + fall) if rise + fall else 0.0
    assert histogram_with(counts).mode(1.0) == pytest.approx(peak + 0.5 + shift, rel=1e-14)


@settings(max_examples=100)
@given(seed=st.integers(0, 2**32 - 1), nbins=st.integers(3, 300))
def test_median_agrees_with_numpy_to_a_bin(
    build: Build, seed: int, nbins: int
) -> None:
    pixels = np.random.default_rng(seed).gamma(3.0, size=501).astype(np.float32)
    found = build([pixels], float(pixels.min()), float(pixels.max()), nbins)
    assert found.median() == pytest.approx(float(np.median(pixels)), abs=1.01 * found.width)


@pytest.mark.parametrize(
    ("lower", "upper", "expected"), [(6.0, 8.0, 6.0), (0.0, 1.0, 1.25)], ids=["below", "above"]
)
def test_a_median_beyond_the_bins_becomes_the_end_of_the_nearest_one(
    build: Build, lower: float, upper: float, expected: float
) -> None:
    pixels = np.array([0.5, 2.0, 3.0, 4.0, 7.0], dtype=np.float32)
    assert build([pixels], lower, upper, 5).median() == pytest.approx(expected)


def test_millions_of_bins_have_the_counts_of_the_reference() -> None:
    rng = np.random.default_rng(6)
    pixels = rng.normal(0.0, 1e-3, 40_000).astype(np.float32)
    pixels[:2] = -4000.0, 0.004
    nbins = (1 << 22) + 77
    theirs = histogram1d(pixels.reshape(1, -1), nbins, 4000.004 / (nbins - 1), -4000.0)
    ours = histogram_of([pixels], -4000.0, 0.004, nbins)
    assert ours.index.size <= pixels.size  # only the occupied bins are stored
    assert all_bins(ours) == theirs.histogram.tolist()


def counted_by_comparisons(
    data: npt.NDArray[Any], histogram: SkyHistogram
) -> tuple[list[int], list[int]]:
    """Count the pixels of tail and body with comparisons alone."""
    finite = data[np.isfinite(data)].astype(float)
    tail, body = histogram.tail_edges, histogram.body_edges
    below = [int(((finite >= a) & (finite < b)).sum()) for a, b in pairwise(tail)]
    below[0] += int((finite < tail[0]).sum())
    return below, [
        int(((finite >= a) & (finite < b)).sum()) for a, b in pairwise(body)
    ]


@pytest.mark.parametrize("dtype", ["<f4", ">f4", "f8"])
@pytest.mark.parametrize("static_sig", [0.25, 4.0, 100.0])
def test_sky_histograms_agree_with_comparisons(dtype: str, static_sig: float) -> None:
    data = sky((70, 90)).astype(dtype)
    data[3, 5:20] = np.linspace(20, 90, 15)
    data[9, :4] = np.nan, np.inf, -np.inf, -1e30
    statistics = chip_statistics(sky((70, 90)))
    threshold = statistics.threshold(static_sig)
    histogram = sky_histogram(data, statistics.mode, statistics.rms, threshold)
    below, above = counted_by_comparisons(data, histogram)
    assert histogram.tail.tolist() == below
    assert histogram.body.tolist() == above
    assert below[0] >= 1
    assert histogram.tail.size + histogram.body.size <= 402


def test_the_tail_counts_the_pixels_of_the_mask_even_with_pixels_at_the_threshold() -> None:
    data = np.array([[1.0, 2.0, 3.0, 3.0, 4.0, 50.0, -7.0]], np.float32)
    histogram = sky_histogram(data, 10.0, 1.0, 3.0)
    assert histogram.tail.sum() == np.count_nonzero(pixels_below(data, 3.0)) == 3
    assert histogram.body[0] == 2
    assert histogram.body.sum() == 3  # 50 lies above the last bin
    assert histogram.tail_edges[-1] == histogram.body_edges[0] == 3.0


def test_all_pixels_of_several_blocks_are_counted() -> None:
    data = np.full((600, 500), 10.0, np.float32)
    data[::3] = 0.0
    histogram = sky_histogram(data, 10.0, 1.0, 6.0)
    assert (histogram.tail.sum(), histogram.body.sum()) == (100_000, 200_000)
