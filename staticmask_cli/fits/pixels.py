"""Pixels read from where they are in a file, without reading all its headers again."""

import io
import math
import os
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.inflate import Content
from staticmask_cli.io.paths import is_remote

__all__ = ["RawPixels", "Stamp", "stamp_of"]

Stamp = int | str
"""What changes with the content of a file: of a local file its inode, its size and the time when it
was modified, in nanoseconds; of a remote one its identity, such as its size and ETag."""

_DTYPES = {8: "u1", 16: "i2", 32: "i4", 64: "i8", -32: "f4", -64: "f8"}  # by BITPIX
_CHUNK = 1 << 18  # pixels, whose bytes are still in the cache when their order is changed


class RawPixels(NamedTuple):
    """Where the pixels of an image are in a file, if they are not scaled.

    Attributes
    ----------
    offset : int
        The position of their first byte in the file, or that of the table which holds their tiles.
    shape : tuple of int
        The shape of the image, ``(ny, nx)`` for one of two dimensions.
    bitpix : int
        The type of a pixel, as the keyword BITPIX has it.
    stamp : int, str or None
        The stamp of the file when its headers were read; None if it has none, so that the
        headers must be read again.
    compressed : bool
        Whether `offset` is a position in what the file inflates to.
    tile_header : int
        The length of the header before `offset` if the pixels are compressed in tiles; else 0.
    """

    offset: int
    shape: tuple[int, ...]
    bitpix: int
    stamp: Stamp | None
    compressed: bool = False
    tile_header: int = 0

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the pixels, in the byte order of the machine."""
        return np.dtype(_DTYPES[self.bitpix])

    @property
    def size(self) -> int:
        """Number of pixels."""
        return math.prod(self.shape)

    def read(
        self, stream: Content, path: str, out: npt.NDArray[Any] | None = None
    ) -> npt.NDArray[Any]:
        """Read the pixels, in the type of the file and the byte order of the machine.

        Parameters
        ----------
        stream : binary file
            The open file, or what it inflates to.
        path : str
            The path of the file.
        out : numpy.ndarray, optional
            An array of `size` pixels of `dtype` to be filled; a new one if None.

        Raises
        ------
        InputError
            If the file ends before the last pixel.
        FaultError
            If the pixels are in tiles that are damaged.
        """
        if self.tile_header:
            # Imported here because few files are compressed.
            from staticmask_cli.fits.tiles import read_tiles  # noqa: PLC0415

            return read_tiles(stream, self.offset - self.tile_header, self.offset, out)
        pixels = np.empty(self.size, dtype=self.dtype) if out is None else out
        # The pixels of a remote file are fetched with one request.
        step = self.size if is_remote(path) else _CHUNK
        stream.seek(self.offset)
        for start in range(0, self.size, step):
            chunk = pixels[start : start + step]
            content = chunk.view(np.uint8)
            if stream.readinto(content.data) != content.size:  # type: ignore[union-attr]
                msg = f"{path}: is truncated: it became shorter while it was read"
                raise InputError(msg)
            np.copyto(chunk, chunk.view(self.dtype.newbyteorder(">")))  # in place
        return pixels.reshape(self.shape)


def stamp_of(stream: Any) -> Stamp | None:  # noqa: ANN401 - a file object of any kind
    """Return the stamp of an open file; None if it has none."""
    try:
        status = os.fstat(stream.fileno())
    except io.UnsupportedOperation:  # a remote file
        return getattr(stream, "identity", None)
    return f"{status.st_ino} {status.st_size} {status.st_mtime_ns}"
