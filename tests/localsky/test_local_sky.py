"""The local rule finds the planted low pixels of simulated fields, and hardly any others."""

import math
import tracemalloc
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from staticmask_cli.localsky import local_sky
from staticmask_cli.localsky.local_sky import pixels_below_local_sky
from staticmask_cli.localsky.windows import tiles
from tests.support.skies import exposed, grid, noise_of, with_stars

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]
SHAPE = (180, 260)
Y, X = grid(SHAPE)
PLANTED = np.zeros(SHAPE, bool)
PLANTED[4::23, 5::29] = True


def lanes(angle: float) -> Floats:
    """Return bright clouds with a dark lane a dozen pixels wide, at some angle to the rows."""
    across = (X - 130.0) * math.sin(angle) - (Y - 90.0) * math.cos(angle)
    clouds = 2000.0 * (1.5 + np.sin(X / 40.0) * np.cos(Y / 30.0))
    return np.asarray(60.0 + clouds * (1 - 0.9 * np.exp(-((across / 6.0) ** 2))))


def stars(count: int) -> Floats:
    """Return stars of all brightnesses on a flat sky."""
    return with_stars(np.full(SHAPE, 80.0), count)


FIELDS: dict[str, Callable[[], Floats]] = {
    "flat": lambda: np.full(SHAPE, 80.0),
    "gradient": lambda: 40.0 + 3.0 * X + 2.0 * Y,
    "lane": lambda: lanes(0.7),
    "lane along the columns": lambda: lanes(math.pi / 2),
    "lane along the rows": lambda: lanes(0.0),
    "stars": lambda: stars(700),
}


def exposure(light: Floats, depth: float = 0.0, *, seed: int = 1) -> npt.NDArray[np.float32]:
    """Expose a field, with pixels that are low by `depth` times the noise."""
    low = np.where(PLANTED, depth * noise_of(light), 0.0)
    return np.asarray(exposed(light, seed=seed) - low, np.float32)


def low_pixels(data: npt.NDArray[np.generic], static_sig: float) -> Bits:
    """Find the low pixels of a chip, whether or not they are part of a line."""
    return pixels_below_local_sky(data, static_sig)[0]


@pytest.mark.parametrize("name", FIELDS)
def test_low_pixels_are_found_and_hardly_any_other(name: str) -> None:
    low = low_pixels(exposure(FIELDS[name](), 11.0), 5.0)
    assert low.dtype == np.bool_
    assert (low & PLANTED).sum() >= (0.9 if name == "stars" else 0.94) * PLANTED.sum()
    assert (low & ~PLANTED).sum() <= 2


def dust(seed: int) -> Floats:
    """Return a cloud with twenty wavy dark lanes of all widths and directions."""
    rng = np.random.default_rng(seed)
    light = 200.0 + 1500.0 * np.exp(-((X - 130.0) ** 2 + (Y - 90.0) ** 2) / (2 * 80.0**2))
    for _ in range(20):
        angle, x, y = rng.uniform(0, math.pi), rng.uniform(0, 260), rng.uniform(0, 180)
        across = (X - x) * math.sin(angle) - (Y - y) * math.cos(angle) + 8 * np.sin((X + Y) / 25.0)
        light *= 1 - 0.5 * np.exp(-((across / rng.uniform(1.2, 4.0)) ** 2))
    return np.asarray(light)


def test_hardly_any_pixel_of_narrow_dust_lanes_is_low() -> None:
    found = [low_pixels(exposure(dust(seed), seed=seed), 5.0).sum()
             for seed in range(4)]
    assert sum(found) <= 7  # of 187,200


