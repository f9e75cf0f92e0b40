"""Streams of tiles decoded within their bounds: the compressions of the FITS standard 4.0, 10.4.

The C code of astropy does not know where a stream ends and how much memory its pixels have: it
follows the lengths that a stream claims, whatever they are.  So what a stream claims is compared
with the tile first, and the bytes that a damaged one may read beyond its end belong to an array
of ours, which makes the decoder fail, or read the same pixels always.
"""

import math
import os
import threading
import zlib
from collections.abc import Callable
from functools import cache
from importlib.machinery import PathFinder
from importlib.util import find_spec, module_from_spec
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError

__all__ = ["SLACK", "Decoder", "decoder_of", "gunzipped", "typed"]

SLACK = 1 << 15
"""How many bytes of 255 follow the heap, so that RICE_1 ends soon after a stream that is short."""

_PIXELS_OF_BLOCK = 4096  # of RICE_1 at most, each of which reads 5 bytes of SLACK at most
_BYTES_OF_PIXEL = (1, 2, 4)  # in RICE_1
_GZIP = 16 + zlib.MAX_WBITS
_WORDS_OF_HEADER = 7  # of PLIO_1
_MAGIC = b"\xdd\x99"  # how a stream of HCOMPRESS_1 begins
_START = 25  # bytes of its own header
_MOST_PLANES = 64  # bits
_MOST_WORK = 1 << 30  # bits of pixels of an image in HCOMPRESS_1, which need two seconds,
_WORK_OF_BYTE = 256  # and so many more for each byte of its streams
_CODECS = "astropy.io.fits.hdu.compressed._compression"
_HCOMPRESS = threading.Lock()  # its C code keeps its position in the stream in a global variable

Bytes = npt.NDArray[np.uint8]
Shape = tuple[int, ...]


class Decoder(Protocol):
    """Decodes the stream in ``heap[start:end]``, as pixels of the shape of a tile."""

    def __call__(self, heap: Bytes, start: int, end: int, shape: Shape) -> npt.NDArray[Any]:
        """Return the pixels; raise an error if the stream cannot be theirs."""


def decoder_of(
    algorithm: str, setting: Callable[[str, int], int], *, is_real: bool, most: int
) -> Decoder:
    """Return the decoder of a compression.

    Parameters
    ----------
    algorithm : str
        The value of ZCMPTYPE.
    setting : callable
        Returns the value of a parameter of the compression (ZNAMEn, ZVALn), or a default.
    is_real : bool
        Whether pixels that are not quantized are real.
    most : int
        The bytes of memory that the pixels of a tile may need.
    """
    if algorithm in ("RICE_1", "RICE_ONE"):
        return _rice(setting("BLOCKSIZE", 32), setting("BYTEPIX", 4), most)
    if algorithm == "PLIO_1":
        return _plio(most)
    if algorithm == "HCOMPRESS_1":
        return _hcompress(setting("SMOOTH", 0), most)
    if algorithm in ("GZIP_1", "GZIP_2", "NOCOMPRESS"):
        def decode(heap: Bytes, start: int, end: int, shape: Shape) -> npt.NDArray[Any]:
            stream = heap[start:end]
            content = stream if algorithm == "NOCOMPRESS" else gunzipped(stream, shape, most)
            return typed(content, shape, is_real=is_real, by_significance=algorithm == "GZIP_2")

        return decode
    msg = f"ZCMPTYPE = {algorithm:.20}: expected a compression of the FITS standard"
    raise FaultError(msg)


def gunzipped(stream: Bytes, shape: Shape, most: int) -> Bytes:
    """Inflate a stream to at most 8 bytes for each pixel of a tile."""
    room = min(8 * _count(shape, 1, most), most)
    inflating = zlib.decompressobj(_GZIP)
    content = inflating.decompress(stream.data, room + 1)
    if len(content) > room or not inflating.eof or inflating.unused_data.strip(b"\0"):
        msg = "its stream has not the length of its pixels"
        raise FaultError(msg)
    return np.frombuffer(content, np.uint8)


def typed(
    content: Bytes, shape: Shape, *, is_real: bool, by_significance: bool = False
) -> npt.NDArray[Any]:
    """Return bytes as big-endian pixels of the type that has so many bytes.

    Parameters
    ----------
    content : numpy.ndarray of uint8
        All bytes of the pixels.
    shape : tuple of int
        The shape of the pixels.
    is_real : bool
        Whether pixels of 4 or 8 bytes are real.
    by_significance : bool
        Whether the bytes are in the order of their significance, those of all pixels together.
    """
    width, left = divmod(content.size, math.prod(shape))
    if left or width not in (1, 2, 4, 8):
        msg = "its stream has not the length of its pixels"
        raise FaultError(msg)
    if by_significance:
        planes, content = content.reshape(width, -1), np.empty_like(content)
        for n, plane in enumerate(planes):
            content[n::width] = plane
    kind = "f" if is_real and width >= 4 else "u" if width == 1 else "i"  # noqa: PLR2004
    return content.reshape(-1).view(f">{kind}{width}").reshape(shape)


