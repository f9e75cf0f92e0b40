"""Simulated exposures: files as the calibration pipelines write them, with known defects.

For the demonstration, the tests and the examples; nothing here takes part in
making a mask.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from staticmask_cli.files import make_folder, write_whole

__all__ = ["CAMERAS", "Camera", "Visit", "simulate_visit"]

Pixels = npt.NDArray[np.float32]

_HOT, _SATURATED = 16, 256  # DQ bits, the same in all HST instruments simulated here
_STARS_PER_PIXEL = 1 / 900
_COSMIC_RAYS_PER_PIXEL = 1 / 1500
_LOW_PER_PIXEL = 1 / 700
_HOT_PER_PIXEL = 1 / 1200
_FULL_WELL = 70_000.0
_PSF_SIGMA = 0.9  # pixels


@dataclass(frozen=True)
class Camera:
    """One row of the table of cameras that can be simulated.

    Attributes
    ----------
    shape : tuple of int
        ``(ny, nx)`` of a full chip.
    primary : mapping
        Keywords of the primary header that tell the camera apart.
    chips : tuple of mapping
        Keywords of each SCI header, in the order of EXTVER.
    root : str
        First letter of its rootnames.
    bunit : str
        Unit of the pixels.
    sky, noise : float
        Sky level and read noise, in electrons.
    """

    shape: tuple[int, int]
    primary: Mapping[str, str]
    chips: tuple[Mapping[str, int], ...]
    root: str
    bunit: str = "ELECTRONS"
    sky: float = 80.0
    noise: float = 4.5


CAMERAS: Mapping[str, Camera] = {
    "ACS/WFC": Camera(
        shape=(2048, 4096), root="j",
        primary={"INSTRUME": "ACS", "DETECTOR": "WFC", "FILTER1": "F606W", "FILTER2": "CLEAR2L"},
        chips=({"CCDCHIP": 2}, {"CCDCHIP": 1}),
    ),
    "ACS/HRC": Camera(
        shape=(1024, 1024), root="j",
        primary={"INSTRUME": "ACS", "DETECTOR": "HRC", "FILTER1": "F606W", "FILTER2": "CLEAR2S"},
        chips=({},),
    ),
    "WFC3/UVIS": Camera(
        shape=(2051, 4096), root="i",
        primary={"INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": "F606W"},
        chips=({"CCDCHIP": 2}, {"CCDCHIP": 1}), noise=3.1,
    ),
    "WFC3/IR": Camera(
        shape=(1014, 1014), root="i", bunit="ELECTRONS/S",
        primary={"INSTRUME": "WFC3", "DETECTOR": "IR", "FILTER": "F160W"},
        chips=({"CCDCHIP": 1},), sky=300.0, noise=15.0,
    ),
}


@dataclass(frozen=True)
class Visit:
    """What was simulated.

    Attributes
    ----------
    paths : tuple of str
        The exposures.
    planted : dict of int to numpy.ndarray of bool, shape (ny, nx)
        For each EXTVER, True where a pixel was made too low in every exposure.
    """

    paths: tuple[str, ...]
    planted: dict[int, npt.NDArray[np.bool_]] = field(repr=False)


def simulate_visit(
    folder: str,
    camera: str = "ACS/WFC",
    *,
    exposures: int = 4,
    shape: tuple[int, int] | None = None,
    exptime: float = 500.0,
    suffix: str = "flt",
    seed: int = 20260,
) -> Visit:
    """Write a visit: dithered exposures of one field with one detector.

    Every exposure has sky, read noise and photon noise, stars, cosmic rays, hot
    and saturated pixels with their DQ flags, and the same low pixels: 5 to 40
    times the noise below the sky, as over-subtracted dark current leaves them.

    Parameters
    ----------
    folder : str
        Where the files go; made when missing.
    camera : str
        A key of `CAMERAS`.
    exposures : int
        How many.
    shape : tuple of int, optional
        ``(ny, nx)`` of each chip, if not a full one.
    exptime : float
        In seconds.
    suffix : str
        Kind of calibrated file, such as ``flt`` or ``flc``.
    seed : int
        Same seed, same files.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    row = CAMERAS[camera]
    size = shape or row.shape
    make_folder(folder)
    planted, paths = {}, []
    scenes = {}
    for extver in range(1, len(row.chips) + 1):
        rng = np.random.default_rng([seed, extver])
        scenes[extver] = _Scene.of(rng, row, size)
        planted[extver] = scenes[extver].depth > 0
    for number in range(exposures):
        rootname = f"{row.root}sim{seed % 100:02d}{_letters(number)}q"
        path = os.path.normpath(os.path.join(folder, f"{rootname}_{suffix}.fits"))  # noqa: PTH118
        hdus = [fits.PrimaryHDU(header=_primary(row, rootname, suffix, exptime))]
        for extver, facts in enumerate(row.chips, 1):
            rng = np.random.default_rng([seed, extver, number])
            sky, flags = scenes[extver].exposed(rng, exptime)
            hdus += _extensions(row, extver, facts, sky, flags)
        with write_whole(path) as stream:
            fits.HDUList(hdus).writeto(stream)
        paths.append(path)
    return Visit(tuple(paths), planted)


