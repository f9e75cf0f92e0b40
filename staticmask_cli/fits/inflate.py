"""Gzip files inflated up to a bound, as a small untrusted file may inflate to any size."""

import gzip
import io
from typing import IO

__all__ = ["BoundedGzip", "Content", "LayoutError", "bounded", "largest_content"]

_LARGEST_INFLATED = 1 << 28  # bytes that compressed files of any size may inflate to,
_MOST_INFLATION = 100  # or this many times their own size


class LayoutError(ValueError):
    """A file is truncated, or its headers contradict what it holds."""


class BoundedGzip(io.BufferedIOBase):
    """The content of a gzip file, which is not inflated beyond a bound.

    It is no `gzip.GzipFile`, whose length astropy takes for 0, so that it would read damaged
    extensions without end.

    Parameters
    ----------
    stream : binary file
        The gzip file.
    most : int
        The bound, in bytes of the content.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._content = gzip.GzipFile(fileobj=stream, mode="rb")
        self._most = most
        self._length: int | None = None

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._content.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Read the next `size` bytes, or all that are left."""
        room = self._most - self.tell() + 1
        content = self._content.read(room if size is None or size < 0 else min(size, room))
        self._check(self.tell())
        return content

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, or to the end if that comes first."""
        if whence == io.SEEK_END:
            if self._length is None:
                self._length = self._content.seek(self._most + 1)
                self._check(self._length)
            offset += self._length
        elif whence == io.SEEK_CUR:
            offset += self.tell()
        self._check(offset)
        return self._content.seek(offset)

    def _check(self, position: int) -> None:
        if position > self._most:
            msg = f"it would inflate to more than {self._most} bytes"
            raise LayoutError(msg)


Content = IO[bytes] | BoundedGzip
"""A FITS file that is not compressed, or the content of one that is."""


def largest_content(size: int) -> int:
    """Return how many bytes a compressed file of `size` bytes may inflate to."""
    return max(_LARGEST_INFLATED, _MOST_INFLATION * size)


def bounded(stream: IO[bytes], size: int) -> Content:
    """Return the content of a file of `size` bytes: itself, or what it inflates to if it is gzip.

    Raises
    ------
    LayoutError
        If the file begins neither as FITS nor as gzip.
    """
    start = stream.read(6)
    stream.seek(0)
    if not start:
        msg = "the file is empty"
        raise LayoutError(msg)
    if start.startswith(b"\x1f\x8b"):
        return BoundedGzip(stream, largest_content(size))
    if start != b"SIMPLE":
        msg = f"it begins with {start!r}, expected SIMPLE, or gzip"
        raise LayoutError(msg)
    return stream