def _count(shape: Shape, width: int, most: int) -> int:
    """Return the number of pixels of a tile that needs `width` bytes for each when decoded."""
    count = math.prod(shape)
    if not 0 < count * width <= min(most, 2**31 - 1):
        msg = f"its tile of shape {shape} is too large to be decoded"
        raise FaultError(msg)
    # The C code uses memory without asking whether it got any; here its lack is an error.
    np.empty(count * width, np.uint8)
    return count


@cache
def _codecs() -> Any:  # noqa: ANN401 - a module of C code
    """Return astropy's decoders without the rest of it, which takes longer to import than to use.

    No public function decodes a stream that is a part of a longer array.
    """
    package = find_spec("astropy")
    folders = [os.path.join(folder, *_CODECS.split(".")[1:-1])
               for folder in (package and package.submodule_search_locations) or ()]
    spec = PathFinder.find_spec(_CODECS, folders)
    if spec is None or spec.loader is None:
        msg = "its compression needs another version of astropy; unpack the file with funpack"
        raise FaultError(msg)
    codecs = module_from_spec(spec)
    spec.loader.exec_module(codecs)
    return codecs


def _rice(block: int, width: int, most: int) -> Decoder:
    if width not in _BYTES_OF_PIXEL or not 1 <= block <= _PIXELS_OF_BLOCK:
        msg = f"BYTEPIX = {width}, BLOCKSIZE = {block}: expected 1, 2 or 4, and 16 or 32"
        raise FaultError(msg)
    decompress = _codecs().decompress_rice_1_c
    dtype = "u1" if width == 1 else f"i{width}"

    def decode(heap: Bytes, start: int, end: int, shape: Shape) -> npt.NDArray[Any]:
        # It compares its position with the end after each block of pixels.
        pixels = decompress(heap[start:end], block, width, _count(shape, width, most))
        return np.frombuffer(pixels, dtype).reshape(shape)

    return decode


def _plio(most: int) -> Decoder:
    decompress = _codecs().decompress_plio_1_c

    def decode(heap: Bytes, start: int, end: int, shape: Shape) -> npt.NDArray[Any]:
        # One word more, as the last instruction may read the word that follows it.
        words = heap[start : end + 2].view(">i2").astype("i2")
        held = words.size - 1
        first = list(map(int, words[:_WORDS_OF_HEADER]))
        is_short = held > 2 and first[2] > 0  # noqa: PLR2004 - the form of a list of IRAF
        if not is_short and (held < _WORDS_OF_HEADER or not _WORDS_OF_HEADER <= first[1] <= held):
            msg = "its stream has no header"
            raise FaultError(msg)
        length = first[2] if is_short else (first[4] << 15) + first[3]
        if not 0 <= length <= held:
            msg = f"its stream has {held} words, and claims to have {length}"
            raise FaultError(msg)
        pixels = decompress(words, _count(shape, 4, most))
        return np.frombuffer(pixels, "i4").reshape(shape)

    return decode


def _hcompress(smooth: int, most: int) -> Decoder:
    decompress = _codecs().decompress_hcompress_1_c
    work = 0

    def decoded(stream: Bytes, shape: Shape, padding: int) -> npt.NDArray[Any]:
        # The padding is longer than what a short stream lacks, and no valid code of a bit plane.
        padded = np.full(stream.size + 2 * _count(shape, 8, most) + 1024, padding, np.uint8)
        padded[: stream.size] = stream
        with _HCOMPRESS:
            pixels = decompress(padded, *(n for n in shape if n != 1), 0, smooth, 8)
        return np.frombuffer(pixels, "i4").reshape(shape)

    def decode(heap: Bytes, start: int, end: int, shape: Shape) -> npt.NDArray[Any]:
        nonlocal work
        stream = heap[start:end]
        begin = stream[:_START].tobytes()
        sizes = tuple(int.from_bytes(begin[n : n + 4], "big") for n in (2, 6))
        if begin[:2] != _MAGIC or len(begin) < _START or max(begin[22:]) > _MOST_PLANES:
            msg = "its stream has no header"
            raise FaultError(msg)
        if sizes != tuple(n for n in shape if n != 1):
            msg = f"its stream is that of a tile of shape {sizes}, expected {shape}"
            raise FaultError(msg)
        work += _count(shape, 8, most) * max(begin[22:]) - _WORK_OF_BYTE * stream.size
        if work > _MOST_WORK:
            msg = "its streams claim more bits than can be decoded in a few seconds"
            raise FaultError(msg)
        pixels = decoded(stream, shape, 0x55)
        # The last bits of a stream are signs, for which any padding is valid.  A stream has all of
        # them where another one begins at its end.
        follows = heap[end : end + 2].tobytes() in (_MAGIC, b"\xff\xff")
        if not follows and not np.array_equal(pixels, decoded(stream, shape, 0xAA)):
            msg = "its stream ends too early"
            raise FaultError(msg)
        return pixels

    return decode
