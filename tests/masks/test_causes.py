"""WHY says for each pixel for which causes it is bad, in memory and on disk."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.masks.causes import CAUSES, DESCRIPTIONS, count_by_cause
from staticmask_cli.masks.rule import Agreement
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask

SHAPE = (130, 210)
SIGNATURE = Signature("ACSWFC", SHAPE, 1)


def exposure(seed: int) -> np.ndarray:
    """Return noise with a low pixel, a low column and a pixel that is low in one exposure only."""
    data = np.random.default_rng(seed).normal(100.0, 5.0, SHAPE).astype(np.float32)
    data[40, 50] -= 100.0
    data[:, 200] -= 20.0
    if seed == 1:
        data[90, 91] -= 100.0
    return data


def made(sky: str = "local", agree: Agreement = "any", final_bits: str | None = "0") -> StaticMask:
    mask = StaticMask(SIGNATURE, static_sig=8.0, sky=sky, agree=agree, final_bits=final_bits)
    for seed in range(3):
        dq = np.zeros(SHAPE, np.int16)
        dq[40, 50] = dq[7, 9] = 4
        mask.add(exposure(seed), label=f"{seed}.fits", dq=dq if final_bits else None)
    return mask


def test_each_cause_has_a_bit_of_its_own_and_a_description() -> None:
    assert sorted(CAUSES.values()) == [1 << bit for bit in range(len(CAUSES))]
    assert list(DESCRIPTIONS) == list(CAUSES)


def test_a_pixel_has_all_its_causes() -> None:
    mask = made()
    mask.included = np.zeros(SHAPE, bool)
    mask.included[7, 9] = mask.included[120, 130] = True
    why = mask.why
    assert why[40, 50] == CAUSES["local"] | CAUSES["dq"]
    assert why[7, 9] == CAUSES["dq"] | CAUSES["included"]
    assert why[120, 130] == CAUSES["included"]
    assert why[90, 91] == CAUSES["local"]
    assert set(why[:, 200]) == {CAUSES["line"]}
    np.testing.assert_array_equal(why != 0, mask.bad)
    assert count_by_cause(why, mask.bad) == {"local": 2, "line": 130, "dq": 1, "included": 1}
    assert made(sky="global").why[40, 50] == CAUSES["global"] | CAUSES["dq"]


def test_pixels_with_too_few_votes_have_causes_but_are_not_counted() -> None:
    mask = made(agree=2)
    assert (mask.why[90, 91], mask.bad[90, 91]) == (CAUSES["local"], False)
    assert count_by_cause(mask.why, mask.bad)["local"] == 1


@pytest.mark.parametrize("agree", ["any", "all", 2])
def test_the_file_has_the_causes(agree: Agreement, tmp_path: Path) -> None:
    mask, path = made(agree=agree), str(tmp_path / "m.fits")
    mask.included = np.zeros(SHAPE, bool)
    mask.included[120, 130] = True
    mask.write(path)
    with fits.open(path) as hdus:
        np.testing.assert_array_equal(hdus["WHY"].data, mask.why)
        assert hdus["WHY"].data.dtype == np.uint8
        assert {name: hdus["WHY"].header[name.upper()] for name in CAUSES} == CAUSES
        assert hdus[0].data[120, 130] == 0
    read = StaticMask.read(path)
    np.testing.assert_array_equal(read.why, mask.why)
    np.testing.assert_array_equal(read.bad, mask.bad)
    assert (read.nbelow, read.causes_known) == (mask.nbelow, True)


def test_a_mask_of_one_cause_needs_no_image_of_it(tmp_path: Path) -> None:
    mask, path = made(sky="global", final_bits=None), str(tmp_path / "m.fits")
    mask.write(path)
    with fits.open(path) as hdus:
        assert "WHY" not in hdus
    read = StaticMask.read(path)
    assert read.causes_known
    np.testing.assert_array_equal(read.why, mask.why)


def test_a_mask_whose_pixels_were_changed_by_hand_has_unknown_causes(tmp_path: Path) -> None:
    path = tmp_path / "m.fits"
    made().write(str(path))
    with fits.open(path, mode="update") as hdus:
        hdus[0].data[10, 10] = 0
    read = StaticMask.read(str(path))
    assert (read.bad[10, 10], read.causes_known) == (True, False)
    read.write(str(path))
    assert not StaticMask.read(str(path)).causes_known


def test_merging_is_the_same_in_any_order() -> None:
    parts = [made(agree="any") for _ in range(2)]
    parts[1].included = np.zeros(SHAPE, bool)
    parts[1].included[3, 4] = True
    merged = []
    for first, second in (parts, parts[::-1]):
        mask = made()
        mask.merge(first)
        mask.merge(second)
        merged.append(mask.why)
    np.testing.assert_array_equal(merged[0], merged[1])
    assert merged[0][3, 4] == CAUSES["included"]
