"""The local rule finds the planted low pixels of simulated fields, and hardly any others."""

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky import local_sky
from staticmask_cli.localsky.local_sky import pixels_below_local_sky

Floats = npt.NDArray[np.float64]
SHAPE = (180, 260)
Y, X = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(float)
PLANTED = np.zeros(SHAPE, bool)
PLANTED[4::11, 5::13] = True


def lanes(angle: float) -> Floats:
    """Return bright clouds with a dark lane a dozen pixels wide, at some angle to the rows."""
    across = (X - 130.0) * math.sin(angle) - (Y - 90.0) * math.cos(angle)
    clouds = 2000.0 * (1.5 + np.sin(X / 40.0) * np.cos(Y / 30.0))
    return np.asarray(60.0 + clouds * (1 - 0.9 * np.exp(-((across / 6.0) ** 2))))


def stars(count: int) -> Floats:
    """Return stars of all brightnesses on a flat sky, two pixels wide."""
    rng = np.random.default_rng(2)
    light = np.full(SHAPE, 80.0)
    for _ in range(count):
        y, x = rng.uniform(0, SHAPE[0]), rng.uniform(0, SHAPE[1])
        around = np.s_[max(int(y) - 9, 0) : int(y) + 10, max(int(x) - 9, 0) : int(x) + 10]
        distance = (Y[around] - y) ** 2 + (X[around] - x) ** 2
        light[around] += 60.0 * (1 + rng.pareto(0.9)) * (1 + distance / 2.5) ** -3.0
    return light


FIELDS: dict[str, Callable[[], Floats]] = {
    "flat": lambda: np.full(SHAPE, 80.0),
    "gradient": lambda: 40.0 + 3.0 * X + 2.0 * Y,
    "lane": lambda: lanes(0.7),
    "lane along the columns": lambda: lanes(math.pi / 2),
    "lane along the rows": lambda: lanes(0.0),
    "stars": lambda: stars(700),
}


def exposure(light: Floats, depth: float = 0.0, *, seed: int = 1) -> npt.NDArray[np.float32]:
    """Expose a field with photon noise, a read noise of 4, and pixels low by `depth` times that."""
    rng = np.random.default_rng(seed)
    noise = np.sqrt(light + 16.0)
    low = np.where(PLANTED, depth * noise, 0.0)
    return np.asarray(light - low + noise * rng.standard_normal(SHAPE), np.float32)


@pytest.mark.parametrize("name", FIELDS)
def test_low_pixels_are_found_and_hardly_any_other(name: str) -> None:
    low = pixels_below_local_sky(exposure(FIELDS[name](), 11.0), 5.0)
    assert low.dtype == np.bool_
    assert (low & PLANTED).sum() >= (0.9 if name == "stars" else 0.97) * PLANTED.sum()
    assert (low & ~PLANTED).sum() <= 2


@pytest.mark.parametrize("name", FIELDS)
def test_where_nothing_is_low_nothing_is_found(name: str) -> None:
    assert pixels_below_local_sky(exposure(FIELDS[name](), seed=4), 5.0).sum() <= 2


@pytest.mark.parametrize("dtype", [">f4", "float64", ">i2", "uint16", "int32"])
def test_the_dtype_does_not_matter_and_pixels_are_not_modified(dtype: str) -> None:
    whole = np.rint(exposure(FIELDS["gradient"](), 11.0)).clip(0)
    data = whole.astype(dtype)
    data.flags.writeable = False
    np.testing.assert_array_equal(
        pixels_below_local_sky(data, 5.0), pixels_below_local_sky(whole, 5.0)
    )
    np.testing.assert_array_equal(data, whole)


def test_the_size_of_the_row_blocks_does_not_matter(monkeypatch: pytest.MonkeyPatch) -> None:
    data = exposure(FIELDS["lane"](), 9.0)
    data[:, 77] -= 60.0
    data[31:44, 100:140] = np.nan
    # The noise model comes from a sample of blocks: of all blocks here, so that it is the same.
    monkeypatch.setattr(local_sky, "_SAMPLE", 1 << 30)
    monkeypatch.setattr(local_sky, "_PIXELS_FOR_FIT", 1 << 30)
    whole = pixels_below_local_sky(data, 5.0)
    assert whole.sum() > PLANTED.sum() / 2
    for size in (1, 3000, 9000):
        monkeypatch.setattr(local_sky, "_BLOCK", size)
        assert np.count_nonzero(pixels_below_local_sky(data, 5.0) != whole) <= 3


