"""Where the DQ flags of an exposure are: in its own file, or in a companion file."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

from staticmask_cli.errors import ExposureError
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.fits.hdus import HDU
from staticmask_cli.fits.header import AnyHeader, header_str
from staticmask_cli.fits.open import as_input_error, read_hdus
from staticmask_cli.fits.pixels import RawPixels
from staticmask_cli.io.paths import folder_of_file, is_file, join_path

__all__ = ["DQSource", "companion_of", "dq_sources", "refuse_companion"]


@dataclass(frozen=True, slots=True)
class DQSource:
    """The HDU that holds the DQ flags of a chip.

    Attributes
    ----------
    path : str
        The file.
    extension : int
        The number of the HDU in the file; the primary HDU is 0.
    raw : RawPixels or None
        Where the flags are in the file, if its bytes are the flags.
    """

    path: str
    extension: int
    raw: RawPixels | None = None


def dq_sources(hdus: Sequence[HDU], path: str) -> dict[int, DQSource]:
    """Return the DQ flags of an exposure by EXTVER; WFPC2 has them in a companion file.

    Parameters
    ----------
    hdus : sequence of HDU
        The HDUs of the exposure.
    path : str
        The path of the exposure.
    """
    inside = _by_version([(n, hdu) for n, hdu in enumerate(hdus) if hdu.name == "DQ"], path)
    if inside:
        return inside
    companion = companion_of(path, header_str(hdus[0].header, "INSTRUME"))
    if companion is not None and is_file(companion):
        with as_input_error(companion):
            # All its images are DQ flags; their EXTNAME is not always DQ.
            images = [(n, hdu) for n, hdu in enumerate(read_hdus(companion))
                      if n and hdu.full_shape]
            return _by_version(images, companion)
    return {}


def companion_of(path: str, instrument: str) -> str | None:
    """Return the path that the companion file of an exposure has; None where DQ is inside."""
    name = os.path.basename(path)
    for old, new in instrument_of(instrument).dq_companion.items():
        if old in name:
            return join_path(folder_of_file(path), name.replace(old, new))
    return None


def _by_version(images: Sequence[tuple[int, HDU]], path: str) -> dict[int, DQSource]:
    """Return the first HDU of each EXTVER."""
    sources: dict[int, DQSource] = {}
    for number, hdu in images:
        if hdu.kind != "IMAGE":
            msg = f"{path}: expected an image in extension {number} (DQ), found {hdu.kind}"
            raise ExposureError(msg)
        hdu.check(path)
        sources.setdefault(hdu.version, DQSource(path, number, hdu.raw))
    return sources


def refuse_companion(path: str, primary: AnyHeader) -> None:
    """Raise an ExposureError if a file is a companion with the DQ flags of an exposure."""
    name = os.path.basename(path)
    for old, new in instrument_of(header_str(primary, "INSTRUME")).dq_companion.items():
        if new in name:
            msg = f"{path}: holds DQ flags; name the exposure, {name.replace(new, old)}"
            raise ExposureError(msg)
