"""Test the report of the joint evidence of a mask."""

from pathlib import Path

import numpy as np
import pytest

from staticmask_cli import StaticMask
from staticmask_cli.reports.inspection import inspect_masks
from staticmask_cli.reports.joint import joint_of
from staticmask_cli.reports.run_report import as_json
from tests.support.documents import checked
from tests.support.exposures import sky
from tests.support.joint import joint_mask, known_depths


def test_bad_pixels_are_counted_by_evidence_and_by_votes() -> None:
    mask = joint_mask(known_depths())
    joint = joint_of(mask)
    assert joint is not None
    assert mask.evidence is not None
    assert (joint.by_evidence, joint.by_evidence_alone, joint.by_votes_alone) == (8, 7, 0)
    assert joint.half_found == mask.evidence.reach(mask.rule)
    assert joint.depth is not None
    assert 1.5 < joint.depth[0] < joint.depth[1] == joint.deepest[0].depth < 3.5


def test_the_deepest_pixels_are_those_that_are_deepest_and_count_from_1() -> None:
    joint = joint_of(joint_mask(known_depths()))
    assert joint is not None
    assert (joint.deepest[0].column, joint.deepest[0].row) == (61, 81)
    assert [pixel.row for pixel in joint.deepest[1:]] == [31] * 4
    depths = [pixel.depth for pixel in joint.deepest]
    assert depths == sorted(depths, reverse=True)
    assert all(pixel.significance > 5 for pixel in joint.deepest)


def test_a_pixel_that_is_low_at_two_pointings_is_bad_by_votes_alone() -> None:
    mask = joint_mask(np.zeros((60, 90)), exposures=7)
    for number in range(2):
        data = sky((60, 90), seed=50 + number)
        data[20, 30] = -200.0
        mask.add(data, label=f"low{number}_flt.fits")
    joint = joint_of(mask)
    assert joint is not None
    assert (joint.by_evidence, joint.by_evidence_alone, joint.by_votes_alone) == (0, 0, 1)
    assert joint.depth is None
    assert [(pixel.column, pixel.row) for pixel in joint.deepest] == [(31, 21)]


def test_a_mask_of_another_rule_has_no_joint_evidence() -> None:
    mask = StaticMask(joint_mask(np.zeros((60, 90)), exposures=1).signature, agree=2)
    assert joint_of(mask) is None


@pytest.mark.parametrize("exposures", [4, 9])
def test_the_json_of_a_joint_mask_fits_the_schema(tmp_path: Path, exposures: int) -> None:
    path = str(tmp_path / "m.fits")
    mask = joint_mask(known_depths(), exposures=exposures, static_sig=6.5)
    mask.write(path)
    (found,) = checked("inspection", as_json("inspection", inspect_masks([path])))["masks"]
    joint = joint_of(mask)
    assert joint is not None
    assert found["joint"]["by_evidence"] == joint.by_evidence
    assert found["joint"]["by_evidence"] + found["joint"]["by_votes_alone"] == found["bad"]
    assert [pixel["row"] for pixel in found["joint"]["deepest"]] == [p.row for p in joint.deepest]
    # With four exposures, a significance of 6.5 is more than any pixel can have.
    assert (found["joint"]["half_found"] is None) == (exposures == 4)