@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("number", [0, 1, 90, 178])
def test_a_bad_line_is_found_over_its_whole_length_and_no_neighbour(
    axis: int, number: int
) -> None:
    data = exposure(FIELDS["flat"]())
    lines = np.moveaxis(data, axis, 0)
    lines[number] -= 20.0  # 2 sigma in every pixel
    low = np.moveaxis(pixels_below_local_sky(data, 5.0), axis, 0)
    assert low[number].all()
    low[number] = False
    assert low.sum() <= 2


def test_lines_side_by_side_and_parts_of_lines_are_found() -> None:
    data = exposure(FIELDS["gradient"]())
    data[:, [40, 41, 120, 122]] -= 100.0
    data[60:, 200] -= 70.0
    low = pixels_below_local_sky(data, 5.0)
    assert low[:, [40, 41, 120, 122]].mean() > 0.98
    assert low[62:, 200].all()
    assert not low[:50, 200].any()
    low[:, [40, 41, 120, 122, 200]] = False
    assert low.sum() <= 3


def test_clusters_and_short_columns_of_low_pixels_are_found() -> None:
    data = exposure(FIELDS["stars"]())
    low = np.zeros(SHAPE, bool)
    low[20:22, 30:32] = low[60:80, 50] = low[100:103, 200:202] = low[150, 90:93] = True
    data[low] = 5.0
    found = pixels_below_local_sky(data, 5.0)
    assert found[low].mean() > 0.9
    assert (found & ~low).sum() <= 2


def test_most_pairs_of_low_pixels_among_crowded_stars_are_found() -> None:
    light = stars(4000)
    data = exposure(light)
    pairs = PLANTED | np.roll(PLANTED, 1, axis=1)
    data[pairs] -= 11.0 * np.sqrt(light + 16.0)[pairs]
    low = pixels_below_local_sky(data, 5.0)
    assert low[pairs].mean() > 0.58
    assert (low & ~pairs).sum() <= 2


def test_missing_pixels_are_not_low_and_do_not_hide_their_neighbours() -> None:
    data = exposure(FIELDS["flat"](), 12.0)
    data[20:60, 30:90] = np.nan
    data[100, 100], data[102, 100] = -np.inf, np.inf
    low = pixels_below_local_sky(data, 5.0)
    assert not low[20:60, 30:90].any()
    assert (low[100, 100], low[102, 100]) == (True, False)
    assert low[PLANTED & np.isfinite(data)].mean() > 0.97
    low[100, 100] = False
    assert (low & ~PLANTED).sum() <= 1


@pytest.mark.parametrize("level", [0.02, 0.5, 3.0])
def test_empty_pixels_among_few_counts_are_not_low(level: float) -> None:
    counts = np.random.default_rng(9).poisson(level, SHAPE).astype(np.float32)
    assert pixels_below_local_sky(counts, 5.0).sum() == 0


def test_dead_pixels_among_many_counts_are_low() -> None:
    counts = np.random.default_rng(9).poisson(60.0, SHAPE).astype(np.int16)
    counts[PLANTED] = 0
    np.testing.assert_array_equal(pixels_below_local_sky(counts, 5.0), PLANTED)


@pytest.mark.parametrize(
    "data",
    [np.full((40, 50), 7.0), np.full((40, 50), np.nan), np.zeros((0, 4)), np.zeros((3, 0)),
     np.ones((1, 1)), np.arange(12.0).reshape(3, 4), np.arange(70.0).reshape(1, 70),
     np.random.default_rng(1).normal(size=(4, 900)), np.full((9, 9), np.inf)],
    ids=["constant", "nan", "no row", "no column", "one", "tiny", "one row", "four rows", "inf"],
)
def test_a_chip_without_noise_or_size_has_no_low_pixel(data: Floats) -> None:
    low = pixels_below_local_sky(data, 5.0)
    assert low.shape == data.shape
    assert not low.any()


def test_extreme_values_do_no_harm() -> None:
    data = exposure(FIELDS["flat"](), 12.0).astype(np.float64)
    data[::31, ::17] = 1e300
    data[7::31, 3::19] = -1e300
    data[9::31, 3::19] = 3e38
    low = pixels_below_local_sky(data, 5.0)
    assert low[data == -1e300].all()
    assert not low[data > 1e30].any()


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("level", [0.0, 100.0, 1e10])
def test_pixels_of_any_magnitude_give_a_mask_and_no_warning(seed: int, level: float) -> None:
    rng = np.random.default_rng(seed)
    flat = rng.normal(level, 0.1 * level + 1e-20, (199, 71))
    huge = np.clip(1e38 * rng.normal(size=flat.shape), -3.3e38, 3.3e38)
    data = np.where(rng.random(flat.shape) < 0.5, flat, huge).astype(">f4")
    for static_sig in (1.0, 50.0):
        low = pixels_below_local_sky(data, static_sig)
        assert low.shape == flat.shape
        assert not low[data == data.max()].any()
