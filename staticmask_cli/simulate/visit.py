"""Simulate a visit: exposures as calibration pipelines write them, with known bad pixels.

The demonstration, the tests and the examples use them; no mask depends on this module.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.header import fits
from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.disk import make_folder
from staticmask_cli.simulate.cameras import CAMERAS, Camera

__all__ = ["CAMERAS", "Camera", "Visit", "simulate_visit"]

Pixels = npt.NDArray[np.float32]
Flags = npt.NDArray[Any]

_STARS_PER_PIXEL = 1 / 900
_COSMIC_RAYS_PER_PIXEL = 1 / 1500
_LOW_PER_PIXEL = 1 / 700
_HOT_PER_PIXEL = 1 / 1200
_FULL_WELL = 70_000.0  # electrons
_PSF_SIGMA = 0.9  # pixels
_COORDINATES = (
    "CTYPE1", "CTYPE2", "CRPIX1", "CRPIX2", "CRVAL1", "CRVAL2",
    "CD1_1", "CD1_2", "CD2_1", "CD2_2",
)


@dataclass(frozen=True)
class Visit:
    """The files of simulated exposures, and the true positions of their low pixels.

    Attributes
    ----------
    paths : tuple of str
        The paths of the exposures.
    planted : dict of int to numpy.ndarray of bool, shape (ny, nx)
        An array for each chip, by the number of the chip in the name of its mask; True where the
        pixel was made too low in every exposure.
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
    suffix: str | None = None,
    seed: int = 20260,
) -> Visit:
    """Write dithered exposures of one field with one detector.

    Every exposure has sky, read noise and photon noise, stars, cosmic rays, hot
    and saturated pixels with their DQ flags, and the same low pixels: 5 to 40
    times the noise below the sky, as over-subtracted dark current leaves them.

    Parameters
    ----------
    folder : str
        The folder of the files; it is made if it is missing.
    camera : str
        A key of `CAMERAS`.
    exposures : int
        The number of exposures.
    shape : tuple of int, optional
        The shape ``(ny, nx)`` of each chip; the default is a full chip of the camera.
    exptime : float
        The exposure time in seconds.
    suffix : str, optional
        The suffix of the files, for instance ``flc``; the default is that of the camera.
    seed : int
        The seed of the random numbers; the same seed gives the same files.

    Returns
    -------
    Visit
        The paths of the exposures, and the pixels that were made too low.

    Raises
    ------
    OutputError
        If a file cannot be written.
    """
    row = CAMERAS[camera]
    size = shape or row.shape
    make_folder(folder)
    scenes = [_Scene.of(np.random.default_rng([seed, n]), row, size) for n in row.numbers]
    planted = {n: scene.depth > 0 for n, scene in zip(row.numbers, scenes, strict=True)}
    paths = []
    for number in range(exposures):
        rootname = f"{row.root}sim{seed % 100:02d}{_letters(number)}q"
        name = f"{rootname}_{suffix or row.suffix}.fits"
        path = os.path.normpath(os.path.join(folder, name))
        planes = [
            scene.exposed(np.random.default_rng([seed, n, number, image_set]), exptime)
            for image_set in range(row.image_sets)
            for n, scene in zip(row.numbers, scenes, strict=True)
        ]
        primary = _primary_header(row, name, rootname, exptime)
        images = list(_extensions(row, planes, exptime))
        if row.plain:
            primary.update({key: images[0].header[key] for key in _COORDINATES})
            _write(path, [fits.PrimaryHDU(images[0].data, primary)])
        else:
            _write(path, [fits.PrimaryHDU(header=primary), *images])
        if row.companion:
            flags = _dq_images(planes)
            companion = os.path.join(folder, name.replace("_c0", "_c1"))
            _write(companion, [fits.PrimaryHDU(header=primary), *flags])
        paths.append(path)
    return Visit(tuple(paths), planted)


