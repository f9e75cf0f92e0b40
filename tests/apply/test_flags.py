"""Flags lie where a slow loop over the pixels of a mask puts them."""

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.apply.dq_array import DQArray
from staticmask_cli.apply.flags import ChipFlags, flags_of
from staticmask_cli.apply.mask_file import MaskFile
from staticmask_cli.masks.causes import CAUSES
from staticmask_cli.masks.signature import Signature

OFFSET = st.integers(-12, 12)
SHAPES = st.tuples(st.integers(1, 9), st.integers(1, 11))


def mask_of(seed: int, shape: tuple[int, int]) -> MaskFile:
    """Return a mask with a fifth of its pixels bad, for random causes."""
    rng = np.random.default_rng(seed)
    return MaskFile(
        "m.fits", Signature("ACSWFC", shape, 1), {}, rng.random(shape) < 0.2,
        rng.integers(0, 1 << len(CAUSES), shape, dtype=np.uint8),
    )


def pattern_of(flags: ChipFlags, shape: tuple[int, int]) -> npt.NDArray[np.uint32]:
    pattern = np.zeros(shape, np.uint32)
    pattern.reshape(-1)[flags.pixels] = flags.bits
    return pattern


@given(
    st.lists(st.tuples(st.integers(0, 99), SHAPES, OFFSET, OFFSET), min_size=1, max_size=2),
    SHAPES, st.integers(0, 3),
    st.sampled_from([{"": 5}, {"low": 1, "dq": 6}, {"line": 1 << 31}]),
)
def test_flags_are_those_of_every_bad_pixel_in_reach(
    masks: list[tuple[int, tuple[int, int], int, int]], shape: tuple[int, int], grow: int,
    bits: dict[str, int],
) -> None:
    causes = {"": 255, "low": 3, "dq": 8, "line": 4}
    placed = [(mask_of(seed, size), (y, x)) for seed, size, y, x in masks]
    expected = np.zeros(shape, np.uint32)
    counts = []
    for mask, (dy, dx) in placed:
        assert mask.why is not None
        own = np.zeros(shape, np.uint32)
        for y, x in np.argwhere(mask.bad):
            for name, number in bits.items():
                if not name or mask.why[y, x] & causes[name]:
                    rows = slice(max(y - dy - grow, 0), max(y - dy + grow + 1, 0))
                    columns = slice(max(x - dx - grow, 0), max(x - dx + grow + 1, 0))
                    own[rows, columns] |= np.uint32(number)
        counts.append(np.count_nonzero(own))
        expected |= own
    flags = flags_of(placed, shape, bits, grow)
    np.testing.assert_array_equal(pattern_of(flags, shape), expected)
    assert list(flags.counts) == counts
    assert (np.diff(flags.pixels) > 0).all()


@given(st.integers(0, 99), st.sampled_from([8, 16, 32, 64]), st.booleans(), st.integers(1, 40))
def test_an_array_in_pieces_gets_the_flags_of_the_whole(
    seed: int, bits: int, has_offset: bool, step: int  # noqa: FBT001
) -> None:
    rng = np.random.default_rng(seed)
    array = DQArray(0, 0, (9, 11), bits, has_offset)
    pixels = rng.integers(0, 1 << min(bits, 63), 99).astype(array.dtype)
    where = np.flatnonzero(rng.random(99) < 0.3)
    numbers = rng.integers(1, 1 << min(bits, 32), where.size, dtype=np.uint32)
    flags = ChipFlags(where, numbers, (where.size,))
    highest = array.dtype.type(1 << bits - 1 if has_offset else 0)
    expected = pixels ^ highest
    expected[where] |= numbers.astype(array.dtype)
    for start in range(0, 99, step):
        array.set_flags(pixels[start : start + step], flags, start)
    np.testing.assert_array_equal(pixels ^ highest, expected)
