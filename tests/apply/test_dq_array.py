"""DQ arrays of every form get their flags, or are refused with the way out."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.errors import ExposureError
from tests.support.applied import SHAPE, applied, bad_pixels, history_of, with_dq, write_mask
from tests.support.exposures import WriteExposure, sky
from tests.support.hdus import changed_hdus, hdus_of


def constant(value: int, **more: Any) -> fits.ImageHDU:  # noqa: ANN401
    """Return a DQ extension that has the same flags in all pixels, and no data."""
    hdu = fits.ImageHDU(name="DQ", ver=1)
    hdu.header.update({"BITPIX": 16, "NPIX1": 80, "NPIX2": 60, "PIXVALUE": value, **more})
    return hdu


@pytest.mark.parametrize("value", [0, 16])
def test_a_constant_dq_becomes_an_image(
    value: int, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = with_dq(write_exposure(), constant(value), checksum=True)
    bad = bad_pixels((3, 4))
    (copy,) = applied(tmp_path, write_mask(tmp_path / "m.fits", bad), path)
    assert changed_hdus(path, copy) == [2]
    with fits.open(copy, checksum=True) as hdus:  # a wrong checksum would be a warning
        np.testing.assert_array_equal(hdus["DQ"].data, np.where(bad, value | 4, value))
        assert hdus["DQ"].data.dtype == np.dtype(">i2")
        assert "PIXVALUE" not in hdus["DQ"].header
        hdus.verify("exception")


def test_a_constant_dq_stays_one_if_nothing_is_set(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = with_dq(write_exposure(), constant(0))
    (copy,) = applied(tmp_path, write_mask(tmp_path / "m.fits", bad_pixels()), path)
    assert fits.getheader(copy, "DQ")["NAXIS"] == 0
    assert "in 0 pixels" in " ".join(history_of(copy))


@pytest.mark.parametrize("dtype", [np.uint8, np.int8, np.int16, np.uint16, np.int32, np.uint32,
                                   np.int64])
@pytest.mark.parametrize("checksum", [False, True])
def test_dq_of_every_width_keeps_its_other_flags(
    dtype: Any, checksum: bool, write_exposure: WriteExposure, tmp_path: Path  # noqa: ANN401, FBT001
) -> None:
    """The highest bit is that of the sign, or of the offset of unsigned integers in FITS."""
    bits = 8 * np.dtype(dtype).itemsize
    highest = 1 << min(bits, 32) - 1
    rng = np.random.default_rng(3)
    dq = rng.integers(0, 1 << min(bits, 63) - 1, SHAPE).astype(f"u{bits // 8}").view(dtype)
    path = with_dq(write_exposure(), fits.ImageHDU(dq, name="DQ", ver=1), checksum=checksum)
    bad = bad_pixels((0, 0), (3, 4), (59, 79))
    bad[10:20, 5:50] = True
    mask = write_mask(tmp_path / "m.fits", bad)
    (copy,) = applied(tmp_path, mask, path, dq_bit=highest | 2)
    pattern = dq.view(f"u{bits // 8}")
    expected = np.where(bad, pattern | pattern.dtype.type(highest | 2), pattern).view(dtype)
    assert changed_hdus(path, copy) == [2]
    with fits.open(copy, checksum=checksum) as hdus:
        assert hdus["DQ"].data.dtype.newbyteorder("=") == np.dtype(dtype)
        np.testing.assert_array_equal(hdus["DQ"].data, expected)
        assert ("CHECKSUM" in hdus["DQ"].header) is checksum


def test_a_header_without_room_grows_and_what_follows_keeps_its_bytes(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = fits.ImageHDU(np.zeros(SHAPE, np.int16), name="DQ", ver=1)
    while len(dq.header.tostring(padding=False)) < 2880:
        dq.header.add_comment("no room")
    path = with_dq(write_exposure(), dq, checksum=False)
    (copy,) = applied(tmp_path, write_mask(tmp_path / "m.fits", bad_pixels((1, 1))), path)
    (before, _), (after, _) = hdus_of(path)[2], hdus_of(copy)[2]
    assert (len(before), len(after)) == (2880, 5760)
    assert changed_hdus(path, copy) == [2]
    assert after.startswith(before[: before.rindex(b"END")])


def test_blank_cards_at_the_end_are_room_for_history(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    dq = fits.ImageHDU(np.zeros(SHAPE, np.int16), name="DQ", ver=1)
    while len(dq.header) < 36:
        dq.header.append(("", ""), end=True)
    path = with_dq(write_exposure(), dq)
    mask = write_mask(tmp_path / "m.fits", bad_pixels((1, 1)))
    (copy,) = applied(tmp_path, mask, path)
    (before, _), (after, _) = hdus_of(path)[2], hdus_of(copy)[2]
    assert len(before) == len(after)
    assert history_of(copy)


def test_dq_that_is_packed_is_refused_with_the_way_to_unpack_it(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    mask = write_mask(tmp_path / "m.fits", bad_pixels())
    plain = write_exposure(chips=[{"data": sky(), "dq": np.zeros(SHAPE, np.int16)}])
    packed = tmp_path / "p_flt.fits.gz"
    with fits.open(plain) as hdus:
        hdus.writeto(packed)
    with pytest.raises(ExposureError, match=r"is compressed, .*; unpack it with gunzip -k"):
        applied(tmp_path, mask, packed)
    tiles = fits.CompImageHDU(np.zeros(SHAPE, np.int16), name="DQ")
    path = with_dq(write_exposure("t_flt.fits"), tiles)
    with pytest.raises(ExposureError, match=r"is compressed in tiles, .*with funpack"):
        applied(tmp_path, mask, path)
    real = with_dq(write_exposure("r_flt.fits"), fits.ImageHDU(np.zeros(SHAPE), name="DQ", ver=1))
    with pytest.raises(ExposureError, match="expected integer DQ flags, found BITPIX = -64"):
        applied(tmp_path, mask, real)
    small = with_dq(write_exposure("s_flt.fits"),
                    fits.ImageHDU(np.zeros((60, 79), np.int16), name="DQ", ver=1))
    with pytest.raises(ExposureError, match=r"DQ flags of shape \(60, 80\), found \(60, 79\)"):
        applied(tmp_path, mask, small)
