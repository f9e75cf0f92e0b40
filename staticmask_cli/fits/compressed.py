"""Compressed images: GZIP_2 tiles in a binary table, FITS standard 4.0, section 10.

The bytes of all pixels of a tile are put in the order of their significance before gzip compresses
them, which suits whole numbers of which few bytes vary.
"""

import gzip
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.writer import Card, NewHDU

__all__ = ["compressed_image"]

_TILE = 1 << 16  # pixels of a tile, in whole rows
_LEVEL = 1  # of the compression; higher ones take several times as long for few percent


def compressed_image(
    pixels: npt.NDArray[np.integer], cards: Sequence[Card] = (), *, name: str
) -> NewHDU:
    """Return a compressed image extension.

    Parameters
    ----------
    pixels : numpy.ndarray of uint8, int16 or int32, shape (ny, nx)
        The pixels, at least one.
    cards : sequence of Card
        The cards that follow those that the standard requires.
    name : str
        The EXTNAME of the extension.
    """
    ny, nx = pixels.shape
    rows = max(1, min(ny, _TILE // nx))
    tiles = [_compressed(pixels[start : start + rows]) for start in range(0, ny, rows)]
    lengths = np.array([len(tile) for tile in tiles])
    descriptors = np.stack([lengths, np.cumsum(lengths) - lengths], axis=1).astype(">i4")
    heap = b"".join(tiles)
    start: list[Card] = [
        ("XTENSION", "BINTABLE", "binary table extension"),
        ("BITPIX", 8, "array data type"),
        ("NAXIS", 2, "number of array dimensions"),
        ("NAXIS1", 8, "length of dimension 1"),
        ("NAXIS2", len(tiles), "length of dimension 2"),
        ("PCOUNT", len(heap), "number of group parameters"),
        ("GCOUNT", 1, "number of groups"),
        ("TFIELDS", 1, "number of table fields"),
        ("TTYPE1", "COMPRESSED_DATA", ""),
        ("TFORM1", f"1PB({lengths.max()})", ""),
        ("ZIMAGE", True, "extension contains compressed image"),
        ("ZTENSION", "IMAGE", "Image extension"),
        ("ZBITPIX", 8 * pixels.itemsize, "data type of original image"),
        ("ZNAXIS", 2, "dimension of original image"),
        ("ZNAXIS1", nx, "length of original image axis"),
        ("ZNAXIS2", ny, "length of original image axis"),
        ("ZPCOUNT", 0, "number of parameters"),
        ("ZGCOUNT", 1, "number of groups"),
        ("ZTILE1", nx, "size of tiles to be compressed"),
        ("ZTILE2", rows, "size of tiles to be compressed"),
        ("ZCMPTYPE", "GZIP_2", "compression algorithm"),
        ("EXTNAME", name, "extension name"),
    ]
    data = np.frombuffer(descriptors.tobytes() + heap, np.uint8)
    return NewHDU((*start, *cards), data)


def _compressed(tile: npt.NDArray[np.integer]) -> bytes:
    in_bytes = tile.astype(tile.dtype.newbyteorder(">")).view(np.uint8).reshape(-1, tile.itemsize)
    return gzip.compress(in_bytes.T.tobytes(), _LEVEL, mtime=0)
