"""Blocks of dead pixels, found by their edges."""

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli.masks.dead_blocks import dead_blocks

NOISE, SIG, LEVEL = 5.0, 5.0, 200.0
Image = npt.NDArray[np.float32]


def flat(seed: int = 1) -> Image:
    return np.random.default_rng(seed).normal(LEVEL, NOISE, (160, 220)).astype(np.float32)


def found_in(data: Image) -> npt.NDArray[np.bool_]:
    dark, lines = data < LEVEL - SIG * NOISE, np.zeros(data.shape, np.bool_)
    lines[:, 110] = dark[:, 110].all()
    found = dead_blocks(data, dark, lines, NOISE, SIG)
    return np.zeros(data.shape, np.bool_) if found is None else found


def smooth(data: Image, width: float) -> Image:
    """Convolve an image with a Gaussian of that standard deviation, in pixels."""
    frequency = [np.fft.fftfreq(length) for length in data.shape]
    weight = [np.exp(-2 * (np.pi * width * values) ** 2) for values in frequency]
    return np.fft.ifft2(np.fft.fft2(data) * np.outer(*weight)).real.astype(np.float32)


@pytest.mark.parametrize("size", [(5, 5), (7, 6), (40, 60), (5, 90)])
@pytest.mark.parametrize("depth", [9.0, 40.0])  # in sigma
def test_blocks_are_found_whole_and_alone(size: tuple[int, int], depth: float) -> None:
    data, block = flat(), np.zeros((160, 220), np.bool_)
    block[50 : 50 + size[0], 70 : 70 + size[1]] = True
    data[block] -= depth * NOISE
    found = found_in(data)
    assert np.count_nonzero(found & block) > 0.99 * np.count_nonzero(block)
    assert not np.any(found & ~block)


def test_blocks_are_found_on_a_slope_and_beside_other_defects() -> None:
    data = flat() + np.linspace(0, 20 * NOISE, 220, dtype=np.float32)
    data[60:80, 100:140] = 0.0
    data[:, 110] = 0.0  # a dead column through the block
    data[60:80, 144] = np.nan
    found = found_in(data)
    expected = np.zeros_like(found)
    expected[60:80, 100:140] = True
    expected[:, 110] = False  # it is a line
    assert np.array_equal(found, expected)


def test_a_block_of_minus_infinity_is_found() -> None:
    data = flat()
    data[60:80, 100:140] = -np.inf
    assert np.count_nonzero(found_in(data)) == 800


@pytest.mark.parametrize("width", [0.7, 1.0, 2.0])  # of the PSF; 0.7 is that of an undersampled one
@pytest.mark.parametrize("depth", [10.0, 30.0, 300.0])
def test_dark_images_of_the_sky_are_not_found(width: float, depth: float) -> None:
    y, x = np.mgrid[:160, :220]
    shadow = np.where(np.hypot(y - 80.3, x - 110.4) < 20, depth * NOISE, 0.0).astype(np.float32)
    assert not found_in(flat() - smooth(shadow, width)).any()


def test_a_vignetted_corner_and_an_unlit_border_are_not_found() -> None:
    y, x = np.mgrid[:160, :220]
    vignetted = flat() - np.maximum(np.hypot(y - 80, x - 110) - 90, 0).astype(np.float32) * NOISE
    assert not found_in(vignetted).any()
    border = flat()
    border[:12] = border[:, -9:] = 3.0
    assert not found_in(border).any()


def test_lines_and_noise_are_not_found() -> None:
    data = flat()
    data[:, 100:104] = 0.0
    data[70, 20:60] = 0.0
    assert not found_in(data).any()
    everything = np.ones(data.shape, np.bool_)
    assert dead_blocks(data, everything, ~everything, NOISE, SIG) is None


def test_an_edge_of_three_steps_is_not_that_of_a_block() -> None:
    data = flat()
    data[60:80, 100:140] = 0.0
    for distance, part in ((1, 0.55), (2, 0.8)):  # the level around rises in three steps
        ring = np.zeros(data.shape, np.bool_)
        ring[60 - distance : 80 + distance, 100 - distance : 140 + distance] = True
        data[ring & (data > part * LEVEL)] = part * LEVEL
    assert not found_in(data).any()
