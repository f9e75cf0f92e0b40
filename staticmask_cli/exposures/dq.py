"""Where the DQ flags of an exposure are: in its own file, or in a companion file."""

import os
import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from staticmask_cli.errors import ExposureError, InputError
from staticmask_cli.exposures.extensions import (
    detector_number,
    holds_flags,
    images_of,
    matches,
    names_of,
)
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.fits.hdus import HDU
from staticmask_cli.fits.open import as_input_error, read_hdus
from staticmask_cli.fits.pixels import RawPixels, Stamp
from staticmask_cli.io.paths import folder_of_file, is_file, join_path

__all__ = ["DQSource", "companion_of", "dq_sources", "refuse_companion"]


class DQSource(NamedTuple):
    """The HDU that holds the DQ flags of a chip.

    Attributes
    ----------
    path : str
        The file.
    extension : int
        The number of the HDU in the file; the primary HDU is 0.
    raw : RawPixels or None
        Where the flags are in the file, if its bytes are the flags.
    stamp : int, str or None
        The stamp of the file when its headers were read.
    header_sum : int
        The sum of the header of the HDU and of the primary one.
    """

    path: str
    extension: int
    raw: RawPixels | None = None
    stamp: Stamp | None = None
    header_sum: int = 0


def dq_sources(
    hdus: Sequence[HDU], path: str, chips: Mapping[int, int], instrument: str, dq_ext: str = ""
) -> dict[int, DQSource]:
    """Return the DQ flags of each chip of an exposure, by the number of its HDU.

    They are in the extensions or the file that `dq_ext` names; else in extensions called DQ, in
    the companion file of the instrument, or in extensions with BPM, MASK or FLAGS in their names.

    Parameters
    ----------
    hdus : sequence of HDU
        The HDUs of the exposure.
    path : str
        The path of the exposure.
    chips : mapping of int to int
        The number of the chip in each HDU that holds one.
    instrument : str
        INSTRUME.
    dq_ext : str
        As in `FileForm`.

    Raises
    ------
    InputError, ExposureError
        If what `dq_ext` names does not exist, or it is not clear which flags are those of which
        chip.
    """
    if "=" in dq_ext:
        companion = companion_of(path, instrument, dq_ext)
        if companion is None or not is_file(companion):
            wanted = (f"the DQ flags in {companion}, found no such file" if companion
                      else "the first part in the name of the exposure")
            msg = f"{path}: dq_ext = {dq_ext}: expected {wanted}"
            raise InputError(msg)
        with as_input_error(companion):
            others = read_hdus(companion)
            return _by_chip(hdus, chips, others, images_of(others), companion)
    candidates = [number for number in images_of(hdus) if number not in chips]
    if dq_ext:
        named = [number for number in candidates if matches(hdus[number].name, dq_ext)]
        if not named:
            msg = (f"{path}: dq_ext = {dq_ext}: expected the EXTNAME of images with DQ flags, "
                   f"found {names_of(hdus[1:]) or 'no extension'}")
            raise ExposureError(msg)
        return _by_chip(hdus, chips, hdus, named, path)
    by_extver = _by_version(hdus, [n for n, hdu in enumerate(hdus) if hdu.name == "DQ"], path)
    companion = companion_of(path, instrument)
    if not by_extver and companion is not None and is_file(companion):
        with as_input_error(companion):
            # All its images are DQ flags; their EXTNAME is not always DQ.
            others = read_hdus(companion)
            images = [n for n, hdu in enumerate(others) if n and hdu.full_shape]
            by_extver = _by_version(others, images, companion)
    if by_extver:
        return {hdu: by_extver[extver] for hdu, extver in chips.items() if extver in by_extver}
    flags = [number for number in candidates if holds_flags(hdus[number].name)]
    return _by_chip(hdus, chips, hdus, flags, path) if flags else {}


def _by_chip(
    hdus: Sequence[HDU], chips: Mapping[int, int], others: Sequence[HDU], flags: Sequence[int],
    path: str,
) -> dict[int, DQSource]:
    """Return the flags in the HDUs `flags` of `others`, a file, by the HDU of their chip.

    They belong to the chip of the same EXTNAME, CCDNUM or number, else to that of the same place.
    """
    for key in (_key_of_name, detector_number, _number_in_name, _extver):
        of_chips = {key(hdus[number]): number for number in chips}
        of_flags = {key(others[number]): number for number in flags}
        if (len(of_chips) == len(chips) and len(of_flags) == len(flags)
                and None not in of_flags and set(of_flags) <= set(of_chips)):
            return {of_chips[found]: _source(path, others, number)
                    for found, number in of_flags.items()}
    if len(flags) != len(chips):
        msg = (f"{path}: {len(flags)} extensions with DQ flags "
               f"({names_of(others[number] for number in flags)}) for {len(chips)} chips "
               f"({names_of(hdus[number] for number in chips)}), and neither their names nor "
               "EXTVER tell which is of which; choose them with --sci-ext and --dq-ext")
        raise ExposureError(msg)
    return {chip: _source(path, others, number) for chip, number in zip(chips, flags, strict=True)}


def _key_of_name(hdu: HDU) -> str | None:
    """Return what an EXTNAME says of the chip: CCD1 for CCD1, CCD1_BPM and MASK-CCD1."""
    words = [word for word in re.split(r"[^A-Z0-9]+", hdu.name) if not holds_flags(word)]
    return "_".join(words) or None


def _number_in_name(hdu: HDU) -> int | None:
    """Return the number at the end of an EXTNAME, such as 2 of BPM2 and of CCD2."""
    found = re.search(r"(?<!\d)\d{1,9}$", hdu.name)
    return int(found.group()) if found else None


def _extver(hdu: HDU) -> int | None:
    return hdu.version if "EXTVER" in hdu.header else None


def _source(path: str, hdus: Sequence[HDU], number: int) -> DQSource:
    hdu = hdus[number]
    hdu.check(path)
    return DQSource(path, number, hdu.raw, hdu.stamp, hdu.sum_with(hdus[0]))


def companion_of(path: str, instrument: str, dq_ext: str = "") -> str | None:
    """Return the path that the companion file of an exposure has; None where DQ is inside."""
    name = os.path.basename(path)
    for old, new in _companions(instrument, dq_ext).items():
        if old in name:
            return join_path(folder_of_file(path), name.replace(old, new))
    return None


def _companions(instrument: str, dq_ext: str) -> Mapping[str, str]:
    """Return parts of the names of exposures, and what replaces them in those of companions."""
    if "=" not in dq_ext:
        return instrument_of(instrument).dq_companion
    old, _, new = (part.strip() for part in dq_ext.partition("="))
    return {old: new} if old and new else {}


def _by_version(hdus: Sequence[HDU], numbers: Sequence[int], path: str) -> dict[int, DQSource]:
    """Return the first of these HDUs for each EXTVER."""
    sources: dict[int, DQSource] = {}
    for number in numbers:
        hdu = hdus[number]
        if hdu.kind != "IMAGE":
            msg = f"{path}: expected an image in extension {number} (DQ), found {hdu.described}"
            raise ExposureError(msg)
        sources.setdefault(hdu.version, _source(path, hdus, number))
    return sources


def refuse_companion(path: str, instrument: str, dq_ext: str = "") -> None:
    """Raise an ExposureError if a file is a companion with the DQ flags of an exposure."""
    name = os.path.basename(path)
    for old, new in _companions(instrument, dq_ext).items():
        if new in name:
            msg = f"{path}: holds DQ flags; name the exposure, {name.replace(new, old)}"
            raise ExposureError(msg)
