"""What makes a pixel of a chip bad: the global threshold, the local sky, and DQ."""

import math
from typing import Any

import numpy as np
import pytest

from staticmask_cli import chip_statistics
from staticmask_cli.errors import ChipError
from staticmask_cli.masks.detect import bad_pixels_of_chip
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.rule import MaskRule
from tests.support.exposures import sky

LABEL = ChipLabel("a_flt.fits", 2, "a", 500.0)


def test_the_global_rule_marks_what_lies_below_its_threshold() -> None:
    data = sky()
    data[5, 7] = 20.0
    data[6, 8], data[6, 9], data[6, 10] = np.nan, np.inf, -np.inf
    found = bad_pixels_of_chip(data, MaskRule(3.0))
    statistics = chip_statistics(data)
    assert found.threshold == statistics.mode - 3.0 * statistics.rms
    np.testing.assert_array_equal(found.low.bits, data < found.threshold)
    assert found.low.bits[5, 7]
    assert list(found.low.bits[6, 8:11]) == [False, False, True]
    assert found.flagged is None


def test_the_local_rule_marks_what_a_slope_hides() -> None:
    data = sky() + 10.0 * np.arange(80, dtype=np.float32)
    data[30, 70] -= 100.0
    for rule, is_found in ((MaskRule(5.0), False), (MaskRule(5.0, "local"), True)):
        found = bad_pixels_of_chip(data, rule)
        assert found.low.bits[30, 70] == is_found
        assert np.isnan(found.threshold) == is_found


def test_dq_counts_apart_from_what_is_low() -> None:
    data = sky()
    data[5, 7] = 20.0
    dq = np.zeros((60, 80), np.int16)
    dq[5, 7] = dq[1, 2] = 16
    dq[3] = 64
    found = bad_pixels_of_chip(data, MaskRule(6.0), dq, good_bits=64)
    assert found.flagged is not None
    assert np.argwhere(found.flagged).tolist() == [[1, 2], [5, 7]]
    assert found.added_by_bit == {16: 1}
    member = found.member(LABEL)
    assert (member.below, member.flagged, member.used) == (1, 2, True)
    assert member.label is LABEL


def test_a_chip_that_cannot_be_clipped_has_no_bad_pixel_also_not_by_dq() -> None:
    dq = np.full((60, 80), 16, np.int16)
    found = bad_pixels_of_chip(np.full((60, 80), 7.0), MaskRule(4.0), dq)
    assert (len(found.low), found.flagged, found.added_by_bit) == (0, None, {})
    assert found.member(LABEL).skip_reason.startswith("its pixels fill fewer than two")


@pytest.mark.parametrize("unit", [2.0**-53, 1e-16, 1e-30])
def test_the_local_rule_finds_the_same_pixels_in_any_unit(unit: float) -> None:
    data = sky()
    data[5, 7] = 20.0
    dq = np.zeros((60, 80), np.int16)
    dq[1, 2] = 16
    rule = MaskRule(2.0, "local")
    found = bad_pixels_of_chip(data, rule, dq)
    small = bad_pixels_of_chip((data * unit).astype(np.float32), rule, dq)
    assert len(found.low) > 5
    np.testing.assert_array_equal(small.low.bits, found.low.bits)
    np.testing.assert_array_equal(small.flagged, found.flagged)
    for name in ("mode", "rms", "median", "noise"):
        assert getattr(small, name) == pytest.approx(unit * getattr(found, name), rel=1e-4)
    assert small.skip_reason == ""


def test_the_global_rule_says_that_the_unit_is_too_small_for_it() -> None:
    found = bad_pixels_of_chip(sky() * np.float32(1e-16), MaskRule(4.0))
    assert (len(found.low), found.flagged) == (0, None)
    assert found.skip_reason.startswith("its noise is below 1.2e-5 in its unit")
    assert "--sky local" in found.skip_reason
    assert "multiply the pixels" in found.skip_reason


@pytest.mark.parametrize("value", [0.0, 7.0, 1e-16, 0.1])
def test_a_constant_is_not_a_matter_of_the_unit(value: float) -> None:
    for rule in (MaskRule(4.0), MaskRule(4.0, "local")):
        found = bad_pixels_of_chip(np.full((60, 80), value, np.float32), rule)
        assert found.skip_reason.startswith("its pixels fill fewer than two")


def test_dq_of_floating_point_numbers_is_refused() -> None:
    with pytest.raises(ChipError, match="a DQ array must be of an integer dtype, found float64"):
        bad_pixels_of_chip(sky(), MaskRule(4.0), np.zeros((60, 80)))


def with_border(width: int, *, level: float, value: float = 0.0) -> tuple[Any, Any]:
    """Return a sky with a flagged border on the left, and its DQ flags."""
    data, dq = sky((200, 300), level=level), np.zeros((200, 300), np.int16)
    data[:, :width], dq[:, :width] = value, 4
    return data, dq


