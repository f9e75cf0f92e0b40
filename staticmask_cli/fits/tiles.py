"""Pixels of images compressed in tiles: all compressions, quantization and undefined pixels.

Streams are untrusted: `tile_table` and `streams` check what they claim, so that a damaged one is
an error and never ends the process.
"""

import itertools
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.dithering import METHODS, restored
from staticmask_cli.fits.header import AnyHeader, Header, fits
from staticmask_cli.fits.streams import Shape, decoder_of, gunzipped, typed
from staticmask_cli.fits.tile_table import STREAMS, TileTable

__all__ = ["read_scaled_tiles", "read_tiles"]

Pixels = npt.NDArray[Any]
Numbers = dict[str, npt.NDArray[Any]]

_ELEMENTS = {"PLIO_1": "I", "RICE_1": "B", "RICE_ONE": "B", "HCOMPRESS_1": "B"}
_SCALING = ("BSCALE", "BZERO", "BLANK")


def read_scaled_tiles(hdu: Any) -> Pixels:  # noqa: ANN401 - a compressed image of astropy
    """Read the pixels of an image compressed in tiles, as `hdu.data` does.

    Parameters
    ----------
    hdu : astropy.io.fits.CompImageHDU
        An HDU of an open file.

    Returns
    -------
    numpy.ndarray
        The pixels; BSCALE, BZERO and BLANK are applied.

    Raises
    ------
    FaultError
        As by `read_tiles`.
    """
    info = hdu.fileinfo()
    pixels = read_tiles(info["file"], info["hdrLoc"], info["datLoc"])
    return _scaled(pixels, hdu.header) if any(k in hdu.header for k in _SCALING) else pixels


def read_tiles(file: Any, header: int, start: int, out: Pixels | None = None) -> Pixels:  # noqa: ANN401
    """Read the pixels of an image compressed in tiles, before BSCALE, BZERO and BLANK.

    Parameters
    ----------
    file : binary file
        The file, or what it inflates to.
    header, start : int
        The positions of the header and of the data of the table.
    out : numpy.ndarray, optional
        An array of as many pixels and of their type, to be filled; a new one if None.

    Raises
    ------
    FaultError
        If the table or a stream cannot be that of the image which the header describes.
    """
    file.seek(header)
    cards = Header(file.read(start - header))
    try:
        table = TileTable(cards)
        file.seek(start)
        content = file.read(table.size)
        pixels = np.empty(table.shape, table.dtype) if out is None else out.reshape(table.shape)
        _decode(table, content, pixels)
    except FaultError as error:
        name = str(cards.get("EXTNAME", "")).strip().upper() or "an extension"
        msg = f"{name}, compressed in tiles, is damaged: {error}; fetch the file again"
        raise FaultError(msg) from error
    return pixels


def _scaled(pixels: Pixels, header: AnyHeader) -> Pixels:
    """Apply BSCALE, BZERO and BLANK, as astropy does for an image that is not compressed."""
    stored = pixels.astype(pixels.dtype.newbyteorder(">"), copy=False)
    plain = fits.ImageHDU(stored).header
    plain.update({key: header[key] for key in _SCALING if key in header})
    image = fits.ImageHDU.fromstring(plain.tostring().encode("ascii") + stored.tobytes())
    return np.asarray(image.data)


def _decode(table: TileTable, content: bytes, pixels: Pixels) -> None:
    """Fill in the pixels of an image from the rows of its table and the heap."""
    decode = _decoder(table, content)
    axes = zip(table.shape, table.tile_shape, strict=True)
    parts = ([slice(n, n + size) for n in range(0, length, size)] for length, size in axes)
    for row, place in enumerate(itertools.product(*parts)):
        tile = pixels[place]
        try:
            decoded = decode(row, tile.shape)
            if decoded.dtype.kind == "f" and tile.dtype.kind != "f":
                msg = "its stream has real numbers, expected whole ones"
                raise FaultError(msg)  # noqa: TRY301
            tile[...] = decoded
        except MemoryError:
            raise
        except Exception as error:  # what astropy's C code raises has no public name
            is_known = isinstance(error, FaultError)
            msg = f"tile {row + 1}: {error if is_known else 'its stream cannot be decoded'}"
            raise FaultError(msg) from error


def _decoder(table: TileTable, content: bytes) -> Callable[[int, Shape], Pixels]:
    """Return what decodes the tile of a row, with a shape."""
    heap, streams, numbers = table.parts(content)
    algorithm = str(table.header["ZCMPTYPE"]).strip()
    element = streams[STREAMS[0]].element
    if element != _ELEMENTS.get(algorithm, element):
        msg = f"its streams are of the type {element}, which is not that of {algorithm:.20}"
        raise FaultError(msg)
    is_real = table.dtype.kind == "f"
    real = _quantized(table, numbers) if "ZSCALE" in numbers else None
    decode = decoder_of(
        algorithm, table.setting, is_real=is_real and not real, most=table.most)
    undefined = _undefined(table, numbers)

    def tile(row: int, shape: Shape) -> Pixels:
        for name, column in streams.items():
            start, end = int(column.starts[row]), int(column.ends[row])
            if start == end:
                continue
            if name == "GZIP_COMPRESSED_DATA":
                return typed(gunzipped(heap[start:end], shape, table.most), shape, is_real=is_real)
            if name == "UNCOMPRESSED_DATA":
                return typed(heap[start:end], shape, is_real=column.element in "ED")
            stored = decode(heap, start, end, shape)
            pixels = real(stored, row) if real else stored
            return undefined(pixels, stored, row) if undefined else pixels
        msg = "it has no stream"
        raise FaultError(msg)

    return tile


def _quantized(table: TileTable, numbers: Numbers) -> Callable[[Pixels, int], Pixels]:
    """Return what makes real pixels of the quantized ones of a row."""
    method = table.header.get("ZQUANTIZ", "NO_DITHER")
    if table.dtype.kind != "f" or method not in METHODS or "ZZERO" not in numbers:
        msg = (f"ZQUANTIZ = {method!s:.20} beside ZSCALE: expected real pixels, ZZERO, and one of "
               f"{', '.join(METHODS)}")
        raise FaultError(msg)
    seed = table.whole("ZDITHER0", 0)

    def real(pixels: Pixels, row: int) -> Pixels:
        scale, zero = float(numbers["ZSCALE"][row]), float(numbers["ZZERO"][row])
        if not math.isfinite(scale + zero):
            msg = f"ZSCALE = {scale:g} and ZZERO = {zero:g}: expected finite numbers"
            raise FaultError(msg)
        return restored(pixels, scale, zero, str(method), seed + row)

    return real


def _undefined(
    table: TileTable, numbers: Numbers
) -> Callable[[Pixels, Pixels, int], Pixels] | None:
    """Return what marks the undefined pixels of a row; None if the image can have none."""
    value = table.header.get("ZBLANK", table.header.get("BLANK"))
    column, is_real = numbers.get("ZBLANK"), table.dtype.kind == "f"
    if column is None and (value is None or not is_real):
        return None
    if type(value) is not int and (column is None or not is_real):
        msg = f"ZBLANK or BLANK = {value!s:.20}: expected a whole number"
        raise FaultError(msg)
    mark = np.nan if is_real else value

    def marked(pixels: Pixels, stored: Pixels, row: int) -> Pixels:
        where = stored == (value if column is None else int(column[row]))
        return np.where(where, mark, pixels) if where.any() else pixels  # type: ignore[arg-type]

    return marked