@pytest.mark.parametrize("name", FIELDS)
def test_where_nothing_is_low_nothing_is_found(name: str) -> None:
    assert low_pixels(exposure(FIELDS[name](), seed=4), 5.0).sum() <= 2


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2", "uint16", "int32"])
def test_the_dtype_does_not_matter_and_pixels_are_not_modified(dtype: str) -> None:
    whole = np.rint(exposure(FIELDS["gradient"](), 11.0)).clip(0)
    data = whole.astype(dtype)
    data.flags.writeable = False
    np.testing.assert_array_equal(
        low_pixels(data, 5.0), low_pixels(whole, 5.0)
    )
    np.testing.assert_array_equal(data, whole)


def test_the_width_of_the_tiles_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = exposure(FIELDS["lane"](), 9.0)
    data[:, 77] -= 60.0
    data[31:44, 100:140] = np.nan
    whole = low_pixels(data, 5.0)
    assert whole.sum() > PLANTED.sum() / 2
    for width in (64, 128):
        monkeypatch.setattr(local_sky, "tiles", partial(tiles, shape=(64, width)))
        np.testing.assert_array_equal(low_pixels(data, 5.0), whole)


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("number", [0, 1, 90, 178])
def test_a_bad_line_is_found_over_its_whole_length_and_no_neighbour(
    axis: int, number: int
) -> None:
    data = exposure(FIELDS["flat"]())
    lines = np.moveaxis(data, axis, 0)
    lines[number] -= 20.0  # 2 sigma in every pixel
    low = np.moveaxis(low_pixels(data, 5.0), axis, 0)
    assert low[number].all()
    low[number] = False
    assert low.sum() <= 2


def test_lines_side_by_side_and_parts_of_lines_are_found() -> None:
    data = exposure(FIELDS["gradient"]())
    data[:, [40, 41, 120, 122]] -= 100.0
    data[60:, 200] -= 70.0
    low = low_pixels(data, 5.0)
    assert low[:, [40, 41, 120, 122]].mean() > 0.98
    assert low[62:, 200].all()
    assert not low[:50, 200].any()
    low[:, [40, 41, 120, 122, 200]] = False
    assert low.sum() <= 3


def test_traps_and_ends_of_columns_are_found() -> None:
    data = exposure(FIELDS["flat"](), seed=2)
    low = np.zeros(SHAPE, bool)
    low[40:48, 50] = low[160:, 130] = low[:20, 180] = low[100, 30:38] = low[60, 240:] = True
    data[low] -= 15.0 * 9.8
    found = low_pixels(data, 5.0)
    assert found[low].mean() > 0.85  # without the last three of a line that ends at the edge
    assert found[low & (X > 2) & (X < 257) & (Y > 2) & (Y < 177)].mean() > 0.95
    assert (found & ~low).sum() <= 1


@pytest.mark.parametrize(("sides", "least", "most"), [(0.2, 0.7, 1.0), (0.25, 0.0, 0.6)])
def test_most_short_lines_with_crosstalk_are_found_and_fewer_that_are_softer(
    sides: float, least: float, most: float
) -> None:
    low = np.zeros(SHAPE, bool)
    low[12:160, 8:250:14] = Y[12:160, 8:250:14] % 24 >= 16
    depth = low + sides * (np.roll(low, 1, axis=1) | np.roll(low, -1, axis=1))
    # Sides of 0.25 are those of an image 1.4 pixels wide at half depth.
    found = low_pixels(exposure(FIELDS["flat"]()) - 10.0 * 9.8 * depth, 5.0)
    assert least < found[low].mean() < most


def test_hardly_any_pixel_in_gaps_between_trails_of_saturated_stars_is_low() -> None:
    data = exposure(FIELDS["flat"]())
    gaps = np.zeros(SHAPE, bool)
    for number, x in enumerate(range(20, 240, 20)):  # pairs of trails, one to three columns wide
        width, rows = 1 + number % 3, slice(75 - 5 * number, 105 + 5 * number)
        for first in (x, x + width + 1):
            data[rows, first : first + width] = 84_000.0
        gaps[rows, x + width] = True
    found = low_pixels(data, 5.0)
    assert (found & gaps).sum() < 0.04 * gaps.sum()
    assert (found & ~gaps).sum() <= 1


