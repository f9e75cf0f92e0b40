"""A file object that fetches byte ranges: FITS headers in few requests, pixels exactly."""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

__all__ = ["HeaderCache", "RangeFile", "first_length", "header_cache_of", "known_info"]

Fill = Callable[[int, memoryview], None]
"""A function that fills memory with the bytes of a file from a position on."""

_SMALL = 1 << 16  # bytes; longer reads are of pixels, and are fetched exactly
_PIECE = 1 << 26  # bytes of one request, as a service may claim a larger file than it has
# Bytes of the first request for a header: five FITS blocks.  Extensions of HST and JWST have 3 to
# 10 blocks of header.
_FIRST_LENGTH = 5 * 2880
_LONGEST = 1 << 20  # bytes of the longest request for a header
_LARGEST_CACHE = 1 << 23  # bytes of the headers of one file
_LARGEST_OF_ALL = 1 << 26  # bytes of the headers of all files


class HeaderCache:
    """The chunks of a file that small reads fetched, which are its headers.

    Parameters
    ----------
    version : object
        A value that differs when the contents of the file do, such as its size and ETag.

    Attributes
    ----------
    info : dict or None
        What the service reported about this version of the file, if it refuses to read another.
    """

    def __init__(self, version: object = None) -> None:
        self.version = version
        self.info: dict[str, Any] | None = None
        self.size = 0
        self._chunks: dict[int, bytes] = {}

    def find(self, position: int) -> tuple[int, bytes] | None:
        """Return the start and the bytes of the chunk with the byte at `position`, if any."""
        return next(((start, chunk) for start, chunk in self._chunks.items()
                     if start <= position < start + len(chunk)), None)

    def next_length(self, position: int) -> int:
        """Return how many bytes to fetch: twice the chunk that ends there, or a first length."""
        previous = self.find(position - 1)
        return min(2 * len(previous[1]), _LONGEST) if previous else _FIRST_LENGTH

    def add(self, start: int, chunk: bytes) -> None:
        """Add a chunk; when the headers of a file are absurdly long, the others are dropped."""
        if self.size + len(chunk) > _LARGEST_CACHE:
            self._chunks, self.size = {}, 0
        self._chunks[start] = chunk
        self.size += len(chunk)


class RangeFile(io.BufferedIOBase):
    """A file that is read by fetching ranges of its bytes.

    Parameters
    ----------
    fill : callable
        The function that fetches the bytes of a range.
    size : int
        The size of the file in bytes.
    cache : HeaderCache
        The chunks that need not be fetched; small reads add to it.
    identity : str or None
        A text that differs between versions of the file; None if the service reports none.
    """

    def __init__(
        self, fill: Fill, size: int, cache: HeaderCache, identity: str | None = None
    ) -> None:
        self._fill = fill
        self.size = size
        self.identity = identity
        self._cache = cache
        self._position = 0

    def reopened(self) -> "RangeFile":
        """Return the same file at its start, with a position of its own."""
        return RangeFile(self._fill, self.size, self._cache, self.identity)

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Set the position of the next byte and return it; nothing is fetched."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.size}[whence]
        self._position = max(0, origin + offset)
        return self._position

    def read(self, size: int | None = -1) -> bytes:
        """Read the next `size` bytes, or all that are left."""
        start = self._position
        stop = self.size if size is None or size < 0 else min(start + size, self.size)
        if stop <= start:
            return b""
        self._position = stop
        if stop - start <= _SMALL:
            return self._read_cached(start, stop)
        return b"".join(self._fetch(first, min(first + _PIECE, stop))
                        for first in range(start, stop, _PIECE))

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any that is writable
        """Read as many bytes as `buffer` has, or all that are left; return their number."""
        memory = memoryview(buffer).cast("B")[: max(0, self.size - self._position)]
        if len(memory) <= _SMALL:
            memory[:] = self.read(len(memory))
            return len(memory)
        for first in range(0, len(memory), _PIECE):
            self._fill(self._position + first, memory[first : first + _PIECE])
        self._position += len(memory)
        return len(memory)

    def _read_cached(self, start: int, stop: int) -> bytes:
        """Read a part of a header; what is fetched for it goes beyond, for the next reads."""
        parts = []
        while start < stop:
            first, chunk = self._cache.find(start) or self._fetch_chunk(start)
            parts.append(chunk[start - first : stop - first])
            start += len(parts[-1])
        return b"".join(parts)

    def _fetch(self, start: int, stop: int) -> bytearray:
        content = bytearray(stop - start)
        self._fill(start, memoryview(content))
        return content

    def _fetch_chunk(self, start: int) -> tuple[int, bytes]:
        stop = min(start + self._cache.next_length(start), self.size)
        chunk = bytes(self._fetch(start, stop))
        self._cache.add(start, chunk)
        return start, chunk


_CACHES: OrderedDict[str, HeaderCache] = OrderedDict()  # of the files that were read last, by URL
_CACHES_LOCK = threading.Lock()


def first_length(url: str) -> int:
    """Return how many bytes of a file to request first: its header, or one if that is cached."""
    with _CACHES_LOCK:
        return 1 if url in _CACHES else _FIRST_LENGTH


def known_info(url: str, version: object) -> dict[str, Any] | None:
    """Return what the service reported about that version of a file, if it is in memory."""
    with _CACHES_LOCK:
        cache = _CACHES.get(url)
        return cache.info if cache is not None and cache.version == version else None


def header_cache_of(url: str, version: object) -> HeaderCache:
    """Return the cache of a file: the one of before, unless the file has another version now."""
    with _CACHES_LOCK:
        cache = _CACHES.pop(url, None)
        if cache is None or cache.version != version:
            cache = HeaderCache(version)
        _CACHES[url] = cache
        total = sum(other.size for other in _CACHES.values())
        while total > _LARGEST_OF_ALL and len(_CACHES) > 1:
            total -= _CACHES.popitem(last=False)[1].size
        return cache
