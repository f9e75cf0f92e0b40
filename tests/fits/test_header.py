"""Headers that are parsed without astropy have the values that astropy finds in them."""

import pytest
from astropy.io import fits
from hypothesis import example, given
from hypothesis import strategies as st

from staticmask_cli.fits.header import Header, UnusualError
from staticmask_cli.fits.open import astropy_silenced

END = "END".ljust(80)
FIELDS = st.one_of(
    st.integers(-10**19, 10**19).map(lambda number: f"{number:>20}"),
    st.floats(allow_nan=False, allow_infinity=False).map(lambda number: f"{number:>20E}"),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.from_regex(r" *[+-]?[0-9]{0,5}\.?[0-9]{0,5}([EDed][+-]?[0-9]{1,3})? *", fullmatch=True),
    st.text("'AZa9 .:&/=", max_size=40).map(lambda text: f"'{text}'"),
    st.text("'AZa9 .:&/=TF+-(,)", max_size=40),
    st.sampled_from(["T", "F", "T F", "'a' b", "(1, 2)", "1 / one", "'x' / a 'word'", "'/'/",
                     "00"]),
)


def header_of(*cards: str) -> bytes:
    return "".join(card.ljust(80)[:80] for card in (*cards, END)).encode("latin-1")


def astropys(cards: bytes) -> fits.Header:
    return fits.Header.fromstring(cards.decode("ascii"))


def outcome(header: Header | fits.Header, key: str) -> tuple[object, object]:
    """Return a value and its type, or that it cannot be parsed."""
    try:
        value = header[key]
    except (fits.VerifyError, KeyError) as error:
        return None, type(error)
    return repr(value), type(value)


@pytest.fixture
def without_astropy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make every header that is left to astropy an error."""
    monkeypatch.delattr(fits.Header, "fromstring")


@example(0, "''/'", "")
@given(st.integers(0, 20), FIELDS, st.sampled_from(["", " / comment", "/ it's", "  x"]))
def test_a_value_is_what_astropy_finds(blanks: int, field: str, comment: str) -> None:
    cards = header_of(f"KEY     = {' ' * blanks}{field}{comment}")
    with astropy_silenced():
        assert outcome(Header(cards), "KEY") == outcome(astropys(cards), "KEY")


@pytest.mark.parametrize(("field", "value"), [
    ("                   T / yes", True), ("F", False), ("                 -12", -12),
    ("           1.5E-03 / it", 0.0015), (" 2.5D2", 250.0), ("'ACS     '           / '", "ACS"),
    ("''", ""), ("'a / b'", "a / b"), ("  .5", 0.5), ("007", 7),
])
@pytest.mark.usefixtures("without_astropy")
def test_values_of_standard_form_are_parsed_without_astropy(field: str, value: object) -> None:
    header = Header(header_of("SIMPLE  =                    T", f"KEY     = {field}"))
    assert (header["KEY"], header.get("KEY", 0), type(header["KEY"])) == (value, value, type(value))
    assert ("KEY" in header, "ELSE" in header, header.get("ELSE")) == (True, False, None)
    assert header.get("ELSE", 3) == 3
    assert header.is_standard("SIMPLE", "KEY", "ELSE")
    with pytest.raises(KeyError):
        header["ELSE"]


@pytest.mark.parametrize("field", [
    "", "    / undefined", "'it''s'", "'long&'", "'x: 1'", "(1, 2)", "1 2", "NaN", "9" * 30,
    "'open", "1.5e3", "T T", "'a' 'b'",
])
def test_values_of_other_forms_are_parsed_by_astropy(field: str) -> None:
    cards = header_of("FIRST   = 1", f"KEY     = {field}")
    header = Header(cards)
    with astropy_silenced():
        assert header.is_standard("FIRST")
        assert not header.is_standard("FIRST", "KEY")
        assert outcome(header, "KEY") == outcome(astropys(cards), "KEY")


@pytest.mark.parametrize("card", [
    "key     = 1", "HIERARCH ESO X = 1", "KEY     =1", "KEY", "K EY    = 1", " KEY    = 1",
    "COMMENTS", "END     = 1", "CONTINUE= 1", "CONTINUE  'x'", "FIRST   = 2",
])
def test_headers_with_other_cards_are_parsed_by_astropy(card: str) -> None:
    first = "FIRST   = 1" if card.startswith("FIRST") else "COMMENT = 1"
    cards = header_of(first, card)
    header = Header(cards)
    assert not header.is_standard()
    with astropy_silenced():
        theirs = astropys(cards)
        for key in ("KEY", "ESO X", "FIRST"):
            assert (key in header) == (key in theirs)
            assert outcome(header, key) == outcome(theirs, key)


@pytest.mark.parametrize("character", ["\xe9", "\t", "\0"])
def test_a_header_that_is_not_text_is_refused(character: str) -> None:
    with pytest.raises(UnusualError):
        Header(header_of(f"KEY     = '{character}'"))


def test_only_a_long_string_is_parsed_by_astropy() -> None:
    cards = header_of("A       = 'long&'", "CONTINUE  'er'", "B       = 2", "HISTORY = 3", "",
                      "C       = 4")
    header = Header(cards)
    assert header.is_standard("B", "C")
    assert (header["A"], header["B"], header["C"]) == ("longer", 2, 4)