@dataclass(frozen=True)
class _Scene:
    """What all exposures of a chip share, in electrons."""

    row: Camera
    shape: tuple[int, int]
    stars: tuple[npt.NDArray[np.float64], ...]  # y, x and flux
    depth: Pixels  # of the low pixels, in units of the noise
    hot: Pixels

    @classmethod
    def of(cls, rng: np.random.Generator, row: Camera, shape: tuple[int, int]) -> "_Scene":
        ny, nx = shape
        size = ny * nx
        count = int(size * _STARS_PER_PIXEL)
        flux = np.minimum(200.0 * (1 + rng.pareto(1.1, count)), 4e6)
        depth, hot = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
        low = rng.choice(size, int(size * _LOW_PER_PIXEL), replace=False)
        depth.flat[low] = rng.uniform(5.0, 40.0, low.size)
        warm = rng.choice(size, int(size * _HOT_PER_PIXEL), replace=False)
        hot.flat[warm] = rng.uniform(100.0, 2000.0, warm.size)
        hot[depth > 0] = 0
        return cls(row, shape, (rng.uniform(0, ny, count), rng.uniform(0, nx, count), flux),
                   depth, hot)

    def exposed(
        self, rng: np.random.Generator, exptime: float
    ) -> tuple[Pixels, npt.NDArray[np.int16]]:
        """Electrons and DQ flags of one exposure."""
        light = np.full(self.shape, self.row.sky, np.float32) + self.hot
        _add_stars(light, self.stars, rng.uniform(-8, 8, 2))
        _add_cosmic_rays(light, rng, exptime)
        flags = np.where(self.hot > 0, _HOT, 0).astype(np.int16)
        flags[light > _FULL_WELL] |= _SATURATED
        np.minimum(light, _FULL_WELL, out=light)
        light += rng.standard_normal(self.shape, np.float32) * np.sqrt(light + self.row.noise**2)
        light -= self.depth * np.float32(np.hypot(np.sqrt(self.row.sky), self.row.noise))
        return light, flags


def _add_stars(
    light: Pixels, stars: tuple[npt.NDArray[np.float64], ...], dither: npt.NDArray[np.float64]
) -> None:
    """Add Gaussian stars, each in the few pixels around its centre."""
    ny, nx = light.shape
    reach = np.arange(-4, 5)
    y, x, flux = stars[0] + dither[0], stars[1] + dither[1], stars[2]
    for dy in reach:
        for dx in reach:
            row, column = np.rint(y).astype(int) + dy, np.rint(x).astype(int) + dx
            inside = (row >= 0) & (row < ny) & (column >= 0) & (column < nx)
            distance = (row - y) ** 2 + (column - x) ** 2
            share = np.exp(-distance / (2 * _PSF_SIGMA**2)) / (2 * np.pi * _PSF_SIGMA**2)
            np.add.at(light, (row[inside], column[inside]), (flux * share)[inside])


