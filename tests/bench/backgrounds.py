"""Pixels planted in real exposures: what the rules find there, and what they marked before.

Chips of one shape and CCDCHIP are exposures of one detector, in which the same pixels are low.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import compress
from typing import Any

import numpy as np
import numpy.typing as npt
from astropy.io import fits

from tests.bench.judging import BINS, EDGES, GLOBAL, LOCAL, low_pixels, votes

__all__ = ["background_table", "chips_of", "local_noise", "plant"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]

_BLOCK = 16  # pixels along a side of the blocks in which the noise is measured
_PER_PIXEL = 1 / 500  # planted
_SHALLOWEST, _DEEPEST = 3.0, 40.0  # in local noise
_MOSTLY = 0.5  # the fraction of pixels that must have noise
_CLIPPED = 4.0  # standard deviations of the differences, beyond which they are structure
_GAUSSIAN = 1.4826  # standard deviation of Gaussian noise over its median absolute deviation


def background_table(paths: Iterable[str], seed: int) -> Iterator[str]:
    """Yield a table of what is found by depth in the images of FITS files."""
    yield f"| background | marked before, per million | new, per million | {' | '.join(BINS)} |"
    yield "|---" * (3 + len(BINS)) + "|"
    for name, chips in chips_of(paths).items():
        yield from _rows(name, chips, np.random.default_rng(seed))


def chips_of(paths: Iterable[str]) -> dict[str, list[Image]]:
    """Read the SCI extensions of FITS files, or their images if there are none, by detector."""
    chips: dict[str, list[Image]] = {}
    for path in paths:
        with fits.open(path) as hdus:
            images = [hdu for hdu in hdus if hdu.is_image and hdu.header.get("NAXIS") == 2]
            science = [hdu for hdu in images if hdu.name == "SCI"] or images
            for hdu in science:
                ny, nx = hdu.shape
                words = [hdus[0].header.get("INSTRUME"), hdus[0].header.get("DETECTOR"),
                         f"{ny} x {nx}", hdu.header.get("CCDCHIP")]
                name = " ".join(str(word) for word in words if word is not None)
                chips.setdefault(name, []).append(np.asarray(hdu.data, np.float32))
    return chips


def plant(chip: Image, noise: Image, places: Numbers, depth: Numbers) -> Image:
    """Return a chip with some pixels lower by so many times the local noise."""
    planted = chip.copy()
    planted.flat[places] -= depth * noise.flat[places]
    return planted


def local_noise(chip: Image) -> Image:
    """Estimate the noise of each pixel from differences of neighbours in blocks of pixels.

    The differences are of second order, and the smaller scatter of those along the rows and
    along the columns counts.
    """
    noise = np.full(chip.shape, np.nan, np.float32)
    ny, nx = chip.shape
    for y in range(0, ny, _BLOCK):
        for x in range(0, nx, _BLOCK):
            block = chip[y : y + _BLOCK, x : x + _BLOCK]
            noise[y : y + _BLOCK, x : x + _BLOCK] = min(_scatter(block), _scatter(block.T))
    return noise


def _scatter(block: Image) -> float:
    second = block[1:-1] - (block[2:] + block[:-2]) / 2
    second = second[np.isfinite(second)]
    if second.size < _BLOCK:
        return float("nan")
    distance = np.abs(second - np.median(second))
    near = distance <= _CLIPPED * _GAUSSIAN * float(np.median(distance))
    return float(np.std(second[near]) / np.sqrt(1.5))  # the median alone is coarse for counts


def _rows(name: str, chips: Sequence[Image], rng: np.random.Generator) -> Iterator[str]:
    noises = [local_noise(chip) for chip in chips]
    with_noise = [np.mean(noise > 0) > _MOSTLY for noise in noises]  # a zeroth read has none
    chips, noises = list(compress(chips, with_noise)), list(compress(noises, with_noise))
    if not chips:
        yield f"| {name}: no noise |"
        return
    usable = np.all([(noise > 0) & np.isfinite(chip)
                     for noise, chip in zip(noises, chips, strict=True)], axis=0)
    places = np.flatnonzero(usable)
    places = rng.choice(places, min(places.size, int(usable.size * _PER_PIXEL)), replace=False)
    depth = np.exp(rng.uniform(np.log(_SHALLOWEST), np.log(_DEEPEST), places.size))
    lower = [plant(chip, noise, places, depth) for chip, noise in zip(chips, noises, strict=True)]
    groups = range(len(chips))
    for rule in (LOCAL, GLOBAL):
        before = votes([low_pixels(chip, rule) for chip in chips], groups)
        after = votes([low_pixels(chip, rule) for chip in lower], groups)
        for needed in (1, 2):
            if needed <= len(chips):
                label = f"{name}, {len(chips)}: {rule.sky} {rule.static_sig:g}, {needed}"
                yield _row(label, before >= needed, after >= needed, places, depth)


def _row(label: str, before: Bits, after: Bits, places: Numbers, depth: Numbers) -> str:
    other = ~before
    other.flat[places] = False
    fresh = ~before.flat[places]
    planted = np.histogram(depth[fresh], EDGES)[0]
    found = np.histogram(depth[fresh & after.flat[places]], EDGES)[0]
    cells = [f"{100 * part / whole:.1f}%" if whole else "-"
             for part, whole in zip(found, planted, strict=True)]
    return (f"| {label} | {1e6 * before.mean():.1f} | {1e6 * (after & other).mean():.1f} | "
            f"{' | '.join(cells)} |")
