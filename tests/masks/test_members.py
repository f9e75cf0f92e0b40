"""Warnings about chips, from the numbers of their members."""

import math
from typing import Any

import pytest

from staticmask_cli.masks.members import ChipLabel, Member

CROWDED = "a crowded or nebular field? The mask may hold sources; try"
BLIND = ("that neighbouring pixels show: the sky is not flat, and low pixels are overlooked; "
         "try --sky local")
BITS = "name the bits that are no defects with --final-bits"


def member(**changes: Any) -> Member:  # noqa: ANN401 - the fields of a member
    """Member of 1000 pixels that causes no warning, but for what is changed."""
    fields = {"npix": 1000, "mode": 100.0, "rms": 5.0, "median": 100.5, "threshold": 80.0}
    return Member(ChipLabel("a_flt.fits", 2), **{**fields, **changes})


def test_a_chip_without_peculiarities_causes_no_warning() -> None:
    assert member().warnings() == []
    at_the_limits = member(below=10, flagged=100, median=102.5, noise=2.5)
    assert at_the_limits.warnings() == []


@pytest.mark.parametrize(
    ("changes", "warning"),
    [
        ({"below": 11}, ("1.1% of the pixels lie below the threshold 80; "
                        f"{CROWDED} a larger --static-sig, or --sky local")),
        ({"median": 102.6}, f"mode 100 and median 102.6 are 0.52 rms apart; {CROWDED} --sky local"),
        ({"median": 92.0}, f"mode 100 and median 92 are 1.60 rms apart; {CROWDED} --sky local"),
        ({"noise": 2.49}, f"rms 5 is 2.0 times the noise 2.49 {BLIND}"),
        ({"below": 11, "threshold": math.nan, "noise": 1.0, "median": 120.0},
         f"1.1% of the pixels lie below their local sky; {CROWDED} a larger --static-sig"),
        ({"flagged": 101, "added_by_bit": {16: 90, 4096: 9}},
         f"DQ removes 10.1% of the pixels (added by bit: 16: 90, 4096: 9); {BITS}"),
    ],
    ids=["many below", "median above", "median below", "blind", "local", "much DQ"],
)
def test_warnings_come_with_their_figures(changes: dict[str, Any], warning: str) -> None:
    assert member(**changes).warnings() == [warning]


def test_another_remedy_can_be_recommended() -> None:
    (warning,) = member(noise=1.0).warnings("--sky local --agree 2")
    assert warning.endswith("; try --sky local --agree 2")


def test_causes_that_contradict_each_other_are_not_warned_of_together() -> None:
    suspicious = {"below": 500, "median": 120.0, "flagged": 500, "noise": 1.0}
    low, dq = member(**suspicious).warnings()
    assert "50.0% of the pixels lie below" in low
    assert "DQ removes 50.0%" in dq


def test_a_chip_set_aside_has_only_its_reason() -> None:
    aside = member(below=500, flagged=500, skip_reason="EXPTIME = 0")
    assert aside.warnings() == ["set aside: EXPTIME = 0"]
