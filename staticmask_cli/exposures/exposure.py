"""Exposures: which chips a FITS file holds, from its headers alone."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from staticmask_cli.errors import ExposureError
from staticmask_cli.exposures.dq import DQSource, dq_sources, refuse_companion
from staticmask_cli.exposures.extensions import FileForm, chip_numbers, science_extensions
from staticmask_cli.exposures.facts import exposure_of, facts_of_chip
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.exposures.products import refuse_product, refuse_reads
from staticmask_cli.fits.hdus import HDU
from staticmask_cli.fits.header import AnyHeader, header_float, header_str
from staticmask_cli.fits.open import as_input_error, read_hdus
from staticmask_cli.fits.pixels import RawPixels, Stamp
from staticmask_cli.masks.dates import start_of
from staticmask_cli.masks.mask_name import BY_SIGNATURE
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.pointings import corners_on_sky
from staticmask_cli.masks.signature import Signature

__all__ = ["Chip", "Exposure", "Group", "read_exposure"]

Group = tuple[int | tuple[str, int], ...]
"""Extensions to use, by number (``4``) or by name and EXTVER (``("SCI", 2)``)."""
_USUAL_FORM = FileForm()

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
        CCDCHIP, the position of a subarray and the binning, as far as the header has them:
        numbers, and texts such as the DETSEC ``[1:2048,1:4096]``.
        Chips of equal signature but another grid do not share their pixels.
    mask_name : str
        The file name of the mask that the chip belongs to.
    exposure : str
        What all files of one exposure have in common, by the header: ROOTNAME and EXPSTART; empty
        if it lacks one of them.
    stamp : int, str or None
        The stamp of the file when its headers were read.
    """

    label: ChipLabel
    signature: Signature
    path: str
    extension: int
    dq: DQSource | None
    raw: RawPixels | None
    skip_reason: str
    facts: dict[str, str] = field(hash=False)
    grid: dict[str, str | float] = field(hash=False)
    mask_name: str
    exposure: str = ""
    stamp: Stamp | None = None

    @property
    def header_sum(self) -> int:
        """The sum of the header of the chip and of the primary one."""
        return self.label.headsum


class Exposure(NamedTuple):
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
    path: str, group: Group = (), *, dq: bool = True, form: FileForm = _USUAL_FORM,
    name: str = BY_SIGNATURE,
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
    form : FileForm
        What the user says of files of another form.
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
        if str(hdus[0].header.get("CREATOR", "")).startswith("staticmask"):
            msg = f"{path}: is a static mask, expected an exposure; leave it out of the inputs"
            raise ExposureError(msg)
        refuse_companion(path, header_str(hdus[0].header, "INSTRUME"), form.dq_ext)
        file = _file_of(hdus, path, form)
        chosen = _chosen(file, group)
        if not group:
            refuse_product(path, file.primary)
        refuse_reads(path, hdus, list(file.numbers), chosen if group else ())
        flags = dq_sources(hdus, path, file.numbers, file.instrument, form.dq_ext) if dq else {}
        skip_reason = _reason_to_skip(file, [hdus[number].header for number in file.numbers])
        chips = tuple(_chip(file, number, flags.get(number), skip_reason) for number in chosen)
        if name != BY_SIGNATURE:
            # Imported here because few runs need it.
            from staticmask_cli.exposures.naming import named  # noqa: PLC0415

            chips = tuple(named(chip, name, hdus[chip.extension].header, file.primary)
                          for chip in chips)
        return Exposure(path, chips, _why_incomplete(hdus))


class _File(NamedTuple):
    """The headers of a file.

    `primary` is the header with what all chips share, `numbers` has the number of the chip in each
    HDU with one, and `instrument` is INSTRUME or what stands for it.
    """

    path: str
    hdus: Sequence[HDU]
    primary: AnyHeader
    numbers: dict[int, int]
    instrument: str


def _file_of(hdus: Sequence[HDU], path: str, form: FileForm) -> _File:
    """Find the chips of a file, and the header with its INSTRUME.

    A file that fpack made of a single image has its whole header in extension 1.
    """
    science = science_extensions(hdus, path, form.sci_ext)
    primary, first = hdus[0].header, hdus[science[0]].header
    if not header_str(primary, "INSTRUME") and header_str(first, "INSTRUME"):
        primary = first
    instrument = header_str(primary, "INSTRUME") or form.instrument
    if not instrument:
        msg = (f"{path}: expected INSTRUME in the primary header, found none; it names the mask: "
               "give the name of the camera with --instrument NAME")
        raise ExposureError(msg)
    return _File(path, hdus, primary, chip_numbers(hdus, science), instrument)


