"""What the rules find in a simulated scene: by depth, number of exposures, cluster and cause.

Each exposure is looked at once with each threshold; the votes are counted here.
"""

import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from staticmask_cli import Signature
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.rule import MaskRule, votes_needed
from tests.bench.truth import Truth, causes

__all__ = [
    "AGREED", "BINS", "DEEP", "EDGES", "GLOBAL", "LOCAL", "RULES", "AnyScene", "Outcome",
    "SceneOutcome", "judge", "low_pixels", "votes",
]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Counts = npt.NDArray[np.int_]

DEEP = 5.0  # the depth in local noise from which a mask must find a pixel
EDGES = (3.0, 4.0, 5.0, 6.0, 8.0, 12.0, np.inf)  # of the bins of depth
BINS = [f"{low:g} to {high:g}" if np.isfinite(high) else f"above {low:g}"
        for low, high in pairwise(EDGES)]
LOCAL, AGREED, GLOBAL = RULES = (
    MaskRule(5.0, "local"), MaskRule(4.0, "local", 2), MaskRule(4.0),
)


class AnyScene(Protocol):
    """What the scenes of both simulators have."""

    @property
    def chip(self) -> tuple[int, int]:
        """The shape of the chip at full scale."""

    @property
    def repeats(self) -> int:
        """The number of chips to look at."""

    def exposures(
        self, seed: int, shape: tuple[int, int] | None = None, count: int = 4
    ) -> tuple[list[Image], Truth]:
        """Simulate exposures, and say which pixels are low in them."""


@dataclass
class Outcome:
    """What a rule found, added up over the chips of a scene.

    Attributes
    ----------
    found, planted : numpy.ndarray of int, shape (bins,)
        The single planted pixels by depth, those in the mask and all.
    false, good : int
        The good pixels in the mask, and all good pixels.
    causes : collections.Counter
        The good pixels in the mask by cause.
    found_by_side, planted_by_side : collections.Counter
        The pixels of clusters by the side of the cluster, those in the mask and all.
    lines_found, lines : int
        The pixels on bad columns and rows, those in the mask and all.
    """

    found: Counts = field(default_factory=lambda: np.zeros(len(EDGES) - 1, int))
    planted: Counts = field(default_factory=lambda: np.zeros(len(EDGES) - 1, int))
    false: int = 0
    good: int = 0
    causes: Counter[str] = field(default_factory=Counter)
    found_by_side: Counter[int] = field(default_factory=Counter)
    planted_by_side: Counter[int] = field(default_factory=Counter)
    lines_found: int = 0
    lines: int = 0

    def add(self, bad: Bits, truth: Truth) -> None:
        """Add a mask of a chip, True = bad."""
        self.found += np.histogram(truth.depth[bad], EDGES)[0]
        self.planted += np.histogram(truth.depth[np.isfinite(truth.depth)], EDGES)[0]
        self.false += int((bad & truth.good).sum())
        self.good += int(truth.good.sum())
        self.causes.update(causes(bad, truth))
        for side in np.unique(truth.sides[truth.sides > 0]).tolist():
            self.found_by_side[side] += int((bad & (truth.sides == side)).sum())
            self.planted_by_side[side] += int((truth.sides == side).sum())
        self.lines_found += int((bad & truth.lines).sum())
        self.lines += int(truth.lines.sum())

    @property
    def completeness(self) -> npt.NDArray[np.float64]:
        """The fraction found of the planted pixels, by depth; NaN where none was planted."""
        with np.errstate(invalid="ignore"):
            return np.asarray(self.found / self.planted)

    @property
    def deep(self) -> float:
        """The fraction found of the planted pixels deeper than `DEEP`; NaN without any."""
        first = EDGES.index(DEEP)
        planted = int(self.planted[first:].sum())
        return float(self.found[first:].sum()) / planted if planted else float("nan")

    @property
    def per_million(self) -> float:
        """The good pixels in the mask, per million."""
        return 1e6 * self.false / max(self.good, 1)


@dataclass
class SceneOutcome:
    """What all rules found in a scene.

    Attributes
    ----------
    by_rule : mapping of (MaskRule, int) to Outcome
        The outcome for each rule and number of exposures.
    seconds : float
        The median of the processor time that the local rule took for a chip.
    slowness : float
        The median of that time relative to the time for a chip of the same shape with nothing
        but noise, which is measured just after each exposure.
    """

    by_rule: dict[tuple[MaskRule, int], Outcome]
    seconds: float
    slowness: float


def judge(
    scene: AnyScene, seed: int, shape: tuple[int, int] | None = None, count: int = 4, *,
    repeats: int | None = None, by_pointing: bool = False,
) -> SceneOutcome:
    """Simulate a scene, try every rule on it, and compare the masks with the truth.

    Parameters
    ----------
    scene : AnyScene
        A scene of either simulator.
    seed : int
        The seed of the first chip; those of the others follow.
    shape : tuple of int, optional
        The shape of the chips, instead of that of the scene.
    count : int
        The number of exposures.
    repeats : int, optional
        The number of chips, instead of that of the scene.
    by_pointing : bool
        Whether the exposures of a pointing vote once together.
    """
    outcomes = {(rule, number): Outcome() for rule in RULES for number in range(1, count + 1)}
    seconds: list[float] = []
    usual_seconds: list[float] = []
    for chip in range(scene.repeats if repeats is None else repeats):
        images, truth = scene.exposures(1000 * chip + seed, shape, count)
        noise = np.random.default_rng(seed).normal(100, 10, truth.depth.shape).astype(np.float32)
        masks: dict[MaskRule, list[Bits]] = {rule: [] for rule in RULES}
        for image in images:
            masks[LOCAL].append(_timed(image, seconds))
            _timed(noise, usual_seconds)
            for rule in (AGREED, GLOBAL):
                masks[rule].append(low_pixels(image, rule))
        groups = truth.pointings if by_pointing else tuple(range(count))
        for (rule, number), outcome in outcomes.items():
            outcome.add(_voted(masks[rule][:number], groups, rule), truth)
    slowness = np.median(np.divide(seconds, usual_seconds))
    return SceneOutcome(outcomes, float(np.median(seconds)), float(slowness))


def low_pixels(image: npt.NDArray[Any], rule: MaskRule) -> Bits:
    """Return the mask of one exposure, True = bad."""
    mask = PartialMask(Signature("SIMULATED", image.shape, 1), MaskRule(rule.static_sig, rule.sky))
    mask.add(image, label="simulated")
    return mask.bad


def votes(masks: Sequence[Bits], groups: Sequence[int]) -> Counts:
    """Count the groups of exposures in which each pixel is bad."""
    by_group: dict[int, Bits] = {}
    for mask, group in zip(masks, groups, strict=False):
        by_group[group] = by_group.get(group, False) | mask
    return np.asarray(np.sum(list(by_group.values()), axis=0, dtype=int))


def _voted(masks: Sequence[Bits], groups: Sequence[int], rule: MaskRule) -> Bits:
    voters = len(set(groups[: len(masks)]))
    return np.asarray(votes(masks, groups) >= votes_needed(rule.agree, voters))


def _timed(image: Image, seconds: list[float]) -> Bits:
    """Return the local mask of an exposure, and append the processor time that it took."""
    start = time.process_time()  # which other programs do not lengthen
    mask = low_pixels(image, LOCAL)
    seconds.append(time.process_time() - start)
    return mask
