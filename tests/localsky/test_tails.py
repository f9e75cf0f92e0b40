"""Noise with a heavy tail makes hardly more pixels low than Gaussian noise does."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.tails import Tail

Doubles = npt.NDArray[np.float64]
PIXELS = 3000


def gaussian(count: int, seed: int = 7) -> Doubles:
    return np.random.default_rng(seed).normal(size=count)


def stretched(values: Doubles, power: float) -> Doubles:
    """Return noise whose tail is heavier than a Gaussian one by this power."""
    return np.asarray(np.sign(values) * np.abs(values) ** power)


def with_defects(part: float, depth: float, seed: int) -> Doubles:
    depths = gaussian(PIXELS, seed)
    depths[: round(part * PIXELS)] += depth
    return depths


def tails(sample: Callable[[int], Doubles]) -> list[Tail]:
    """Measure the samples of several seeds, as a single one has few pixels in its tail."""
    return [Tail.of(sample(seed), flat=True) for seed in range(20)]


def median_limit(measured: list[Tail], static_sig: float) -> float:
    return float(np.median([tail.limit(static_sig) for tail in measured]))


@pytest.mark.parametrize("static_sig", [1.5, 3.0, 5.0, 9.0])
def test_the_limit_of_gaussian_noise_is_the_threshold(static_sig: float) -> None:
    limit = median_limit(tails(partial(gaussian, PIXELS)), static_sig)
    assert math.isclose(limit, static_sig, rel_tol=0.04)


@pytest.mark.parametrize("power", [1.8, 2.0, 2.2])
def test_a_heavy_tail_makes_hardly_more_pixels_low_than_gaussian_noise(power: float) -> None:
    noise = stretched(gaussian(1_000_000, 8), power)
    measured = tails(lambda seed: stretched(gaussian(PIXELS, seed), power))
    low = np.median([np.count_nonzero(noise > tail.limit(4.0)) for tail in measured])
    # Of Gaussian noise 32 pixels lie beyond 4 sigma; of this noise 600 times as many, and 30 times
    # as many beyond 4 times the largest scatter that is measured.
    assert low < 25 * 32
    assert np.count_nonzero(noise > 4.0) > 15_000
    assert np.median([np.count_nonzero(noise > 4 * tail.spread) for tail in measured]) > 1000
    assert np.mean([tail.growth > 0 for tail in measured]) > 0.85


def test_gaussian_noise_has_no_heavy_tail() -> None:
    assert not any(tail.growth for tail in tails(partial(gaussian, 1000)))


@pytest.mark.parametrize(("part", "depth"), [
    (0.002, 8.0), (0.005, 20.0), (0.006, 8.0), (0.008, 8.0), (0.015, 8.0), (0.02, 20.0),
])
def test_defects_are_no_tail_of_the_noise(part: float, depth: float) -> None:
    measured = tails(partial(with_defects, part, depth))
    assert median_limit(measured, 5.0) < 5.6
    assert not any(tail.growth for tail in measured)


def test_weak_defects_widen_the_tail_but_do_not_extend_it() -> None:
    measured = tails(partial(with_defects, 0.008, 5.0))
    assert not any(tail.growth for tail in measured)


def test_where_the_sky_has_structure_the_tail_is_not_extrapolated() -> None:
    depth = stretched(gaussian(PIXELS), 2.0)
    tail = Tail.of(depth, flat=False)
    assert tail.growth == 0
    assert tail.spread == Tail.of(depth, flat=True).spread


def test_the_scatter_is_measured_as_far_as_there_are_pixels() -> None:
    few, many = (Tail.of(stretched(gaussian(count), 2.0), flat=True) for count in (200, PIXELS))
    assert few.spread < 0.8 * many.spread
    assert few.growth == 0
    assert Tail.of(stretched(gaussian(1000), 2.0), flat=True).growth > 0
    assert Tail.of(gaussian(30), flat=True).spread == 0
    assert Tail.of(np.zeros(PIXELS), flat=True) == Tail(0.0, 0.0)
    assert Tail.of(np.arange(-PIXELS, 0.0), flat=True).growth == 0
