"""HDUs that are read without astropy are what astropy reads, or are left to it."""

import bz2
import gzip
import io
import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.errors import InputError
from staticmask_cli.exposures.exposure import Exposure, read_exposure
from staticmask_cli.fits.hdus import HDU, plain_hdus
from staticmask_cli.fits.header import Header
from staticmask_cli.fits.inflate import LayoutError, bounded
from staticmask_cli.fits.open import as_input_error, astropy_silenced, read_hdus
from staticmask_cli.fits.pixels import RawPixels
from tests.support.exposures import WriteExposure, sky

END = b"END".ljust(80)


def both(path: Path) -> tuple[Exposure, Exposure]:
    """Return an exposure that was read without astropy, and again with it."""
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


@pytest.mark.parametrize(("ending", "compress"), [("gz", gzip.compress), ("bz2", bz2.compress)])
def test_a_compressed_exposure_needs_no_astropy_for_its_headers(
    ending: str, compress: Callable[[bytes], bytes], write_exposure: WriteExposure
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.ones((60, 80), np.int16)}])
    packed = path.with_name(f"b_flt.fits.{ending}")
    packed.write_bytes(compress(path.read_bytes()))
    plain, astropys = both(packed)
    assert plain == astropys
    assert plain.chips[0].raw is not None
    assert plain.chips[0].raw.compressed


def content_of(*hdus: fits.hdu.base.ExtensionHDU) -> bytes:
    stream = io.BytesIO()
    fits.HDUList([fits.PrimaryHDU(), *hdus]).writeto(stream)
    return stream.getvalue()


def read(content: bytes) -> list[HDU] | None:
    return plain_hdus(bounded(io.BytesIO(content), len(content)), len(content), stamp=7)


IMAGE = fits.ImageHDU(np.zeros((3, 5), np.int16), name="SCI")
TABLE = fits.BinTableHDU.from_columns([fits.Column("A", "J", array=[1])], name="WCSCORR")


def test_hdus_have_the_position_of_their_pixels() -> None:
    content = content_of(IMAGE, TABLE)
    hdus = read(content)
    assert hdus is not None
    assert [(hdu.kind, hdu.name, hdu.version, hdu.shape, hdu.raw) for hdu in hdus] == [
        ("IMAGE", "", 1, (), None), ("IMAGE", "SCI", 1, (3, 5), RawPixels(5760, (3, 5), 16, 7)),
        ("BINTABLE", "WCSCORR", 1, (), None),
    ]


def truncated(content: bytes) -> bytes:
    """Truncate a file within the padding of the last header."""
    return content[: content.rindex(END) + 80]


@pytest.mark.parametrize("make", [
    lambda: content_of(fits.BinTableHDU.from_columns(TABLE.columns, name="sci")),
    lambda: content_of(fits.TableHDU.from_columns([fits.Column("A", "A3", array=["x"])])),
    lambda: content_of(IMAGE) + b"\0" * 2880,
    lambda: truncated(content_of(fits.ImageHDU(name="SCI"))),
    lambda: content_of(IMAGE).replace(b"EXTEND  =  ", b"EXTEND  = x"),
    lambda: content_of(IMAGE).replace(b"SIMPLE  ", b"COMMENT ").replace(b"COMMENT ", b"SIMPLE  ", 1)
            .replace(b"EXTNAME ", b"Extname "),
], ids=["a table named SCI", "an ASCII table", "a rest", "no padding", "EXTEND", "case"])
def test_other_files_are_left_to_astropy(make: Callable[[], bytes]) -> None:
    assert read(make()) is None


def test_all_headers_are_checked_also_where_they_are_left_to_astropy() -> None:
    content = content_of(TABLE, IMAGE).replace(b"TTYPE1  ", b"ttype1  ")
    assert read(content) is None
    with pytest.raises(LayoutError, match="is truncated: SCI"):
        read(content[:-2880])


def test_headers_that_are_too_large_together_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("staticmask_cli.fits.layout._LARGEST_HEADERS", 2 * 2880)
    assert read(content_of(IMAGE)) is not None
    with pytest.raises(LayoutError, match="its headers have more than 5760 bytes"):
        read(content_of(IMAGE, IMAGE))


def test_headers_need_bounded_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    content = content_of(IMAGE)
    monkeypatch.setattr("staticmask_cli.fits.hdus._LARGEST_HEADERS", 2 * 2880)
    assert read(content) is None
    monkeypatch.setattr("staticmask_cli.fits.hdus._LARGEST_HEADERS", 2 * 2880 + 1)
    assert read(content) is not None


@pytest.mark.parametrize("value", ["it's", "x" * 100, "a: 1"])
def test_an_unusual_value_is_parsed_by_astropy_and_the_file_is_not_opened_by_it(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(np.zeros((3, 5), np.int16), fits.Header({"LABEL": value})).writeto(path)
    monkeypatch.delattr(fits, "open")
    (hdu,) = read_hdus(str(path))
    assert isinstance(hdu.header, Header)
    assert hdu.header["LABEL"] == value


def test_hdus_of_either_reader_are_equal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.fits"
    path.write_bytes(content_of(IMAGE, TABLE, fits.ImageHDU(name="DQ", ver=3)))

    def facts() -> list[tuple[object, ...]]:
        return [(hdu.kind, hdu.name, hdu.version, hdu.shape, hdu.full_shape, hdu.raw, hdu.fault)
                for hdu in read_hdus(str(path))]

    plain = facts()
    monkeypatch.setattr("staticmask_cli.fits.open.plain_hdus", lambda *_: None)
    assert facts() == plain


@pytest.mark.parametrize("image", [
    fits.CompImageHDU(np.ones((3, 5), np.float32), fits.Header({"CCDCHIP": 2}), name="SCI"),
    fits.CompImageHDU(np.zeros((4, 3, 5), np.int16), name="DQ"),
    fits.CompImageHDU(np.zeros((3, 5), np.uint8)),
], ids=["real", "cube", "no name"])
def test_the_header_of_an_image_in_tiles_is_that_of_astropy(image: fits.CompImageHDU) -> None:
    content = content_of(image)
    hdus = read(content)
    assert hdus is not None
    hdu = hdus[1]
    with fits.open(io.BytesIO(content)) as astropys:
        expected = dict(astropys[1].header)
        assert (hdu.kind, hdu.shape) == (expected.pop("XTENSION"), astropys[1].shape)
        assert hdu.name == expected.get("EXTNAME", "")
        assert hdu.raw is not None
        np.testing.assert_array_equal(
            hdu.raw.read(io.BytesIO(content), "a.fits.fz"), astropys[1].data)
    for key in ("PCOUNT", "GCOUNT"):  # older versions of astropy add them
        assert hdu.header.get(key) in (None, expected.pop(key, None))
    assert {key: hdu.header.get(key) for key in expected} == expected
    assert "ZIMAGE" not in hdu.header


def test_a_value_that_cannot_be_parsed_is_an_error_that_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    fits.PrimaryHDU(header=fits.Header({"LABEL": 1})).writeto(path)
    path.write_bytes(path.read_bytes().replace(b"LABEL   =     ", b"LABEL   = 'op "))
    (hdu,) = read_hdus(str(path))
    with astropy_silenced(), pytest.raises(InputError, match=r"a\.fits: cannot be read as FITS"), \
            as_input_error(str(path)):
        hdu.header["LABEL"]
