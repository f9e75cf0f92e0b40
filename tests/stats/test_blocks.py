"""Memory that is used again stays with its thread and its purpose.

Pixels outside of the core, held against a plain comparison.
"""

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


def found_in(outside: Tails, blocks: list[Floats]) -> list[int]:
    """Add blocks; return the places of all that lie outside, in the chip as one row."""
    places, start = [], 0
    for block in blocks:
        with np.errstate(over="ignore", invalid="ignore"):
            places += [start + int(one) for one in outside.add(block, np.empty_like(block))]
        start += block.size
    return places


@settings(max_examples=300)
@given(
    blocks=st.lists(st.lists(_PIXELS, min_size=1, max_size=9), min_size=1, max_size=3),
    ends=st.tuples(_FINITE, _FINITE).map(sorted),
    negative_nan=st.booleans(),
)
def test_what_is_not_outside_lies_between_the_ends_of_the_core(
    blocks: list[list[float]], ends: list[float], *, negative_nan: bool
) -> None:
    arrays = [np.array(block, dtype=np.float32) for block in blocks]
    if negative_nan:
        arrays[0][0] = -np.float32(np.nan)
    chip = np.concatenate(arrays)
    outside = Tails(chip.size, *ends)
    places = found_in(outside, arrays)
    core = np.delete(chip, places)
    assert np.isfinite(core).all()
    assert (core >= outside.core_ends[0]).all()
    assert (core.astype(np.float64) <= outside.core_ends[1]).all()
    # What lies surely inside is in the core, unless it is a zero of the other sign.
    wide = np.float64(ends[1]) - np.float64(ends[0]) > np.finfo(np.float32).max
    inside = (chip >= ends[0]) & (chip <= ends[1]) & ~(np.signbit(chip) & (chip == 0))
    assert wide or not inside[places].any()
    assert np.array_equal(outside.values, chip[places], equal_nan=True)


@settings(max_examples=100)
@given(blocks=st.lists(st.lists(_PIXELS, min_size=1, max_size=9), min_size=1, max_size=3))
def test_pixels_below_the_core_are_listed_with_their_places(blocks: list[list[float]]) -> None:
    arrays = [np.array(block, dtype=np.float32) for block in blocks]
    chip = np.concatenate(arrays)
    outside = Tails(chip.size, 1.0, 3.0)
    found_in(outside, arrays)
    end, places = outside.below(1.0)
    assert end == 1.0
    assert places.tolist() == np.flatnonzero(chip < 1.0).tolist()


def test_memory_of_one_name_is_used_again_also_for_less() -> None:
    workspace = ScratchBuffers()
    first = workspace.get("chip", 12, np.float32)
    first[:] = 3.0
    again = workspace.get("chip", 7, np.float32)
    assert again.shape == (7,)
    assert np.shares_memory(first, again)
    assert again.tolist() == [3.0] * 7


def test_more_or_other_elements_are_new_memory() -> None:
    workspace = ScratchBuffers()
    first = workspace.get("chip", 12, np.float32)
    assert not np.shares_memory(first, workspace.get("chip", 13, np.float32))
    other = workspace.get("chip", 12, np.uint8)
    assert other.dtype == np.uint8
    assert not np.shares_memory(first, other)


def test_names_and_threads_do_not_share() -> None:
    workspace = ScratchBuffers()
    ours = workspace.get("chip", 12, np.float32)
    assert not np.shares_memory(ours, workspace.get("block", 12, np.float32))
    with ThreadPoolExecutor(1) as pool:
        theirs = pool.submit(workspace.get, "chip", 12, np.float32).result()
    assert not np.shares_memory(ours, theirs)
