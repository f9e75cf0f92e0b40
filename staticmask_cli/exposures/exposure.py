"""Exposures: which chips a FITS file holds, and their pixels.

Where the DQ flags of an exposure are: in its own file, or in a companion.
"""

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from staticmask_cli.errors import ExposureError
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.fits.hdus import (
    Header,
    RawPixels,
    fits,
    header_float,
    header_str,
    name_of,
    raw_pixels,
    shape_of,
    stamp_of,
    version_of,
)
from staticmask_cli.fits.open import check_extent, of_headers
from staticmask_cli.io.paths import folder_of_file, is_file, join_path
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.signature import Signature

__all__ = ["Chip", "DQSource", "Exposure", "Group", "common_facts", "read_exposure"]

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
    for old, new in instrument_of(header_str(hdus[0].header, "INSTRUME")).dq_companion.items():
        companion = join_path(folder, name.replace(old, new))
        if old in name and is_file(companion):
            return _images_of(companion)
    return {}


def refuse_companion(path: str, primary: Header) -> None:
    """Refuse the file of the DQ flags in the place of the exposure's."""
    name = os.path.basename(path)
    for old, new in instrument_of(header_str(primary, "INSTRUME")).dq_companion.items():
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


Group = tuple[int | tuple[str, int], ...]

# Header facts that go into the mask; they are the same for all members of a signature.
_TEXT_FACTS = ("TELESCOP", "INSTRUME", "DETECTOR", "BUNIT")
# Where on the detector a chip's pixels lie: HST's keywords and JWST's.
_GRID_FACTS = ("CCDCHIP", "LTV1", "LTV2", "BINAXIS1", "BINAXIS2", "SUBSTRT1", "SUBSTRT2")


