"""The DQ arrays of a file: where their bytes are, and how flags are written into them."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.apply.flags import ChipFlags
from staticmask_cli.errors import ExposureError
from staticmask_cli.fits.content import open_content
from staticmask_cli.fits.header import Header
from staticmask_cli.fits.inflate import Inflated
from staticmask_cli.fits.layout import Layout, layouts
from staticmask_cli.fits.open import as_input_error
from staticmask_cli.fits.pixels import Stamp

__all__ = ["DQArray", "read_dq_arrays"]

# Without data BITPIX has no meaning, and astropy writes 8 there; DQ flags of HST have 16 bits.
_BITS_OF_CONSTANT = 16
_UNSIGNED_BYTE = 8  # BITPIX of the only type that is unsigned without an offset


class DQArray(NamedTuple):
    """Where a DQ array is in a file, and how its flags are stored.

    Attributes
    ----------
    header_start, data_start : int
        The positions of the first bytes of its header and of its data in the file.
    shape : tuple of int
        The shape ``(ny, nx)``.
    bits : int
        The number of bits of a pixel.
    has_offset : bool
        Whether unsigned flags are stored as signed integers with an offset (BZERO), or signed
        bytes as unsigned ones; the highest bit is then stored as its opposite.
    constant : int or None
        The flags of all pixels, for an extension without data (NPIX1, NPIX2, PIXVALUE).
    """

    header_start: int
    data_start: int
    shape: tuple[int, int]
    bits: int
    has_offset: bool = False
    constant: int | None = None

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the stored pixels as bit patterns."""
        return np.dtype(f">u{self.bits // 8}")

    @property
    def size(self) -> int:
        """Number of bytes of the pixels of an image of this shape, without padding."""
        return self.shape[0] * self.shape[1] * self.bits // 8

    def set_flags(self, pixels: npt.NDArray[Any], flags: ChipFlags, first: int) -> None:
        """Set flags in some consecutive pixels of the array.

        Parameters
        ----------
        pixels : numpy.ndarray of `dtype`
            The stored pixels, which are modified.
        flags : ChipFlags
            The flags of the whole array.
        first : int
            The index in the array of the first of `pixels`.
        """
        start, end = np.searchsorted(flags.pixels, (first, first + pixels.size))
        where = flags.pixels[start:end] - first
        offset = pixels.dtype.type(1 << self.bits - 1 if self.has_offset else 0)
        patterns = pixels[where] ^ offset
        pixels[where] = (patterns | flags.bits[start:end].astype(patterns.dtype)) ^ offset

    def constant_pixels(self) -> npt.NDArray[Any]:
        """Return the stored pixels of an image that has the constant everywhere."""
        pattern = (self.constant or 0) & ((1 << self.bits) - 1)
        return np.full(self.shape[0] * self.shape[1], pattern, self.dtype)


def read_dq_arrays(
    path: str, labels: Mapping[int, str]
) -> tuple[dict[int, DQArray], Stamp | None]:
    """Find the DQ arrays of a file, and return them with the stamp of the file.

    Parameters
    ----------
    path : str
        The path of the file.
    labels : mapping of int to str
        How messages call each array, by the number of its HDU.

    Raises
    ------
    ExposureError
        If flags cannot be written into one of them, because it is compressed, scaled or real.
    InputError
        If the file cannot be read.
    """
    with as_input_error(path), open_content(path) as (content, size, stamp):
        if isinstance(content, Inflated):
            msg = (f"{path}: is compressed, so that its DQ cannot be flagged in a copy; "
                   f"unpack it with {content.unpacker} -k {path}, and name the unpacked file")
            raise ExposureError(msg)
        hdus = list(layouts(content, size))
        return {number: _dq_array(hdus[number], label) for number, label in labels.items()}, stamp


def _dq_array(layout: Layout, label: str) -> DQArray:
    header: Any = Header(layout.header)
    if header.get("XTENSION", "IMAGE") != "IMAGE":
        msg = (f"{label}: its DQ is compressed in tiles, and cannot be flagged in a copy; unpack "
               "the file with funpack, and name the unpacked file")
        raise ExposureError(msg)
    scaling = (float(header.get("BZERO", 0) or 0), float(header.get("BSCALE", 1) or 1))
    bits = int(header["BITPIX"])
    offset = -(1 << 7) if bits == _UNSIGNED_BYTE else 1 << max(bits, 1) - 1
    if bits < 0 or scaling not in ((0, 1), (offset, 1)):
        msg = (f"{label}: expected integer DQ flags, found BITPIX = {bits}, BZERO = "
               f"{scaling[0]:g}, BSCALE = {scaling[1]:g}; convert them to integers first")
        raise ExposureError(msg)
    position = (layout.start - len(layout.header), layout.start)
    if header["NAXIS"] == 2:  # noqa: PLR2004
        shape = (int(header["NAXIS2"]), int(header["NAXIS1"]))
        return DQArray(*position, shape, bits, scaling != (0, 1))
    shape = (int(header.get("NPIX2", 0)), int(header.get("NPIX1", 0)))
    return DQArray(*position, shape, max(bits, _BITS_OF_CONSTANT),
                   constant=_constant(header, label))


def _constant(header: Header, label: str) -> int:
    value = header.get("PIXVALUE", 0)
    if isinstance(value, str) or value is None or value != int(value) or "BZERO" in header:
        msg = (f"{label}: expected an integer PIXVALUE without BZERO in the header of its DQ, "
               f"found PIXVALUE = {value}; write its DQ as an image first")
        raise ExposureError(msg)
    return int(value)
