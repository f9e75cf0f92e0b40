"""Cards and HDUs are those that astropy writes, byte for byte, and astropy reads them back."""

import io
import math
import string
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from staticmask_cli.fits.header import Value
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.fits.writer import Card, NewHDU, format_header, image, table, write_hdus
from tests.support.strategies import shapes

PRINTABLE = [chr(code) for code in range(32, 127)]
KEYS = st.text(string.ascii_uppercase + string.digits + "_-", min_size=1, max_size=8).filter(
    lambda key: key not in {"COMMENT", "HISTORY", "CONTINUE", "END", "HIERARCH"}
)
TEXTS = st.text(PRINTABLE, max_size=40).map(str.rstrip)
LONG = st.text([*PRINTABLE, "'", "'"], min_size=60, max_size=250)
READABLE = (TEXTS | LONG).map(lambda text: text.replace("/", "x").rstrip(" &"))  # by astropy
NUMBERS = st.booleans() | st.integers(-10**19, 10**19) | st.floats(
    allow_nan=False, allow_infinity=False
)
# A quote in the comment of an empty string is ambiguous.
COMMENTS = st.text(sorted(set(PRINTABLE) - {"'"}), max_size=50).map(str.strip)


def header_of_astropy(card: Card) -> bytes:
    """Return the header with this card that astropy writes."""
    key, value, comment = card
    content: bytes = fits.Header([(key, value, comment)]).tostring().encode("ascii")
    return content


@given(st.tuples(KEYS, NUMBERS, COMMENTS))
def test_cards_of_numbers_are_those_of_astropy(card: Card) -> None:
    with astropy_silenced():  # it warns about truncated comments
        assert format_header([card]) == header_of_astropy(card)


@given(st.tuples(KEYS, TEXTS, COMMENTS))
def test_cards_of_strings_are_those_of_astropy(card: Card) -> None:
    with astropy_silenced():
        assert format_header([card]) == header_of_astropy(card)


@given(st.lists(st.tuples(KEYS, READABLE | NUMBERS, COMMENTS), max_size=60,
                unique_by=lambda card: card[0]),
       st.text(string.ascii_letters, max_size=200))
def test_headers_of_any_length_are_read_back_by_astropy(cards: list[Card], comment: str) -> None:
    content = format_header(cards, comment)
    assert len(content) % 2880 == 0
    with astropy_silenced():
        header = fits.Header.fromstring(content)
        for key, value, _ in cards:
            if isinstance(value, float):  # whose last digits a card may not have
                assert header[key] == pytest.approx(value, rel=1e-12)
            else:
                assert (header[key], type(header[key])) == (value, type(value))
    assert "".join(header.get("COMMENT", [])) == comment


@pytest.mark.parametrize(("value", "card"), [
    (True, "KEY     =                    T / why"),
    (-12, "KEY     =                  -12 / why"),
    (0.5, "KEY     =                  0.5 / why"),
    (1.23456789012345678e-100, "KEY     = 1.2345678901234E-100 / why"),
    ("ACS", "KEY     = 'ACS     '           / why"),
    ("it's", "KEY     = 'it''s   '           / why"),
    ("x" * 68, f"KEY     = '{'x' * 68}'"),
])
def test_a_card_has_the_form_of_the_standard(value: Value, card: str) -> None:
    assert format_header([("KEY", value, "why")])[:80].decode("ascii").rstrip() == card


def test_a_long_string_is_continued_and_doubled_quotes_stay_together() -> None:
    text = format_header([("KEY", "x" * 66 + "'" + "y" * 10, "why")]).decode("ascii")
    assert text[:240].split() == [
        "KEY", "=", f"'{'x' * 66}&'", "CONTINUE", f"'''{'y' * 10}'", "/", "why", "END",
    ]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_number_that_is_not_finite_is_refused(value: float) -> None:
    with pytest.raises(ValueError, match=r"KEY = -?(nan|inf): expected a finite number"):
        format_header([("KEY", value, "")])


WHEN = "1970-01-02T00:00:00"
CARDS: list[Card] = [("INSTRUME", "ACS", "instrument"), ("LTV1", -3.5, "")]
PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


def written(*hdus: NewHDU) -> bytes:
    stream = io.BytesIO()
    write_hdus(stream, hdus, WHEN)
    return stream.getvalue()


def bytes_of_astropy(*hdus: Any) -> bytes:  # noqa: ANN401 - HDUs of any kind
    """Return the bytes that astropy writes, with checksums."""
    whole = fits.HDUList([*hdus])
    whole.update_extend()
    for hdu in whole:
        hdu.add_checksum(when=WHEN)
    stream = io.BytesIO()
    whole.writeto(stream)
    return stream.getvalue()


