"""Exposures: which chips a FITS file holds, and their pixels; files are only ever read."""

import math
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits
from astropy.utils.exceptions import AstropyWarning

from staticmask_cli.errors import ExposureError, InputError
from staticmask_cli.instruments import instrument_of
from staticmask_cli.mask import ChipLabel
from staticmask_cli.signature import Signature

__all__ = ["Chip", "Exposure", "astropy_silenced", "read_exposure", "read_pixels"]

# Header facts that go into the mask; they are the same for all members of a signature.
_TEXT_FACTS = ("TELESCOP", "INSTRUME", "DETECTOR", "BUNIT")
_GRID_FACTS = ("CCDCHIP", "LTV1", "LTV2", "BINAXIS1", "BINAXIS2")

# What astropy raises on headers and files that are not what they claim to be.
_UNREADABLE = (
    OSError, ValueError, TypeError, KeyError, IndexError, AttributeError, EOFError,
    OverflowError, MemoryError, fits.VerifyError,
)


@dataclass(frozen=True)
class Chip:
    """One chip of an exposure: where its pixels are, and what its header says.

    Attributes
    ----------
    label : ChipLabel
        How messages and the MEMBERS table call it.
    signature : Signature
        Which mask it belongs to.
    path : str
        The exposure, as the user gave it.
    extension : int
        Number of the HDU that holds the SCI pixels.
    dq_extension : int or None
        Number of the HDU that holds its DQ flags, if there is one.
    facts : dict
        TELESCOP, INSTRUME, DETECTOR and BUNIT, where the header has them.
    grid : dict
        CCDCHIP, LTV1, LTV2 and binning, where the header has them: equal
        signatures with another grid do not share their pixels.
    """

    label: ChipLabel
    signature: Signature
    path: str
    extension: int
    dq_extension: int | None
    facts: dict[str, str] = field(hash=False)
    grid: dict[str, float] = field(hash=False)


@dataclass(frozen=True)
class Exposure:
    """A file and those of its chips that take part."""

    path: str
    chips: tuple[Chip, ...]


def read_exposure(path: str, group: tuple[int | tuple[str, int], ...] = ()) -> Exposure:
    """Read the headers of an exposure, and no pixel.

    Parameters
    ----------
    path : str
        A FITS file; opened read-only.
    group : tuple
        Extensions to use, by number (``4``) or by name (``("SCI", 2)``); all SCI
        extensions if empty.

    Raises
    ------
    InputError
        If the file cannot be opened, is not FITS, or is cut.
    ExposureError
        If it is not an exposure: no INSTRUME, no image, a cube, a mask, or
        `group` asks for what it does not have.
    """
    with _opened(path) as hdus:
        primary = hdus[0].header
        if str(primary.get("CREATOR", "")).startswith("staticmask"):
            msg = f"{path}: is a static mask, expected an exposure; leave it out of the inputs"
            raise ExposureError(msg)
        if not _text(primary, "INSTRUME"):
            msg = f"{path}: expected INSTRUME in the primary header, found none; it names the mask"
            raise ExposureError(msg)
        numbers = _science_extensions(hdus, group, path)
        return Exposure(path, tuple(_chip(hdus, number, path) for number in numbers))


def read_pixels(chip: Chip, *, dq: bool) -> tuple[npt.NDArray[Any], npt.NDArray[Any] | None]:
    """Read the SCI pixels of a chip, and its DQ flags if asked for.

    Returns
    -------
    data : numpy.ndarray, shape (ny, nx)
        In the dtype and byte order of the file.
    flags : numpy.ndarray of integer, shape (ny, nx), or None
        None if not asked for, or if the exposure has no DQ for this chip.

    Raises
    ------
    InputError
        If the file can no longer be read.
    ExposureError
        If DQ is not of the shape of SCI, or not of an integer type.
    """
    with _opened(chip.path) as hdus:
        data = hdus[chip.extension].data
        if not dq or chip.dq_extension is None:
            return data, None
        flags = _flags(hdus[chip.dq_extension])
    if flags.shape != chip.signature.shape or flags.dtype.kind not in "iu":
        msg = (
            f"{chip.label}: expected integer DQ flags of shape {chip.signature.shape}, "
            f"found {flags.dtype.name} of shape {flags.shape}"
        )
        raise ExposureError(msg)
    return data, flags


