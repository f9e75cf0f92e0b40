"""DQ flags and final_bits, compared with those of astropy."""

import warnings
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.nddata.bitmask import (
    bitfield_to_boolean_mask,
    extend_bit_flag_map,
    interpret_bit_flags,
)
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.errors import ChipError, ConfigError
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.masks.bitmask import bad_by_dq, clean_final_bits, good_bits, pixels_by_bit

FLAGS = instrument_of("ACS").flags_of("WFC")
DTYPES = ("<i2", ">i2", "<u2", ">u2", "<i4", ">i4", "<u4", ">u4", "i1", "u1")
SYNTAX = (
    96, 0, -97, "96", "0", "~0", "3", "65535", "32768", "65536", "4294967295", "-1",
    "64,32", "64+32", "64|32", "64, 32", "(64,32)", "64,64", [64, 32], (64,), ["64", "32"],
    "~64,32", "~(64,32)", "~64+32", "~4096", "~32768",
)
NAMED = ("WARMPIX,HOTPIX", "warm", "HOT|WARM", "HOT+WARM", "(HOT,WARM)", "~HOT,WARM",
         "~(UNSTABLE)")


@cache
def dq_array(dtype: str, seed: int = 7) -> npt.NDArray[Any]:
    """Make flags with every bit of their width, alone and together, a third of them 0."""
    kind = np.dtype(dtype)
    rng = np.random.default_rng(seed)
    single = np.uint64(1) << rng.integers(0, 8 * kind.itemsize, (24, 31), dtype=np.uint64)
    many = rng.integers(0, 256**kind.itemsize, (24, 31), dtype=np.uint64)
    pattern = np.choose(rng.integers(0, 3, (24, 31)), [np.zeros_like(many), single, many])
    return pattern.astype(f"u{kind.itemsize}").view(f"{kind.kind}{kind.itemsize}").astype(kind)


def good(final_bits: object) -> int:
    """Return the good bits of ACS/WFC, in the two steps that a run takes."""
    bits = good_bits(clean_final_bits(final_bits), "ACS", FLAGS)
    assert bits is not None
    return bits


@pytest.mark.parametrize("final_bits", [*SYNTAX, *NAMED], ids=str)
def test_every_syntax_means_what_astropy_says(final_bits: Any) -> None:  # noqa: ANN401
    flags = final_bits if isinstance(final_bits, str | int) else [int(bit) for bit in final_bits]
    names = extend_bit_flag_map("Flags", **FLAGS) if final_bits in NAMED else None
    for dtype in DTYPES:
        dq = dq_array(dtype)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Bit .* was specified|.*[Dd]uplicate")
            theirs = bitfield_to_boolean_mask(dq, ignore_flags=flags, flag_name_map=names)
        np.testing.assert_array_equal(bad_by_dq(dq, good(final_bits)), theirs, dtype)


@given(st.from_regex(r"~?[0-9]{1,3}(,(1|2|4|8|16|3|0|64|064)){0,3}", fullmatch=True))
def test_numbers_are_interpreted_as_by_astropy(text: str) -> None:
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "Bit .* was specified|.*[Dd]uplicate")
            expected = interpret_bit_flags(text)
    except ValueError:
        with pytest.raises(ConfigError):
            clean_final_bits(text)
    else:
        assert good_bits(clean_final_bits(text), "ACS", {}) == expected


@pytest.mark.parametrize("order", "<>")
def test_a_signed_flag_is_a_bit_pattern_and_not_a_number(order: str) -> None:
    dq = np.array([[-32768, -32767, 0], [-1, 32, 16384]], dtype=f"{order}i2")
    expected = {
        "0": [[1, 1, 0], [1, 1, 1]], "32768": [[0, 1, 0], [1, 1, 1]],
        "32769": [[0, 0, 0], [1, 1, 1]], "65535": [[0, 0, 0], [0, 0, 0]],
        "~32768": [[1, 1, 0], [1, 0, 0]],
    }
    for final_bits, bad in expected.items():
        np.testing.assert_array_equal(bad_by_dq(dq, good(final_bits)), np.array(bad, bool))


