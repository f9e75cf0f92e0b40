"""Masks in memory: which pixels they hold, and what they say about their members."""

import functools
import math
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli import Signature
from staticmask_cli.errors import ChipError
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import Agreement, MaskRule
from tests.support.exposures import sky
from tests.support.oracle import oracle_mask

SHAPE = (40, 56)
RULE = MaskRule(4.0)
SIGNATURE = Signature("ACSWFC", SHAPE, 1)
UNUSABLE = {
    "constant": np.full(SHAPE, 7.0),
    "zero counts": np.zeros(SHAPE, dtype=np.int16),
    "not a number": np.full(SHAPE, np.nan, dtype=np.float32),
}


def chip(seed: int) -> npt.NDArray[np.float32]:
    """Sky with a dozen low pixels, at places of its own."""
    data = sky(SHAPE, seed=seed)
    rng = np.random.default_rng(seed)
    data[rng.integers(0, SHAPE[0], 12), rng.integers(0, SHAPE[1], 12)] = 20.0
    return data


def flags(seed: int) -> npt.NDArray[np.int16]:
    """DQ with about one pixel in fifteen flagged by 16, 64 or bit 32768."""
    rng = np.random.default_rng(100 + seed)
    values = np.array([0, 16, 64, 80, -32768], dtype=np.int16)
    return rng.choice(values, SHAPE, p=[0.93, 0.02, 0.02, 0.01, 0.02])


def mask_of(*seeds: int, dq: bool = True) -> PartialMask:
    """Mask of the chips of some seeds, of which every third has no DQ."""
    mask = PartialMask(SIGNATURE, RULE)
    for seed in seeds:
        mask.add(chip(seed), label=f"{seed}.fits", good_bits=64,
                 dq=flags(seed) if dq and seed % 3 else None)
    return mask


@settings(max_examples=60)
@given(seeds=st.permutations(range(6)), data=st.data())
def test_any_order_and_any_tree_of_merges_gives_the_same_mask(
    seeds: list[int], data: st.DataObject
) -> None:
    parts = [mask_of(seed) for seed in seeds]
    while len(parts) > 1:
        left = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts[data.draw(st.integers(0, len(parts) - 1))].merge(left)
    whole = mask_of(*range(6))
    np.testing.assert_array_equal(parts[0].array, whole.array)
    np.testing.assert_array_equal(parts[0].below, whole.below)
    assert parts[0].added_by_bit() == whole.added_by_bit()
    parts[0].sort_members()
    whole.sort_members()
    assert parts[0].members == whole.members


def test_a_pixel_is_good_when_it_is_good_in_every_chip() -> None:
    by_value = oracle_mask([chip(seed) for seed in range(5)])
    np.testing.assert_array_equal(mask_of(*range(5), dq=False).array, by_value)
    by_dq = functools.reduce(np.logical_and, [flags(seed) & ~64 == 0 for seed in (1, 2, 4)])
    mask = mask_of(*range(5))
    np.testing.assert_array_equal(mask.good, (by_value == 1) & by_dq)
    assert mask.array.dtype == np.int16
    assert mask.flagged is not None
    np.testing.assert_array_equal(mask.flagged, ~by_dq)


def bad_by_hand(*seeds: int) -> npt.NDArray[np.int64]:
    """In how many of these chips each pixel is low or flagged."""
    singles = [mask_of(seed).bad for seed in seeds]
    return np.asarray(np.sum(singles, axis=0))


def agreeing(agree: Agreement, *seeds: int) -> PartialMask:
    """Mask of the chips of some seeds, merged one by one."""
    whole = PartialMask(SIGNATURE, MaskRule(4.0, agree=agree))
    for seed in seeds:
        part = PartialMask(SIGNATURE, MaskRule(4.0, agree=agree))
        part.add(chip(seed), label=f"{seed}.fits", good_bits=64,
                 dq=flags(seed) if seed % 3 else None)
        whole.merge(part)
    return whole


@pytest.mark.parametrize(
    ("agree", "needed"), [("any", 1), (1, 1), (2, 2), (0.5, 3), (0.6, 3), ("all", 5), (1.0, 5)]
)
def test_a_pixel_is_bad_in_as_many_chips_as_agree_says(agree: Agreement, needed: int) -> None:
    mask, votes = agreeing(agree, *range(5)), bad_by_hand(*range(5))
    assert votes.max() >= 2
    np.testing.assert_array_equal(mask.bad, votes >= needed)
    assert mask.nbad == np.count_nonzero(votes >= needed)
    assert mask.nbelow == np.count_nonzero((votes >= needed) & mask.below)
    assert (mask.votes is None) == (agree == "any")


