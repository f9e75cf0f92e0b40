"""Mode, rms and masks of chips are compared with those of stsci.imagestats."""

import math
import tracemalloc
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from staticmask_cli import chip_statistics
from staticmask_cli.errors import ChipError
from staticmask_cli.stats.clipping import clip_chip, low_pixels, pixels_below
from tests.support.oracle import oracle_statistics
from tests.support.strategies import chips

CHIPS = 300
COUNTED: Counter[str] = Counter()


def ulps_apart(ours: float, theirs: float) -> int:
    """Return by how many float32 steps two float32 numbers differ; two NaN do not differ."""
    if ours == theirs or (math.isnan(ours) and math.isnan(theirs)):
        return 0
    if not (math.isfinite(ours) and math.isfinite(theirs)):
        return 1 << 31
    ordered = []
    for number in (ours, theirs):
        bits = int(np.float32(number).view(np.int32))
        ordered.append(bits if bits >= 0 else -(bits & 0x7FFFFFFF))
    return abs(ordered[0] - ordered[1])


def check_against_oracle(
    chip: npt.NDArray[Any], static_sig: float, finite: npt.NDArray[Any] | None = None
) -> None:
    """Compare the statistics and the mask of a chip; the oracle gets its finite pixels alone."""
    pixels = chip if finite is None else finite
    theirs = oracle_statistics(pixels.astype(np.float32))  # it needs limits that are float32
    clipping = clip_chip(chip)
    ours = clipping.statistics
    assert ours.npix == theirs.npix
    for name in ("mean", "rms"):
        our, their = getattr(ours, name), getattr(theirs, name)
        apart = ulps_apart(our, their)
        # Pixels of both signs can cancel to a mean far smaller than the rounding of any of them.
        assert apart <= 1 or abs(our - their) <= np.finfo(np.float64).eps * theirs.rms
        COUNTED[f"{name} {'equal' if apart == 0 else 'one float32 apart'}"] += 1
    COUNTED["chips"] += 1
    assert ours.nbins == theirs.nbins
    assert ours.clippable == (theirs.nbins > 1)
    if ours.clippable:
        expected = chip.astype(np.float64) < theirs.mode - static_sig * theirs.rms
        threshold = ours.threshold(static_sig)
        np.testing.assert_array_equal(pixels_below(chip, threshold), expected)
        np.testing.assert_array_equal(low_pixels(chip, clipping, threshold).bits, expected)
        assert ours.mode == pytest.approx(theirs.mode, abs=1e-5 * theirs.rms, rel=1e-6)


def test_no_pixel_differs_from_the_mask_of_the_oracle(
    record_property: Callable[[str, object], None],
) -> None:
    COUNTED.clear()

    @settings(max_examples=CHIPS)
    @given(chip=chips(), static_sig=st.sampled_from([0.5, 1.0, 2.0, 3.0, 4.0]))
    def check(chip: npt.NDArray[Any], static_sig: float) -> None:
        check_against_oracle(chip, static_sig)

    check()
    assert COUNTED["chips"] >= 250
    record_property("against stsci.imagestats", dict(sorted(COUNTED.items())))


@pytest.mark.parametrize(
    "scene", ["sky", "counts", "first low", "first high", "hot", "huge", "bimodal", "blank half"]
)
@pytest.mark.parametrize("dtype", [">f4", "<f4", ">i2", "<f8"])
def test_chips_of_many_blocks_agree_with_the_oracle_too(scene: str, dtype: str) -> None:
    rng = np.random.default_rng(5)
    chip = rng.normal(200.0, 7.0, (700, 911))
    if scene == "counts":
        chip = rng.poisson(3.0, chip.shape).astype(float)
    elif scene == "first low":
        chip[0, 0] = -3000.0
    elif scene == "first high":
        chip[0, 0] = 30_000.0
    elif scene == "hot":
        chip[::90, ::70] = 32_000.0 if dtype == ">i2" else 1e9
    elif scene == "huge":
        chip[1, 2] = 32_000.0 if dtype == ">i2" else 1e30
    elif scene == "bimodal":
        chip[:, 500:] += 90.0
    elif scene == "blank half":
        chip[:, 400:] = 0.0
    check_against_oracle(chip.astype(dtype), 3.0)


