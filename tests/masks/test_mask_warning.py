"""Warnings about masks whose low pixels do not confirm each other."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import pytest

from staticmask_cli import Signature, StaticMask
from staticmask_cli.masks.mask_warning import flags_warning, mask_warning
from staticmask_cli.masks.members import UNKNOWN_CORNERS, ChipLabel
from staticmask_cli.masks.rule import Agreement
from tests.support.exposures import sky

SHAPE = (120, 160)
SIZE = SHAPE[0] * SHAPE[1]
CAUSE = "the noise is not Gaussian, or these are not defects; "
Pixels = npt.NDArray[np.intp]


def some(count: int, seed: int = 0) -> Pixels:
    """Return the indices of different pixels, which depend on the seed."""
    return np.random.default_rng(seed).choice(SIZE, count, replace=False)


def warning_of(mask: StaticMask) -> str:
    """Return the warning about a mask as text, which is empty if there is none."""
    finding = mask_warning(mask)
    return "" if finding is None else finding.text


def mask_of(
    chips: Sequence[Pixels], *, agree: Agreement = "any", rule: str = "global",
    pointings: Sequence[int] = (), exptimes: Sequence[float] = (), final_bits: str | None = None,
) -> StaticMask:
    """Mask of exposures, which have these pixels low."""
    mask = StaticMask(
        Signature("ACSWFC", SHAPE, 1), static_sig=6.0, sky=rule, agree=agree, final_bits=final_bits
    )
    for number, pixels in enumerate(chips):
        data = sky(SHAPE, seed=number)
        data.flat[pixels] = 20.0
        corners = UNKNOWN_CORNERS
        if pointings:
            corners = (0.1 * pointings[number], 0.0, 0.1 * pointings[number] + 0.01, 0.01)
        exptime = exptimes[number] if exptimes else math.nan
        mask.add(data, label=ChipLabel(f"{number}_flt.fits", 1, "", exptime, *corners))
    mask.sort_members()
    return mask


@pytest.mark.parametrize("agree", ["any", 1, 2, "all"])
@pytest.mark.parametrize("count", [2, 4])
def test_pixels_that_are_low_in_all_exposures_cause_no_warning(
    agree: Agreement, count: int
) -> None:
    chips = [np.union1d(some(150), some(15, seed)) for seed in range(1, count + 1)]
    assert warning_of(mask_of(chips, agree=agree)) == ""


@pytest.mark.parametrize(("agree", "figure"), [("any", "at least 240"), (1, "240")])
def test_pixels_that_are_low_in_one_exposure_only_are_counted(
    agree: Agreement, figure: str
) -> None:
    order = some(248)
    chips = [np.append(order[:8], part) for part in np.split(order[8:], 3)]
    # The eight are low in all, and count three times in the sum.
    figure = "at least 232" if agree == "any" else figure
    assert warning_of(mask_of(chips, agree=agree)) == (
        f"{figure} of 248 low pixels are low in one exposure of 3 only, where Gaussian noise makes "
        f"5.68e-05; bad pixels would be low in the others too: {CAUSE}"
        "--sky local --agree 2 keeps those that two pointings confirm"
    )


def test_a_few_pixels_and_what_gaussian_noise_makes_cause_no_warning() -> None:
    assert warning_of(mask_of(np.split(some(18), 3))) == ""
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), static_sig=2.0)
    for seed in range(3):
        mask.add(sky(SHAPE, seed=seed), label=f"{seed}_flt.fits")
    mask.sort_members()
    assert mask.nbelow > 900
    assert warning_of(mask) == ""


@pytest.mark.parametrize(
    ("pointings", "agree", "expected"),
    [
        ((1, 2, 3), "any", "at least 90 of 90 low pixels are low in one exposure of 3 only"),
        ((1, 1, 2, 2), 0.5, "120 of 120 low pixels are low in one pointing of 2 only"),
        ((1, 1), 1, "60 of 60 low pixels are low in one exposure of 2 only"),
    ],
)
def test_pointings_are_counted_where_they_vote_and_recommended_where_there_are_two(
    pointings: tuple[int, ...], agree: Agreement, expected: str
) -> None:
    inner = np.arange(SIZE).reshape(SHAPE)[6:-6:6, 6:-6:6].ravel()  # far from each other
    chips = np.split(inner[: 30 * len(pointings)], len(pointings))
    warning = warning_of(mask_of(chips, agree=agree, rule="local", pointings=pointings))
    assert warning.startswith(expected)
    assert warning.endswith(
        "--agree all keeps those that all exposures confirm" if pointings == (1, 1) else
        f"{CAUSE}--agree 2 keeps those that two pointings confirm"
    )


def test_an_exposure_with_far_more_low_pixels_than_the_others_is_named() -> None:
    static = some(60)
    chips = [static, static, np.union1d(static, some(380, 1))]
    assert warning_of(mask_of(chips)).startswith(
        f"{len(chips[2])} pixels are low in 2_flt.fits[SCI,1], and at most 60 in each other "
        f"exposure: {CAUSE}leave it out, or --sky local --agree 2"
    )
    assert " in one exposure of 3 only (most in 2_flt.fits[SCI,1])," in warning_of(
        mask_of([some(20, 2), some(20, 3), some(180)])
    )


@pytest.mark.parametrize(("longest", "is_warned"), [(600.0, True), (1500.0, False)])
def test_pixels_that_one_long_exposure_alone_is_deep_enough_for_cause_no_warning(
    longest: float, *, is_warned: bool
) -> None:
    chips = [some(20), some(20), some(180, 1)]
    warning = warning_of(mask_of(chips, exptimes=(400.0, 500.0, longest)))
    assert bool(warning) == is_warned


@pytest.mark.parametrize(("static", "is_warned"), [(0, True), (60, False)])
def test_votes_that_agree_no_more_than_those_for_random_pixels_cause_a_warning(
    static: int, *, is_warned: bool
) -> None:
    chips = [np.union1d(some(static, 9), some(500, seed)) for seed in range(3)]
    warning = warning_of(mask_of(chips, agree=2))
    assert ("low pixels have the 2 votes that they need, where as many votes for random pixels "
            "make 3" in warning) == is_warned
    assert (CAUSE in warning) == is_warned


@pytest.mark.parametrize(("step", "is_warned"), [(131, True), (1, False), (400, False)],
                         ids=["many single pixels", "a bad row", "few pixels"])
def test_a_single_exposure_has_no_more_single_pixels_than_detectors_do(
    step: int, *, is_warned: bool
) -> None:
    warning = warning_of(mask_of([np.arange(0, min(SIZE, 140 * step), step)]))
    assert warning == (
        "140 pixels (0.73%) are low without a low neighbour, where Gaussian noise makes 1.89e-05 "
        f"and few detectors have so many: {CAUSE}"
        "try a larger --static-sig, or more exposures and --agree 2"
    ) * is_warned


def test_there_is_no_warning_where_low_pixels_cannot_be_told_from_flagged_ones() -> None:
    mask = mask_of(np.split(some(90), 3), final_bits="0")
    assert warning_of(mask)
    mask.causes_known = False
    assert warning_of(mask) == ""


def flagged_mask(
    flags: Sequence[Pixels], *, agree: Agreement = "any", rule: str = "global"
) -> StaticMask:
    """Mask of exposures, which have these pixels flagged in DQ."""
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), sky=rule, agree=agree, final_bits="64,32")
    for number, pixels in enumerate(flags):
        dq = np.zeros(SHAPE, np.int16)
        dq.flat[pixels] = 4096
        mask.add(sky(SHAPE, seed=number), label=f"{number}_flt.fits", dq=dq)
    mask.sort_members()
    return mask


def test_flags_that_come_and_go_are_warned_of_with_their_number() -> None:
    hot = some(60)
    finding = flags_warning(flagged_mask([np.union1d(hot, some(300, seed)) for seed in (1, 2, 3)]))
    assert finding is not None
    all_flags = [np.union1d(hot, some(300, seed)) for seed in (1, 2, 3)]
    flagged = np.unique(np.concatenate(all_flags)).size
    once = flagged - hot.size
    assert f" of {flagged} pixels flagged in DQ are flagged in one exposure only" in finding.what
    assert abs(int(finding.what.split()[1]) - once) <= 20  # as few are flagged in two
    assert finding.remedy.startswith("--agree 2 ")


@pytest.mark.parametrize(("agree", "flags"), [
    ("any", [some(300)] * 3),  # of the detector
    (2, [some(300, seed) for seed in range(3)]),
    ("any", [some(300)]),
    ("any", [some(8, seed) for seed in range(2)]),
], ids=["static", "agree 2", "one exposure", "few"])
def test_other_flags_are_not_warned_of(agree: Agreement, flags: Sequence[Pixels]) -> None:
    assert flags_warning(flagged_mask(flags, agree=agree)) is None
