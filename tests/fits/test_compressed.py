"""Compressed images are read back by astropy, and take few bytes."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from staticmask_cli.fits import compressed
from staticmask_cli.fits.compressed import compressed_image
from staticmask_cli.fits.writer import Card, image, write_hdus


def written(pixels: npt.NDArray[Any], cards: tuple[Card, ...] = ()) -> bytes:
    stream = io.BytesIO()
    hdus = [image(np.ones((2, 3), np.int16)), compressed_image(pixels, cards, name="SUMS")]
    write_hdus(stream, hdus, "2024-01-01T00:00:00")
    return stream.getvalue()


@settings(max_examples=60)
@given(npst.arrays(st.sampled_from([np.int16, np.int32]),
                   st.tuples(st.integers(1, 40), st.integers(1, 30))))
def test_astropy_reads_the_same_pixels(pixels: npt.NDArray[Any]) -> None:
    with fits.open(io.BytesIO(written(pixels)), checksum=True) as hdus:
        hdus.verify("exception")
        assert hdus["SUMS"].data.dtype.newbyteorder("=") == pixels.dtype
        np.testing.assert_array_equal(hdus["SUMS"].data, pixels)


def test_tiles_of_several_rows_and_keywords_are_read_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compressed, "_TILE", 100)
    pixels = np.random.default_rng(1).normal(0, 300, (50, 41)).astype(np.int16)
    pixels[3, 4] = -32768
    cards: tuple[Card, ...] = (("BSCALE", 0.5, ""), ("BZERO", 0, ""), ("BLANK", -32768, "none"),
                               ("BUNIT", "sigma", ""))
    with fits.open(io.BytesIO(written(pixels, cards))) as hdus:
        sums = hdus["SUMS"]
        assert sums.header["BUNIT"] == "sigma"
        expected = np.where(pixels == -32768, np.nan, pixels * 0.5)
        np.testing.assert_array_equal(sums.data, expected)


def test_small_numbers_take_few_bytes_and_always_the_same() -> None:
    pixels = np.random.default_rng(2).normal(0, 20, (300, 400)).astype(np.int32)
    content = written(pixels)
    assert len(content) < 0.42 * pixels.nbytes
    assert content == written(pixels)
