"""Files of gzip and bzip2 inflated up to a bound, as small ones may inflate to any size."""

import io
from functools import partial
from typing import IO, TYPE_CHECKING, Any

from staticmask_cli.errors import FaultError

if TYPE_CHECKING:
    from staticmask_cli.fits.bunzip2 import Bunzipped
    from staticmask_cli.fits.gunzip import Gunzipped

__all__ = ["Content", "Inflated", "LayoutError", "bounded", "largest_content"]

_LARGEST_INFLATED = 1 << 28  # bytes that compressed files of any size may inflate to,
_MOST_INFLATION = 100  # or this many times their own size


class LayoutError(FaultError):
    """A file is truncated, or its headers contradict what it holds."""


class Inflated(io.BufferedIOBase):
    """The content of a compressed file, which is not inflated beyond a bound.

    Parameters
    ----------
    content : Gunzipped or Bunzipped
        What the file inflates to.
    most : int
        The bound, in bytes of the content.
    unpacker : str
        The program that unpacks it.
    """

    def __init__(self, content: "Bunzipped | Gunzipped", most: int, unpacker: str) -> None:
        self._content = content
        self.unpacker = unpacker
        self._most = most

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

    def readinto(self, buffer: Any) -> int:  # noqa: ANN401 - any that is writable
        """Read as many bytes as `buffer` has, or all that are left; return their number."""
        room = self._most - self.tell() + 1
        count = self._content.readinto(memoryview(buffer).cast("B")[:room])
        self._check(self.tell())
        return count

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a position, or to the end if that comes first."""
        if whence == io.SEEK_END:
            end = self._content.seek(self._most + 1)
            self._check(end)
            offset += end
        elif whence == io.SEEK_CUR:
            offset += self.tell()
        self._check(offset)
        return self._content.seek(offset)

    def _check(self, position: int) -> None:
        _check_length(self._most, position)


def _check_length(most: int, length: int) -> None:
    if length > most:
        msg = f"it would inflate to more than {most} bytes"
        raise LayoutError(msg)


Content = IO[bytes] | Inflated
"""A FITS file that is not compressed, or the content of one that is."""


def largest_content(size: int) -> int:
    """Return how many bytes a compressed file of `size` bytes may inflate to."""
    return max(_LARGEST_INFLATED, _MOST_INFLATION * size)


def bounded(
    stream: IO[bytes], size: int, version: tuple[str, int | str] | None = None
) -> Content:
    """Return the content of a file: itself, or what it inflates to.

    Parameters
    ----------
    stream : binary file
        The file, at its start.
    size : int
        Its length in bytes.
    version : tuple of str and Stamp, optional
        The path and the stamp of the file, as in `Gunzipped`.

    Raises
    ------
    LayoutError
        If the file begins neither as FITS nor as gzip or bzip2.
    """
    start = stream.read(6)
    stream.seek(0)
    if not start:
        msg = "the file is empty"
        raise LayoutError(msg)
    if start.startswith(b"\x1f\x8b"):
        # Imported here because few files are compressed.
        from staticmask_cli.fits.gunzip import Gunzipped  # noqa: PLC0415

        return Inflated(Gunzipped(stream, version), largest_content(size), "gunzip")
    if start.startswith(b"BZh"):
        most = largest_content(size)
        # Likewise, and some Pythons do not have bz2.
        from staticmask_cli.fits.bunzip2 import Bunzipped  # noqa: PLC0415

        return Inflated(
            Bunzipped(stream, version, partial(_check_length, most)), most, "bunzip2")
    if start != b"SIMPLE":
        msg = f"it begins with {start.decode('latin-1')!r}, expected SIMPLE, gzip or bzip2"
        raise LayoutError(msg)
    return stream
