"""Scratch buffers are shared by neither names nor threads; tails are compared with plain loops."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import numpy.typing as npt
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.stats.blocks import ScratchBuffers, Tails

Floats = npt.NDArray[np.float32]

_PIXELS = st.floats(width=32) | st.sampled_from(
    [0.0, -0.0, np.inf, -np.inf, 1.0, 3.0, float(np.nextafter(np.float32(3), np.float32(4)))]
)
_FINITE = st.floats(width=32, allow_nan=False, allow_infinity=False) | st.sampled_from([0.0, 1.0])


def outer_pixels(tails: Tails, blocks: list[Floats]) -> list[int]:
    """Add blocks; return the flat indices of all pixels outside the core."""
    indices, start = [], 0
    for block in blocks:
        with np.errstate(over="ignore", invalid="ignore"):
            added = tails.add(block)
        indices += [start + int(index) for index in added]
        start += block.size
    return indices


@settings(max_examples=100)
@given(
    blocks=st.lists(st.lists(_PIXELS, min_size=1, max_size=9), min_size=1, max_size=3),
    ends=st.tuples(_FINITE, _FINITE).map(sorted),
    negative_nan=st.booleans(),
)
def test_the_tails_are_the_pixels_that_do_not_lie_between_the_ends_of_the_core(
    blocks: list[list[float]], ends: list[float], *, negative_nan: bool
) -> None:
    arrays = [np.array(block, dtype=np.float32) for block in blocks]
    if negative_nan:
        arrays[0][0] = -np.float32(np.nan)
    chip = np.concatenate(arrays)
    tails = Tails(chip.size, *ends)
    indices = outer_pixels(tails, arrays)
    inside = (chip >= ends[0]) & (chip <= ends[1])
    assert indices == np.flatnonzero(~inside).tolist()
    assert np.array_equal(tails.values, chip[indices], equal_nan=True)


@settings(max_examples=100)
@given(blocks=st.lists(st.lists(_PIXELS, min_size=1, max_size=9), min_size=1, max_size=3))
def test_all_pixels_below_the_core_are_listed_by_their_indices(blocks: list[list[float]]) -> None:
    arrays = [np.array(block, dtype=np.float32) for block in blocks]
    chip = np.concatenate(arrays)
    tails = Tails(chip.size, 1.0, 3.0)
    outer_pixels(tails, arrays)
    end, indices = tails.below(1.0)
    assert end == 1.0
    assert indices.tolist() == np.flatnonzero(chip < 1.0).tolist()


def test_memory_of_one_name_is_used_again_for_as_many_or_fewer_elements() -> None:
    buffers = ScratchBuffers()
    first = buffers.get("chip", 12, np.float32)
    first[:] = 3.0
    again = buffers.get("chip", 7, np.float32)
    assert again.shape == (7,)
    assert np.shares_memory(first, again)
    assert again.tolist() == [3.0] * 7


def test_more_elements_or_larger_ones_get_new_memory() -> None:
    buffers = ScratchBuffers()
    first = buffers.get("chip", 12, np.float32)
    assert not np.shares_memory(first, buffers.get("chip", 13, np.float32))
    second = buffers.get("chip", 13, np.float64)
    assert second.dtype == np.float64
    assert not np.shares_memory(first, second)


def test_neither_names_nor_threads_share_memory() -> None:
    buffers = ScratchBuffers()
    here = buffers.get("chip", 12, np.float32)
    assert not np.shares_memory(here, buffers.get("block", 12, np.float32))
    with ThreadPoolExecutor(1) as pool:
        elsewhere = pool.submit(buffers.get, "chip", 12, np.float32).result()
    assert not np.shares_memory(here, elsewhere)