def primary(pixels: npt.NDArray[Any]) -> fits.PrimaryHDU:
    header = fits.Header(CARDS)
    header["COMMENT"] = "what it is"
    return fits.PrimaryHDU(pixels, header)


def theirs() -> fits.BinTableHDU:
    """Return the table `OTHER` as one of astropy."""
    return fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[7])], name="T")


OTHER = table([("A", "J", "", np.array([7], "i4"))], name="T")
FIRST = image(PIXELS, CARDS, comment="what it is")


@given(shapes().flatmap(lambda shape: npst.arrays(st.sampled_from(["i2", ">i2"]), shape)))
def test_a_primary_image_is_what_astropy_writes(pixels: npt.NDArray[np.int16]) -> None:
    ours = written(image(pixels, CARDS, comment="what it is"), OTHER)
    assert ours == bytes_of_astropy(primary(pixels), theirs())


@given(shapes().flatmap(lambda shape: npst.arrays(st.sampled_from(["u1", "u2", "u4"]), shape)))
def test_a_primary_image_of_unsigned_integers_is_read_back_by_astropy(
    pixels: npt.NDArray[np.unsignedinteger[Any]]
) -> None:
    with fits.open(io.BytesIO(written(image(pixels, CARDS))), checksum=True) as hdus:
        hdus.verify("exception")
        np.testing.assert_array_equal(hdus[0].data, pixels)
        assert hdus[0].data.dtype == pixels.dtype


@given(shapes().flatmap(lambda shape: npst.arrays(st.sampled_from(["u1", "u2", "u4"]), shape)))
def test_an_extension_of_unsigned_integers_is_what_astropy_writes(
    pixels: npt.NDArray[np.unsignedinteger[Any]]
) -> None:
    before = pixels.copy()
    ours = written(FIRST, image(pixels, name="VOTES"))
    np.testing.assert_array_equal(pixels, before)
    assert ours == bytes_of_astropy(primary(PIXELS), fits.ImageHDU(pixels, name="VOTES"))
    with fits.open(io.BytesIO(ours), checksum=True) as hdus:
        np.testing.assert_array_equal(hdus["VOTES"].data, pixels)
        assert hdus["VOTES"].data.dtype == pixels.dtype


ROWS = st.lists(st.tuples(
    st.text("abc'&/ ", max_size=9).map(lambda text: text.strip(" ").encode("ascii")),
    st.integers(-2**31, 2**31 - 1), st.integers(-2**63, 2**63 - 1), st.floats(), st.booleans(),
), max_size=20)


@given(ROWS, st.sampled_from(["", "s", "ELECTRONS/S"]))
def test_a_table_is_what_astropy_writes(rows: list[tuple[Any, ...]], unit: str) -> None:
    names, small, large, real, logical = ([row[n] for row in rows] for n in range(5))
    texts = np.array(names, np.bytes_)
    form = f"{texts.itemsize}A"
    ours = written(FIRST, table([
        ("NAME", form, "", texts), ("SMALL", "J", unit, np.array(small, "i4")),
        ("LARGE", "K", "pixel", np.array(large, "i8")), ("REAL", "D", unit, np.array(real, "f8")),
        ("LOGICAL", "L", "", np.where(np.array(logical, bool), b"T", b"F")),
    ], name="ROWS"))
    expected = fits.BinTableHDU.from_columns([
        fits.Column("NAME", form, array=texts),
        fits.Column("SMALL", "J", unit=unit or None, array=np.array(small, "i4")),
        fits.Column("LARGE", "K", unit="pixel", array=np.array(large, "i8")),
        fits.Column("REAL", "D", unit=unit or None, array=np.array(real, "f8")),
        fits.Column("LOGICAL", "L", array=np.array(logical, bool)),
    ], nrows=len(rows), name="ROWS")
    assert ours == bytes_of_astropy(primary(PIXELS), expected)


@pytest.mark.parametrize("fill", [0, -1])
def test_checksums_of_only_zeros_or_ones_are_valid(fill: int) -> None:
    pixels = np.full((7, 10), fill, np.int16)
    content = written(image(pixels, CARDS, comment="what it is"), OTHER)
    assert content == bytes_of_astropy(primary(pixels), theirs())
    with fits.open(io.BytesIO(content)) as hdus:
        assert (hdus[0].verify_checksum(), hdus[0].verify_datasum()) == (1, 1)