def test_clusters_and_short_columns_of_low_pixels_among_stars_are_found() -> None:
    data = exposure(FIELDS["stars"]())
    low = np.zeros(SHAPE, bool)
    low[20:22, 30:32] = low[60:80, 50] = low[100:104, 200:204] = low[150, 90:93] = True
    data[low] = 5.0
    found = low_pixels(data, 5.0)
    assert found[low].mean() > 0.8
    assert (found & ~low).sum() <= 2


@pytest.mark.parametrize("size", [2, 3, 4, 5, 6])
@pytest.mark.parametrize("depth", [8.0, 20.0])
def test_clusters_are_found_whole(size: int, depth: float) -> None:
    data = exposure(FIELDS["flat"]())
    low = np.zeros(SHAPE, bool)
    for y in range(size):
        for x in range(size):
            low[10 + y :: 40, 11 + x :: 43] = True
    data[low] -= depth * 9.8
    found = low_pixels(data, 5.0)
    assert found[low].mean() > (0.93 if size > 2 else 0.85)
    assert (found & ~low).sum() <= 1


@pytest.mark.parametrize("slope", [2.0, 20.0])
def test_a_steep_slope_at_an_edge_is_not_low(slope: float) -> None:
    for distance in (Y, SHAPE[0] - 1 - Y, X, SHAPE[1] - 1 - X, np.minimum(X, Y)):
        light = 100.0 + 10.0 * slope * np.minimum(distance, 12.0)
        assert not low_pixels(exposure(light), 5.0).any()


def test_of_noise_as_many_pixels_are_low_as_chance_makes() -> None:
    shape, found = (700, 1200), 0
    for seed in (1, 2):
        data = np.random.default_rng(seed).normal(100.0, 10.0, shape).astype(np.float32)
        found += int(low_pixels(data, 3.0).sum())
    # The noise is known to 2%, of which 20% of the number are the consequence.
    assert found == pytest.approx(0.00135 * 2 * 700 * 1200, rel=0.2)


def test_few_pixels_of_an_unlit_border_are_low_by_chance() -> None:
    light = np.where(X < 60, 0.0, 21.6)
    low = 0
    for seed in range(6):
        rng = np.random.default_rng(seed)
        data = rng.poisson(light) + 4.0 * rng.normal(size=SHAPE)
        low += int(low_pixels(data, 4.0)[:, :60].sum())
    assert low <= 8  # chance makes 2 of 64,800


def test_ridges_beside_bright_stars_do_not_make_columns_between_them_low(
    real_exposure: Path,
) -> None:
    with fits.open(real_exposure) as hdus:
        data = hdus["SCI", 1].data
    assert low_pixels(data, 5.0).sum(axis=0).max() < 64  # shorter than any line


def test_the_memory_is_that_of_few_blocks_of_rows() -> None:
    peaks = []
    for rows in (1000, 3000):
        data = np.random.default_rng(1).normal(100.0, 10.0, (rows, 700)).astype(np.float32)
        low_pixels(data, 5.0)  # now the scratch buffers exist
        tracemalloc.start()
        low_pixels(data, 5.0)
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    # The result and the means of 3 x 3 pixels take 1.4 bytes for each pixel.
    assert peaks[1] - peaks[0] < 2.0 * 2000 * 700


def test_most_pairs_of_low_pixels_among_crowded_stars_are_found() -> None:
    light = stars(4000)
    data = exposure(light)
    pairs = PLANTED | np.roll(PLANTED, 1, axis=1)
    data[pairs] -= 11.0 * np.sqrt(light + 16.0)[pairs]
    low = low_pixels(data, 5.0)
    assert low[pairs].mean() > 0.5
    assert (low & ~pairs).sum() <= 2


