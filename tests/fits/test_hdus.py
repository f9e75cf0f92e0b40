"""Headers read without astropy say what astropy says, or are left to it."""

import gzip
import io
import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.exposures.exposure import Exposure, read_exposure
from staticmask_cli.fits.cards import PlainHeader, UnusualError
from staticmask_cli.fits.hdus import PlainHDU, plain_hdus
from staticmask_cli.fits.layout import LayoutError, bounded
from staticmask_cli.fits.open import astropy_silenced, of_headers
from tests.support.exposures import WriteExposure, sky

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


@given(st.integers(0, 20), FIELDS, st.sampled_from(["", " / comment", "/ it's", "  x"]))
def test_a_value_is_what_astropy_understands_or_left_to_it(
    blanks: int, field: str, comment: str
) -> None:
    cards = header_of(f"KEY     = {' ' * blanks}{field}{comment}")
    with astropy_silenced():
        try:
            value = PlainHeader(cards)["KEY"]
        except UnusualError:
            return
        expected = fits.Header.fromstring(cards.decode("ascii"))["KEY"]
    assert (value, type(value)) == (expected, type(expected))


@pytest.mark.parametrize(("field", "value"), [
    ("                   T / yes", True), ("F", False), ("                 -12", -12),
    ("           1.5E-03 / it", 0.0015), (" 2.5D2", 250.0), ("'ACS     '           / '", "ACS"),
    ("''", ""), ("'a / b'", "a / b"), ("  .5", 0.5), ("007", 7),
])
def test_values_of_the_standards_forms_are_understood(field: str, value: object) -> None:
    header = PlainHeader(header_of("SIMPLE  =                    T", f"KEY     = {field}"))
    assert (header["KEY"], header.get("KEY", 0), type(header["KEY"])) == (value, value, type(value))
    assert ("KEY" in header, "ELSE" in header, header.get("ELSE")) == (True, False, None)
    assert header.get("ELSE", 3) == 3
    with pytest.raises(KeyError):
        header["ELSE"]


@pytest.mark.parametrize("field", [
    "", "    / undefined", "'it''s'", "'long&'", "'x: 1'", "(1, 2)", "1 2", "NaN", "9" * 30,
    "'open", "1.5e3", "T T", "'a' 'b'",
])
def test_values_of_other_forms_are_left_to_astropy(field: str) -> None:
    header = PlainHeader(header_of(f"KEY     = {field}"))
    with pytest.raises(UnusualError):
        header["KEY"]
    with pytest.raises(UnusualError):
        header.get("KEY", 0)


@pytest.mark.parametrize("card", [
    "key     = 1", "HIERARCH ESO X = 1", "KEY     =1", "KEY", "K EY    = 1", " KEY    = 1",
    "COMMENTS", "END     = 1", "CONTINUE= 1", "CONTINUE  'x'", "KEY     = '\xe9'", "KEY     = '\t'",
    "FIRST   = 2",
])
def test_headers_with_other_cards_are_left_to_astropy(card: str) -> None:
    first = "FIRST   = 1" if card.startswith("FIRST") else "COMMENT = 1"
    with pytest.raises(UnusualError):
        PlainHeader(header_of(first, card))


def test_a_long_string_is_left_to_astropy_and_the_rest_is_not() -> None:
    cards = header_of("A       = 'long&'", "CONTINUE  'er'", "B       = 2", "HISTORY = 3", "",
                      "C       = 4")
    header = PlainHeader(cards)
    assert (header["B"], header["C"]) == (2, 4)
    with pytest.raises(UnusualError):
        header["A"]


def both(path: Path) -> tuple[Exposure, Exposure]:
    """Return an exposure as it is read without astropy, and with it."""
    with pytest.MonkeyPatch.context() as patch, astropy_silenced():
        with pytest.MonkeyPatch.context() as without:
            without.delattr(fits, "open")
            plain = read_exposure(str(path))
        patch.setattr("staticmask_cli.fits.open.plain_hdus", lambda *_: None)
        return plain, read_exposure(str(path))


