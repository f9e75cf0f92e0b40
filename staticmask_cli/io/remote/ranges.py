"""A file of which parts are fetched, in few requests and with few bytes that nobody needs."""

import io
import threading
from collections import OrderedDict
from collections.abc import Callable

__all__ = ["HeaderCache", "RangeFile", "header_cache_of"]

Fetch = Callable[[int, int], bytes]
"""Gives the bytes from a first one up to, and without, a last one; all of them."""

_SMALL = 1 << 16  # bytes; who asks for more knows what is needed, which are pixels
_PIECE = 1 << 26  # bytes of one request: a service may claim more than it has
# Bytes of a first look at a header: five blocks of FITS.  An extension of HST or JWST has 3 to 10.
_FIRST = 5 * 2880
_LONGEST = 1 << 20
_MOST_KEPT = 1 << 23  # bytes of one file
_MOST_OF_ALL = 1 << 26


class HeaderCache:
    """What was fetched of a file by small reads, which are headers."""

    def __init__(self, identity: object = None) -> None:
        self.identity = identity
        self.size = 0
        self._chunks: dict[int, bytes] = {}

    def find(self, place: int) -> tuple[int, bytes] | None:
        """Return the start and the bytes of a chunk that holds a byte, if there is one."""
        return next(((start, chunk) for start, chunk in self._chunks.items()
                     if start <= place < start + len(chunk)), None)

    def next_length(self, place: int) -> int:
        """How much to fetch from a byte on: twice as much where that goes on with a chunk."""
        before = self.find(place - 1)
        return min(2 * len(before[1]), _LONGEST) if before else _FIRST

    def keep(self, start: int, chunk: bytes) -> None:
        """Keep a chunk; a file with absurdly long headers loses the others."""
        if self.size + len(chunk) > _MOST_KEPT:
            self._chunks, self.size = {}, 0
        self._chunks[start] = chunk
        self.size += len(chunk)


class RangeFile(io.BufferedIOBase):
    """A file that is read by asking for ranges of its bytes.

    Parameters
    ----------
    fetch : callable
        Gives the bytes of a range.
    size : int
        Bytes of the file.
    kept : HeaderCache
        Parts of it that need not be fetched; small reads add to it.
    """

    def __init__(self, fetch: Fetch, size: int, kept: HeaderCache) -> None:
        self._fetch = fetch
        self.size = size
        self._kept = kept
        self._place = 0

    def again(self) -> "RangeFile":
        """Return the same file, at its start, with a place of its own."""
        return RangeFile(self._fetch, self.size, self._kept)

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it knows places."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte; nothing is fetched."""
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self.size}[whence]
        self._place = max(0, origin + offset)
        return self._place

    def read(self, size: int | None = -1) -> bytes:
        """Read the next `size` bytes, or all there are."""
        start = self._place
        stop = self.size if size is None or size < 0 else min(start + size, self.size)
        if stop <= start:
            return b""
        self._place = stop
        if stop - start <= _SMALL:
            return self._small(start, stop)
        ends = ((place, min(place + _PIECE, stop)) for place in range(start, stop, _PIECE))
        return b"".join(self._fetch(*piece) for piece in ends)

    def _small(self, start: int, stop: int) -> bytes:
        """Read a part of a header, and what probably comes next."""
        parts = []
        while start < stop:
            begin, chunk = self._kept.find(start) or self._fetched(start)
            parts.append(chunk[start - begin : stop - begin])
            start += len(parts[-1])
        return b"".join(parts)

    def _fetched(self, start: int) -> tuple[int, bytes]:
        chunk = self._fetch(start, min(start + self._kept.next_length(start), self.size))
        self._kept.keep(start, chunk)
        return start, chunk


class _Memory:
    """Headers of the files that were looked at last."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._files: OrderedDict[str, HeaderCache] = OrderedDict()

    def of(self, name: str, identity: object) -> HeaderCache:
        with self._lock:
            kept = self._files.pop(name, None)
            if kept is None or kept.identity != identity:
                kept = HeaderCache(identity)
            self._files[name] = kept
            total = sum(file.size for file in self._files.values())
            while total > _MOST_OF_ALL and len(self._files) > 1:
                total -= self._files.popitem(last=False)[1].size
            return kept


_MEMORY = _Memory()


def header_cache_of(name: str, identity: object) -> HeaderCache:
    """Headers of a file that were fetched before, while it has the same identity."""
    return _MEMORY.of(name, identity)
