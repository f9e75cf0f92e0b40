"""What the headers of HDUs say, whoever read them: astropy, or `PlainHeader`."""

import math
from typing import TYPE_CHECKING, Any, TypeAlias

if TYPE_CHECKING:
    from staticmask_cli.late import fits
    from staticmask_cli.plainheader import PlainHeader

__all__ = ["Header", "name_of", "number_of", "shape_of", "text_of", "version_of"]

Header: TypeAlias = "fits.Header | PlainHeader"

_LARGEST_VERSION = 2**31 - 1  # what a column of 4 bytes holds


def shape_of(hdu: Any) -> tuple[int, ...]:  # noqa: ANN401 - any image HDU
    """Shape of an image, also of one that is a single constant; nothing is read."""
    header, shape = hdu.header, getattr(hdu, "shape", ())  # a table has none
    if not shape and "PIXVALUE" in header:
        return (int(header.get("NPIX2", 0)), int(header.get("NPIX1", 0)))
    return tuple(shape)


def name_of(hdu: Any) -> str:  # noqa: ANN401 - any HDU
    """EXTNAME, in upper case."""
    return str(hdu.header.get("EXTNAME", "")).strip().upper()


def version_of(hdu: Any) -> int:  # noqa: ANN401 - any HDU
    """EXTVER, or 1; a ValueError says what is wrong with it."""
    version = hdu.header.get("EXTVER", 1)
    if isinstance(version, str | bool) or not abs(version) <= _LARGEST_VERSION:
        msg = f"EXTVER = {version!s:.40}: expected a whole number"
        raise ValueError(msg)
    return int(version)


def text_of(header: Header, key: str) -> str:
    """Value of a keyword as text without blanks around it; empty if there is none."""
    value = header.get(key, "")
    return str(value).strip() if isinstance(value, str | int) else ""


def number_of(header: Header, primary: Header, key: str) -> float:
    """Value of a numeric keyword, in the extension or else in the primary header; NaN if none."""
    for place in (header, primary):
        value = place.get(key)
        if isinstance(value, int | float) and not isinstance(value, bool):
            return value
    return math.nan
