"""Compressed content of strangers, inflated within a bound."""

import gzip
import io
from typing import IO

__all__ = ["BoundedGzip", "ClaimError"]


class ClaimError(ValueError):
    """A header claims what cannot be, or is not there."""


class BoundedGzip(io.BufferedIOBase):
    """The content of a gzip file, which refuses to inflate beyond a bound.

    It is no GzipFile, whose length astropy takes for 0, so that it would read damaged
    extensions without end.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._content = gzip.GzipFile(fileobj=stream, mode="rb")
        self._most = most
        self._length: int | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it knows places."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return self._content.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Read the next `size` bytes, or all there are."""
        room = self._most - self.tell() + 1
        content = self._content.read(room if size is None or size < 0 else min(size, room))
        self._check(self.tell())
        return content

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte, or to the end where that is nearer."""
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
            raise ClaimError(msg)
