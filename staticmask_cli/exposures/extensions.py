"""Which extensions of a file are chips: those called SCI, or the images of any other camera.

Files of cameras on the ground often name their extensions after the detector (CCD1, S29, im1), and
have EXTVER, CCDNUM or DETSEC for its number, or none of these.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from staticmask_cli.errors import ExposureError, first_few
from staticmask_cli.fits.hdus import HDU
from staticmask_cli.fits.header import header_str

__all__ = [
    "FileForm", "chip_numbers", "detector_number", "holds_flags", "images_of", "matches",
    "names_of", "science_extensions",
]


class FileForm(NamedTuple):
    """What a user says of files that do not say it in the way of HST and JWST.

    Attributes
    ----------
    instrument : str
        The name of the instrument, where the header has no INSTRUME.
    sci_ext : str
        The EXTNAMEs of the chips, as wildcards joined by commas; if empty, SCI, or in a file
        without SCI all its images.
    dq_ext : str
        The EXTNAMEs of the DQ flags, likewise; or ``OLD=NEW``, for flags in a file beside the
        exposure whose name has NEW in the place of OLD.  If empty, DQ, BPM, MASK and the like.
    """

    instrument: str = ""
    sci_ext: str = ""
    dq_ext: str = ""


# Words in the names of extensions with flags, and of others that are no pixels of the sky.
_FLAGS = {"DQ", "BPM", "MASK", "FLAG", "FLAGS", "BADPIX"}
_OTHERS = {
    "ERR", "ERROR", "UNC", "UNCERT", "VAR", "VARIANCE", "IVAR", "SIGMA", "RMS", "STD", "WHT",
    "WT", "WEIGHT", "WGT", "CON", "CTX", "SAMP", "TIME", "EXPTIME", "BKG", "BACKGROUND", "PSF",
    "AREA", "THUMBNAIL",
}
_SECTION = re.compile(r"\[\s*(\d{1,9}):(\d{1,9})\s*,\s*(\d{1,9}):(\d{1,9})\s*\]")


def matches(name: str, patterns: str) -> bool:
    """Whether an EXTNAME matches one of several wildcards, which are joined by commas."""
    words = (word.strip().upper() for word in patterns.split(","))
    return any(fnmatchcase(name, word) for word in words if word)


def images_of(hdus: Sequence[HDU]) -> list[int]:
    """Return the numbers of the HDUs that hold an image of two dimensions."""
    return [
        number for number, hdu in enumerate(hdus)
        if hdu.kind == "IMAGE" and len(hdu.full_shape) == 2 and min(hdu.full_shape) > 0  # noqa: PLR2004
    ]


def holds_flags(name: str) -> bool:
    """Whether an EXTNAME, such as BPM or CCD1_MASK, is that of an extension with flags."""
    return bool(_FLAGS.intersection(_words_in(name)))


def _words_in(name: str) -> set[str]:
    return set(re.split(r"[^A-Z]+", name))


def names_of(hdus: Iterable[HDU]) -> str:
    """Describe the extensions of a file for a message."""
    names = list(dict.fromkeys(hdu.name or "an extension without EXTNAME" for hdu in hdus))
    return first_few([name[:40] for name in names], 8)


def science_extensions(hdus: Sequence[HDU], path: str, sci_ext: str = "") -> list[int]:
    """Return the numbers of the HDUs that hold chips.

    Parameters
    ----------
    hdus : sequence of HDU
        The HDUs of the file.
    path : str
        The path of the file.
    sci_ext : str
        As in `FileForm`.

    Raises
    ------
    ExposureError
        If there is no chip.
    """
    images = images_of(hdus)
    if sci_ext:
        named = [number for number in images if matches(hdus[number].name, sci_ext)]
        if named:
            return named
        found = names_of(hdus[number] for number in images) if images else "no image"
        msg = f"{path}: sci_ext = {sci_ext}: expected the EXTNAME of images, found {found}"
        raise ExposureError(msg)
    science = [number for number, hdu in enumerate(hdus) if hdu.name == "SCI"]
    if science:
        return science
    if len(hdus[0].shape) == 3 and len(hdus) > 1 and hdus[1].kind == "TABLE":  # noqa: PLR2004
        msg = f"{path}: is waivered FITS; convert it with convertwaiveredfits of stsci.tools"
        raise ExposureError(msg)
    if hdus[0].shape:
        return [0]  # an image in the primary HDU
    others = [number for number in images if not _is_no_sky(hdus[number].name)]
    if others:
        return others
    held = f"; it holds {names_of(hdus[1:])}" if len(hdus) > 1 else ""
    msg = (f"{path}: expected a SCI extension or an image in the primary HDU, found neither, and "
           f"no other image of a chip{held}")
    raise ExposureError(msg)


def _is_no_sky(name: str) -> bool:
    return bool((_FLAGS | _OTHERS).intersection(_words_in(name)))


def chip_numbers(hdus: Sequence[HDU], science: Sequence[int]) -> dict[int, int]:
    """Return the number of the chip in each HDU of `science`: EXTVER, for extensions called SCI.

    For others it is the first of these that each has, all different: EXTVER, CCDNUM, the order of
    DETSEC from the bottom left, and the order in the file.  In a file of one chip CCDNUM comes
    first, as its EXTVER tells nothing.
    """
    chips = [hdus[number] for number in science]
    if all(hdu.name == "SCI" for hdu in chips):
        return {number: hdus[number].version for number in science}
    keys: list[Callable[[HDU], int | None]] = [_extver, detector_number]
    if len(chips) == 1:
        keys.reverse()
    for key in keys:
        numbers = [key(hdu) for hdu in chips]
        if None not in numbers and len(set(numbers)) == len(numbers):
            return {number: found for number, found in zip(science, numbers, strict=True)
                    if found is not None}
    corners = [_corner(hdu) for hdu in chips]
    if len(set(corners)) < len(corners) or None in corners:
        return {number: place for place, number in enumerate(science, 1)}
    in_order = sorted(zip(filter(None, corners), science, strict=True))
    return {number: place for place, (_, number) in enumerate(in_order, 1)}


def _extver(hdu: HDU) -> int | None:
    return hdu.version if "EXTVER" in hdu.header and hdu.version >= 0 else None


def detector_number(hdu: HDU) -> int | None:
    """Return the CCDNUM of an HDU, if it has one."""
    number = hdu.header.get("CCDNUM")
    return number if isinstance(number, int) and not isinstance(number, bool) else None


def _corner(hdu: HDU) -> tuple[int, int] | None:
    """Return the first row and column of the detector's pixels, from DETSEC."""
    found = _SECTION.fullmatch(header_str(hdu.header, "DETSEC"))
    if found is None:
        return None
    x1, x2, y1, y2 = map(int, found.groups())
    return min(y1, y2), min(x1, x2)
