"""Exposures: which chips a FITS file holds, from its headers alone."""

import math
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from staticmask_cli.errors import ExposureError
from staticmask_cli.exposures.dq import DQSource, dq_sources, refuse_companion
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.fits.hdus import HDU
from staticmask_cli.fits.header import AnyHeader, header_float, header_str
from staticmask_cli.fits.open import as_input_error, read_hdus
from staticmask_cli.fits.pixels import RawPixels
from staticmask_cli.masks.mask_name import BY_SIGNATURE
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.pointings import corners_on_sky
from staticmask_cli.masks.signature import Signature

__all__ = ["Chip", "Exposure", "Group", "common_facts", "facts_of_chip", "read_exposure"]

Group = tuple[int | tuple[str, int], ...]
"""Extensions to use, by number (``4``) or by name and EXTVER (``("SCI", 2)``)."""

# Header values that are copied into the mask; all chips of a signature have the same.
_TEXT_FACTS = ("TELESCOP", "INSTRUME", "DETECTOR", "BUNIT")
# Where on the detector the pixels of a chip are: the keywords of HST and of JWST.
_GRID_FACTS = ("CCDCHIP", "LTV1", "LTV2", "BINAXIS1", "BINAXIS2", "SUBSTRT1", "SUBSTRT2")

# Program, visit, group, exposure and detector; the kind of product follows.
_JWST_NAME = re.compile(r"jw\d{11}_\d+_\d+_[a-z0-9]+(?=_)")


