"""How true the masks are: completeness and purity by depth, for each rule and scene.

Run it from a checkout with the extras ``test`` and ``bench``::

    python -m tests.bench.completeness --plot truth.png
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from staticmask_cli import Signature
from staticmask_cli.localsky.median import REACH, median_filter
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule
from tests.bench.scenes import SCENES, Scene, Truth

__all__ = ["DEEP", "RULES", "Outcome", "main", "outcomes"]

Bits = npt.NDArray[np.bool_]
Doubles = npt.NDArray[np.float64]

DEEP = 5.0  # local noise; what a mask must find
_EDGES = np.array([3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 15.0, 40.0])  # of bins of depth
_SIZES = {"full": (1024, 1200), "small": (300, 420)}


RULES = (
    MaskRule(4.0), MaskRule(5.0, "local"), MaskRule(5.0, "local", 2), MaskRule(5.0, "local", "all"),
)


@dataclass(frozen=True)
class Outcome:
    """What a rule found in a scene.

    Attributes
    ----------
    found, planted : numpy.ndarray of int, shape (bins,)
        Planted pixels by depth.
    false : numpy.ndarray of int, shape (bins,)
        Others in the mask, by how deep they seem to lie; in the end bins what lies beyond.
    deep : float
        Share of the planted pixels found that are deeper than `DEEP`.
    wrong : float
        Others in the mask, of all pixels.
    lines : float
        Share found of the pixels on bad columns and rows; NaN without any.
    """

    found: Doubles
    planted: Doubles
    false: Doubles
    deep: float
    wrong: float
    lines: float

    @property
    def completeness(self) -> Doubles:
        """Found of the planted pixels, by depth; NaN where none was planted."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.found / self.planted)

    @property
    def purity(self) -> Doubles:
        """Planted of the pixels found, by depth; NaN where none was found."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.found / (self.found + self.false))


def outcomes(scene: Scene, seed: int, shape: tuple[int, int]) -> dict[MaskRule, Outcome]:
    """Simulate a scene once and try every rule on it."""
    density = scene.defects.count / (_SIZES["full"][0] * _SIZES["full"][1])
    images, truth = scene.exposures(seed, shape, defects=round(density * shape[0] * shape[1]))
    seeming = np.max([_seeming_depth(image, scene) for image in images], axis=0)
    found = {}
    for rule in RULES:
        mask = PartialMask(Signature("SIMULATED", shape, 1), rule)
        for number, image in enumerate(images):
            mask.add(image, label=f"{number}")
        found[rule] = _judge(mask.bad, truth, seeming)
    return found


def _judge(bad: Bits, truth: Truth, seeming: Doubles) -> Outcome:
    false = bad & ~truth.planted
    deep = truth.depth > DEEP  # which NaN is not
    return Outcome(
        np.histogram(truth.depth[bad & ~truth.lines], _EDGES)[0].astype(float),
        np.histogram(truth.depth[~truth.lines], _EDGES)[0].astype(float),
        np.histogram(seeming[false].clip(_EDGES[0], _EDGES[-1]), _EDGES)[0].astype(float),
        float(bad[deep].mean()), float(false.mean()),
        float(bad[truth.lines].mean()) if truth.lines.any() else float("nan"),
    )


def _seeming_depth(image: npt.NDArray[np.float32], scene: Scene) -> Doubles:
    """How deep pixels seem to lie below those around, in the noise of that level."""
    electrons = image * np.float32(scene.gain)
    padded = np.pad(electrons, REACH, mode="reflect")
    sky = median_filter(padded)
    noise = np.sqrt(np.maximum(sky, 1.0) + scene.read_noise**2)
    return np.asarray((sky - electrons) / noise, dtype=np.float64)


def _label(rule: MaskRule) -> str:
    return f"{rule.sky} {rule.static_sig:g}, {rule.agree}"


def _summary(results: Mapping[str, Mapping[MaskRule, Outcome]]) -> Iterator[str]:
    """Yield the table of the README: deep pixels found, and others, by scene and rule."""
    yield "| scene | " + " | ".join(f"{_label(rule)}: found | false" for rule in RULES) + " |"
    yield "|---" * (1 + 2 * len(RULES)) + "|"
    for name, by_rule in results.items():
        cells = [f"{100 * by_rule[rule].deep:.1f}% | {100 * by_rule[rule].wrong:.4f}%"
                 for rule in RULES]
        yield f"| {name} | " + " | ".join(cells) + " |"
    for name, by_rule in results.items():
        for rule in RULES:
            if np.isfinite(by_rule[rule].lines):
                yield f"{name}, {_label(rule)}: {by_rule[rule].lines:.1%} of the bad lines found"


def _by_depth(results: Mapping[str, Mapping[MaskRule, Outcome]]) -> Iterator[str]:
    """Yield completeness and purity by depth, for every scene and rule."""
    bins = [f"{low:g} to {high:g}" for low, high in pairwise(_EDGES)]
    for title in ("completeness", "purity"):
        yield f"\n| {title} by depth in noise | " + " | ".join(bins) + " |"
        yield "|---" * (1 + len(bins)) + "|"
        for name, by_rule in results.items():
            for rule in RULES:
                values = getattr(by_rule[rule], title)
                cells = ["-" if np.isnan(value) else f"{100 * value:.1f}%" for value in values]
                yield f"| {name}: {_label(rule)} | " + " | ".join(cells) + " |"


def _plot(results: Mapping[str, Mapping[MaskRule, Outcome]], path: str) -> None:
    from matplotlib.figure import Figure  # noqa: PLC0415 - only here, and not always there

    figure = Figure(figsize=(3.2 * len(results), 5.5), layout="constrained")
    axes = figure.subplots(2, len(results), sharex=True, sharey=True, squeeze=False)
    middle = np.sqrt(_EDGES[:-1] * _EDGES[1:])
    for column, (name, by_rule) in enumerate(results.items()):
        axes[0, column].set_title(name)
        axes[1, column].set_xlabel("depth in local noise")
        for rule in RULES:
            for row, title in enumerate(("completeness", "purity")):
                axes[row, column].plot(middle, getattr(by_rule[rule], title), "o-", ms=3,
                                       label=_label(rule))
                axes[row, 0].set_ylabel(title)
    axes[0, 0].set_xscale("log")
    axes[0, 0].set_xticks([3, 5, 10, 20, 40], labels=["3", "5", "10", "20", "40"])
    axes[0, 0].set_xticks([], minor=True)
    axes[0, 0].legend(fontsize=7, loc="lower right")
    figure.savefig(path, dpi=100)


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables, and draw the plot if that is asked for."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench.completeness")
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=f"of {', '.join(SCENES)}")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--size", choices=list(_SIZES), default="full")
    parser.add_argument("--plot", metavar="FILE", help="needs matplotlib, as in the extra bench")
    asked = parser.parse_args(words)
    unknown = [name for name in asked.scenes if name not in SCENES]
    if unknown:
        parser.error(f"no such scene: {', '.join(unknown)}; there are {', '.join(SCENES)}")
    results = {
        name: outcomes(SCENES[name], asked.seed, _SIZES[asked.size])
        for name in asked.scenes or SCENES
    }
    for line in (*_summary(results), *_by_depth(results)):
        sys.stdout.write(f"{line}\n")
    if asked.plot:
        _plot(results, asked.plot)


if __name__ == "__main__":
    main()
