"""Warnings about the chips of a mask: one for each cause, with the figures of all chips."""

import math
from typing import Any

import pytest

from staticmask_cli.masks.chip_warnings import chance_is_known, chip_findings
from staticmask_cli.masks.findings import MANY_LOW, NOT_FLAT
from staticmask_cli.masks.members import ChipLabel, Member


def member(name: str = "a", **changes: Any) -> Member:  # noqa: ANN401 - the fields of a member
    """Member of 1000 pixels that causes no warning, but for what is changed."""
    fields = {"npix": 1000, "mode": 100.0, "rms": 5.0, "median": 100.5, "threshold": 80.0}
    return Member(ChipLabel(f"{name}_flt.fits"), **{**fields, **changes})


def test_chips_of_one_cause_have_one_warning_with_the_range_of_their_figures() -> None:
    chips = [member(str(n), rms=n, noise=0.1) for n in (6.3, 6.4, 6.6)]
    (finding,) = chip_findings("m_staticMask.fits", chips, "--sky local --agree 2")
    assert finding.short == NOT_FLAT
    assert str(finding) == (
        "m: 3 of 3 chips: rms 6.3 to 6.6 is 63.0 to 66.0 times the noise 0.1 that neighbouring "
        "pixels show: the sky is not flat, and low pixels are overlooked; try --sky local --agree 2"
    )


def test_chips_are_named_where_others_have_no_cause() -> None:
    chips = [member("a"), member("b", flagged=200), member("c", flagged=300), member("d")]
    (finding,) = chip_findings("m.fits", chips)
    assert finding.what.startswith(
        "2 of 4 chips (b_flt.fits[SCI,1], c_flt.fits[SCI,1]): DQ removes 20.0% to 30.0% of the")
    (finding,) = chip_findings("m.fits", chips[:2])
    assert str(finding).startswith("b_flt.fits[SCI,1]: DQ removes 20.0% of the pixels")


@pytest.mark.parametrize(("crowded", "short"), [(1, NOT_FLAT), (3, MANY_LOW)])
def test_low_pixels_are_not_both_sources_and_overlooked(crowded: int, short: str) -> None:
    chips = [member(str(n), noise=1.0, median=150.0) for n in range(2)]
    chips += [member(f"c{n}", below=200, noise=5.0) for n in range(crowded)]
    (finding,) = chip_findings("m.fits", chips)
    assert finding.short == short


def test_chips_set_aside_are_named_once_for_each_reason() -> None:
    chips = [member("a", skip_reason="no finite pixel"), member("b"),
             member("c", skip_reason="no finite pixel"), member("d", skip_reason="constant")]
    assert [finding.text for finding in chip_findings("m.fits", chips)] == [
        "2 of 4 chips (a_flt.fits[SCI,1], c_flt.fits[SCI,1]): set aside: no finite pixel",
        "set aside: constant",
    ]


def test_noise_is_not_known_where_the_sky_is_not_flat_or_steps_are_coarse() -> None:
    assert chance_is_known(member(noise=5.0))
    assert not chance_is_known(member(noise=1.0))
    assert chance_is_known(member(noise=1.0, threshold=math.nan))  # under the local rule
    assert not chance_is_known(member(chance=math.nan))
