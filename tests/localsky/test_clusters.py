"""Clusters of low pixels are found whole, on the chip of blocks, and nothing beside them is."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.localsky.candidates import far_below_sky
from staticmask_cli.localsky.clusters import BLOCK, blocks_of, mark_clusters
from staticmask_cli.localsky.windows import tiles
from tests.support.skies import UNIT_NOISE, grid

Bits = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]

SHAPE = (90, 129)
Y, X = grid(SHAPE)


@pytest.mark.parametrize("dtype", ["float32", ">f4", "float64", ">i2", "uint8"])
@pytest.mark.parametrize("shape", [(6, 9), (8, 10), (400, 4), (3, 3), (2, 9), (1, 1)])
def test_blocks_are_the_means_of_3_x_3_pixels(dtype: str, shape: tuple[int, int]) -> None:
    data = np.random.default_rng(1).integers(0, 200, shape).astype(dtype)
    ny, nx = shape[0] // BLOCK, shape[1] // BLOCK
    whole = data[: ny * BLOCK, : nx * BLOCK].astype(np.float64)
    expected = whole.reshape(ny, BLOCK, nx, BLOCK).mean(axis=(1, 3))
    blocks = blocks_of(data)
    assert blocks.dtype == np.float32
    assert blocks.shape == (ny, nx)
    np.testing.assert_allclose(blocks, expected, rtol=1e-6)


def test_a_block_with_a_missing_pixel_is_missing() -> None:
    data = np.ones((7, 10))
    data[4, 5], data[0, 0], data[0, 8] = np.nan, np.inf, -np.inf
    expected = np.array([[np.inf, 1.0, -np.inf], [1.0, np.nan, 1.0]])
    np.testing.assert_array_equal(blocks_of(data), expected)


def noisy(sky: Floats | float = 100.0, *, seed: int = 3) -> Floats:
    """Add noise of 1 to a sky."""
    return np.asarray(sky + np.random.default_rng(seed).normal(size=SHAPE))


def marked(data: Floats) -> Bits:
    """Return the pixels of clusters at 5 sigma; the noise of a pixel is 1."""
    low = np.zeros(data.shape, np.bool_)
    before = data.copy()
    low_blocks = far_below_sky(tiles(blocks_of(data)), UNIT_NOISE.of_blocks(BLOCK), 5.0)
    mark_clusters(low, data, low_blocks, UNIT_NOISE, 5.0)
    np.testing.assert_array_equal(data, before)
    return low


def planted(height: int, width: int) -> Bits:
    """Return clusters at all positions relative to the blocks, far from each other."""
    bits = np.zeros(SHAPE, np.bool_)
    for number in range(12):
        y, x = 12 + 27 * (number // 4) + number % 3, 14 + 28 * (number % 4) + number // 4
        bits[y : y + height, x : x + width] = True
    return bits


@pytest.mark.parametrize("size", [(2, 2), (2, 3), (3, 3), (4, 4), (5, 5), (6, 6), (6, 3), (2, 5)])
@pytest.mark.parametrize(("depth", "part"), [(20.0, 0.99), (9.0, 0.95)])
def test_clusters_of_up_to_6_x_6_pixels_are_marked_and_nothing_beside_them(
    size: tuple[int, int], depth: float, part: float
) -> None:
    cluster = planted(*size)
    low = marked(noisy() - depth * cluster)
    assert low[cluster].mean() > part
    assert not (low & ~cluster).any()


@pytest.mark.parametrize("size", [(7, 7), (8, 8), (3, 8), (8, 3)])
def test_larger_clusters_are_not_marked(size: tuple[int, int]) -> None:
    assert not marked(noisy() - 20.0 * planted(*size)).any()


@pytest.mark.parametrize("size", [(1, 1), (1, 2), (1, 3)])
def test_fewer_than_four_pixels_are_no_cluster(size: tuple[int, int]) -> None:
    assert not marked(noisy() - 40.0 * planted(*size)).any()


@pytest.mark.parametrize("sky", [100.0 + 2.0 * X - 1.5 * Y, 100.0 + 0.03 * (X - 60.0) ** 2],
                         ids=["slope", "lane"])
def test_clusters_on_a_sky_that_is_not_flat_are_marked(sky: Floats) -> None:
    cluster = planted(4, 4)
    low = marked(noisy(sky) - 20.0 * cluster)
    assert low[cluster].mean() > 0.95
    assert not (low & ~cluster).any()
    assert not marked(noisy(sky)).any()


@pytest.mark.parametrize("corner", [(0, 0), (0, 40), (50, 0), (86, 70), (40, 125), (86, 125)])
def test_clusters_at_the_edge_of_the_chip_are_marked(corner: tuple[int, int]) -> None:
    data = noisy()
    cluster = np.zeros(SHAPE, np.bool_)
    cluster[corner[0] : corner[0] + 4, corner[1] : corner[1] + 4] = True
    low = marked(data - 20.0 * cluster)
    np.testing.assert_array_equal(low, cluster)


def test_a_cluster_of_any_shape_is_marked() -> None:
    cluster = np.zeros(SHAPE, np.bool_)
    cluster[40:46, 50] = cluster[45, 50:55] = cluster[41:43, 51:53] = True
    np.testing.assert_array_equal(marked(noisy() - 20.0 * cluster), cluster)


@pytest.mark.parametrize(("depth", "sigma"),
                         [(12.0, 1.0), (30.0, 1.0), (30.0, 1.5), (100.0, 1.5), (100.0, 2.5)])
def test_a_blurred_dark_spot_is_not_marked(depth: float, sigma: float) -> None:
    spots = np.zeros(SHAPE)
    for number in range(12):
        y, x = 15.3 + 27 * (number // 4) + 0.4 * (number % 3), 14 + 28.3 * (number % 4)
        spots += np.exp(-((Y - y) ** 2 + (X - x) ** 2) / (2 * sigma**2))
    assert not marked(noisy() - depth * spots).any()


@pytest.mark.parametrize("axis", [0, 1])
def test_a_dark_knot_in_a_lane_is_not_marked(axis: int) -> None:
    data = noisy()
    lane = data if axis else data.T
    lane[30:32, 20:24] -= 20.0
    assert np.count_nonzero(marked(data)) == 8  # without the lane it is a cluster
    lane[30:32, 24:40] -= 4.0  # less than the threshold of 5
    assert not marked(data).any()


def test_noise_has_no_clusters() -> None:
    for seed in range(20):
        assert not marked(noisy(seed=seed)).any()


def test_a_star_beside_a_cluster_does_not_hide_it() -> None:
    star = 3000.0 * np.exp(-((Y - 31.0) ** 2 + (X - 41.0) ** 2) / 3.0)
    cluster = planted(4, 4)
    low = marked(noisy(100.0 + star) - 20.0 * cluster)
    assert low[cluster].mean() > 0.95
    assert not (low & ~cluster).any()


def test_three_stars_in_the_ring_around_a_cluster_seldom_hide_it() -> None:
    cluster, light = planted(4, 4), np.zeros(SHAPE)
    corners = np.argwhere(cluster & ~np.roll(cluster, 1, axis=0) & ~np.roll(cluster, 1, axis=1))
    for number, (y, x) in enumerate(corners + 1.5):
        for angle in number + 2 * np.pi / 3 * np.arange(3):
            row, column = y + 9 * np.sin(angle), x + 9 * np.cos(angle)
            light += 100.0 * np.exp(-((Y - row) ** 2 + (X - column) ** 2) / 3.0)
    found = [marked(noisy(100.0 + light, seed=seed) - 12.0 * cluster)[cluster].mean()
             for seed in range(3)]
    assert np.mean(found) > 0.55


def test_a_cluster_on_a_steep_slope_is_marked() -> None:
    cluster = planted(4, 4)
    low = marked(noisy(100.0 + 30.0 * (X + Y)) - 15.0 * cluster)
    np.testing.assert_array_equal(low, cluster)


def test_missing_pixels_beside_a_cluster_do_not_hide_it() -> None:
    cluster = planted(4, 4)
    data = noisy() - 20.0 * cluster
    data[:, 20::28] = np.nan
    data[30] = np.inf
    low = marked(data)
    usable = cluster & np.isfinite(data)
    assert low[usable].mean() > 0.8
    assert not (low & ~usable).any()


def test_where_all_pixels_around_are_missing_nothing_is_marked() -> None:
    data = np.full(SHAPE, np.nan)
    data[44:48, 54:58] = noisy()[44:48, 54:58] - 20.0
    assert not marked(data).any()
