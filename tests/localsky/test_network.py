"""Networks of minima and maxima are compared with sorting the pixels of every window."""

import numpy as np
import pytest

from staticmask_cli.localsky.network import Network

SORT_FOUR = ((0, 1), (2, 3), (0, 2), (1, 3), (1, 2))
SQUARE = ((0, 0), (0, 1), (1, 0), (1, 1))
SCATTERED = ((0, 2), (3, 0), (1, 1), (2, 4))


@pytest.mark.parametrize("window", [SQUARE, SCATTERED], ids=["square", "scattered"])
@pytest.mark.parametrize("outputs", [(0,), (3,), (1, 2), (0, 1, 2, 3)])
def test_the_outputs_are_those_of_sorting_each_window(
    window: tuple[tuple[int, int], ...], outputs: tuple[int, ...]
) -> None:
    tile = np.random.default_rng(8).normal(size=(11, 17)).astype(np.float32)
    before = tile.copy()
    found = Network("test", window, SORT_FOUR, outputs).run(tile)
    ny, nx = (size - max(places) for size, places in zip(tile.shape, zip(*window, strict=True),
                                                         strict=True))
    pixels = np.sort([before[y : y + ny, x : x + nx] for y, x in window], axis=0)
    np.testing.assert_array_equal(np.stack(found), pixels[list(outputs)])
    np.testing.assert_array_equal(tile, before)


def test_what_differs_by_a_shift_alone_is_done_once() -> None:
    def operations(window: tuple[tuple[int, int], ...], outputs: tuple[int, ...]) -> int:
        return len(Network("test", window, ((0, 1), (2, 3)), outputs)._steps)  # noqa: SLF001

    assert operations(SQUARE, (0, 1)) == operations(SQUARE, (0, 1, 2, 3)) == 2
    assert operations(SCATTERED, (0, 1, 2, 3)) == 4
