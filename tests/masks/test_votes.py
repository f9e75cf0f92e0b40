"""Votes of exposures and pointings, counted in any order."""

import copy
import pickle

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.masks.members import Corners
from staticmask_cli.masks.pointings import corners_on_sky
from staticmask_cli.masks.votes import Tally
from tests.support.exposures import coordinates

SHAPE = (40, 56)
Bits = npt.NDArray[np.bool_]


def bits(seed: int, fraction: float = 0.02) -> Bits:
    return np.random.default_rng(seed).random(SHAPE) < fraction


def at(dx: float | None) -> Corners | None:
    if dx is None:
        return None
    return corners_on_sky(fits.Header(coordinates(dx)), SHAPE)


@settings(max_examples=60)
@given(
    votes=st.lists(
        st.tuples(
            st.one_of(st.none(), st.integers(0, 6).map(lambda group: 10.0 * group)),
            st.sampled_from([0.0, 0.02, 0.5]),
        ),
        min_size=1, max_size=9,
    ),
    data=st.data(),
)
def test_a_pointing_votes_once_whatever_the_order_and_tree_of_merges(
    votes: list[tuple[float | None, float]], data: st.DataObject
) -> None:
    parts: list[Tally] = []
    pixels: dict[tuple[str, int], Bits] = {}
    for seed, (group, fraction) in enumerate(votes):
        bad, part = bits(seed, fraction), Tally(SHAPE)
        part.add(bad, at(None if group is None else group + seed / 10))
        parts.append(part)
        key = ("alone", seed) if group is None else ("pointing", int(group))
        pixels[key] = pixels.get(key, np.zeros(SHAPE, bool)) | bad
    while len(parts) > 1:
        part = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        merged = parts[data.draw(st.integers(0, len(parts) - 1))]
        merged.merge(copy.deepcopy(part))
        if data.draw(st.booleans()):
            assert merged.voters <= len(pixels)  # counted before all are there
    assert parts[0].voters == len(pixels)
    np.testing.assert_array_equal(parts[0].counts, np.sum(list(pixels.values()), axis=0))
    assert parts[0].counts.dtype == np.uint8


def test_a_chip_between_two_pointings_makes_one_of_them() -> None:
    tally = Tally(SHAPE)
    tally.add(bits(1), at(0.0))
    tally.add(bits(2), at(3.0))
    assert (tally.voters, int(tally.counts.max())) == (2, 2)
    tally.add(bits(3), at(1.5))
    assert tally.voters == 1
    np.testing.assert_array_equal(tally.counts, bits(1) | bits(2) | bits(3))


def test_votes_have_room_for_all_pointings_and_memory_is_bounded() -> None:
    tally = Tally(SHAPE)
    for number in range(300):
        tally.add(bits(1, 0.9), at(10.0 * number))
    assert tally.counts.dtype == np.uint16
    np.testing.assert_array_equal(tally.counts, 300 * bits(1, 0.9))
    assert tally.nbytes == 300 * SHAPE[0] * SHAPE[1] / 8
    few, one = Tally(SHAPE), Tally(SHAPE)
    for number in range(300):
        few.add(bits(1, 0.001), at(10.0 * number))
        one.add(bits(1, 0.9), at(0.001 * number))
    assert few.nbytes == 300 * 4 * np.count_nonzero(bits(1, 0.001))
    assert one.nbytes <= 129 * SHAPE[0] * SHAPE[1] / 8  # grouped now and then


def test_merging_leaves_the_other_votes_as_they_are() -> None:
    first, second = Tally(SHAPE), Tally(SHAPE)
    for tally in (first, second):
        tally.add(bits(1), at(0.0))
        tally.add(bits(2), None)
    before = pickle.dumps(second)
    first.merge(second)
    assert pickle.dumps(second) == before
    assert (first.voters, second.voters) == (3, 2)
    np.testing.assert_array_equal(first.counts, bits(1) + 2 * bits(2).astype(int))


@pytest.mark.parametrize("dx", [0.0, None])
def test_votes_are_not_shared_with_the_bits_that_were_added(dx: float | None) -> None:
    bad, tally = bits(1), Tally(SHAPE)
    tally.add(bad, at(dx))
    bad[:] = True
    np.testing.assert_array_equal(tally.counts, bits(1))
