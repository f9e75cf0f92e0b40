"""Where the DQ flags of an exposure are: in its own file, or in a companion."""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from staticmask_cli.errors import ExposureError
from staticmask_cli.fits.hdus import (
    Header,
    RawPixels,
    name_of,
    raw_pixels,
    shape_of,
    stamp_of,
    text_of,
    version_of,
)
from staticmask_cli.fits.open import check_extent, of_headers
from staticmask_cli.instruments import instrument_of
from staticmask_cli.io.paths import beside, folder_of_file, is_file

__all__ = ["DQSource", "dq_sources", "refuse_companion"]


@dataclass(frozen=True, slots=True)
class DQSource:
    """Where the DQ flags of a chip are: a file and the number of an HDU in it.

    Attributes
    ----------
    path : str
    extension : int
    raw : RawPixels or None
        Where in that file, if its bytes are the flags.
    """

    path: str
    extension: int
    raw: RawPixels | None = None


def dq_sources(
    hdus: Sequence[Any], path: str, stamp: int | None = None
) -> dict[int, DQSource]:
    """DQ flags by EXTVER: in the exposure, or in a companion file as WFPC2 has it.

    `stamp` is that of the exposure, from before it was opened.
    """
    inside: dict[int, DQSource] = {}
    for number, hdu in enumerate(hdus):
        if name_of(hdu) == "DQ":
            check_extent(hdu, path)
            source = DQSource(path, number, raw_pixels(hdu, path, stamp))
            inside.setdefault(version_of(hdu), source)
    if inside:
        return inside
    folder, name = folder_of_file(path), os.path.basename(path)
    for old, new in instrument_of(text_of(hdus[0].header, "INSTRUME")).dq_companion.items():
        companion = beside(folder, name.replace(old, new))
        if old in name and is_file(companion):
            return _images_of(companion)
    return {}


def refuse_companion(path: str, primary: Header) -> None:
    """Refuse the file of the DQ flags in the place of the exposure's."""
    name = os.path.basename(path)
    for old, new in instrument_of(text_of(primary, "INSTRUME")).dq_companion.items():
        if new in name:
            msg = f"{path}: holds DQ flags; name the exposure, {name.replace(new, old)}"
            raise ExposureError(msg)


def _images_of(path: str) -> dict[int, DQSource]:
    """All images of a DQ companion by EXTVER; their EXTNAME is not always DQ."""
    return of_headers(path, partial(_images_among, path=path, stamp=stamp_of(path)))


def _images_among(hdus: Sequence[Any], path: str, stamp: int | None) -> dict[int, DQSource]:
    sources: dict[int, DQSource] = {}
    for number, hdu in enumerate(hdus):
        if number and shape_of(hdu):
            check_extent(hdu, path)
            source = DQSource(path, number, raw_pixels(hdu, path, stamp))
            sources.setdefault(version_of(hdu), source)
    return sources
