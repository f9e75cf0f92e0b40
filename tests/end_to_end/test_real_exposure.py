"""A real ACS/HRC exposure, from the command to the pixels."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from astropy.nddata import bitmask
from click.testing import CliRunner

from staticmask_cli import create_masks
from staticmask_cli.cli import cli
from tests.support.exposures import digest
from tests.support.oracle import oracle_mask

MASK = "ACSHRC_1024x1024_1_staticMask.fits"


@pytest.mark.parametrize("static_sig", [4.0, 0.5, 0.3, 0.25])
def test_the_main_job_gives_the_oracles_mask_and_leaves_the_input_alone(
    static_sig: float, real_exposure: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(real_exposure.parent)
    before = digest(real_exposure)
    result = CliRunner().invoke(
        cli, ["*flt.fits", "--static-sig", str(static_sig)], catch_exceptions=False
    )
    assert (result.exit_code, result.stdout) == (0, f"{MASK}\n")
    expected = oracle_mask([fits.getdata(real_exposure, "SCI")], static_sig)
    np.testing.assert_array_equal(fits.getdata(MASK), expected)
    # The field is crowded: its sky lies only 0.35 rms above its lowest pixel.
    assert np.count_nonzero(expected == 0) == {4.0: 0, 0.5: 0, 0.3: 281, 0.25: 1601}[static_sig]
    assert digest(real_exposure) == before
    assert sorted(path.name for path in Path().iterdir()) == sorted([MASK, real_exposure.name])


@pytest.mark.parametrize(
    ("final_bits", "number"),
    [
        (None, None), ("None", None), ("", None), (0, 0), ("0", 0), (8, 8), ("8,16", "8,16"),
        ("8+16", "8+16"), ("~16", "~16"), ("HOT", 16), ("hotpix,warmpix", "16,64"),
        ("~(SATURATED)", "~256"), (65535, 65535), (-17, -17),
    ],
)
def test_final_bits_are_astropys(
    final_bits: str | int | None, number: str | int | None, real_exposure: Path, tmp_path: Path
) -> None:
    (mask,) = create_masks(
        real_exposure, static_sig=0.25, final_bits=final_bits, output_dir=tmp_path / "out"
    )
    with fits.open(real_exposure) as hdus:
        by_rule = oracle_mask([hdus["SCI"].data], 0.25) == 1
        flags = hdus["DQ"].data.astype(np.int32) & 0xFFFF  # astropy wants all bits to fit
    by_dq = bitmask.bitfield_to_boolean_mask(flags, ignore_flags=number, good_mask_value=True)
    np.testing.assert_array_equal(mask.good, by_rule & by_dq)


def test_what_each_dq_bit_added_is_counted(real_exposure: Path, tmp_path: Path) -> None:
    (mask,) = create_masks(
        real_exposure, static_sig=0.25, final_bits=16, output_dir=tmp_path / "out"
    )
    with fits.open(real_exposure) as hdus:
        flags = hdus["DQ"].data
        above = oracle_mask([hdus["SCI"].data], 0.25) == 1
    expected = {
        bit: int(np.count_nonzero((flags & bit != 0) & above))
        for bit in (1 << k for k in range(15)) if bit != 16 and (flags & bit).any()
    }
    assert mask.members[0].added_by_bit == expected
    assert len(expected) > 3
