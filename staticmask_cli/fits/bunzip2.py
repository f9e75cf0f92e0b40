"""The content of a bzip2 file, unpacked once to a temporary file for those who read it.

It would take too long to unpack it for each chip, and nothing can unpack it from the middle on.
"""

import bz2
import tempfile
import weakref
from collections.abc import Callable
from contextlib import ExitStack
from functools import lru_cache
from threading import Lock
from typing import IO, Any

__all__ = ["Bunzipped"]

_PIECE = 1 << 20  # bytes
_COPIES = 2  # temporary files that stay for the next readers


class _Copy:
    """The content of a file in a temporary one, which threads may share."""

    def __init__(self) -> None:
        self.lock = Lock()
        self.length = 0
        self.stream: Any = None  # the temporary file, once it is complete

    def fill(self, packed: IO[bytes], check_length: Callable[[int], None]) -> None:
        """Unpack the file, unless that was done."""
        with self.lock:
            if self.stream is not None:
                return
            with ExitStack() as stack:
                stream = stack.enter_context(tempfile.TemporaryFile())
                with bz2.BZ2File(packed) as content:
                    while piece := content.read(_PIECE):
                        stream.write(piece)
                        check_length(stream.tell())
                self.stream, self.length = stream, stream.tell()
                weakref.finalize(self, stack.pop_all().close)


@lru_cache(_COPIES)
def _copy_of(version: tuple[str, int | str]) -> _Copy:  # noqa: ARG001 - the key
    return _Copy()


class Bunzipped:
    """The content of a bzip2 file.

    Parameters
    ----------
    packed : binary file
        The file, which stays open.
    version : tuple of str and Stamp, or None
        The path and the stamp of the file, for which its content is kept; None if it has no stamp.
    check_length : callable
        What raises an error if the content is longer than its argument may be, in bytes.
    """

    def __init__(
        self, packed: IO[bytes], version: tuple[str, int | str] | None,
        check_length: Callable[[int], None],
    ) -> None:
        self._copy = _copy_of(version) if version else _Copy()
        self._copy.fill(packed, check_length)
        self._position = 0

    def tell(self) -> int:
        """Return the position of the next byte."""
        return self._position

    def seek(self, offset: int) -> int:
        """Move to a position from the start, or to the end if that comes first."""
        self._position = min(offset, self._copy.length)
        return self._position

    def read(self, size: int) -> bytes:
        """Read the next `size` bytes, of which the end may leave fewer."""
        with self._copy.lock:
            self._copy.stream.seek(self._position)
            content: bytes = self._copy.stream.read(size)
        self._position += len(content)
        return content

    def readinto(self, buffer: memoryview) -> int:
        """Read as many bytes as `buffer` has, or all that are left; return their number."""
        with self._copy.lock:
            self._copy.stream.seek(self._position)
            count: int = self._copy.stream.readinto(buffer)
        self._position += count
        return count
