"""What a run finds in its masks: what stands apart in them, blocks, and no contradictions."""

import numpy as np
import pytest

from staticmask_cli.masks.findings import (
    APART,
    CHIPS_APART,
    MANY_LOW,
    NOT_FLAT,
    UNCONFIRMED,
    Finding,
)
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.pipeline.findings import findings_of, findings_of_chips
from tests.support.exposures import sky

SHAPE = (90, 120)


def mask_of(
    visit: int, *, exposures: int = 4, noise: float = 1.0, faint: int | None = None,
    block: int = 0, level: float = 1.0,
) -> StaticMask:
    """Return the mask of a visit, whose exposures have the same few low pixels."""
    rng = np.random.default_rng(1000 + visit)
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), static_sig=5.0)
    low = rng.choice(SHAPE[0] * SHAPE[1], 12, replace=False)
    for number in range(exposures):
        data = level * (100 + noise * (sky(SHAPE, seed=100 * visit + number) - 100))
        data.flat[low] = 0
        data[20 : 20 + block, 30 : 30 + block] = 0
        data *= 0.02 if number == faint else 1.0
        mask.add(data, label=f"v{visit}_{number}_flt.fits")
    mask.sort_members()
    mask.path = f"out/visit{visit}_staticMask.fits"
    return mask


def test_what_stands_apart_is_found_in_the_run_and_nothing_else() -> None:
    masks = [mask_of(visit) for visit in range(8)]
    assert list(findings_of(masks, ())) == []
    masks += [mask_of(8, exposures=3), mask_of(9, noise=6.0), mask_of(10, faint=2),
              mask_of(11, block=20), mask_of(12, level=0.02)]
    found = {finding.name: finding for finding in findings_of(masks, ())}
    assert {name: finding.short for name, finding in found.items()} == {
        f"visit{visit}": CHIPS_APART if visit == 10 else APART for visit in range(8, 13)}
    for visit, words in ((8, "it has 3 exposures, where 4 are usual"), (9, "is the noise, where"),
                         (10, "v10_2_flt.fits[SCI,1] differs from the other members in mode by -"),
                         (11, "it has a cluster of 4"), (12, "is the level, where")):
        assert words in found[f"visit{visit}"].what


def test_few_masks_are_not_compared_and_members_of_earlier_runs_are_not_named_again() -> None:
    assert list(findings_of([mask_of(1), mask_of(2), mask_of(3, noise=6.0)], ())) == []
    mask = mask_of(1, exposures=5, faint=0)
    mask.previous_members = frozenset(member.label.sort_key for member in mask.members[:3])
    assert list(findings_of([mask], ())) == []
    mask.previous_members = frozenset()
    assert [finding.short for finding in findings_of([mask], ())] == [CHIPS_APART]


@pytest.mark.parametrize(("block", "expected"),
                         [(0, MANY_LOW), (20, "low pixels are one block")])
def test_a_block_is_named_instead_of_sources(block: int, expected: str) -> None:
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1))
    for number in range(3):
        data = sky(SHAPE, seed=number)
        if block:
            data[20 : 20 + block, 30 : 30 + block] = 0
        else:
            data.flat[::50] = 0
        mask.add(data, label=f"{number}.fits")
    (finding,) = findings_of_chips("m.fits", mask.members, mask)
    assert finding.short == expected
    where = "400 low pixels are one block, in columns 31 to 50 and rows 21 to 40"
    assert (where in finding.what) == bool(block)


def test_low_pixels_are_not_called_unconfirmed_where_they_are_overlooked() -> None:
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), static_sig=6.0)
    for number in range(3):
        data = sky(SHAPE, seed=number)
        data.flat[np.random.default_rng(number).choice(data.size, 60, replace=False)] = 20
        mask.add(data, label=f"{number}.fits")
    mask.sort_members()
    assert [finding.short for finding in findings_of([mask], ())] == [UNCONFIRMED]
    for subject in (mask.name, "1.fits[SCI,1]"):
        earlier = Finding(subject, "", NOT_FLAT, "")
        assert list(findings_of([mask], [earlier])) == []
