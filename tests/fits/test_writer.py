"""HDUs are those that astropy writes, byte for byte and with the same checksums."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from staticmask_cli.fits.cards import Card
from staticmask_cli.fits.writer import NewHDU, image, table, write_hdus
from tests.support.strategies import shapes

WHEN = "1970-01-02T00:00:00"
CARDS: list[Card] = [("INSTRUME", "ACS", "instrument"), ("LTV1", -3.5, "")]
PIXELS = np.arange(12, dtype=np.int16).reshape(3, 4)


def written(*hdus: NewHDU) -> bytes:
    stream = io.BytesIO()
    write_hdus(stream, hdus, WHEN)
    return stream.getvalue()


def astropys(*hdus: Any) -> bytes:  # noqa: ANN401 - HDUs of any kind
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
    assert ours == astropys(primary(pixels), theirs())


@given(shapes().flatmap(lambda shape: npst.arrays(st.sampled_from(["u1", "u2", "u4"]), shape)))
def test_an_extension_of_unsigned_integers_is_what_astropy_writes(
    pixels: npt.NDArray[np.unsignedinteger[Any]]
) -> None:
    before = pixels.copy()
    ours = written(FIRST, image(pixels, name="VOTES"))
    np.testing.assert_array_equal(pixels, before)
    assert ours == astropys(primary(PIXELS), fits.ImageHDU(pixels, name="VOTES"))
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
    assert ours == astropys(primary(PIXELS), expected)


@pytest.mark.parametrize("fill", [0, -1])
def test_checksums_of_only_zeros_or_ones_are_valid(fill: int) -> None:
    pixels = np.full((7, 10), fill, np.int16)
    content = written(image(pixels, CARDS, comment="what it is"), OTHER)
    assert content == astropys(primary(pixels), theirs())
    with fits.open(io.BytesIO(content)) as hdus:
        assert (hdus[0].verify_checksum(), hdus[0].verify_datasum()) == (1, 1)