@dataclass(frozen=True, slots=True)
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
    dq : DQSource or None
        Where its DQ flags are; None if there are none, or they were not asked for.
    raw : RawPixels or None
        Where in that file its pixels are, if its bytes are the pixels.
    unfit : str
        Why it is set aside without reading its pixels; empty if it is not.
    facts : dict
        TELESCOP, INSTRUME, DETECTOR and BUNIT, where the header has them.
    grid : dict
        CCDCHIP, position of a subarray and binning, where the header has them:
        equal signatures with another grid do not share their pixels.
    """

    label: ChipLabel
    signature: Signature
    path: str
    extension: int
    dq: DQSource | None
    raw: RawPixels | None
    skip_reason: str
    facts: dict[str, str] = field(hash=False)
    grid: dict[str, float] = field(hash=False)


def common_facts(parts: Iterable[Mapping[str, str | float]]) -> dict[str, str | float]:
    """Return the facts of the first of some chips, without BUNIT where others have another unit."""
    common: dict[str, str | float] = {}
    units = set()
    for facts in parts:
        common = common or dict(facts)
        units.add(str(facts.get("BUNIT")).casefold())
    if len(units) > 1:
        common.pop("BUNIT", None)
    return common


@dataclass(frozen=True)
class Exposure:
    """A file and those of its chips that take part, and why it may lack some."""

    path: str
    chips: tuple[Chip, ...]
    doubt: str = ""


def read_exposure(path: str, group: Group = (), *, dq: bool = True) -> Exposure:
    """Read the headers of an exposure, and no pixel.

    Parameters
    ----------
    path : str
        A FITS file; opened read-only.
    group : tuple
        Extensions to use, by number (``4``) or by name (``("SCI", 2)``); all SCI
        extensions if empty.
    dq : bool
        Whether to look for the DQ flags.

    Raises
    ------
    InputError
        If the file cannot be opened, is not FITS, or is cut.
    ExposureError
        If it is not an exposure: no INSTRUME, no image, a cube, a mask, an old
        format, or `group` asks for what it does not have.
    """
    stamp = stamp_of(path)
    return of_headers(path, partial(_exposure_of, path=path, stamp=stamp, group=group, dq=dq))


def _exposure_of(
    hdus: Sequence[Any], *, path: str, stamp: int | None, group: Group, dq: bool
) -> Exposure:
    """Read an exposure from its headers; `stamp` is that of the file, from before they were."""
    primary = hdus[0].header
    if str(primary.get("CREATOR", "")).startswith("staticmask"):
        msg = f"{path}: is a static mask, expected an exposure; leave it out of the inputs"
        raise ExposureError(msg)
    if not header_str(primary, "INSTRUME"):
        msg = f"{path}: expected INSTRUME in the primary header, found none; it names the mask"
        raise ExposureError(msg)
    refuse_companion(path, primary)
    science = _science_extensions(hdus, path)
    flags = dq_sources(hdus, path, stamp) if dq else {}
    skip_reason = _why_unfit(primary, [hdus[number].header for number in science])
    return Exposure(path, tuple(
        replace(_chip(hdus, number, path, flags, skip_reason),
                raw=raw_pixels(hdus[number], path, stamp))
        for number in _chosen(hdus, science, group, path)
    ), _why_incomplete(primary, len(hdus) - 1))


def _science_extensions(hdus: Sequence[Any], path: str) -> list[int]:
    """Numbers of the HDUs that hold chips."""
    science = [number for number, hdu in enumerate(hdus) if name_of(hdu) == "SCI"]
    if science:
        return science
    if len(hdus[0].shape) == 3 and len(hdus) > 1 and isinstance(hdus[1], fits.TableHDU):  # noqa: PLR2004
        msg = f"{path}: is waivered FITS; convert it with convertwaiveredfits of stsci.tools"
        raise ExposureError(msg)
    if hdus[0].shape:
        return [0]  # a plain image, without extensions
    msg = f"{path}: expected a SCI extension or an image in the primary HDU, found neither"
    raise ExposureError(msg)


def _why_incomplete(primary: Header, extensions: int) -> str:
    """Doubt about a file that ends between two extensions, which nothing else would show."""
    promised = primary.get("NEXTEND")
    if not isinstance(promised, int) or promised <= extensions:
        return ""
    return f"NEXTEND = {promised} in its header, but it has {extensions} extensions: was it cut?"


def _chosen(hdus: Sequence[Any], science: list[int], group: Group, path: str) -> list[int]:
    """SCI extensions that `group` asks for, in the order of the file."""
    if not group:
        return science
    versions = {version_of(hdus[number]): number for number in science}
    numbers = set()
    for item in group:
        number = item if isinstance(item, int) else versions.get(item[1])
        if number not in science:
            wanted = item if isinstance(item, int) else f"{item[0].lower()},{item[1]}"
            has = ", ".join(f"{n} (sci,{version_of(hdus[n])})" for n in science)
            msg = f"{path}: group = {wanted} is not a SCI extension; this file has {has}"
            raise ExposureError(msg)
        numbers.add(number)
    return sorted(numbers)


def _chip(
    hdus: Sequence[Any], number: int, path: str, flags: dict[int, DQSource], skip_reason: str
) -> Chip:
    hdu, primary = hdus[number], hdus[0].header
    row = instrument_of(header_str(primary, "INSTRUME"))
    label = ChipLabel(
        file=path,
        extver=version_of(hdu),
        rootname=header_str(primary, "ROOTNAME") or os.path.basename(path).partition(".")[0],
        exptime=header_float(hdu.header, primary, row.exptime_key),
    )
    shape = shape_of(hdu)
    if len(shape) != 2 or min(shape) < 1:  # noqa: PLR2004
        msg = f"{label}: expected an image of two dimensions, found shape {shape}"
        raise ExposureError(msg)
    check_extent(hdu, path)
    if not skip_reason and label.exptime <= 0:
        skip_reason = f"EXPTIME = {label.exptime:g}"
    elif not skip_reason and not hdu.shape:
        skip_reason = f"all its pixels are {hdu.header['PIXVALUE']} (constant-value extension)"
    facts = {key: header_str(hdu.header, key) or header_str(primary, key) for key in _TEXT_FACTS}
    grid = {key: header_float(hdu.header, primary, key) for key in _GRID_FACTS}
    signature = _signature(hdu, primary, shape)
    try:
        signature.filename  # noqa: B018 - whether it can name a mask
    except ExposureError as error:
        msg = f"{label}: {error}"
        raise ExposureError(msg) from error
    return Chip(
        label, signature, path, number, flags.get(label.extver), None, skip_reason,
        facts={key: value for key, value in facts.items() if value},
        grid={key: value for key, value in grid.items() if math.isfinite(value)},
    )


def _signature(hdu: Any, primary: Header, shape: tuple[int, ...]) -> Signature:  # noqa: ANN401
    """Apply the instrument's row of the table to a chip."""
    name = header_str(primary, "INSTRUME")
    row = instrument_of(name)
    detector = header_str(hdu.header, row.detector_key) or header_str(primary, row.detector_key)
    number = header_float(hdu.header, primary, row.number_key)
    return Signature(
        name + row.detector_names.get(detector, detector),
        (shape[0], shape[1]),
        int(number) if math.isfinite(number) else 1,
    )


def _why_unfit(primary: Header, science: Sequence[Header]) -> str:
    """Why AstroDrizzle would set the whole file aside; empty if it would not."""
    for key, value in instrument_of(header_str(primary, "INSTRUME")).skipped_if.items():
        if header_str(primary, key).upper() == value:
            return f"{key} = {value}"
    if all(header.get("NGOODPIX") == 0 for header in science):
        return "NGOODPIX = 0 on all chips"
    return ""
