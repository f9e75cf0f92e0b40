"""Pixels and flags in whatever object a user has them, and what their masks do."""

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy import units
from astropy.io import fits
from astropy.nddata import CCDData, NDData
from astropy.utils.masked import Masked

from staticmask_cli import Signature, StaticMask, chip_statistics
from staticmask_cli.errors import ChipError
from staticmask_cli.stats.arrays import as_chip
from tests.support.exposures import sky
from tests.support.process import run_python

SHAPE = (60, 80)
DATA = sky(SHAPE)
DATA[3, 4] = DATA[10, 20] = 0.0  # both low
DATA[:9, 50:] = 100.0  # which would move the mode
HIDDEN = np.zeros(SHAPE, np.bool_)
HIDDEN[3, 4] = True
HIDDEN[:9, 50:] = True
EXPECTED = np.where(HIDDEN, np.float32(np.nan), DATA)


def hdus(*sci: Any, **others: Any) -> fits.HDUList:  # noqa: ANN401
    """Return an HDUList with SCI extensions, and others by name."""
    images = [fits.ImageHDU(data, name="SCI", ver=number) for number, data in enumerate(sci, 1)]
    images += [fits.ImageHDU(data, name=name) for name, data in others.items()]
    return fits.HDUList([fits.PrimaryHDU(), *images])


WHOLE: dict[str, Callable[[], Any]] = {
    "list": DATA.tolist,
    "tuple": lambda: tuple(map(tuple, DATA.tolist())),
    "big-endian": lambda: DATA.astype(">f4"),
    "Quantity": lambda: DATA * units.electron,
    "NDData": lambda: NDData(DATA),
    "CCDData": lambda: CCDData(DATA, unit="adu"),
    "primary HDU": lambda: fits.PrimaryHDU(DATA),
    "image HDU": lambda: fits.ImageHDU(DATA),
    "compressed HDU": lambda: fits.CompImageHDU(DATA, compression_type="GZIP_1", quantize_level=0),
    "HDUList": lambda: hdus(DATA, DQ=HIDDEN.astype(np.int16), ERR=DATA),
    "HDUList of a primary image": lambda: fits.HDUList([fits.PrimaryHDU(DATA)]),
    "no pixel masked": lambda: np.ma.array(DATA),
}
MASKED: dict[str, Callable[[], Any]] = {
    "MaskedArray": lambda: np.ma.array(DATA, mask=HIDDEN),
    "NDData": lambda: NDData(DATA, mask=HIDDEN),
    "CCDData": lambda: CCDData(DATA, unit="adu", mask=HIDDEN),
    "mask of integers": lambda: NDData(DATA, mask=HIDDEN.astype(int)),
    "Masked": lambda: Masked(DATA, mask=HIDDEN),
    "Masked Quantity": lambda: Masked(DATA * units.adu, mask=HIDDEN),
}


def result_of(data: Any, **dq: Any) -> StaticMask:  # noqa: ANN401
    mask = StaticMask(Signature("ACSWFC", SHAPE, 1), final_bits="0")
    mask.add(data, label="a", **dq)
    return mask


@pytest.mark.parametrize("kind", WHOLE)
def test_all_objects_with_pixels_give_what_the_array_gives(kind: str) -> None:
    data = WHOLE[kind]()
    assert chip_statistics(data) == chip_statistics(DATA)
    found, expected = result_of(data), result_of(DATA)
    np.testing.assert_array_equal(found.array, expected.array)
    assert found.members == expected.members


@pytest.mark.parametrize("kind", MASKED)
def test_masked_pixels_do_not_count_and_stay_good(kind: str) -> None:
    data = MASKED[kind]()
    assert chip_statistics(data) == chip_statistics(EXPECTED) != chip_statistics(DATA)
    found = result_of(data, dq=HIDDEN.astype(np.int16))
    np.testing.assert_array_equal(found.array, result_of(EXPECTED).array)
    assert (found.bad[3, 4], found.bad[10, 20], found.members[0].flagged) == (False, True, 0)
    assert DATA[3, 4] == 0  # nothing was written into the user's array


