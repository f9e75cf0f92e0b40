"""Images compressed in tiles: the same pixels as astropy's, and an error for any damage."""

import gzip
import io
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.errors import FaultError
from staticmask_cli.fits import streams
from staticmask_cli.fits.open import astropy_silenced, data_of, opened, pixels_of
from staticmask_cli.fits.streams import SLACK, decoder_of
from tests.support.fits_files import fits_bytes
from tests.support.packed import COMPRESSIONS, Packed, packed, packed_from

SHAPE = (23, 37)
SKY = np.random.default_rng(5).normal(900.0, 30.0, SHAPE)
COUNTS = np.round(SKY).astype(np.int16)


def read(content: bytes) -> Any:  # noqa: ANN401
    with astropy_silenced(), fits.open(io.BytesIO(content)) as hdus:
        return data_of(hdus[1])


def astropys(content: bytes) -> Any:  # noqa: ANN401
    with fits.open(io.BytesIO(content)) as hdus:
        return hdus[1].data


@pytest.mark.parametrize("dtype", ["u1", "i2", "u2", "i4", "u4"])
@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_whole_numbers_are_read_as_they_were_written(kind: str, dtype: str) -> None:
    # PLIO_1 is not for negative numbers, as which FITS stores half of the unsigned ones.
    pixels = (COUNTS // 7).astype("u1" if kind == "PLIO_1" and dtype[0] == "u" else dtype)
    for tile in [(16, 20), SHAPE] + [(1, 37)] * (kind != "HCOMPRESS_1"):
        found = read(packed(pixels, kind, tile_shape=tile).content)
        assert found.dtype.name == pixels.dtype.name
        np.testing.assert_array_equal(found, pixels)


@pytest.mark.parametrize("dither", [-1, 1, 2])
@pytest.mark.parametrize("dtype", ["f4", "f8"])
@pytest.mark.parametrize(("kind", "level"), [
    ("RICE_1", 16), ("GZIP_1", 16), ("GZIP_2", 16), ("HCOMPRESS_1", 16), ("GZIP_1", 0),
    ("GZIP_2", 0),
])
def test_real_numbers_are_those_of_astropy_to_the_last_bit(
    kind: str, dtype: str, dither: int, level: int
) -> None:
    pixels = SKY.astype(dtype)
    pixels[2, 3], pixels[5, 6:9] = np.nan, 0
    pixels[9] = np.linspace(-1e30, 1e30, SHAPE[1])  # which cannot be quantized
    content = packed(pixels, kind, quantize_method=dither, quantize_level=level, dither_seed=9_990,
                     tile_shape=(1, 37) if kind != "HCOMPRESS_1" else (23, 37)).content
    found, expected = read(content), astropys(content)
    assert found.dtype.name == expected.dtype.name == np.dtype(dtype).name
    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("smooth", [True, False, 1])
def test_a_lossy_image_of_hcompress_is_smoothed_as_astropy_does(smooth: Any) -> None:  # noqa: ANN401
    content = packed(COUNTS, "HCOMPRESS_1", hcomp_scale=4, hcomp_smooth=smooth,
                     tile_shape=SHAPE).content
    np.testing.assert_array_equal(read(content), astropys(content))


def test_a_tile_longer_than_the_table_of_random_numbers_uses_several_parts_of_it() -> None:
    pixels = np.random.default_rng(2).normal(5.0, 1.0, (5, 9_000)).astype("f4")
    content = packed(pixels, quantize_method=1, dither_seed=10_000, tile_shape=(3, 9_000)).content
    np.testing.assert_array_equal(read(content), astropys(content))


def test_scaled_numbers_and_undefined_ones_are_those_of_an_image_that_is_not_compressed() -> None:
    blank = int(COUNTS[3, 4])
    for cards in ({"BSCALE": 0.5}, {"BLANK": blank}, {"BZERO": -7, "BLANK": blank}):
        files = []
        for image in (packed(COUNTS).content, fits_bytes(fits.ImageHDU(COUNTS, name="SCI"))):
            with fits.open(io.BytesIO(image), disable_image_compression=True) as hdus:
                hdus[1].header.update(cards)
                stream = io.BytesIO()
                hdus.writeto(stream)
                files.append(stream.getvalue())
        found, expected = (read(content) for content in files)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)