def _why_incomplete(hdus: Sequence[HDU]) -> str:
    """Return a warning about a file that ends too early, but after all pixels that it has."""
    promised, extensions = hdus[0].header.get("NEXTEND"), len(hdus) - 1
    if isinstance(promised, int) and promised > extensions:
        return (f"NEXTEND = {promised} in its header, but it has {extensions} extensions: "
                "was it truncated?")
    if not hdus[-1].complete:
        return (f"ends within the last block of {hdus[-1].name or 'PRIMARY'}, whose pixels are all "
                "there: was it truncated, so that later extensions, such as DQ, are lost?")
    return ""


def _chosen(file: _File, group: Group) -> list[int]:
    """Return the HDUs of the chips that `group` asks for, in the order of the file."""
    if not group:
        return list(file.numbers)
    by_number = {number: hdu for hdu, number in file.numbers.items()}
    chosen = set()
    for item in group:
        hdu = item if isinstance(item, int) else by_number.get(item[1])
        if hdu not in file.numbers:
            wanted = item if isinstance(item, int) else f"{item[0].lower()},{item[1]}"
            has = ", ".join(f"{hdu} (sci,{number})" for hdu, number in file.numbers.items())
            msg = f"{file.path}: group = {wanted} is not a SCI extension; this file has {has}"
            raise ExposureError(msg)
        chosen.add(hdu)
    return sorted(chosen)


def _chip(file: _File, number: int, dq: DQSource | None, skip_reason: str) -> Chip:
    """Return the chip in an HDU; `skip_reason` is that of the whole file."""
    hdu, primary, path = file.hdus[number], file.primary, file.path
    row = instrument_of(file.instrument)
    shape, extver = hdu.full_shape, file.numbers[number]
    if len(shape) != 2 or min(shape) < 1:  # noqa: PLR2004
        msg = (f"{ChipLabel(path, extver)}: expected an image of two dimensions, "
               f"found {hdu.described}")
        raise ExposureError(msg)
    label = ChipLabel(
        path,
        extver,
        header_str(primary, "ROOTNAME") or os.path.basename(path).partition(".")[0],
        header_float(hdu.header, primary, row.exptime_key),
        *corners_on_sky(hdu.header, (shape[0], shape[1])),
        start_of(hdu.header, primary),
        headsum=hdu.sum_with(file.hdus[0]),
    )
    hdu.check(path)
    if not skip_reason and label.exptime <= 0:
        skip_reason = f"EXPTIME = {label.exptime:g}"
    elif not skip_reason and not hdu.shape:
        skip_reason = f"all its pixels are {hdu.header['PIXVALUE']} (constant-value extension)"
    facts, grid = facts_of_chip(hdu.header, primary)
    facts.setdefault("INSTRUME", file.instrument)
    signature = _signature(file, number)
    try:
        mask_name = signature.filename
    except ExposureError as error:
        msg = f"{label}: {error}"
        raise ExposureError(msg) from error
    return Chip(
        label, signature, path, number, dq, hdu.raw, skip_reason, facts=facts, grid=grid,
        mask_name=mask_name, exposure=exposure_of(hdu.header, primary, path), stamp=hdu.stamp,
    )


def _signature(file: _File, number: int) -> Signature:
    """Return the signature of a chip by the rules of its instrument."""
    header, primary = file.hdus[number].header, file.primary
    row = instrument_of(file.instrument)
    detector = header_str(header, row.detector_key) or header_str(primary, row.detector_key)
    found = header_float(header, primary, row.number_key)
    if row.number_key == "EXTVER":
        found = file.numbers[number]
    ny, nx = file.hdus[number].full_shape
    return Signature(
        file.instrument + row.detector_names.get(detector, detector),
        (ny, nx),
        int(found) if math.isfinite(found) else 1,
    )


def _reason_to_skip(file: _File, science: Sequence[AnyHeader]) -> str:
    """Return why AstroDrizzle would set the whole file aside; empty if it would not."""
    for key, value in instrument_of(file.instrument).skipped_if.items():
        if header_str(file.primary, key).upper() == value:
            return f"{key} = {value}"
    if all(header.get("NGOODPIX") == 0 for header in science):
        return "NGOODPIX = 0 on all chips"
    return ""
