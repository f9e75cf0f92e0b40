"""Cards are those that astropy writes, and astropy reads them back."""

import math
import string

import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.fits.cards import Card, Value, format_header
from staticmask_cli.fits.open import astropy_silenced

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


def astropys(card: Card) -> bytes:
    """Return the header with this card that astropy writes."""
    key, value, comment = card
    content: bytes = fits.Header([(key, value, comment)]).tostring().encode("ascii")
    return content


@given(st.tuples(KEYS, NUMBERS, COMMENTS))
def test_cards_of_numbers_are_those_of_astropy(card: Card) -> None:
    with astropy_silenced():  # it warns about truncated comments
        assert format_header([card]) == astropys(card)


@given(st.tuples(KEYS, TEXTS, COMMENTS))
def test_cards_of_strings_are_those_of_astropy(card: Card) -> None:
    with astropy_silenced():
        assert format_header([card]) == astropys(card)


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