def test_missing_pixels_are_not_low_and_do_not_hide_their_neighbours() -> None:
    data = exposure(FIELDS["flat"](), 12.0)
    data[20:60, 30:90] = np.nan
    data[100, 100], data[102, 100] = -np.inf, np.inf
    low = low_pixels(data, 5.0)
    assert not low[20:60, 30:90].any()
    assert (low[100, 100], low[102, 100]) == (True, False)
    assert low[PLANTED & np.isfinite(data)].mean() > 0.97
    low[100, 100] = False
    assert (low & ~PLANTED).sum() <= 1


def test_saturated_cores_of_stars_that_are_missing_neither_hide_nor_make_low_pixels() -> None:
    light = stars(700)
    data = exposure(light, 12.0)
    data[light > 1500.0] = np.nan
    low = low_pixels(data, 5.0)
    assert low[PLANTED & np.isfinite(data)].mean() > 0.9
    assert (low & ~PLANTED).sum() == 0


@pytest.mark.parametrize("level", [0.02, 0.5, 3.0])
def test_empty_pixels_among_few_counts_are_not_low(level: float) -> None:
    counts = np.random.default_rng(9).poisson(level, SHAPE).astype(np.float32)
    assert low_pixels(counts, 5.0).sum() == 0


def test_dead_pixels_among_many_counts_are_low() -> None:
    counts = np.random.default_rng(9).poisson(60.0, SHAPE).astype(np.int16)
    counts[PLANTED] = 0
    np.testing.assert_array_equal(low_pixels(counts, 5.0), PLANTED)


SMALL = [(1, 1), (1, 2), (2, 1), (2, 3), (3, 3), (3, 5), (5, 4), (7, 3), (6, 9), (0, 4), (3, 0),
         (1, 70), (4, 900), (16, 17), (31, 12)]


@pytest.mark.parametrize("shape", SMALL)
def test_a_small_chip_of_noise_has_no_low_pixel(shape: tuple[int, int]) -> None:
    for seed in range(5):
        data = np.random.default_rng(seed).normal(100.0, 5.0, shape)
        low = low_pixels(data, 5.0)
        assert low.shape == shape
        assert not low.any()


@pytest.mark.parametrize("shape", [*SMALL, (40, 50), (90, 70)])
@pytest.mark.parametrize("value", [7.0, 0.0, np.nan, np.inf])
def test_a_chip_of_equal_or_missing_pixels_has_no_low_pixel(
    shape: tuple[int, int], value: float
) -> None:
    assert not low_pixels(np.full(shape, value), 5.0).any()


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (40, 50)])
@pytest.mark.parametrize("dtype", ["float32", ">f4", "float64"])
def test_minus_infinity_is_low_on_any_chip(shape: tuple[int, int], dtype: str) -> None:
    data = np.full(shape, 7.0).astype(dtype)
    data[-1, -1] = -np.inf
    np.testing.assert_array_equal(np.argwhere(low_pixels(data, 5.0)),
                                  [[shape[0] - 1, shape[1] - 1]])


def test_extreme_values_do_no_harm() -> None:
    data = exposure(FIELDS["flat"](), 12.0).astype(np.float64)
    data[::31, ::17] = 1e300
    data[7::31, 3::19] = -1e300
    data[9::31, 3::19] = 3e38
    low = low_pixels(data, 5.0)
    assert low[data == -1e300].all()
    assert not low[data > 1e30].any()


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("level", [0.0, 100.0, 1e10])
def test_pixels_of_any_magnitude_give_a_mask_and_no_warning(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    flat = rng.normal(level, 0.1 * level + 1e-20, (199, 71))
    huge = np.clip(1e38 * rng.normal(size=flat.shape), -3.3e38, 3.3e38)
    data = np.where(rng.random(flat.shape) < 0.5, flat, huge).astype(">f4")
    for static_sig in (1.0, 50.0):
        low = low_pixels(data, static_sig)
        assert low.shape == flat.shape
        assert not low[data == data.max()].any()
