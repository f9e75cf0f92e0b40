"""Headers that are changed keep the bytes of all other cards, and get right checksums."""

import io

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.fits.cards import (
    as_image,
    cards_in,
    has_sums,
    header_of,
    history,
    with_history,
    with_sums,
)
from staticmask_cli.fits.checksums import sum_of

TEXT = st.text(st.characters(min_codepoint=32, max_codepoint=126), min_size=1, max_size=150)


def written(hdu: fits.ImageHDU, *, checksum: bool = False) -> bytes:
    """Return the bytes of an extension."""
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), hdu]).writeto(stream, checksum=checksum)
    return stream.getvalue()[2880:]


@given(st.lists(TEXT, max_size=4), st.integers(0, 40))
def test_history_is_added_once_and_read_by_astropy(texts: list[str], others: int) -> None:
    header = fits.Header([(f"KEY{n}", n) for n in range(others)])
    cards = cards_in(header.tostring().encode())
    entries = [history(text) for text in dict.fromkeys(texts)]
    new = with_history(cards, entries)
    assert new[:others] == cards
    assert with_history(new, entries) == new
    parsed = fits.Header.fromstring(header_of(new).decode())
    read = [str(line) for line in parsed["HISTORY"]] if "HISTORY" in parsed else []
    expected = [card[8:].decode().rstrip() for entry in entries for card in entry]
    assert len(read) <= len(expected)
    assert set(read) == set(expected)


@pytest.mark.parametrize("room", [0, 1, 2, 5])
def test_blank_cards_before_the_end_are_room(room: int) -> None:
    cards = [b"A       =                    1".ljust(80), *[b" " * 80] * room]
    new = with_history(cards, [history("x" * 100)])
    assert len(new) == max(len(cards), 3)
    assert [card[:8].strip() for card in new[:3]] == [b"A", b"HISTORY", b"HISTORY"]


def test_a_header_keeps_its_length_if_it_can() -> None:
    cards = [b"A       =                    1".ljust(80)]
    assert len(header_of(cards)) == 2880
    assert len(header_of(cards, length=5760)) == 5760
    assert len(header_of(cards * 36)) == 5760
    assert cards_in(header_of(cards * 36, length=8640)) == cards * 36


@given(st.binary(min_size=24, max_size=24), st.sampled_from(["", "a comment", "x" * 60]))
def test_the_sums_are_those_that_astropy_writes(content: bytes, comment: str) -> None:
    hdu = fits.ImageHDU(np.frombuffer(content, ">i2").reshape(3, 4), name="DQ")
    whole = written(hdu, checksum=True)
    cards = [card[:33] + comment.encode().ljust(80)[:47] if card[:8] == b"CHECKSUM" else card
             for card in cards_in(whole[:2880])]
    header = with_sums(cards, sum_of(whole[2880:]))
    new = fits.Header.fromstring(header.decode())
    assert new["DATASUM"] == fits.Header.fromstring(whole[:2880].decode())["DATASUM"]
    assert new.comments["CHECKSUM"] == comment[:47].strip()
    assert sum_of(header + whole[2880:]) == 0xFFFFFFFF  # which is -0


def test_a_header_without_sums_gets_none() -> None:
    whole = written(fits.ImageHDU(np.zeros((3, 4), np.int16), name="DQ"))
    cards = cards_in(whole[:2880])
    assert not has_sums(cards)
    assert with_sums(cards, 17) == whole[:2880]


@pytest.mark.parametrize(
    "card",
    [b"DATASUM =                    5 / kept", b"DATASUM = 'x''y' / kept", b"DATASUM = '5'"],
)
def test_a_sum_of_any_form_is_replaced(card: bytes) -> None:
    header = with_sums([card.ljust(80)], 1234567890)
    new = fits.Header.fromstring(header.decode())
    assert new["DATASUM"] == "1234567890"
    assert new.comments["DATASUM"] == ("kept" if b"kept" in card else "")


def test_a_constant_extension_becomes_an_image() -> None:
    hdu = fits.ImageHDU(name="DQ")
    hdu.header.update({"NPIX1": 4, "NPIX2": 3, "PIXVALUE": 7, "BUNIT": "UNITLESS"})
    cards = as_image(cards_in(written(hdu)), (3, 4), 16)
    header = fits.Header.fromstring(header_of(cards).decode())
    assert [header[key] for key in ("BITPIX", "NAXIS", "NAXIS1", "NAXIS2")] == [16, 2, 4, 3]
    assert "PIXVALUE" not in header
    assert header["BUNIT"] == "UNITLESS"
    stream = io.BytesIO(written(fits.ImageHDU(np.zeros((3, 4), np.int16)))[2880:])
    image = fits.ImageHDU.fromstring(header_of(cards) + stream.read())
    assert image.data.shape == (3, 4)