@pytest.mark.parametrize(
    ("width", "level", "warned"),
    [
        (0, 10.0, False),
        (2, 10.0, False),  # less than 1%
        (24, 10.0, True),  # the mode is 0
        (12, 100.0, False),  # clipped away
        (60, 100.0, True),  # in the rms
    ],
)
def test_flagged_pixels_that_change_mode_or_rms_are_warned_of(
    width: int, level: float, *, warned: bool
) -> None:
    data, dq = with_border(width, level=level)
    for pixels in (data, data.astype(">f8"), data.astype(np.int32)):
        member = bad_pixels_of_chip(pixels, MaskRule(4.0), dq).member(LABEL)
        assert (member.unflagged is not None) == warned
    member = bad_pixels_of_chip(data, MaskRule(4.0), dq).member(LABEL)
    if warned:
        expected = chip_statistics(data[:, width:])
        assert member.unflagged == pytest.approx((expected.mode, expected.rms))
        warning = member.warnings("--sky local --agree 2")[0]
        assert warning.startswith(f"its pixels flagged in DQ count in mode {member.mode:.6g} and ")
        assert "try --sky local --agree 2, or set these pixels to NaN in copies" in warning
        assert not any("nebular" in words for words in member.warnings()[:1])


def test_flagged_pixels_are_not_warned_of_where_they_do_not_count() -> None:
    data, dq = with_border(60, level=100.0)
    for found in (
        bad_pixels_of_chip(data, MaskRule(4.0)),  # without DQ
        bad_pixels_of_chip(data, MaskRule(4.0), dq, good_bits=4),
        bad_pixels_of_chip(data, MaskRule(4.0, "local"), dq),
        bad_pixels_of_chip(np.where(dq, np.nan, data), MaskRule(4.0), dq),  # what was recommended
    ):
        assert found.unflagged is None


def test_a_chip_flagged_everywhere_is_not_warned_of() -> None:
    assert bad_pixels_of_chip(sky(), MaskRule(4.0), np.ones((60, 80), int)).unflagged is None


def test_a_dead_block_is_bad_under_the_local_rule() -> None:
    data = sky((300, 340))
    data[100:120, 200:230] = 0.0
    found = bad_pixels_of_chip(data, MaskRule(5.0, "local"))
    assert found.low.bits[100:120, 200:230].all()
    assert found.overlooked == 0
    assert not found.member(ChipLabel("a")).warnings()


def test_a_dead_block_at_the_edge_which_the_local_rule_does_not_mark_is_warned_of() -> None:
    data = sky((300, 340))
    data[:30, 200:240] = 0.0
    local = bad_pixels_of_chip(data, MaskRule(5.0, "local"))
    assert local.overlooked > 1000
    (warning,) = local.member(ChipLabel("a")).warnings()
    assert f"{local.overlooked} pixels lie far below the mode" in warning
    assert "compare with --sky global" in warning
    flags = np.where(data == 0, 4, 0).astype(np.int16)
    assert bad_pixels_of_chip(data, MaskRule(5.0, "local"), flags).overlooked == 0
    assert bad_pixels_of_chip(data, MaskRule(5.0)).overlooked == 0


@pytest.mark.parametrize("static_sig", [2.0, 5.0])
def test_noise_and_small_defects_are_not_warned_of_as_a_dead_block(static_sig: float) -> None:
    data = sky((300, 340))
    data[50:53, 60:63] = data[200, 100] = 0.0
    member = bad_pixels_of_chip(data, MaskRule(static_sig, "local")).member(ChipLabel("a"))
    assert not [words for words in member.warnings() if "dead block" in words]


@pytest.mark.parametrize(("noise", "known"), [(2.0, False), (5.0, False), (20.0, True)])
def test_what_noise_makes_is_not_known_where_values_have_coarse_steps(
    noise: float, *, known: bool
) -> None:
    data = sky((200, 210), noise=noise)
    for pixels in (np.round(data), np.round(data).astype(np.int16)):
        assert math.isfinite(bad_pixels_of_chip(pixels, MaskRule(4.0)).expected_low) == known
    assert math.isfinite(bad_pixels_of_chip(data, MaskRule(4.0)).expected_low)


@pytest.mark.parametrize("sky_rule", ["global", "local"])
def test_pure_noise_makes_as_many_low_pixels_as_expected(sky_rule: str) -> None:
    chips = [bad_pixels_of_chip(sky((150, 170), seed=seed), MaskRule(3.0, sky_rule))
             for seed in range(5)]
    expected = sum(chip.expected_low for chip in chips)
    assert sum(len(chip.low) for chip in chips) == pytest.approx(expected, rel=0.25)
