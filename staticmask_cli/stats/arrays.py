"""The pixels and DQ flags of whatever a user has in memory: arrays, images, HDUs, lists.

Objects of astropy are recognized by their attributes, so that astropy is not imported.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ChipError, described

__all__ = ["as_chip", "as_flags", "as_pixels"]

Bits = npt.NDArray[np.bool_]

_EXACT_IN_FLOAT32 = 2  # bytes of an integer


def as_chip(
    data: object, dq: object = None
) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Return the pixels and the DQ flags of a chip; pixels that are masked become NaN, unflagged.

    Parameters
    ----------
    data : array_like, shape (ny, nx)
        An array, masked array or nested list; a Quantity, NDData or CCDData of astropy; an image
        HDU; or an HDUList with one image or one SCI extension.  The mask of an object is
        respected, its unit is ignored.
    dq : array_like of integer or bool, shape (ny, nx), optional
        The flags in any of these forms; of an HDUList, the DQ extension.  Where the flags
        themselves are masked, they are 0.

    Returns
    -------
    data : numpy.ndarray, shape (ny, nx)
        The pixels; floating-point if any is masked.  It may be the given array, but a copy if
        any is masked.
    dq : numpy.ndarray of integer or bool, shape (ny, nx), or None
        The flags.

    Raises
    ------
    ChipError
        If an object has no pixels, or the pixels are not of a real numeric dtype.
    """
    pixels, masked = _pixels_and_mask(data, "SCI")
    flags = None if dq is None else as_flags(dq)
    if masked is None:
        return pixels, flags
    if flags is not None and flags.shape == masked.shape:
        flags = np.where(masked, flags.dtype.type(0), flags)
    return _with_nan(pixels, masked), flags


def as_pixels(data: object) -> npt.NDArray[Any]:
    """Return the pixels of a chip as `as_chip` does."""
    return as_chip(data)[0]


def as_flags(dq: object) -> npt.NDArray[Any]:
    """Return DQ flags as `as_chip` does."""
    flags, masked = _pixels_and_mask(dq, "DQ")
    return flags if masked is None else np.where(masked, flags.dtype.type(0), flags)


def _pixels_and_mask(given: object, name: str) -> tuple[npt.NDArray[Any], Bits | None]:
    """Return the array in an object, and its mask, True = masked; None if no pixel is masked."""
    holder = _image_of(given, name)
    mask = getattr(holder, "mask", None)
    pixels = holder if isinstance(holder, np.ndarray) else getattr(holder, "data", holder)
    try:
        array = np.asarray(pixels)
    except (TypeError, ValueError):
        array = np.empty(0, object)
    if array.dtype.kind not in "buif" or not array.ndim:
        found = described(given)
        if array.dtype.kind in "cMmSU" and array.ndim:
            found += f" with elements of type {array.dtype.name}"
        msg = f"{name}: expected an array of a real numeric dtype, found {found}"
        raise ChipError(msg)
    if mask is None or callable(mask):  # `mask` is a method of some tables
        return array, None
    masked = np.broadcast_to(np.asarray(mask, np.bool_), array.shape)
    return array, masked if masked.any() else None


def _image_of(given: object, name: str) -> Any:  # noqa: ANN401 - any object with pixels
    """Return the HDU of an HDUList that holds the pixels, or the object itself if it is none."""
    if not isinstance(given, list | tuple) or not given or not all(
            hasattr(hdu, "header") and hasattr(hdu, "data") for hdu in given):
        return given
    images = [hdu for hdu in given if getattr(hdu.data, "ndim", 0) and hdu.is_image]
    named = [hdu for hdu in images if hdu.name == name]
    if not named and name == "SCI":
        named = images
    if len(named) != 1:
        found = ", ".join(f"{hdu.name or 'image'},{hdu.ver}" for hdu in named) or "none"
        msg = f"{name}: expected an HDUList with one {name} image, found {found}; give the HDU"
        raise ChipError(msg)
    return named[0]


def _with_nan(pixels: npt.NDArray[Any], masked: Bits) -> npt.NDArray[Any]:
    """Return a copy of pixels in which those that are masked are NaN."""
    exact = pixels.dtype.kind != "f" and pixels.dtype.itemsize > _EXACT_IN_FLOAT32
    dtype = pixels.dtype if pixels.dtype.kind == "f" else np.float64 if exact else np.float32
    copy = pixels.astype(dtype)
    copy[masked] = np.nan
    return copy
