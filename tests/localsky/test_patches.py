"""Patches hold the sky and the distances of the pixels in the middle of each cell of a chip."""

import numpy as np
import pytest

from staticmask_cli.localsky.median import REACH
from staticmask_cli.localsky.patches import COMPRESSED, TAIL, TAIL_SIGMA, Patches
from tests.support.skies import grid

SHAPE = (50, 70)  # of which the patches are 16 pixels wide


def sorted_median(data: np.ndarray) -> np.ndarray:
    """Return the median of the 5 x 5 pixels around each pixel, mirrored at the edges."""
    padded = np.pad(data, REACH, mode="reflect")
    windows = np.lib.stride_tricks.sliding_window_view(padded, (5, 5))
    return np.asarray(np.median(windows, axis=(2, 3)))


@pytest.mark.parametrize("shape", [SHAPE, (16, 33), (48, 160), (11, 40), (40, 5)])
def test_level_and_depth_are_those_of_the_pixels_of_each_cell(shape: tuple[int, int]) -> None:
    data = np.random.default_rng(2).normal(size=shape).astype(np.float32)
    level = sorted_median(data)
    patches = Patches.of(data)
    assert patches.cells == (-(-shape[0] // patches.cell), -(-shape[1] // patches.cell))
    assert len(patches.level) == patches.cells[0] * patches.cells[1]
    if min(shape) >= 16:
        for number, levels in enumerate(patches.level):
            y, x = (patches.cell * index for index in divmod(number, patches.cells[1]))
            y, x = min(y, shape[0] - 16), min(x, shape[1] - 16)
            inside = np.s_[y : y + 16, x : x + 16]
            np.testing.assert_array_equal(levels, level[inside].ravel())
            np.testing.assert_allclose(patches.depth[number], (level - data)[inside].ravel())
    else:  # a chip narrower than a patch continues in its mirror image
        assert set(patches.level.ravel()) <= set(level.ravel())


def test_a_large_chip_has_one_patch_in_each_of_some_2000_cells() -> None:
    y, x = grid((1100, 1500))
    patches = Patches.of((1e4 * np.floor(y) + x).astype(np.float64))
    assert patches.cells[0] * patches.cells[1] == pytest.approx(2048, rel=0.1)
    # The middle of a patch lies in the middle of its cell.
    rows = np.median(patches.level, axis=1).reshape(patches.cells)[:, 0] // 1e4
    expected = (np.arange(patches.cells[0]) + 0.5) * patches.cell
    np.testing.assert_allclose(rows[:-1], expected[:-1], atol=2)


def test_differences_have_the_noise_of_a_pixel_if_it_is_not_correlated() -> None:
    data = np.random.default_rng(3).normal(100.0, 7.0, (200, 310))
    assert np.std(Patches.of(data).difference) == pytest.approx(7.0, rel=0.1)


def test_differences_of_correlated_noise_are_scaled_to_the_distances_from_the_sky() -> None:
    noise = np.random.default_rng(3).normal(size=(202, 312))
    noise = noise[1:] + noise[:-1]
    data = 100.0 + noise[:, 1:] + noise[:, :-1]
    patches = Patches.of(data)
    depth = np.quantile(patches.depth, (1 + TAIL) / 2) / TAIL_SIGMA / COMPRESSED
    # They are a little smaller, because the patches with the least structure decide.
    assert 0.75 * depth < np.quantile(np.abs(patches.difference), 0.6827) < 1.05 * depth
    # Without the scale it would be 0.56 of the distances.


@pytest.mark.parametrize(("first", "most"), [(60, 1.3), (40, 1.5)])
def test_structure_of_the_sky_in_most_patches_does_not_scale_the_differences(
    first: int, most: float
) -> None:
    _, x = grid((200, 310))
    clouds = 60.0 * np.sin(x / 1.3) * (x > first)  # which leave a fifth or an eighth of the chip
    data = np.random.default_rng(3).normal(100.0 + clouds, 7.0)
    difference = Patches.of(data).difference
    assert np.quantile(np.abs(difference), 0.6827) < most * 7.0  # 2.1 if they cover all of it


def test_missing_and_infinite_pixels_are_not_finite() -> None:
    data = np.random.default_rng(2).normal(size=SHAPE)
    data[20, 20], data[25, 30], data[28, 40] = np.nan, np.inf, -np.inf
    assert np.count_nonzero(~np.isfinite(Patches.of(data).depth)) == 3