@dataclass(frozen=True)
class _Scene:
    """The stars and bad pixels of a chip, which all of its exposures share."""

    row: Camera
    shape: tuple[int, int]
    stars: tuple[npt.NDArray[np.float64], ...]  # y, x and flux in electrons
    depth: Pixels  # of the low pixels below the sky, in units of the noise; 0 elsewhere
    hot: Pixels  # the dark current of hot pixels in electrons; 0 elsewhere

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

    def exposed(self, rng: np.random.Generator, exptime: float) -> "_Plane":
        """Simulate one exposure."""
        row = self.row
        light = np.full(self.shape, row.sky, np.float32) + self.hot
        dither = rng.uniform(-8, 8, 2)
        _add_stars(light, self.stars, dither)
        flags = np.where(self.hot > 0, row.hot_bit, 0).astype(row.dq_dtype)
        if row.noise:  # photon counters have neither read noise nor cosmic rays
            _add_cosmic_rays(light, rng, exptime)
            flags[light > _FULL_WELL] |= flags.dtype.type(row.saturated_bit)
            np.minimum(light, _FULL_WELL, out=light)
            noise = np.sqrt(light + row.noise**2)
            light += rng.standard_normal(self.shape, np.float32) * noise
        else:
            light = rng.poisson(light).astype(np.float32)
        light -= self.depth * np.float32(np.hypot(np.sqrt(row.sky), row.noise))
        if row.nan_bit:
            nan = rng.integers(0, light.size, light.size // 2000)
            light.flat[nan] = np.nan
            flags.flat[nan] |= flags.dtype.type(row.nan_bit)
        return _Plane(light, flags, dither)


class _Plane(NamedTuple):
    """A chip of an exposure: its electrons, its DQ flags, and how far (y, x) the field moved."""

    light: Pixels
    flags: Flags
    dither: npt.NDArray[np.float64]


def _add_stars(
    light: Pixels, stars: tuple[npt.NDArray[np.float64], ...], dither: npt.NDArray[np.float64]
) -> None:
    """Add Gaussian stars, each in the 9 x 9 pixels around its centre."""
    ny, nx = light.shape
    offsets = np.arange(-4, 5)
    y, x, flux = stars[0] + dither[0], stars[1] + dither[1], stars[2]
    for dy in offsets:
        for dx in offsets:
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


def _primary_header(row: Camera, name: str, rootname: str, exptime: float) -> fits.Header:
    cards: dict[str, Any] = {
        "FILENAME": name, "FILETYPE": "SCI", "TELESCOP": "HST", **row.primary,
        "ROOTNAME": rootname, "IMAGETYP": "EXT", "TARGNAME": "SIMULATED",
        "RA_TARG": 6.02, "DEC_TARG": -72.08, "PROPOSID": 0,
        "DATE-OBS": "2026-01-01", "TIME-OBS": "00:00:00", "EXPSTART": 61041.0,
        "EXPEND": 61041.0 + exptime / 86400, row.exptime_key: exptime, "EXPFLAG": "NORMAL",
        "PA_V3": 15.8, "OBSTYPE": "IMAGING", "SUBARRAY": False,
        "CCDAMP": "ABCD", "CCDGAIN": 2.0, "DQICORR": "COMPLETE", "DARKCORR": "COMPLETE",
        "FLATCORR": "COMPLETE", "CRCORR": "OMIT", "DRIZCORR": "PERFORM",
    }
    return fits.Header(list(cards.items()))


def _extensions(
    row: Camera, planes: list[_Plane], exptime: float
) -> Iterator[fits.ImageHDU]:
    """Yield the SCI, ERR and DQ extensions of every chip, as far as the camera has them."""
    for extver, plane in enumerate(planes, 1):
        light, flags, _ = plane
        keywords = row.chips[(extver - 1) % len(row.chips)]
        header = _science_header(row, extver, plane)
        header.update(keywords)
        unit = np.float32(row.per_electron / (exptime if row.bunit.endswith("/S") else 1.0))
        error = np.sqrt(np.maximum(light, 0) + np.float32(row.noise**2))
        yield fits.ImageHDU(light * unit, header, name="SCI")
        if row.plain or row.companion:
            continue
        yield fits.ImageHDU(error * unit, header, name="ERR")
        yield fits.ImageHDU(flags, header, name="DQ")


def _science_header(row: Camera, extver: int, plane: _Plane) -> fits.Header:
    light, flags, (dy, dx) = plane
    ny, nx = light.shape
    cards: dict[str, Any] = {
        "EXTVER": extver, "INHERIT": True, "BUNIT": row.bunit,
        "WCSAXES": 2, "CRPIX1": nx / 2 + dx, "CRPIX2": ny / 2 + dy,
        "CRVAL1": 6.02, "CRVAL2": -72.08,
        "CTYPE1": "RA---TAN", "CTYPE2": "DEC--TAN", "CD1_1": -1.4e-5, "CD1_2": 0.0,
        "CD2_1": 0.0, "CD2_2": 1.4e-5, "LTV1": 0.0, "LTV2": 0.0, "LTM1_1": 1.0, "LTM2_2": 1.0,
        "SIZAXIS1": nx, "SIZAXIS2": ny, "BINAXIS1": 1, "BINAXIS2": 1,
        "NGOODPIX": int(np.count_nonzero(flags == 0)), "GOODMEAN": float(np.nanmean(light)),
        "MEANDARK": 7.0, "NCOMBINE": 1,
    }
    return fits.Header(list(cards.items()))


def _dq_images(planes: list[_Plane]) -> Iterator[fits.ImageHDU]:
    for extver, plane in enumerate(planes, 1):
        yield fits.ImageHDU(plane.flags, name="DQ", ver=extver)


def _write(path: str, hdus: list[Any]) -> None:
    with write_whole(path) as stream:
        fits.HDUList(hdus).writeto(stream, output_verify="ignore")


def _letters(number: int) -> str:
    """Return the two characters of a rootname that number up to 1296 exposures."""
    digits = "0123456789abcdefghijklmnopqrstuvwxyz"
    return digits[number // 36 % 36] + digits[number % 36]
