"""Sets of pixels behave the same whether they are stored as indices or as booleans."""

import pickle

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.stats.pixelset import PixelSet, positions_of

SHAPE = (30, 44)  # 1320 pixels

Indices = list[int]


def bits_of(pixels: Indices) -> npt.NDArray[np.bool_]:
    bits = np.zeros(SHAPE, dtype=np.bool_)
    bits.reshape(-1)[pixels] = True
    return bits


def set_of(pixels: Indices, *, dense: bool) -> PixelSet:
    if dense:
        return PixelSet(SHAPE, bits=bits_of(pixels))
    return PixelSet(SHAPE, indices=np.array(pixels, dtype=np.intp))


parts = st.lists(
    st.tuples(st.lists(st.integers(0, 1319), max_size=30, unique=True), st.booleans()), max_size=6
)


@given(parts)
def test_the_union_of_sets_has_the_pixels_of_all(chosen: list[tuple[Indices, bool]]) -> None:
    sets = [set_of(pixels, dense=dense) for pixels, dense in chosen]
    whole = PixelSet(SHAPE)
    for part in sets:
        whole.add(part)
    expected = bits_of([pixel for pixels, _ in chosen for pixel in pixels])
    assert len(whole) == np.count_nonzero(expected)
    np.testing.assert_array_equal(whole.bits, expected)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(whole)).bits, expected)  # noqa: S301
    for part, (pixels, _) in zip(sets, chosen, strict=True):
        assert len(part) == len(pixels)
        np.testing.assert_array_equal(part.bits, bits_of(pixels))


def test_an_added_set_is_not_changed_by_later_additions() -> None:
    first, whole = set_of([1, 2], dense=True), PixelSet(SHAPE)
    whole.add(first)
    whole.add(set_of([3], dense=True))
    whole.add(set_of([4], dense=False))
    assert np.flatnonzero(whole.bits).tolist() == [1, 2, 3, 4]
    assert np.flatnonzero(first.bits).tolist() == [1, 2]


def test_memory_does_not_grow_with_the_number_of_added_sets() -> None:
    pixels = set_of(list(range(20)), dense=False)
    assert pixels.nbytes == 160
    for index in range(20, 30):
        pixels.add(set_of([index], dense=False))
        assert pixels.nbytes == 1320


def test_an_empty_set_uses_no_memory() -> None:
    pixels = PixelSet(SHAPE)
    assert not pixels.bits.any()
    assert pixels.bits.shape == SHAPE
    assert (len(pixels), pixels.nbytes) == (0, 0)


@given(st.tuples(st.integers(0, 9), st.integers(0, 9)), st.integers(0, 9))
def test_positions_are_those_of_nonzero(shape: tuple[int, int], seed: int) -> None:
    bits = np.random.default_rng(seed).random(shape) < seed / 9
    for image in (bits, bits.T, bits[::2, 1:]):
        for found, expected in zip(positions_of(image), np.nonzero(image), strict=True):
            np.testing.assert_array_equal(found, expected)
