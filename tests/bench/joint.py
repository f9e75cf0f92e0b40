"""How shallow the defects are that many exposures show together: joint evidence and its rivals.

Run it from a checkout with the extras ``test`` and ``bench``::

    python -m tests.bench.joint --plot roc.png

The tables give the depth, in noise of one exposure, at which 50% and 90% of the planted single
pixels are found, and in brackets the good pixels that are marked, per million.  The first is of
``agree = joint``, of votes and of `rivals`, with each exposure at a pointing of its own; the
evidence is also shown with a threshold that is tuned as those of the rivals are.  The others are of
the evidence without votes: for exposures that share their pointings, for unequal exposure times,
and for static patterns of detectors.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli import Signature
from staticmask_cli.localsky.differences import pixel_noise
from staticmask_cli.localsky.evidence import gain_of, scores_of_chip
from staticmask_cli.masks.evidence import Evidence
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import LEAST_DEPTH, MaskRule
from tests.bench.detector_scenes import DETECTOR_SCENES, DetectorScene
from tests.bench.patterns import PATTERNS
from tests.bench.rivals import (
    ALLOWED,
    best_votes,
    curve,
    depth_found,
    found_between,
    low_in_maximum,
    low_in_median,
    oracle,
    per_million,
    tuned,
)
from tests.bench.scenes import SCENES, Defects, Scene
from tests.bench.tables import head, row
from tests.bench.truth import Truth

__all__ = ["main"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Numbers = npt.NDArray[Any]
Exposures = tuple[list[Image], Truth]
_STATIC_SIG = 4.5
_RULE = MaskRule(_STATIC_SIG, "local", "joint")
_COLUMNS = 4  # of the plot
_MANY = 16  # exposures, of all tables but the first
_DENSITY = 1 / 250  # planted pixels
_DEPTHS = (0.3, 6.0)  # of these pixels, in noise of one exposure
_FRACTIONS = (1.5, 30.0)  # the same depths for fractions of the light, in fortieths
_FULL, _SMALL = (700, 900), (200, 280)  # the largest chips
_LONG = 4  # exposures of full time; the others have an eighth of the light
_TIMES = (1.0,) * _LONG + (1 / 8,) * (_MANY - _LONG)
_RANGE = (5.0, 6.0)  # depths for the plot, in noise of the mean of all exposures
_SIGMAS = np.arange(3.0, 8.1, 0.5)  # of the median image, in the plot
AnyScene = Scene | DetectorScene
_SPARSE = SCENES["sparse"]
_ROWS: dict[str, tuple[AnyScene, int]] = {
    **{f"sparse {count}": (_SPARSE, count) for count in (4, 16, 64)},
    **{name: (SCENES[name], _MANY) for name in ("crowded", "nebula")},
    **{name: (DETECTOR_SCENES[name], _MANY) for name in ("Orion", "edge-on", "globular")},
}
_POINTINGS = (1, 2, 4, 8, 16)
_SHARED = ("crowded", "Orion", "globular")  # scenes of the table of pointings
_UNEQUAL = "exposure times"
_NAMES = (*_ROWS, _UNEQUAL, *PATTERNS)


@dataclass(frozen=True)
class _Size:
    """What all simulations of a run have in common.

    Attributes
    ----------
    seed : int
        The seed.
    largest : tuple of int
        The largest shape of a chip.
    """

    seed: int
    largest: tuple[int, int]

    def exposures(
        self, scene: AnyScene, count: int = _MANY, depths: tuple[float, float] = _DEPTHS
    ) -> Exposures:
        """Simulate a scene with single pixels of these depths."""
        if isinstance(scene, DetectorScene):
            scene = replace(scene, depths=depths, density=_DENSITY)
        else:
            number = round(_DENSITY * math.prod(scene.chip))
            scene = replace(scene, defects=replace(scene.defects, count=number, depths=depths))
        shape = (min(scene.chip[0], self.largest[0]), min(scene.chip[1], self.largest[1]))
        return scene.exposures(self.seed, shape, count)


@dataclass
class _Found:
    """What a row of the first table shows, and what the plot draws of it.

    Attributes
    ----------
    exposures : int
        The number of exposures.
    cells : mapping of str to str
        The cells of the table by method.
    depths : tuple of two floats
        The depths of the pixels in the curves.
    curves : mapping of str to tuple of two numpy.ndarray
        The good pixels per million and the fraction found, by method.
    point : tuple of two floats
        The same of the evidence at the threshold of the tables.
    """

    exposures: int
    cells: dict[str, str]
    depths: tuple[float, float]
    curves: dict[str, tuple[Numbers, Numbers]] = field(default_factory=dict)
    point: tuple[float, float] = (math.nan, math.nan)


def _cell(bad: Bits, truth: Truth) -> str:
    """Return the depths at which 50% and 90% are found, and the good pixels per million."""
    depths = [depth_found(bad, truth, level) for level in (0.5, 0.9)]
    half, most = (f"{depth:.2f}" if math.isfinite(depth) else "-" for depth in depths)
    return f"{half}, {most} ({per_million(bad, truth):.0f})"


def _evidence(images: Sequence[Image]) -> Evidence:
    """Return the evidence of exposures."""
    evidence = Evidence((images[0].shape[0], images[0].shape[1]))
    for image in images:
        gain = gain_of(float(np.median(image)), pixel_noise(image))
        evidence.add(scores_of_chip(image, gain))
    return evidence


def _find(images: Sequence[Image], truth: Truth, *, with_curves: bool) -> _Found:
    """Try all methods on the exposures of a scene."""
    mask = PartialMask(Signature("SIMULATED", images[0].shape, 1),
                       _RULE)
    for image in images:
        mask.add(image, label="simulated")
    votes, evidence = mask.votes, mask.evidence
    assert votes is not None
    assert evidence is not None
    is_harmful = evidence.depth > LEAST_DEPTH
    statistics = {
        "evidence, tuned": np.where(is_harmful, evidence.significance, -np.inf),
        "best votes": best_votes(images, truth), "minimum image": low_in_maximum(images),
        "oracle": oracle(images, truth),
    }
    masks = {
        "joint": mask.bad, "local 5, agree 2": votes >= 2, "local 5, any": votes >= 1,
        "median image, local 5": low_in_median(images, _STATIC_SIG),
        **{name: tuned(statistic, truth) for name, statistic in statistics.items()},
    }
    low, high = (sigma / math.sqrt(len(images)) for sigma in _RANGE)
    cells = {name: _cell(bad, truth) for name, bad in masks.items()}
    found = _Found(len(images), cells, (low, high))
    if with_curves:
        found.curves = {name: curve(statistic, truth, found.depths)
                        for name, statistic in statistics.items()}
        medians = [low_in_median(images, sigma) for sigma in _SIGMAS]
        found.curves["median image"] = (
            np.array([per_million(bad, truth) for bad in medians]),
            np.array([found_between(bad, truth, found.depths) for bad in medians]))
        joint = evidence.low(_RULE)
        found.point = per_million(joint, truth), found_between(joint, truth, found.depths)
    return found


def _by_scene(found: dict[str, _Found]) -> Iterator[str]:
    """Yield the table of joint evidence, votes and rivals."""
    if found:
        yield head("50%, 90% (good per million)", *next(iter(found.values())).cells)
    for name, result in found.items():
        title = f"{name.split(' ')[0]}, {result.exposures} exposures"
        yield row(title, *result.cells.values())


def _by_pointings(names: Sequence[str], size: _Size) -> Iterator[str]:
    """Yield the table of the good pixels that the evidence marks, by number of pointings."""
    if names:
        yield head(f"{_MANY} exposures, good per million by number of pointings", *_POINTINGS)
    for name in names:
        cells = []
        for pointings in _POINTINGS:
            scene = replace(_ROWS[name][0], per_pointing=_MANY // pointings)
            images, truth = size.exposures(scene)
            cells.append(f"{per_million(_evidence(images).low(_RULE), truth):.0f}")
            _progress(f"{name}, {pointings} pointings")
        yield row(name, *cells)


def _by_times(size: _Size) -> Iterator[str]:
    """Yield the table of unequal exposure times, with depths in noise of the long exposures."""
    scene = replace(_SPARSE, times=_TIMES, defects=Defects(kind="factor"))
    images, all_truth = size.exposures(scene, _MANY, _FRACTIONS)
    long_images, truth = size.exposures(scene, _LONG, _FRACTIONS)  # the first of the same images
    weights = [float(np.median(sky) / np.median(noise))
               for sky, noise in zip(all_truth.skies, all_truth.noises, strict=True)]
    yield head("defects that lose a part of the light", "joint", "oracle")
    for title, some, best in (
        (f"{_LONG} long exposures", long_images, oracle(long_images, truth)),
        (f"and {_MANY - _LONG} of an eighth", images, oracle(images, all_truth, weights)),
    ):
        joint = _evidence(some).low(_RULE)
        yield row(title, _cell(joint, truth), _cell(tuned(best, truth), truth))
    _progress(_UNEQUAL)


def _by_pattern(names: Sequence[str], size: _Size) -> Iterator[str]:
    """Yield the table of static patterns."""
    if names:
        yield head(f"sparse, {_MANY} exposures", "evidence")
    for name in names:
        images, truth = size.exposures(PATTERNS[name])
        yield row(name, _cell(_evidence(images).low(_RULE), truth))
        _progress(name)


def _progress(name: str) -> None:
    sys.stderr.write(f"{name}\n")


def _plot(found: dict[str, _Found], path: str) -> None:
    """Draw what each method finds as its threshold runs."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only for the plot

    rows = -(-len(found) // _COLUMNS)
    figure = Figure(figsize=(4.5 * min(len(found), _COLUMNS), 4 * rows), layout="constrained")
    axes = figure.subplots(rows, min(len(found), _COLUMNS), squeeze=False, sharey=True)
    for axis in axes.flat[len(found):]:
        axis.set_axis_off()
    for (name, result), axis in zip(found.items(), axes.flat, strict=False):
        for method, (false, share) in result.curves.items():
            axis.plot(false, share, label=method.removesuffix(", tuned"))
        axis.plot(*result.point, "ko", label=f"evidence at {_STATIC_SIG:g}")
        axis.axvline(ALLOWED, color="0.8", zorder=0)
        axis.set(xscale="symlog", xlim=(0, 1e4), ylim=(0, 1.02),
                 title="{}: {:.2f} to {:.2f} sigma".format(name, *result.depths))
    axes.flat[0].legend(fontsize=8)
    figure.supxlabel("good pixels marked, per million")
    figure.supylabel("found of the planted pixels")
    figure.savefig(path, dpi=100)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.joint", description=__doc__.split("\n\n", maxsplit=1)[0],
        epilog=f"The scenes: {'; '.join(_NAMES)}.",
    )
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="default: all scenes")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--size", choices=["full", "small"], default="full",
                        help="small: chips of {} x {} pixels".format(*_SMALL))
    parser.add_argument("--plot", metavar="FILE", help="needs matplotlib, as in the extra bench")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables, and draw the plot if that is asked for."""
    parser = _parser()
    asked = parser.parse_args(words)
    names = asked.scenes or _NAMES
    unknown = [name for name in names if name not in _NAMES]
    if unknown:
        parser.error(f"no such scene: {', '.join(unknown)}; there are {', '.join(_NAMES)}")
    size = _Size(asked.seed, _SMALL if asked.size == "small" else _FULL)
    found: dict[str, _Found] = {}
    for name in filter(_ROWS.__contains__, names):
        scene, count = _ROWS[name]
        found[name] = _find(*size.exposures(scene, count), with_curves=bool(asked.plot))
        _progress(name)
    tables = (
        _by_scene(found), _by_pointings([name for name in _SHARED if name in names], size),
        _by_times(size) if _UNEQUAL in names else (),
        _by_pattern([name for name in PATTERNS if name in names], size),
    )
    for line in chain(*tables):
        sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    if asked.plot:
        _plot(found, asked.plot)


if __name__ == "__main__":
    main()