@pytest.mark.parametrize(
    ("first", "counts", "static_sig"),
    [(-46.0, (177, 685, 3028, 1), 2.5), (-26.0, (350, 1186, 1982, 3), 0.5)],
)
def test_counts_at_the_edge_of_a_bin_fall_into_the_bin_that_the_oracle_counts_them_in(
    first: float, counts: tuple[int, ...], static_sig: float
) -> None:
    # The bins start at the end of the window, so the last digit of the rms decides on the peak.
    chip = np.repeat(np.array([first, 0, 5, 6, 126], dtype=np.float32), (1, *counts))
    check_against_oracle(chip.reshape(1, -1), static_sig)


@settings(max_examples=60)
@given(
    chip=chips().map(lambda chip: chip if chip.dtype.kind == "f" else chip.astype(">f4")),
    seed=st.integers(0, 2**32 - 1),
    share=st.sampled_from([0.0, 0.05, 0.5, 0.99]),
    first=st.booleans(),
)
def test_pixels_that_are_not_finite_never_count(
    chip: npt.NDArray[Any], seed: int, share: float, first: bool  # noqa: FBT001 - drawn by name
) -> None:
    rng = np.random.default_rng(seed)
    bad = rng.random(chip.shape) < share
    bad.flat[0] = first
    chip[bad] = rng.choice([np.nan, np.inf, -np.inf], np.count_nonzero(bad))
    finite = chip[~bad]
    if finite.size < 2:  # the oracle divides by the number of pixels minus one
        assert (chip_statistics(chip).npix, chip_statistics(chip).clippable) == (finite.size, False)
        return
    if first:  # The oracle gets a first pixel inside every window, where it has no effect either.
        distance = np.abs(finite.astype(float) - chip_statistics(chip).mean)
        inside = int(np.argmin(distance))
        finite[[0, inside]] = finite[[inside, 0]]
    check_against_oracle(chip, 2.0, finite.reshape(1, -1))
    assert not pixels_below(chip, math.inf)[np.isnan(chip)].any()


@pytest.mark.parametrize("dtype", ["f4", ">f4", "f8", "i2", ">u2", "i8", "f2"])
def test_input_is_never_modified(dtype: str) -> None:
    chip = np.random.default_rng(3).normal(90.0, 4.0, (300, 401)).astype(dtype)
    before = chip.tobytes()
    chip.flags.writeable = False
    chip_statistics(chip)
    pixels_below(chip, 80.0)
    assert chip.tobytes() == before


def test_views_and_lists_give_the_statistics_of_the_array() -> None:
    wide = np.random.default_rng(4).normal(90.0, 4.0, (60, 140))
    view = wide[::2, 5:90:3]
    assert chip_statistics(view) == chip_statistics(view.copy())
    assert chip_statistics(view.tolist()) == chip_statistics(view)


@pytest.mark.parametrize("dtype", ["c8", "U3", "O", "M8[s]"])
def test_pixels_that_are_not_real_numbers_are_refused(dtype: str) -> None:
    with pytest.raises(ChipError, match="of a real numeric dtype, found"):
        chip_statistics(np.zeros((3, 4), dtype=dtype))


@pytest.mark.parametrize(
    ("chip", "npix", "nbins"),
    [
        (np.full((5, 7), 3.25), 35, 1),
        (np.zeros((5, 7), np.int16), 35, 1),
        (np.full((5, 7), np.nan), 0, 0),
        (np.full((5, 7), np.inf), 0, 0),
        (np.zeros((0, 7)), 0, 0),
        (np.array([[4.0, np.nan]]), 1, 1),
        (np.full((5, 7), np.finfo(np.float64).max), 0, 0),
    ],
)
def test_chips_that_cannot_be_clipped_have_fewer_than_two_bins(
    chip: npt.NDArray[Any], npix: int, nbins: int
) -> None:
    statistics = chip_statistics(chip)
    assert (statistics.npix, statistics.nbins) == (npix, nbins)
    assert not statistics.clippable


