"""Small exposures for the tests, and fingerprints of files."""

import hashlib
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

Chip = dict[str, Any]
WriteExposure = Callable[..., Path]


def sky(shape: tuple[int, int] = (60, 80), *, seed: int = 1, level: float = 100.0,
        noise: float = 5.0) -> npt.NDArray[np.float32]:
    """Flat sky with Gaussian noise, float32."""
    rng = np.random.default_rng(seed)
    return rng.normal(level, noise, shape).astype(np.float32)


def coordinates(dx: float = 0.0, dy: float = 0.0, *, turn: float = 0.0, ra: float = 0.0,
                dec: float = -72.0) -> dict[str, Any]:
    """Return the coordinates of a SCI header, of a field that is moved by dx and dy pixels.

    The camera is turned about the pixel (41, 31) by `turn` degrees; its pixels are of 0.05 arcsec.
    """
    angle, scale = math.radians(30.0 + turn), 0.05 / 3600
    return {
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CRVAL1": ra, "CRVAL2": dec,
        "CRPIX1": 41.0 + dx, "CRPIX2": 31.0 + dy,
        "CD1_1": -scale * math.cos(angle), "CD1_2": scale * math.sin(angle),
        "CD2_1": scale * math.sin(angle), "CD2_2": scale * math.cos(angle),
    }


def writer_into(folder: Path) -> WriteExposure:
    """Return a function that writes a small exposure into a folder; all its parts can be chosen."""

    def write(
        name: str = "a_flt.fits",
        *,
        chips: list[Chip] | None = None,
        instrume: str | None = "ACS",
        detector: str | None = "WFC",
        **primary: str | float | bool | None,
    ) -> Path:
        """Each chip is a dict: data, and optionally dq and further header keywords."""
        header = fits.Header()
        given = {"TELESCOP": "HST", "INSTRUME": instrume, "DETECTOR": detector,
                 "ROOTNAME": name.partition("_")[0], "EXPTIME": 100.0, **primary}
        for key, value in given.items():
            if value is not None:
                header[key] = value
        hdus: list[Any] = [fits.PrimaryHDU(header=header)]
        for extver, chip in enumerate(chips or [{"data": sky()}], 1):
            keywords = {k: v for k, v in chip.items() if k not in ("data", "dq")}
            sci = fits.ImageHDU(chip["data"], name="SCI", ver=extver)
            sci.header.update({"BUNIT": "ELECTRONS", **keywords})
            hdus.append(sci)
            if chip.get("dq") is not None:
                hdus.append(fits.ImageHDU(chip["dq"], name="DQ", ver=extver))
        path = folder / name
        fits.HDUList(hdus).writeto(path, output_verify="ignore")  # which takes half as long
        return path

    return write


def digest(path: Path) -> str:
    """Fingerprint of a file, to prove that it was not changed."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
