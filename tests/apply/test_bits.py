"""The bits in DQ are those of the instrument, chosen ones, or others for each cause."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import StaticMask
from staticmask_cli.errors import ConfigError
from staticmask_cli.masks.signature import Signature
from tests.support.applied import SHAPE, applied, bad_pixels, dq_of, write_mask
from tests.support.exposures import WriteExposure, sky


def test_the_other_bits_can_be_chosen_by_number_or_by_name(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 2)))
    for value, expected in ((64, 64), ("4+128", 132), ("4,16", 20), ("hot,BADCOL", 144),
                            (32768, -32768)):
        (copy,) = applied(tmp_path, mask, path, dq_bit=value)
        assert dq_of(copy)[1, 2] == expected


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("HOTT", r"dq_bit = HOTT: expected a number .*; flags of ACS: LOST \(1\)"),
        ("~4", r"dq_bit = ~4: expected .*, from 1 to 4294967295"),
        (0, "dq_bit = 0: expected"),
        ("-4", "dq_bit = -4: expected"),
        (True, "dq_bit = True: expected"),
        (65536, r"dq_bit = 65536: does not fit into the 16 bits .*up to 32768"),
        ("cold=4", "dq_bit = cold=4: expected .* low, global, local, line, dq"),
        ("low=4,low=8", "dq_bit = low=4,low=8: expected"),
        ("low=", "dq_bit = low=: expected"),
    ],
)
def test_a_wrong_bit_is_refused(
    value: Any, message: str, write_exposure: WriteExposure, tmp_path: Path  # noqa: ANN401
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 2)))
    with pytest.raises(ConfigError, match=message):
        applied(tmp_path, mask, path, dq_bit=value)
    assert not (tmp_path / "out").exists()


def test_an_instrument_whose_bit_is_not_known_needs_one(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(instrume="MOSAIC3", detector=None,
                          chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int32)}])
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 2)), detector="MOSAIC3")
    with pytest.raises(ConfigError, match=r"not known for INSTRUME = MOSAIC3; give it, as in --dq"):
        applied(tmp_path, mask, path)
    (copy,) = applied(tmp_path, mask, path, dq_bit=1)
    assert dq_of(copy).sum() == 1


def test_each_cause_can_have_bits_of_its_own(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), final_bits="0", sky="local")
    mask.below = bad_pixels((1, 1), (2, 2))
    mask.flagged = bad_pixels((2, 2), (3, 3))
    mask.included = bad_pixels((4, 4))
    mask.write(str(tmp_path / "m.fits"))
    (copy,) = applied(tmp_path, mask, path, dq_bit="low=4,128, dq=BADREF")
    dq = dq_of(copy)
    assert [int(dq[n, n]) for n in range(1, 5)] == [132, 132 | 512, 512, 0]
    assert np.count_nonzero(dq) == 3
    (copy,) = applied(tmp_path, mask, path, dq_bit="included=64", grow=1)
    assert np.argwhere(dq_of(copy) == 64).min(axis=0).tolist() == [3, 3]
    assert np.count_nonzero(dq_of(copy)) == 9


def test_causes_that_are_not_known_are_refused(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    mask = tmp_path / "ACSWFC_60x80_1_staticMask.fits"
    fits.PrimaryHDU(np.ones(SHAPE, np.int16)).writeto(mask)
    with pytest.raises(ConfigError, match="does not contain why its pixels are bad"):
        applied(tmp_path, mask, path, dq_bit="low=4")