def test_an_exposure_of_a_telescope_needs_no_astropy(real_exposure: Path) -> None:
    plain, astropys = both(real_exposure)
    assert plain == astropys
    (chip,) = plain.chips
    assert chip.raw is not None
    assert chip.dq is not None
    assert chip.signature.detector == "ACSHRC"
    assert not math.isnan(chip.label.exptime)


def test_a_gzipped_exposure_needs_no_astropy_for_its_headers(write_exposure: WriteExposure) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.ones((60, 80), np.int16)}])
    packed = path.with_name("b_flt.fits.gz")
    packed.write_bytes(gzip.compress(path.read_bytes()))
    plain, astropys = both(packed)
    assert plain == astropys
    assert plain.chips[0].raw is None  # its pixels are not at a place in the file


def content_of(*hdus: fits.hdu.base.ExtensionHDU) -> bytes:
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(stream)
    return stream.getvalue()


def read(content: bytes) -> list[PlainHDU] | None:
    return plain_hdus(bounded(io.BytesIO(content), len(content)), len(content))


IMAGE = fits.ImageHDU(np.zeros((3, 5), np.int16), name="SCI")
TABLE = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1])], name="WCSCORR")


def test_hdus_say_where_their_pixels_are() -> None:
    content = content_of(IMAGE, TABLE)
    hdus = read(content)
    assert hdus is not None
    assert [(hdu.shape, hdu.size, hdu.start) for hdu in hdus] == [
        ((), 0, 2880), ((3, 5), 30, 5760), ((), 0, None)
    ]
    assert hdus[1].header["EXTNAME"] == "SCI"


def cut(content: bytes) -> bytes:
    """Cut within the padding of the last header."""
    return content[: content.rindex(END.encode()) + 80]


@pytest.mark.parametrize("make", [
    lambda: content_of(IMAGE, fits.CompImageHDU(np.zeros((3, 5), np.int16), name="DQ")),
    lambda: content_of(fits.BinTableHDU.from_columns(TABLE.columns, name="sci")),
    lambda: content_of(fits.TableHDU.from_columns([fits.Column("A", "A3", array=["x"])])),
    lambda: content_of(IMAGE) + b"\0" * 2880,
    lambda: cut(content_of(fits.ImageHDU(name="SCI"))),
    lambda: content_of(IMAGE).replace(b"EXTEND  =  ", b"EXTEND  = x"),
    lambda: content_of(IMAGE).replace(b"SIMPLE  ", b"COMMENT ").replace(b"COMMENT ", b"SIMPLE  ", 1)
            .replace(b"EXTNAME ", b"Extname "),
], ids=["tiles", "a table named SCI", "an ASCII table", "a rest", "no padding", "EXTEND", "case"])
def test_other_files_are_left_to_astropy(make: Callable[[], bytes]) -> None:
    assert read(make()) is None


def test_claims_are_checked_to_the_end_also_where_headers_are_left_to_astropy() -> None:
    content = content_of(TABLE, IMAGE).replace(b"TTYPE1  ", b"ttype1  ")
    assert read(content) is None
    with pytest.raises(LayoutError, match="is cut: SCI"):
        read(content[:-2880])


def test_headers_of_any_size_take_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(IMAGE)
    monkeypatch.setattr("staticmask_cli.fits.hdus._LARGEST_HEADERS", 2 * 2880)
    assert read(content) is None
    monkeypatch.setattr("staticmask_cli.fits.hdus._LARGEST_HEADERS", 2 * 2880 + 1)
    assert read(content) is not None


def test_a_value_that_is_unusual_makes_astropy_look_again(tmp_path: Path) -> None:
    header = fits.Header({"INSTRUME": "it's"})
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((3, 5), np.int16), header).writeto(path)
    kinds: list[type] = []

    def look(hdus: Sequence[Any]) -> str:
        kinds.append(type(hdus[0]))
        return str(hdus[0].header["INSTRUME"])

    assert of_headers(str(path), look) == "it's"
    assert kinds == [PlainHDU, fits.PrimaryHDU]