@pytest.mark.parametrize("value", [np.iinfo(np.int64).min, np.iinfo(np.int64).max, 2**53 + 1])
def test_extreme_integers_are_compared_in_double_precision(value: int) -> None:
    chip = np.zeros((20, 31), np.int64)
    chip[3, 4] = value
    np.testing.assert_array_equal(pixels_below(chip, float(2**53)), chip.astype(float) < 2**53)


@given(threshold=st.floats(-1e3, 1e3), seed=st.integers(0, 999))
@example(threshold=0.1, seed=0)
def test_float32_pixels_are_compared_as_in_double_precision(threshold: float, seed: int) -> None:
    limit = np.float32(threshold)
    beside = [np.nextafter(limit, np.float32(end)) for end in (-np.inf, np.inf)]
    chip = np.array([[limit, *beside, np.float32(seed), np.nan]], dtype=np.float32)
    expected = chip.astype(np.float64) < threshold
    for order in "<>":
        np.testing.assert_array_equal(pixels_below(chip.astype(order + "f4"), threshold), expected)


@settings(max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), skew=st.floats(0, 0.4))
def test_median_agrees_with_numpy_to_a_bin(seed: int, skew: float) -> None:
    rng = np.random.default_rng(seed)
    chip = rng.normal(10.0, 2.0, (150, 260)) + (rng.random((150, 260)) < skew) * 3.0
    clipping = clip_chip(chip)
    assert clipping.median == pytest.approx(np.median(chip), abs=0.1 * clipping.statistics.rms)


def test_a_first_pixel_that_requires_millions_of_bins_costs_no_memory() -> None:
    rng = np.random.default_rng(8)
    chip = rng.normal(0.0, 1e-4, (300, 500)).astype(np.float32)
    chip.flat[:3] = -1e9, -5e6, -3e4  # each clip removes one, so that the last window is wide
    tracemalloc.start()
    statistics = chip_statistics(chip)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert statistics.nbins > 1 << 22
    check_against_oracle(chip, 4.0)  # which needs a hundred megabytes
    assert peak < 30 * chip.size + (8 << 20)


def test_low_pixels_are_found_even_if_the_sample_is_not_typical() -> None:
    chip = np.random.default_rng(2).normal(5.0, 1.0, (1300, 1700))
    chip.reshape(-1)[:: chip.size // (1 << 14) | 1] = 300.0
    for view in (chip, chip.T, chip[::-1, ::2]):
        clipping = clip_chip(view)
        for threshold in (2.0, 7.0, 310.0):
            low = low_pixels(view, clipping, threshold)
            np.testing.assert_array_equal(low.bits, view < threshold)
            assert len(low) == np.count_nonzero(view < threshold)


def test_low_pixels_are_found_where_float32_hardly_resolves_the_noise() -> None:
    chip = np.random.default_rng(72).normal(1e4, 1e-3, (500, 700))
    clipping = clip_chip(chip)
    for threshold in np.linspace(clipping.low_end - 2e-3, clipping.low_end + 1e-3, 20):
        low = low_pixels(chip, clipping, float(threshold))
        np.testing.assert_array_equal(low.bits, chip < threshold)


def test_statistics_are_frozen_and_the_threshold_follows_from_them() -> None:
    statistics = chip_statistics(np.random.default_rng(1).normal(5.0, 1.0, (40, 50)))
    with pytest.raises(AttributeError):
        statistics.npix = 3  # type: ignore[misc]
    assert statistics.threshold(4) == statistics.mode - 4 * statistics.rms
    assert statistics.minimum < statistics.mode < statistics.maximum


@settings(max_examples=50)
@given(share=st.floats(0, 1), size=st.integers(1, 400), dtype=st.sampled_from(["f4", ">f8", "f2"]))
def test_finite_pixels_are_counted_in_passing(share: float, size: int, dtype: str) -> None:
    rng = np.random.default_rng(size)
    data = rng.normal(100.0, 5.0, (size, 7))
    data[rng.random(data.shape) < share] = np.nan
    data[0, :2] = np.inf, -np.inf
    data = data.astype(dtype)
    assert clip_chip(data).finite == np.isfinite(data).sum()
