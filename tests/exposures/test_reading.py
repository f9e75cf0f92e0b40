"""Pixels are read from where the headers said they are, as long as the file is the same."""

import gzip
import os
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.errors import InputError
from staticmask_cli.exposures.exposure import Chip, read_exposure
from staticmask_cli.exposures.reading import read_pixels
from tests.support.exposures import WriteExposure, sky


def only_chip(path: Path) -> Chip:
    (chip,) = read_exposure(str(path)).chips
    return chip


def test_plain_pixels_and_flags_are_read_without_a_look_at_the_headers(
    write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    dq = np.arange(4800, dtype=np.int16).reshape(60, 80)
    chip = only_chip(write_exposure(chips=[{"data": sky(), "dq": dq}]))
    monkeypatch.setattr(fits, "open", None)
    for reuse_memory in (False, True):
        data, flags = read_pixels(chip, reuse_memory=reuse_memory)
        assert data.dtype == np.float32
        np.testing.assert_array_equal(data, sky())
        np.testing.assert_array_equal(flags, dq)


def test_a_file_that_was_replaced_is_read_as_its_headers_say_now(
    write_exposure: WriteExposure,
) -> None:
    path = write_exposure()
    chip, before = only_chip(path), path.stat().st_mtime_ns
    path.unlink()
    other = sky(seed=2).astype(np.float64)
    write_exposure(chips=[{"data": other, **{f"KEY{n}": n for n in range(99)}}])
    os.utime(path, ns=(0, before + 1))
    data, _ = read_pixels(chip)
    np.testing.assert_array_equal(data, other)


def test_a_file_that_became_shorter_is_an_error_even_if_it_looks_the_same(
    write_exposure: WriteExposure,
) -> None:
    path = write_exposure()
    chip = only_chip(path)
    assert chip.raw is not None
    before = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[: chip.raw.offset + 100])
    os.utime(path, ns=(before, before))
    with pytest.raises(InputError, match=r"a_flt\.fits: is truncated: it became shorter"):
        read_pixels(chip)


@pytest.mark.parametrize("kind", ["scaled", "gzip", "tiles"])
def test_what_is_scaled_or_compressed_is_left_to_astropy(
    write_exposure: WriteExposure, kind: str
) -> None:
    data = np.arange(4800, dtype=np.int32).reshape(60, 80) % 500
    path = write_exposure(chips=[{"data": data}])
    if kind == "gzip":
        path.write_bytes(gzip.compress(path.read_bytes()))
    else:
        with fits.open(path) as hdus:
            primary, sci = hdus[0].copy(), hdus[1]
            if kind == "scaled":
                image = fits.ImageHDU(data.astype(np.uint16), sci.header, name="SCI")
            else:
                image = fits.CompImageHDU(data, sci.header, name="SCI")
        path.unlink()
        fits.HDUList([primary, image]).writeto(path)
    chip = only_chip(path)
    assert chip.raw is None
    np.testing.assert_array_equal(read_pixels(chip)[0], data)
