"""FITS files opened read-only; whatever is wrong with a file is raised as an `InputError`.

Only a GEIS file, which can be converted to FITS, raises an `ExposureError`.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.content import open_content
from staticmask_cli.fits.faults import as_input_error
from staticmask_cli.fits.hdus import HDU, first_plain_hdus, hdu_of_astropy, plain_hdus
from staticmask_cli.fits.header import AnyHeader, fits
from staticmask_cli.fits.inflate import Content, Inflated
from staticmask_cli.fits.layout import check_layout, layouts
from staticmask_cli.fits.pixels import Stamp
from staticmask_cli.io.paths import open_file, size_of

__all__ = [
    "as_input_error", "astropy_silenced", "checksums_of", "data_of", "open_with_astropy",
    "opened", "pixels_of", "read_hdus", "read_primary",
]

_FAILED, _ABSENT = 0, 2  # what astropy returns for a checksum


def read_hdus(path: str) -> list[HDU]:
    """Read the headers of a file, and nothing else.

    The values of the headers are parsed only when they are used.  Code that uses them must
    therefore run inside a ``with as_input_error(path)`` block.

    Parameters
    ----------
    path : str
        The path of the file.

    Raises
    ------
    InputError, ExposureError
        As by `opened`.
    """
    with open_content(path) as (content, size, stamp):
        hdus = plain_hdus(content, size, stamp)
        if hdus is not None:
            return hdus
        compressed = isinstance(content, Inflated)
        # The walk goes to its end, which is what leaves the content at its start.
        walk = list(layouts(content, size))
        with open_with_astropy(content) as others:
            hdus = [hdu_of_astropy(hdu, size, stamp, compressed=compressed) for hdu in others]
        # Only the last HDU can be incomplete.
        hdus = [*hdus[:-1], *(hdu._replace(complete=walk[-1].complete) for hdu in hdus[-1:])]
        cards = chain((layout.header for layout in walk), repeat(b""))
        return [hdu._replace(cards=next(cards), stamp=stamp) for hdu in hdus]


def read_primary(path: str) -> tuple[AnyHeader, npt.NDArray[Any]]:
    """Read the header and the pixels of the primary HDU of a file, and check all other headers.

    Raises
    ------
    InputError, ExposureError
        As by `opened`.
    """
    with open_content(path) as (content, size, stamp):
        (primary,) = first_plain_hdus(content, size, stamp, 1) or (None,)
        if primary is not None and primary.raw is not None:
            return primary.header, primary.raw.read(content, path)
    with opened(path, checked=True) as hdus:
        return hdus[0].header, pixels_of(hdus[0], path)


@contextmanager
def opened(
    path: str, *, checked: bool = False, stamp: Stamp | None = None
) -> Iterator["fits.HDUList"]:
    """Open a FITS file with astropy.

    Parameters
    ----------
    path : str
        The path of the file.
    checked : bool
        Whether its headers were checked against the file before; if not, they are checked now.
    stamp : int, str or None
        The stamp that the file must have, where that is known.

    Raises
    ------
    InputError
        If the file is missing, not a regular file, truncated, not readable as FITS, or if its
        headers claim more than it holds, even if this is noticed only inside the with block, or
        if it has another stamp.
    ExposureError
        If it is a GEIS file.
    """
    with open_content(path) as (content, size, found):
        if stamp not in (None, found):
            msg = f"{path}: was changed while it was read; run it again"
            raise InputError(msg)
        if not checked:
            check_layout(content, size)
        with open_with_astropy(content) as hdus:
            yield hdus


@contextmanager
def open_with_astropy(content: Content) -> Iterator["fits.HDUList"]:
    """Open with astropy what a file holds, whose layout was checked."""
    with (
        fits.open(content, mode="readonly", memmap=False, lazy_load_hdus=True) as hdus,
        np.errstate(over="raise"),  # offsets and scales that are nonsense
    ):
        yield hdus


def pixels_of(hdu: Any, path: str) -> npt.NDArray[Any]:  # noqa: ANN401 - any image HDU
    """Read the pixels of an image that astropy has opened, in the type of the file.

    An extension without data but with NPIX1, NPIX2 and PIXVALUE (how HST stores a constant) is
    returned as a read-only view of that one value.

    Parameters
    ----------
    hdu : image HDU of astropy
        An HDU of an open file.
    path : str
        The path of that file.

    Raises
    ------
    InputError
        If the header claims more pixels than the file holds.
    """
    with open_file(path) as stream:
        compressed = stream.read(6) != b"SIMPLE"
        ours = hdu_of_astropy(hdu, size_of(path), compressed=compressed)
        ours.check(path)  # before an array of that size is allocated
        if ours.raw is not None and not compressed:
            return ours.raw.read(stream, path)
    data = data_of(hdu)
    if data is not None:
        return np.asarray(data)
    value = np.asarray(hdu.header.get("PIXVALUE", 0))
    if value.dtype.kind == "i":  # DQ flags are a bit pattern of this width
        value = value.astype(fits.BITPIX2DTYPE[hdu.header["BITPIX"]])
    return np.broadcast_to(value, ours.full_shape)


def data_of(hdu: Any) -> Any:  # noqa: ANN401 - any HDU of astropy or of `opened_plain`
    """Return what `hdu.data` is, but let `fits.tiles` read an image that is compressed in tiles.

    The streams of such an image are untrusted, and what decodes them for astropy may end the
    process, or return other pixels each time.
    """
    if type(hdu).__name__ != "CompImageHDU":  # by name, as masks of ours are read without astropy
        return hdu.data
    # Imported here because few files are compressed.
    from staticmask_cli.fits.tiles import read_scaled_tiles  # noqa: PLC0415

    return read_scaled_tiles(hdu)


def checksums_of(hdus: "fits.HDUList") -> str:
    """Compare CHECKSUM and DATASUM of all HDUs with their bytes: ``right``, ``wrong`` or ``none``.

    This must be done before the data of an HDU are used, which may change them in memory.
    """
    results = [
        _verified(verify)
        for hdu in hdus for verify in (hdu.verify_datasum, hdu.verify_checksum)
    ]
    if _FAILED in results:
        return "wrong"
    return "none" if set(results) == {_ABSENT} else "right"


def _verified(verify: Any) -> int:  # noqa: ANN401 - a method of an HDU
    try:
        return int(verify())
    except ValueError:  # the header's DATASUM is not a number
        return _FAILED


class _AstropyWarningType(type):
    """Makes a class that stands for astropy's warnings without importing them."""

    def __subclasscheck__(cls, kind: type) -> bool:
        names = {f"{base.__module__}.{base.__qualname__}" for base in kind.__mro__}
        return "astropy.utils.exceptions.AstropyWarning" in names


class _AstropyWarning(Warning, metaclass=_AstropyWarningType):
    """Any warning of astropy."""


@contextmanager
def astropy_silenced() -> Iterator[None]:
    """Hide astropy's warnings from the user.

    Cards that break the standard are common and harmless here, and a truncated file is found by
    other means.  Warning filters are global to the process, so this belongs around a whole run
    and not into its threads.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", _AstropyWarning)
        yield
