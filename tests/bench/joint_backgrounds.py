"""What joint evidence finds in real exposures, and the high pixels that it finds in simulated ones.

Run it from a checkout with the extra ``test``::

    python -m tests.bench.joint_backgrounds [FILE...]

Low and high pixels are planted at the same places of all exposures, with depths in the noise of
each.  From a real exposure, sixteen are made that look at shifted parts of it, so that each pixel
of the detector shows another real pixel in each of them: real stars, cosmic rays and noise, but no
pattern of the detector, which moves with the sky.  Without files the scenes of `joint` are used.
The tables give what is found by depth, and the other pixels that are marked, per million.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from staticmask_cli import Signature
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from tests.bench.backgrounds import chips_of, local_noise, plant
from tests.bench.detector_scenes import DETECTOR_SCENES
from tests.bench.scenes import SCENES
from tests.bench.tables import head, row

__all__ = ["main"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

_RULE = MaskRule(5.0, "local", "joint", high=True)
_EXPOSURES = 16
_REACH = 48  # pixels, the largest shift
_STEP = 2.4  # radians between two shifts, nearly the golden angle
_PER_PIXEL = 1 / 400  # planted, low and high ones
_EDGES = (1.0, 1.5, 2.0, 3.0, 5.0)  # of the bins of depth
_SHAPE = (700, 900)


def shifted(chip: Image) -> list[Image]:
    """Return parts of a chip, each shifted by some pixels, all of one shape."""
    ny, nx = (size - 2 * _REACH for size in chip.shape)
    parts = []
    for number in range(_EXPOSURES):
        radius = _REACH * ((number + 1) / _EXPOSURES) ** 0.5
        y, x = (round(_REACH + radius * part) for part in
                (np.sin(_STEP * number), np.cos(_STEP * number)))
        parts.append(chip[y : y + ny, x : x + nx])
    return parts


def _joint(images: Sequence[Image]) -> PartialMask:
    shape = (images[0].shape[0], images[0].shape[1])
    mask = PartialMask(Signature("BACKGROUND", shape, 1), _RULE)
    for image in images:
        mask.add(image, label="shifted")
    return mask


def _found(bad: Bits, places: Indices, depth: npt.NDArray[np.float64]) -> list[str]:
    """Return the percentage found of the planted pixels, in each bin of depth."""
    bins = np.digitize(depth, _EDGES)
    hit = bad.flat[places]
    return [f"{100 * hit[bins == number].mean():.0f}" for number in range(1, len(_EDGES))]


def _rows(name: str, images: Sequence[Image], seed: int) -> Iterator[str]:
    rng = np.random.default_rng(seed)
    noises = [local_noise(image) for image in images]
    usable = np.all([noise > 0 for noise in noises], axis=0)
    places = rng.choice(np.flatnonzero(usable), int(usable.sum() * _PER_PIXEL), replace=False)
    depth = rng.uniform(_EDGES[0], _EDGES[-1], places.size)
    signs = rng.choice([-1.0, 1.0], places.size)
    planted = [plant(image, noise, places, signs * depth)
               for image, noise in zip(images, noises, strict=True)]
    before, after = _joint(images).bad, _joint(planted)
    assert after.votes is not None
    assert after.evidence is not None
    other = np.ones(before.shape, np.bool_)
    other.flat[places] = False
    low, high = after.evidence.low(_RULE), after.evidence.high(_RULE)
    for what, bad, which in (("low", low, signs > 0), ("low by votes", after.votes > 1, signs > 0),
                             ("high", high, signs < 0)):
        fresh = which & ~before.flat[places]
        yield row(f"{name}: {what}", *_found(bad, places[fresh], depth[fresh]),
                  f"{1e6 * before.mean():.0f}" if what == "low" else "",
                  f"{1e6 * (bad & other & ~before).mean():.0f}")


def _scenes(seed: int) -> Iterator[tuple[str, list[Image]]]:
    for name in ("sparse", "crowded", "nebula"):
        yield name, SCENES[name].exposures(seed, _SHAPE, _EXPOSURES)[0]
    for name in ("Orion", "edge-on", "globular"):
        yield name, DETECTOR_SCENES[name].exposures(seed, _SHAPE, _EXPOSURES)[0]


def main(words: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.joint_backgrounds",
                                     description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("files", nargs="*", metavar="FILE", help="default: simulated scenes")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    asked = parser.parse_args(words)
    backgrounds = _scenes(asked.seed)
    if asked.files:
        backgrounds = ((f"{name} {number}", shifted(chip))
                       for name, chips in chips_of(asked.files).items()
                       for number, chip in enumerate(chips, 1)
                       if min(chip.shape) > 4 * _REACH and np.nanmax(local_noise(chip)) > 0)
    depths = [f"{low:g} to {high:g}" for low, high in pairwise(_EDGES)]
    lines = [head("found, %, by depth in noise of one exposure", *depths,
                  "marked before, per million", "new, per million")]
    sys.stdout.write("\n".join(lines) + "\n")
    for name, images in backgrounds:
        for line in _rows(name, images, asked.seed):
            sys.stdout.write(f"{line}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