@pytest.mark.parametrize("value", [None, "", "  ", "None", "none", "INDEF", " indef ", [], ()])
def test_nothing_means_that_dq_is_not_read(value: object) -> None:
    assert clean_final_bits(value) is None
    assert good_bits(None, "ACS", FLAGS) is None


@pytest.mark.parametrize("value", [0, "0", [0]])
def test_zero_is_not_nothing(value: object) -> None:
    assert good(value) == 0


@pytest.mark.parametrize(
    "value",
    ["4,8+512", "0x60", "96.0", "64 32", "64,32,", "~", "~None", "~~64", "3,4", "HOT,64", "HOT,",
     "HOT WARM", "(64", "64)", "1e2", "-64,32", "not-a-bit", "9" * 5000,
     96.0, True, [True], [64, None], b"64", np.float32(64), object()],
    ids=lambda value: str(value)[:12],
)
def test_syntax_that_astropy_refuses_is_refused_when_parameters_are_read(value: object) -> None:
    with pytest.raises(ConfigError, match=r"^final_bits = .*: expected None \(DQ is not read\)"):
        clean_final_bits(value)


@pytest.mark.parametrize(
    "name", ["NOPE", "HOT,NOPE", "~NOPE", "HOT|WARM,UNSTABLE", "(HOT", "DO_NOT_USE"]
)
def test_a_wrong_name_is_refused_with_the_names_there_are(name: str) -> None:
    text = clean_final_bits(name)
    with pytest.raises(ConfigError, match=r"final_bits = .*; flags of ACS: .*WARMPIX \(64\)"):
        good_bits(text, "ACS", FLAGS)


def test_a_name_without_an_instrument_that_has_it_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"flags of MOSAIC3: none$"):
        good_bits("HOT", "MOSAIC3", {})


@given(text=st.text(max_size=12) | st.text("~()0123456789,+| HOTWARM_", max_size=12))
def test_no_text_fails_otherwise_than_by_a_configuration_error(text: str) -> None:
    try:
        bits = good_bits(clean_final_bits(text), "ACS", FLAGS)
    except ConfigError:
        return
    assert bits is None or bad_by_dq(dq_array("i2"), bits).shape == (24, 31)


@settings(max_examples=60)
@given(
    dtype=st.sampled_from(DTYPES), seed=st.integers(0, 999),
    bits=st.integers(-(2**32), 2**32), share=st.sampled_from([0.0, 0.3, 1.0]),
)
def test_pixels_of_each_bad_bit_are_counted(
    dtype: str, seed: int, bits: int, share: float
) -> None:
    dq = dq_array(dtype, seed)
    among = np.random.default_rng(seed).random(dq.shape) < share
    width = 8 * dq.dtype.itemsize
    flags = [int(flag) % 2**width for flag in dq[among]]
    expected = {
        1 << k: sum(flag >> k & 1 for flag in flags) for k in range(width) if not bits >> k & 1
    }
    found = pixels_by_bit(dq, bits, among)
    assert found == {bit: count for bit, count in expected.items() if count}
    assert list(found) == sorted(found)


def test_dq_is_not_modified_and_may_be_read_only() -> None:
    dq = dq_array(">i2")
    dq.flags.writeable = False
    before = dq.tobytes()
    bad = bad_by_dq(dq, 96)
    pixels_by_bit(dq, 96, bad)
    assert dq.tobytes() == before
    np.testing.assert_array_equal(bad_by_dq(dq[::2, 1:20:3], 96), bad[::2, 1:20:3])


@pytest.mark.parametrize("dtype", ["f4", ">f8", "c8", "U2", "O"])
def test_flags_that_are_not_integers_are_refused(dtype: str) -> None:
    dq = np.zeros((3, 4), dtype=dtype)
    with pytest.raises(ChipError, match="a DQ array must be of an integer dtype, found"):
        bad_by_dq(dq, 0)
    with pytest.raises(ChipError, match="a DQ array must be of an integer dtype, found"):
        pixels_by_bit(dq, 0, np.ones((3, 4), dtype=np.bool_))