@contextmanager
def astropy_silenced() -> Iterator[None]:
    """Keep astropy's warnings from the user.

    Cards that break the standard are common and harmless here, and a cut file is
    found by other means.  Filters are global to the process, so this belongs
    around a whole run, not into its threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", AstropyWarning)
        yield


@contextmanager
def _opened(path: str) -> Iterator[fits.HDUList]:
    """Open a FITS file for reading; whatever astropy finds wrong becomes one kind of error."""
    if not os.path.isfile(path):  # noqa: PTH113 - a named pipe would block for ever
        found = "something that is not a file" if os.path.lexists(path) else "nothing"
        msg = f"{path}: expected a FITS file, found {found}"
        raise InputError(msg)
    try:
        with fits.open(path, mode="readonly", memmap=False, lazy_load_hdus=True) as hdus:
            yield hdus
    except (InputError, ExposureError):
        raise
    except _UNREADABLE as error:
        reason = getattr(error, "strerror", None) or str(error) or type(error).__name__
        msg = f"{path}: cannot be read as FITS: {reason}"
        raise InputError(msg) from error


def _science_extensions(
    hdus: fits.HDUList, group: tuple[int | tuple[str, int], ...], path: str
) -> list[int]:
    """Numbers of the HDUs that hold chips."""
    science = [number for number, hdu in enumerate(hdus) if _name(hdu) == "SCI"]
    if not science and hdus[0].header.get("NAXIS", 0) > 0:
        science = [0]  # a plain image, without extensions
    if not science:
        msg = f"{path}: expected a SCI extension or an image in the primary HDU, found neither"
        raise ExposureError(msg)
    if not group:
        return science
    versions = {_version(hdus[number]): number for number in science}
    chosen = [item if isinstance(item, int) else versions.get(item[1]) for item in group]
    for item, number in zip(group, chosen, strict=True):
        if number not in science:
            wanted = item if isinstance(item, int) else f"{item[0].lower()},{item[1]}"
            has = ", ".join(f"{n} (sci,{_version(hdus[n])})" for n in science)
            msg = f"{path}: group = {wanted} is not a SCI extension; this file has {has}"
            raise ExposureError(msg)
    return sorted({number for number in chosen if number is not None})


def _chip(hdus: fits.HDUList, number: int, path: str) -> Chip:
    hdu, primary = hdus[number], hdus[0].header
    label = ChipLabel(
        file=path,
        extver=_version(hdu),
        rootname=_text(primary, "ROOTNAME") or os.path.basename(path).partition(".")[0],  # noqa: PTH119
        exptime=_number(hdu.header, primary, "EXPTIME"),
    )
    shape = hdu.shape
    if len(shape) != 2 or 0 in shape:  # noqa: PLR2004
        msg = f"{label}: expected an image of two dimensions, found shape {shape}"
        raise ExposureError(msg)
    _check_extent(hdu, path)
    dq = _dq_extension(hdus, label.extver)
    if dq is not None:
        _check_extent(hdus[dq], path)
    facts = {key: _text(hdu.header, key) or _text(primary, key) for key in _TEXT_FACTS}
    numbers = {key: _number(hdu.header, primary, key) for key in _GRID_FACTS}
    return Chip(
        label=label,
        signature=_signature(hdu, primary),
        path=path,
        extension=number,
        dq_extension=dq,
        facts={key: value for key, value in facts.items() if value},
        grid={key: value for key, value in numbers.items() if math.isfinite(value)},
    )


def _signature(hdu: Any, primary: fits.Header) -> Signature:  # noqa: ANN401 - any image HDU
    """Apply the instrument's row of the table to a chip."""
    name = _text(primary, "INSTRUME")
    row = instrument_of(name)
    detector = _text(hdu.header, row.detector_key) or _text(primary, row.detector_key)
    number = _number(hdu.header, primary, row.number_key)
    return Signature(
        name + row.detector_names.get(detector, detector),
        hdu.shape,
        int(number) if math.isfinite(number) else 1,
    )


def _dq_extension(hdus: fits.HDUList, extver: int) -> int | None:
    for number, hdu in enumerate(hdus):
        if _name(hdu) == "DQ" and _version(hdu) == extver:
            return number
    return None


def _flags(hdu: Any) -> npt.NDArray[Any]:  # noqa: ANN401 - any image HDU
    """DQ flags, also of an extension that is one constant (NPIX1, NPIX2, PIXVALUE)."""
    if hdu.data is not None:
        return np.asarray(hdu.data)
    header = hdu.header
    shape = (int(header.get("NPIX2", 0)), int(header.get("NPIX1", 0)))
    return np.broadcast_to(np.int64(header.get("PIXVALUE", 0)), shape)


def _check_extent(hdu: Any, path: str) -> None:  # noqa: ANN401 - any HDU
    """Refuse a header that claims more bytes than the file has."""
    if isinstance(hdu, fits.CompImageHDU):
        return
    with open(path, "rb") as stream:  # noqa: PTH123
        if stream.read(6) != b"SIMPLE":  # compressed as a whole: its length says nothing
            return
        size = stream.seek(0, os.SEEK_END)
    end = hdu.fileinfo()["datLoc"] + hdu.size
    if end > size:
        msg = f"{path}: is cut: {_name(hdu) or 'PRIMARY'} should end at byte {end}, found {size}"
        raise InputError(msg)


def _name(hdu: Any) -> str:  # noqa: ANN401 - any HDU
    return str(hdu.header.get("EXTNAME", "")).strip().upper()


def _version(hdu: Any) -> int:  # noqa: ANN401 - any HDU
    return int(hdu.header.get("EXTVER", 1))


def _text(header: fits.Header, key: str) -> str:
    value = header.get(key, "")
    return str(value).strip() if isinstance(value, str | int) else ""


def _number(header: fits.Header, primary: fits.Header, key: str) -> float:
    """Value of a numeric keyword, in the extension or else in the primary header; NaN if none."""
    for place in (header, primary):
        value = place.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return math.nan