def _add_cosmic_rays(light: Pixels, rng: np.random.Generator, exptime: float) -> None:
    """Add short straight tracks; their number grows with the exposure time."""
    ny, nx = light.shape
    count = int(light.size * _COSMIC_RAYS_PER_PIXEL * exptime / 500.0)
    y, x = rng.integers(0, ny, count), rng.integers(0, nx, count)
    angle, length = rng.uniform(0, np.pi, count), rng.geometric(0.4, count)
    energy = rng.lognormal(6.5, 1.0, count)
    for step in range(int(length.max(initial=0))):
        row = np.rint(y + step * np.sin(angle)).astype(int)
        column = np.rint(x + step * np.cos(angle)).astype(int)
        hit = (step < length) & (row < ny) & (column >= 0) & (column < nx)
        np.add.at(light, (row[hit], column[hit]), energy[hit])


def _primary(row: Camera, rootname: str, suffix: str, exptime: float) -> fits.Header:
    cards: dict[str, Any] = {
        "NEXTEND": 3 * len(row.chips), "FILENAME": f"{rootname}_{suffix}.fits", "FILETYPE": "SCI",
        "TELESCOP": "HST", **row.primary, "ROOTNAME": rootname, "IMAGETYP": "EXT",
        "TARGNAME": "SIMULATED", "RA_TARG": 6.02, "DEC_TARG": -72.08, "PROPOSID": 0,
        "DATE-OBS": "2026-01-01", "TIME-OBS": "00:00:00", "EXPSTART": 61041.0,
        "EXPEND": 61041.0 + exptime / 86400, "EXPTIME": exptime, "EXPFLAG": "NORMAL",
        "PA_V3": 15.8, "OBSTYPE": "IMAGING", "OBSMODE": "ACCUM", "SUBARRAY": False,
        "CCDAMP": "ABCD", "CCDGAIN": 2.0, "DQICORR": "COMPLETE", "DARKCORR": "COMPLETE",
        "FLATCORR": "COMPLETE", "CRCORR": "OMIT", "DRIZCORR": "PERFORM",
    }
    return fits.Header(list(cards.items()))


def _extensions(
    row: Camera, extver: int, facts: Mapping[str, int], light: Pixels, flags: npt.NDArray[np.int16]
) -> list[fits.ImageHDU]:
    """SCI, ERR and DQ of one chip."""
    ny, nx = light.shape
    cards: dict[str, Any] = {
        "EXTVER": extver, "INHERIT": True, "BUNIT": row.bunit, **facts,
        "WCSAXES": 2, "CRPIX1": nx / 2, "CRPIX2": ny / 2, "CRVAL1": 6.02, "CRVAL2": -72.08,
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -1.4e-5, "CD1_2": 0.0,
        "CD2_1": 0.0, "CD2_2": 1.4e-5, "LTV1": 0.0, "LTV2": 0.0, "LTM1_1": 1.0, "LTM2_2": 1.0,
        "SIZAXIS1": nx, "SIZAXIS2": ny, "BINAXIS1": 1, "BINAXIS2": 1,
        "NGOODPIX": int(np.count_nonzero(flags == 0)), "GOODMEAN": float(light.mean()),
        "MEANDARK": 7.0, "NCOMBINE": 1,
    }
    header = fits.Header(list(cards.items()))
    error = np.sqrt(np.maximum(light, 0) + np.float32(row.noise**2))
    arrays = {"SCI": light, "ERR": error, "DQ": flags}
    return [fits.ImageHDU(array, header, name=name) for name, array in arrays.items()]


def _letters(number: int) -> str:
    """Two characters that count 1296 exposures, as the last ones of a rootname do."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[number // 36 % 36] + digits[number % 36]
