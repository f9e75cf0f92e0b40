"""Pixels are read from their position in the file while it is unchanged."""

import bz2
import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from staticmask_cli.errors import InputError
from staticmask_cli.exposures.exposure import Chip, read_exposure
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.fits.pixels import RawPixels
from tests.support.exposures import WriteExposure, sky


def only_chip(path: Path) -> Chip:
    (chip,) = read_exposure(str(path)).chips
    return chip


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
def test_plain_pixels_and_flags_are_read_without_the_headers(
    compress: Callable[[bytes], bytes], write_exposure: WriteExposure,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dq = np.arange(4800, dtype=np.int16).reshape(60, 80)
    path = write_exposure(chips=[{"data": sky(), "dq": dq}])
    path.write_bytes(compress(path.read_bytes()))
    chip = only_chip(path)
    monkeypatch.setattr(fits, "open", None)
    for reuse_memory in (False, True):
        data, flags = read_pixels(chip, reuse_memory=reuse_memory)
        assert data.dtype == np.float32
        np.testing.assert_array_equal(data, sky())
        np.testing.assert_array_equal(flags, dq)


def replaced_chip(write_exposure: WriteExposure, *, compress: bool, **more: float) -> Chip:
    """Read the headers of an exposure, which is then replaced by one of the same date."""
    path = write_exposure()
    other = write_exposure("b.fits", chips=[{"data": sky(seed=2), **more}], ROOTNAME="a")
    for file in (path, other) if compress else ():
        file.write_bytes(gzip.compress(file.read_bytes()))
    os.utime(other, ns=(0, path.stat().st_mtime_ns))
    chip = only_chip(path)
    other.replace(path)
    return chip


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_that_was_replaced_is_read_if_its_headers_are_the_same(
    write_exposure: WriteExposure, *, compress: bool
) -> None:
    chip = replaced_chip(write_exposure, compress=compress)
    np.testing.assert_array_equal(read_pixels(chip)[0], sky(seed=2))


@pytest.mark.parametrize("compress", [False, True])
def test_a_file_that_was_replaced_is_refused_if_its_headers_are_others(
    write_exposure: WriteExposure, *, compress: bool
) -> None:
    chip = replaced_chip(write_exposure, compress=compress, CCDCHIP=2)
    with pytest.raises(InputError, match=r"a_flt\.fits: was replaced while this run was under way"):
        read_pixels(chip)


def test_a_file_that_is_changed_while_it_is_read_is_refused(
    write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_exposure()
    chip = only_chip(path)
    read = RawPixels.read

    def read_and_change(*words: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - its own
        pixels = read(*words)
        os.utime(path, ns=(0, 0))
        return pixels

    monkeypatch.setattr(RawPixels, "read", read_and_change)
    with pytest.raises(InputError, match=r"a_flt\.fits: was changed while it was read; run"):
        read_pixels(chip)


def test_a_file_that_became_shorter_is_an_error_even_with_the_same_time(
    write_exposure: WriteExposure,
) -> None:
    path = write_exposure()
    chip = only_chip(path)
    assert chip.raw is not None
    before = path.stat().st_mtime_ns
    path.write_bytes(path.read_bytes()[: chip.raw.offset + 100])
    os.utime(path, ns=(before, before))
    with pytest.raises(InputError, match=r"a_flt\.fits: is truncated"):
        read_pixels(chip)


@pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress])
@pytest.mark.parametrize("kind", ["scaled", "tiles"])
def test_scaled_pixels_are_read_by_astropy_and_tiles_without(
    write_exposure: WriteExposure, kind: str, compress: Callable[[bytes], bytes]
) -> None:
    data = np.arange(4800, dtype=np.int32).reshape(60, 80) % 500
    dq = data.astype(np.int16)
    path = write_exposure(chips=[{"data": data, "dq": dq}])
    with fits.open(path) as hdus:
        primary, sci, flags = hdus[0].copy(), hdus[1], hdus[-1].copy()
        if kind == "scaled":
            image = fits.ImageHDU(data.astype(np.uint16), sci.header, name="SCI")
        else:
            image = fits.CompImageHDU(data, sci.header, name="SCI")
    path.unlink()
    fits.HDUList([primary, image, flags]).writeto(path)
    path.write_bytes(compress(path.read_bytes()))
    chip = only_chip(path)
    assert (chip.raw is None) == (kind == "scaled")
    for found, expected in zip(read_pixels(chip), (data, dq), strict=True):
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("change", ["nothing", "the file", "no identity"])
def test_pixels_of_an_unchanged_remote_file_are_read_without_its_headers(
    change: str, write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = pytest.importorskip("fsspec").filesystem("memory")
    ranges = pytest.importorskip("staticmask_cli.io.remote.ranges")
    url, dq = "memory://bucket/a_flt.fits", np.ones((150, 220), np.int16)
    files.pipe_file(url, write_exposure(chips=[{"data": sky(dq.shape), "dq": dq}]).read_bytes())
    if change == "no identity":
        monkeypatch.setattr("staticmask_cli.io.remote.files._VERSION_KEYS", ())
    (chip,) = read_exposure(url).chips
    expected = sky(dq.shape, seed=2 if change == "the file" else 1)
    if change == "the file":
        other = write_exposure("b.fits", chips=[{"data": expected, "dq": dq}], ROOTNAME="a")
        files.pipe_file(url, other.read_bytes())
    # A worker in another process has no headers in memory.
    monkeypatch.setattr("staticmask_cli.io.remote.files.header_cache_of",
                        lambda _name, identity: ranges.HeaderCache(identity))
    asked: list[int] = []
    kind = type(files.open(url))
    whole = kind.read

    def counting(self: object, size: int = -1) -> bytes:
        asked.append(size)
        return bytes(whole(self, size))

    monkeypatch.setattr(kind, "read", counting)
    if change == "nothing":
        monkeypatch.delattr(fits, "open")
    data, flags = read_pixels(chip)
    np.testing.assert_array_equal(data, expected)
    np.testing.assert_array_equal(flags, dq)
    start, *others = asked  # the first bytes are read to find out whether the file is gzip
    assert start < 20_000
    assert (others == [4 * dq.size, 2 * dq.size]) == (change == "nothing")