def with_columns(image: Packed, columns: dict[str, tuple[str, Any]], heap: bytes) -> bytes:
    """Return a file with other columns of the table, and another heap."""
    with fits.open(io.BytesIO(image.content), disable_image_compression=True) as hdus:
        header = hdus[1].header
    rows = np.zeros(image.count, [(name, form, 2) if letter in "PQ" else (name, form)
                                  for name, (letter, _) in columns.items()
                                  for form in [{"P": ">i4", "Q": ">i8", "D": ">f8"}[letter]]])
    for number, (name, (letter, values)) in enumerate(columns.items(), 1):
        rows[name] = values
        header[f"TTYPE{number}"] = name
        header[f"TFORM{number}"] = f"1{letter}" + ("B" if letter in "PQ" else "")
    header.update({"NAXIS1": rows.itemsize, "PCOUNT": len(heap), "TFIELDS": len(columns)})
    data = rows.tobytes() + heap
    data = data.ljust(-(-len(data) // 2880) * 2880, b"\0")
    return image.content[: image.header] + str(header.tostring()).encode() + data


def test_descriptors_of_64_bits_and_all_columns_of_streams_are_read() -> None:
    pixels = SKY[:3].astype(">f4")
    streams = [gzip.compress(pixels[0].tobytes()), gzip.compress(pixels[1].tobytes()),
               pixels[2].tobytes()]
    ends = np.cumsum([len(stream) for stream in streams])
    entries = [np.zeros((3, 2), int) for _ in streams]
    for row, (stream, end) in enumerate(zip(streams, ends, strict=True)):
        entries[row][row] = len(stream), end - len(stream)
    entries[2][2, 0] //= 4  # elements of 4 bytes
    image = packed(pixels.astype("f4"), "GZIP_1", quantize_level=0, tile_shape=(1, 37))
    content = with_columns(image, {
        "COMPRESSED_DATA": ("Q", entries[0]), "GZIP_COMPRESSED_DATA": ("P", entries[1]),
        "UNCOMPRESSED_DATA": ("P", entries[2]),
    }, b"".join(streams))
    third = packed_from(content).with_card("TFORM3", "'1PE     '")
    np.testing.assert_array_equal(read(third.content), pixels)


def test_a_gzipped_file_of_compressed_images_is_read(tmp_path: Path) -> None:
    path = tmp_path / "a.fits.fz.gz"
    path.write_bytes(gzip.compress(packed(COUNTS).content))
    with opened(str(path)) as hdus:
        np.testing.assert_array_equal(pixels_of(hdus[1], str(path)), COUNTS)


@pytest.mark.parametrize("kind", COMPRESSIONS)
def test_a_stream_that_ends_too_early_is_an_error_and_never_reads_other_bytes(kind: str) -> None:
    image = packed(np.round(SKY / 9).astype(np.int16), kind, tile_shape=SHAPE)
    length, _ = image.stream(0)
    for shorter in range(1, length, max(1, length // 25)):
        with pytest.raises(FaultError, match=r"SCI, compressed in tiles, is damaged: tile 1: "):
            read(image.with_stream(0, length=shorter).content)
    with pytest.raises(FaultError, match="tile 1: it has no stream"):
        read(image.with_stream(0, length=0).content)


@pytest.mark.parametrize(("length", "offset"), [
    (-1, 0), (5, -1), (1 << 30, 0), (5, 1 << 30), (2**31 - 1, 2**31 - 1), (-(2**31), 5),
])
def test_a_stream_outside_of_the_heap_is_an_error(length: int, offset: int) -> None:
    image = packed(COUNTS).with_stream(4, length=length, offset=offset)
    with pytest.raises(FaultError, match="the stream of tile 5 is not within the heap"):
        read(image.content)


def test_streams_that_share_the_bytes_of_the_heap_are_an_error() -> None:
    image = packed(COUNTS, tile_shape=(1, 37))
    for row in range(image.count):
        image = image.with_stream(row, length=image.size, offset=0)
    with pytest.raises(FaultError, match="more bytes than the heap"):
        read(image.content)


@pytest.mark.parametrize("size", [0, 1, 22, 24, 4_000, 65_535, 2**31 - 1, 2**32 - 1])
@pytest.mark.parametrize("position", [2, 6])
def test_a_stream_of_hcompress_of_another_size_than_its_tile_is_an_error(
    position: int, size: int
) -> None:
    image = packed(COUNTS, "HCOMPRESS_1", tile_shape=SHAPE)
    damaged = image.with_bytes(image.heap + position, size.to_bytes(4, "big"))
    with pytest.raises(FaultError, match=r"tile 1: its stream is that of a tile of shape"):
        read(damaged.content)


def test_a_short_stream_of_hcompress_that_claims_many_bit_planes_is_an_error() -> None:
    decode = decoder_of("HCOMPRESS_1", lambda _, default: default, is_real=False, most=1 << 28)
    shape = (4000, 5000)
    sizes = b"".join(size.to_bytes(4, "big") for size in (*shape, 0, 0, 0))
    for bits, problem in ((64, "more bits than can be decoded"), (65, "has no header")):
        heap = np.frombuffer(b"\xdd\x99" + sizes + bytes([bits] * 3) + bytes(SLACK), np.uint8)
        with pytest.raises(FaultError, match=problem):
            decode(heap, 0, heap.size - SLACK, shape)


def test_any_three_bytes_of_hcompress_may_change() -> None:
    image = packed(COUNTS, "HCOMPRESS_1", tile_shape=SHAPE)
    random = np.random.default_rng(1)
    for _ in range(50):
        damaged = image
        for position in random.integers(0, image.size, 3):
            damaged = damaged.with_bytes(image.heap + int(position), random.bytes(1))
        try:
            assert read(damaged.content).shape == SHAPE
        except FaultError as error:
            assert "tile 1: " in str(error)  # noqa: PT017


def test_a_list_of_plio_that_claims_more_words_than_its_stream_has_is_an_error() -> None:
    image = packed(COUNTS % 7, "PLIO_1", tile_shape=SHAPE)
    words = np.array([0, 7, -100, 32_767, 32_767], ">i2").tobytes()
    with pytest.raises(FaultError, match="claims to have 1073741823"):
        read(image.with_bytes(image.heap, words).content)


def test_a_list_of_plio_in_bytes_is_an_error() -> None:
    image = packed(COUNTS % 7, "PLIO_1").with_card("TFORM1", "'1PB(99) '")
    with pytest.raises(FaultError, match="of the type B, which is not that of PLIO_1"):
        read(image.content)


@pytest.mark.parametrize(("key", "value"), [("ZVAL2", "8"), ("ZVAL2", "3"), ("ZVAL1", "2000000")])
def test_rice_of_pixels_of_other_widths_is_an_error(key: str, value: str) -> None:
    with pytest.raises(FaultError, match="BYTEPIX = "):
        read(packed(COUNTS).with_card(key, value).content)


@pytest.mark.parametrize(("key", "value", "problem"), [
    ("ZDITHER0", "0", "ZDITHER0 is missing or less than 1"),
    ("ZDITHER0", "-5", "ZDITHER0 = -5"),
    ("ZQUANTIZ", "'NONE    '", "ZQUANTIZ = NONE beside ZSCALE"),
    ("ZCMPTYPE", "'LZMA    '", "ZCMPTYPE = LZMA"),
])
def test_keywords_that_contradict_the_standard_are_errors(
    key: str, value: str, problem: str
) -> None:
    image = packed(SKY.astype("f4"), quantize_method=1, dither_seed=3)
    with pytest.raises(FaultError, match=problem):
        read(image.with_card(key, value).content)


def test_images_of_hcompress_are_right_when_threads_read_them_at_the_same_time() -> None:
    counts = COUNTS.astype("i4")
    images = [packed(counts * n, "HCOMPRESS_1", tile_shape=SHAPE).content for n in (1, 30, 900, 9)]
    wrong: list[str] = []

    def work(number: int, factor: int) -> None:
        for _ in range(20):
            try:
                np.testing.assert_array_equal(read(images[number]), counts * factor)
            except (AssertionError, FaultError) as error:
                wrong.append(str(error))

    threads = [threading.Thread(target=work, args=pair) for pair in enumerate((1, 30, 900, 9))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_an_astropy_without_these_functions_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "_CODECS", "astropy.io.fits.hdu.compressed._none")
    streams._codecs.cache_clear()  # noqa: SLF001 - as in a new process
    with pytest.raises(FaultError, match="needs another version of astropy"):
        read(packed(COUNTS).content)


@pytest.mark.parametrize("kind", ["RICE_1", "HCOMPRESS_1", "PLIO_1"])
def test_streams_are_decoded_without_astropy_which_can_be_imported_later(
    kind: str, tmp_path: Path
) -> None:
    path = tmp_path / "a.fits.fz"
    path.write_bytes(packed(COUNTS // 7, kind, tile_shape=SHAPE).content)
    code = (
        "import sys\n"
        "from staticmask_cli.fits.open import read_hdus\n"
        f"path = {str(path)!r}\n"
        "pixels = read_hdus(path)[1].raw.read(open(path, 'rb'), path)\n"
        "print('astropy' in sys.modules)\n"
        "from astropy.io import fits\n"
        "print((fits.getdata(path) == pixels).all())\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["False", "True"]