@settings(max_examples=40)
@given(seeds=st.permutations(range(6)), data=st.data())
def test_votes_do_not_depend_on_the_order_and_tree_of_merges(
    seeds: list[int], data: st.DataObject
) -> None:
    parts = [agreeing(0.3, seed) for seed in seeds]
    parts[0].set_aside(ChipLabel("unfit.fits"), "EXPTIME = 0")  # which does not vote
    while len(parts) > 1:
        left = parts.pop(data.draw(st.integers(0, len(parts) - 1)))
        parts[data.draw(st.integers(0, len(parts) - 1))].merge(left)
    assert parts[0].votes is not None
    np.testing.assert_array_equal(parts[0].votes, bad_by_hand(*range(6)))
    np.testing.assert_array_equal(parts[0].bad, bad_by_hand(*range(6)) >= 2)


def test_votes_have_room_for_all_chips() -> None:
    mask, part = agreeing("all"), agreeing("all", 1)
    for _ in range(300):
        mask.merge(part)
    assert mask.votes is not None
    assert mask.votes.dtype == np.dtype(np.uint16)
    assert mask.votes.max() == 300
    np.testing.assert_array_equal(mask.bad, part.bad)


def test_a_chip_that_cannot_be_clipped_does_not_vote() -> None:
    mask = agreeing("all", 1)
    mask.add(np.zeros(SHAPE), label="dull.fits", dq=np.ones(SHAPE, np.int16))
    assert mask.votes_needed == 1
    np.testing.assert_array_equal(mask.bad, mask_of(1).bad)


def test_masks_that_agree_in_another_way_are_not_merged() -> None:
    with pytest.raises(ChipError, match=r"a mask of .*agree = 2,.* into one of .*agree = any,"):
        mask_of(1).merge(agreeing(2, 2))


def test_the_local_rule_finds_what_a_slope_hides_and_has_no_threshold() -> None:
    data = chip(2) + 3.0 * np.arange(SHAPE[1], dtype=np.float32)
    low = chip(2) == 20.0
    rules = {}
    for rule in ("global", "local"):
        mask = PartialMask(SIGNATURE, MaskRule(5.0, rule))
        rules[rule] = mask.add(data, label="a.fits")
        assert ((mask.below & low).sum() >= 0.9 * low.sum()) == (rule == "local")
    assert math.isnan(rules["local"].threshold)
    assert rules["global"].mode == rules["local"].mode
    assert any("try --sky local" in warning for warning in rules["global"].warnings())
    assert rules["local"].warnings() == []


def test_an_empty_mask_is_good_everywhere_and_merging_it_changes_nothing() -> None:
    empty, mask = PartialMask(SIGNATURE, RULE), mask_of(1, 2)
    assert empty.array.sum() == SHAPE[0] * SHAPE[1]
    assert empty.flagged is None
    before = mask.array
    mask.merge(empty)
    empty.merge(mask)
    np.testing.assert_array_equal(mask.array, before)
    np.testing.assert_array_equal(empty.array, before)


def test_merging_leaves_the_other_mask_as_it_was_also_later() -> None:
    first, second, third = mask_of(0), mask_of(1), mask_of(2)
    array, members = second.array, list(second.members)
    first.merge(second)
    first.merge(third)
    first.add(chip(5), label="5.fits", dq=np.ones(SHAPE, np.int16))
    np.testing.assert_array_equal(second.array, array)
    assert second.members == members


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (UNUSABLE["constant"], "its pixels fill fewer than two histogram bins"),
        (UNUSABLE["zero counts"], "its pixels fill fewer than two histogram bins"),
        (UNUSABLE["not a number"], "no finite pixel"),
    ],
    ids=list(UNUSABLE),
)
@pytest.mark.parametrize("first", [True, False])
def test_a_chip_that_cannot_be_clipped_changes_no_pixel(
    data: npt.NDArray[Any], reason: str, *, first: bool
) -> None:
    mask = mask_of(*([] if first else [1, 2]))
    before = mask.array
    added = mask.add(data, label="dull.fits", dq=np.full(SHAPE, 16, np.int16))
    np.testing.assert_array_equal(mask.array, before)
    assert not added.used
    assert (added.below, added.flagged, added.added_by_bit) == (0, 0, {})
    assert mask.members[-1] is added
    assert len(mask.used) == (0 if first else 2)
    assert added.warnings() == [f"set aside: {added.skip_reason}"]
    assert added.skip_reason.startswith(reason)
    mask.merge(mask_of(4))
    np.testing.assert_array_equal(mask.array, mask_of(*([4] if first else [1, 2, 4])).array)


def test_a_chip_that_is_unfit_by_its_header_is_a_member_only() -> None:
    mask = mask_of(1)
    before = mask.array
    mask.set_aside(ChipLabel("b.fits", 2, "b", 0.0), "EXPTIME = 0")
    np.testing.assert_array_equal(mask.array, before)
    aside = mask.members[-1]
    assert (aside.npix, aside.used, aside.warnings()) == (2240, False, ["set aside: EXPTIME = 0"])
    assert math.isnan(aside.threshold)
    assert [used.label.file for used in mask.used] == ["1.fits"]