@dataclass(frozen=True, slots=True)
class Chip:
    """One chip of an exposure: where its pixels are, and what is known about them from its header.

    Attributes
    ----------
    label : ChipLabel
        How messages and the MEMBERS table call the chip.
    signature : Signature
        Which mask the chip belongs to.
    path : str
        The exposure, as the user named it.
    extension : int
        The number of the HDU that holds the SCI pixels; the primary HDU is 0.
    dq : DQSource or None
        Where its DQ flags are; None if there are none, or they were not asked for.
    raw : RawPixels or None
        Where its pixels are in the file, if the bytes of the file are the pixels.
    skip_reason : str
        Why the chip is set aside without reading its pixels; empty if it is used.
    facts : dict
        TELESCOP, INSTRUME, DETECTOR and BUNIT, as far as the header has them.
    grid : dict
        CCDCHIP, the position of a subarray and the binning, as far as the header has them.
        Chips of equal signature but another grid do not share their pixels.
    mask_name : str
        The file name of the mask that the chip belongs to.
    exposure : str
        What all files of one exposure have in common, by the header: ROOTNAME and EXPSTART; empty
        if it lacks one of them.
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
    mask_name: str
    exposure: str = ""


def common_facts(facts_of_chips: Iterable[Mapping[str, str | float]]) -> dict[str, str | float]:
    """Return the facts of the first of several chips, without BUNIT if the units differ."""
    common: dict[str, str | float] = {}
    units = set()
    for facts in facts_of_chips:
        common = common or dict(facts)
        units.add(str(facts.get("BUNIT")).casefold())
    if len(units) > 1:
        common.pop("BUNIT", None)
    return common


@dataclass(frozen=True)
class Exposure:
    """An exposure and those of its chips that are used.

    Attributes
    ----------
    path : str
        The file, as the user named it.
    chips : tuple of Chip
        The chips, in the order of the file.
    warning : str
        Why the file may lack extensions; empty if it seems complete.
    """

    path: str
    chips: tuple[Chip, ...]
    warning: str = ""


def read_exposure(
    path: str, group: Group = (), *, dq: bool = True, name: str = BY_SIGNATURE
) -> Exposure:
    """Read the headers of an exposure; no pixel is read.

    Parameters
    ----------
    path : str
        A FITS file, which is opened read-only.
    group : tuple
        The extensions to use, by number (``4``) or by name (``("SCI", 2)``); all SCI
        extensions if empty.
    dq : bool
        Whether to look for the DQ flags.
    name : str
        The template of the masks' names, as in `masks.mask_name`.

    Raises
    ------
    InputError
        If the file cannot be opened, is not FITS, or is truncated.
    ExposureError
        If it is not an exposure (no INSTRUME, no image, a cube, a mask, an old format), or
        `group` asks for an extension that it does not have.
    """
    with as_input_error(path):
        hdus = read_hdus(path)
        primary = hdus[0].header
        if str(primary.get("CREATOR", "")).startswith("staticmask"):
            msg = f"{path}: is a static mask, expected an exposure; leave it out of the inputs"
            raise ExposureError(msg)
        if not header_str(primary, "INSTRUME"):
            msg = f"{path}: expected INSTRUME in the primary header, found none; it names the mask"
            raise ExposureError(msg)
        refuse_companion(path, primary)
        science = _science_extensions(hdus, path)
        flags = dq_sources(hdus, path) if dq else {}
        skip_reason = _reason_to_skip(primary, [hdus[number].header for number in science])
        chips = tuple(
            _chip(hdus, number, path, flags, skip_reason)
            for number in _chosen(hdus, science, group, path)
        )
        if name != BY_SIGNATURE:
            # Imported here because few runs need it.
            from staticmask_cli.exposures.naming import named  # noqa: PLC0415

            chips = tuple(named(chip, name, hdus[chip.extension].header, primary)
                          for chip in chips)
        return Exposure(path, chips, _why_incomplete(primary, len(hdus) - 1))


def _science_extensions(hdus: Sequence[HDU], path: str) -> list[int]:
    """Return the numbers of the HDUs that hold chips."""
    science = [number for number, hdu in enumerate(hdus) if hdu.name == "SCI"]
    if science:
        return science
    if len(hdus[0].shape) == 3 and len(hdus) > 1 and hdus[1].kind == "TABLE":  # noqa: PLR2004
        msg = f"{path}: is waivered FITS; convert it with convertwaiveredfits of stsci.tools"
        raise ExposureError(msg)
    if hdus[0].shape:
        return [0]  # an image in the primary HDU
    msg = f"{path}: expected a SCI extension or an image in the primary HDU, found neither"
    raise ExposureError(msg)


def _why_incomplete(primary: AnyHeader, extensions: int) -> str:
    """Return a warning about a file that ends between two extensions, which only NEXTEND shows."""
    promised = primary.get("NEXTEND")
    if not isinstance(promised, int) or promised <= extensions:
        return ""
    return (f"NEXTEND = {promised} in its header, but it has {extensions} extensions: "
            "was it truncated?")


def _chosen(hdus: Sequence[HDU], science: list[int], group: Group, path: str) -> list[int]:
    """Return the SCI extensions that `group` asks for, in the order of the file."""
    if not group:
        return science
    versions = {hdus[number].version: number for number in science}
    numbers = set()
    for item in group:
        number = item if isinstance(item, int) else versions.get(item[1])
        if number not in science:
            wanted = item if isinstance(item, int) else f"{item[0].lower()},{item[1]}"
            has = ", ".join(f"{n} (sci,{hdus[n].version})" for n in science)
            msg = f"{path}: group = {wanted} is not a SCI extension; this file has {has}"
            raise ExposureError(msg)
        numbers.add(number)
    return sorted(numbers)


def _chip(
    hdus: Sequence[HDU], number: int, path: str, flags: dict[int, DQSource], skip_reason: str
) -> Chip:
    """Return the chip in an HDU; `skip_reason` is that of the whole file."""
    hdu, primary = hdus[number], hdus[0].header
    row = instrument_of(header_str(primary, "INSTRUME"))
    shape = hdu.full_shape
    if len(shape) != 2 or min(shape) < 1:  # noqa: PLR2004
        msg = (f"{ChipLabel(path, hdu.version)}: expected an image of two dimensions, "
               f"found shape {shape}")
        raise ExposureError(msg)
    label = ChipLabel(
        path,
        hdu.version,
        header_str(primary, "ROOTNAME") or os.path.basename(path).partition(".")[0],
        header_float(hdu.header, primary, row.exptime_key),
        *corners_on_sky(hdu.header, (shape[0], shape[1])),
    )
    hdu.check(path)
    if not skip_reason and label.exptime <= 0:
        skip_reason = f"EXPTIME = {label.exptime:g}"
    elif not skip_reason and not hdu.shape:
        skip_reason = f"all its pixels are {hdu.header['PIXVALUE']} (constant-value extension)"
    facts, grid = facts_of_chip(hdu.header, primary)
    signature = _signature(hdu, primary, shape)
    try:
        mask_name = signature.filename
    except ExposureError as error:
        msg = f"{label}: {error}"
        raise ExposureError(msg) from error
    return Chip(
        label, signature, path, number, flags.get(label.extver), hdu.raw, skip_reason,
        facts=facts, grid=grid, mask_name=mask_name,
        exposure=_exposure_of(hdu.header, primary, path),
    )


def _exposure_of(header: AnyHeader, primary: AnyHeader, path: str) -> str:
    """Return the `exposure` of a `Chip`; JWST has the ROOTNAME only in the names of its files."""
    of_jwst = _JWST_NAME.match(os.path.basename(path))
    rootname = header_str(primary, "ROOTNAME") or (of_jwst[0] if of_jwst else "")
    start = header_float(header, primary, "EXPSTART")
    known = rootname and math.isfinite(start)
    return f"{rootname.lower()}, EXPSTART = {start!r}" if known else ""


def facts_of_chip(
    header: AnyHeader, primary: AnyHeader
) -> tuple[dict[str, str], dict[str, float]]:
    """Return the `facts` and the `grid` of a `Chip`, from its header and the primary one."""
    facts = {key: header_str(header, key) or header_str(primary, key) for key in _TEXT_FACTS}
    grid = {key: header_float(header, primary, key) for key in _GRID_FACTS}
    return (
        {key: value for key, value in facts.items() if value},
        {key: value for key, value in grid.items() if math.isfinite(value)},
    )


def _signature(hdu: HDU, primary: AnyHeader, shape: tuple[int, ...]) -> Signature:
    """Return the signature of a chip by the rules of its instrument."""
    name = header_str(primary, "INSTRUME")
    row = instrument_of(name)
    detector = header_str(hdu.header, row.detector_key) or header_str(primary, row.detector_key)
    number = header_float(hdu.header, primary, row.number_key)
    return Signature(
        name + row.detector_names.get(detector, detector),
        (shape[0], shape[1]),
        int(number) if math.isfinite(number) else 1,
    )


def _reason_to_skip(primary: AnyHeader, science: Sequence[AnyHeader]) -> str:
    """Return why AstroDrizzle would set the whole file aside; empty if it would not."""
    for key, value in instrument_of(header_str(primary, "INSTRUME")).skipped_if.items():
        if header_str(primary, key).upper() == value:
            return f"{key} = {value}"
    if all(header.get("NGOODPIX") == 0 for header in science):
        return "NGOODPIX = 0 on all chips"
    return ""