@pytest.mark.parametrize("dtype", ["i2", ">u2", "i4", "i8", "f2", "f8", "?"])
def test_masked_pixels_of_any_dtype_keep_the_values_of_the_others(dtype: str) -> None:
    values = (DATA > 99) if dtype == "?" else DATA.astype(dtype)
    pixels, _ = as_chip(np.ma.array(values, mask=HIDDEN))
    assert np.isnan(pixels[HIDDEN]).all()
    np.testing.assert_array_equal(pixels[~HIDDEN], values[~HIDDEN])


@pytest.mark.parametrize("good_bits", [0, 1, ~0])
def test_a_boolean_dq_is_a_mask_of_bad_pixels(good_bits: int) -> None:
    for dq in (HIDDEN, HIDDEN.tolist(), np.ma.array(HIDDEN)):
        mask = result_of(DATA, dq=dq, good_bits=good_bits)
        assert mask.bad[HIDDEN].all()
        assert mask.members[0].flagged == HIDDEN.sum()
        assert mask.members[0].added_by_bit == {1: HIDDEN.sum() - 1}  # one is low


@pytest.mark.parametrize(
    "dq", [
        lambda flags: flags.tolist(), fits.ImageHDU, NDData,
        lambda flags: hdus(DATA, DQ=flags), lambda flags: np.ma.array(flags + 4, mask=flags == 0),
    ],
)
def test_flags_come_in_the_same_forms(dq: Callable[[Any], Any]) -> None:
    flags = np.where(HIDDEN, np.int16(4), np.int16(0))
    mask = result_of(DATA, dq=dq(flags))
    np.testing.assert_array_equal(mask.flagged, HIDDEN)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "found None"),
        ("a_flt.fits", "found a_flt.fits"),
        ([[1, 2], [3]], "found list"),
        (7.0, "found 7.0"),
        (DATA * 1j, r"found ndarray of shape \(60, 80\) with elements of type complex64"),
        (fits.PrimaryHDU(), "found PrimaryHDU"),
        (fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1])]), "found BinTableHDU"),
        (hdus(DATA, DATA), "an HDUList with one SCI image, found SCI,1, SCI,2; give the HDU"),
        (hdus(), "an HDUList with one SCI image, found none"),
        ([["x"] * 9] * 9, "found list"),
    ],
)
def test_what_has_no_pixels_is_refused_in_one_line(data: Any, message: str) -> None:  # noqa: ANN401
    with pytest.raises(ChipError, match=message) as error:
        chip_statistics(data)
    assert len(str(error.value)) < 300
    if not isinstance(data, np.ndarray):
        with pytest.raises(ChipError, match=rf"^a\[SCI,1\]: .*{message}"):
            result_of(data)


def test_flags_that_are_no_integers_are_refused() -> None:
    for dq, message in ((HIDDEN * 1.0, "an integer dtype, found float64"),
                        (HIDDEN[1:], r"DQ has shape \(59, 80\), expected \(60, 80\)"),
                        (hdus(DATA), "an HDUList with one DQ image, found none"),
                        ("0", "DQ: expected an array")):
        with pytest.raises(ChipError, match=message):
            result_of(DATA, dq=dq)


def test_arrays_need_no_astropy(tmp_path: Path) -> None:
    process = run_python("-c", (
        "import sys, numpy as np\n"
        "from staticmask_cli import chip_statistics\n"
        "chip_statistics(np.ma.array(np.arange(4800.0).reshape(60, 80), mask=False))\n"
        "print([name for name in sys.modules if name.startswith('astropy')])"
    ), cwd=tmp_path)
    assert process.stdout.strip() == "[]", process.stderr


def test_no_warning_reaches_the_user() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for make in (*WHOLE.values(), *MASKED.values()):
            result_of(make())