def test_a_member_holds_what_its_chip_did() -> None:
    data, dq = chip(1), flags(1)
    added = PartialMask(SIGNATURE, MaskRule(3.0)).add(
        data, label=ChipLabel("a.fits", 2, "a", 500.0), dq=dq, good_bits=64
    )
    below = data.astype(float) < added.mode - 3.0 * added.rms
    bits = dq.astype(np.int32) & 0xFFFF
    assert added.threshold == added.mode - 3.0 * added.rms
    assert added.npix == data.size
    assert added.below == np.count_nonzero(below)
    assert added.flagged == np.count_nonzero(bits & ~64)
    assert added.added_by_bit == {
        bit: np.count_nonzero((bits & bit != 0) & ~below) for bit in (16, 32768)
    }
    assert added.median == pytest.approx(float(np.median(data)), abs=0.1 * added.rms)
    assert str(added.label) == "a.fits[SCI,2]"


def test_nan_pixels_stay_good_and_inputs_are_not_modified() -> None:
    data, dq = chip(3), flags(3)
    data[5:9, 7:30] = np.nan
    data[0, 0] = np.nan
    before = data.tobytes(), dq.tobytes()
    data.flags.writeable = dq.flags.writeable = False
    mask = PartialMask(SIGNATURE, RULE)
    mask.add(data, label="a.fits", dq=dq, good_bits=-1)
    assert mask.good[5:9, 7:30].all()
    assert mask.good[0, 0]
    assert 0 < np.count_nonzero(~mask.good) < 20
    assert (data.tobytes(), dq.tobytes()) == before


def test_dq_that_flags_nothing_bad_adds_nothing() -> None:
    plain, flagged = mask_of(1, dq=False), PartialMask(SIGNATURE, RULE)
    flagged.add(chip(1), label="1.fits", dq=flags(1), good_bits=32768 + 80)
    np.testing.assert_array_equal(flagged.array, plain.array)
    assert flagged.added_by_bit() == {}
    assert (plain.flagged is None, flagged.flagged is None) == (True, False)


@pytest.mark.parametrize("shape", [(56, 40), (40, 55), (40,), (1, 40, 56), (0, 0)])
def test_another_shape_is_refused_before_anything_changes(shape: tuple[int, ...]) -> None:
    mask = mask_of(1)
    before = mask.array
    with pytest.raises(ChipError, match=r"b\.fits\[SCI,1\]: SCI has shape .*, expected \(40, 56\)"):
        mask.add(np.zeros(shape), label="b.fits")
    with pytest.raises(ChipError, match=r"b\.fits\[SCI,1\]: DQ has shape .*, expected \(40, 56\)"):
        mask.add(chip(2), label="b.fits", dq=np.zeros(shape, np.int16))
    np.testing.assert_array_equal(mask.array, before)
    assert len(mask.members) == 1


@pytest.mark.parametrize(
    ("data", "dq", "message"),
    [
        (np.zeros(SHAPE, complex), None, "a chip must be of a real numeric dtype"),
        (chip(2), np.zeros(SHAPE), "a DQ array must be of an integer dtype, found float64"),
    ],
    ids=["complex chip", "DQ of floats"],
)
def test_another_kind_of_number_is_refused_before_anything_changes(
    data: npt.NDArray[Any], dq: npt.NDArray[Any] | None, message: str
) -> None:
    mask = mask_of(1)
    before = mask.array
    with pytest.raises(ChipError, match=message):
        mask.add(data, label="b.fits", dq=dq)
    np.testing.assert_array_equal(mask.array, before)
    assert len(mask.members) == 1


@pytest.mark.parametrize(
    "other", [("ACSWFC", SHAPE, 2), ("ACSHRC", SHAPE, 1), ("ACSWFC", SHAPE[::-1], 1)]
)
def test_a_mask_of_another_signature_is_not_merged(
    other: tuple[str, tuple[int, int], int]
) -> None:
    mask = mask_of(1)
    with pytest.raises(ChipError, match=r"cannot merge a mask of Signature\(.*\) into one of"):
        mask.merge(PartialMask(Signature(*other), RULE))
    assert len(mask.members) == 1


def test_a_crowded_field_is_warned_of() -> None:
    data = sky(SHAPE)
    data[:, 20:] += np.random.default_rng(2).gamma(2.0, 60.0, (SHAPE[0], 36)).astype(np.float32)
    crowded = PartialMask(SIGNATURE, MaskRule(0.5)).add(data, label="a.fits")
    assert any("a crowded or nebular field?" in warning for warning in crowded.warnings())
