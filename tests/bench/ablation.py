"""What each part of the local rule is worth: what is found, and what is false, without it.

Run it from a checkout with the extra ``test``; it takes half an hour::

    python -m tests.bench.ablation [PART...]

Each row is over the scenes of `completeness` that have one exposure at each pointing, but that of
heavy tails, which would hide all others: the good pixels in a million that are marked, in the mean
and in the worst scene, and the part that is found of single pixels deeper than 5 times the noise,
in the mean, and of clusters and of columns and rows.
"""

import argparse
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any
from unittest.mock import patch

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.candidates import Candidates
from staticmask_cli.localsky.prediction import Prediction
from staticmask_cli.localsky.tails import Tail
from staticmask_cli.masks.rule import votes_needed
from tests.bench.completeness import ALL_SCENES
from tests.bench.judging import AGREED, LOCAL, AnyScene, Outcome, low_pixels, votes
from tests.bench.tables import head, row
from tests.bench.truth import Truth

__all__ = ["PARTS", "main", "without"]

Image = npt.NDArray[np.float32]
Bits = npt.NDArray[np.bool_]
Indices = npt.NDArray[np.intp]

_SEED, _COUNT = 1, 4
_LEFT_OUT = "heavy tails"
_below, _tail_of = Prediction.below, Tail.of


def _all(candidates: Candidates) -> Bits:
    return np.ones(candidates.rows.size, np.bool_)


def _mark_nothing(*_: object) -> None:
    """Leave the mask as it is."""


def _below_any_prediction(
    self: Prediction, rows: Indices, columns: Indices, static_sig: float
) -> tuple[Bits, Bits]:
    _, flat = _below(self, rows, columns, static_sig)
    return np.ones_like(flat), flat


def _tail_like_the_core(depth: npt.NDArray[np.float64], **_: bool) -> Tail:
    return Tail(float(np.quantile(depth, 1 - 0.0668)) / 1.5, 0.0)  # one sigma, at 1.5 sigma


def _without_growth(depth: npt.NDArray[np.float64], *, flat: bool) -> Tail:
    return Tail(_tail_of(depth, flat=flat).spread, 0.0)


# The parts, and what stands in the place of each.
PARTS: Mapping[str, tuple[str, Any] | None] = {
    "nothing": None,
    "prediction": ("prediction.Prediction.below", _below_any_prediction),
    "surfaces": ("local_sky.below_surface_fit", lambda _, candidates, __: _all(candidates)),
    "neighbours": ("candidates.Candidates.lowest_of_neighbours", lambda self, *_: _all(self)),
    "neighbours at edges": ("candidates._EDGE", 0),
    "steps to saturation": ("candidates._CONTRAST", 0.0),
    "gaps and valleys": ("local_sky.in_valleys", lambda candidates, *_: ~_all(candidates)),
    "short lines": ("local_sky._short_lines", lambda *_: iter(())),
    "sides of short lines": ("local_sky._SOFT", np.inf),
    "columns and rows": ("local_sky.mark_low_lines", _mark_nothing),
    "sides of columns": ("bad_lines._Columns._rim", lambda *_: 0.0),
    "columns in gaps": ("bad_lines._Columns._in_gap", lambda *_: False),
    "columns of the whole chip": ("bad_lines._Columns._scatter_of_chip", 0.0),
    "clusters": ("local_sky.mark_clusters", _mark_nothing),
    "sides of clusters": ("clusters._RIM", np.inf),
    "noise by place": ("noise._excess", lambda patches, _: np.ones(patches.cells)),
    "noise of neighbours": ("patches._correlation", lambda *_: 1.0),
    "noise of photons": ("noise._photon_noise", lambda _, noise: noise),
    "tails": ("tails.Tail.of", _tail_like_the_core),
    "growth of tails": ("tails.Tail.of", _without_growth),
}


def without(part: str) -> AbstractContextManager[object]:
    """Return a context in which the local rule has all parts but one."""
    replaced = PARTS[part]
    if replaced is None:
        return nullcontext()
    target, new = replaced
    return patch(f"staticmask_cli.localsky.{target}", new)


def _exposures(scenes: Mapping[str, AnyScene]) -> Iterator[tuple[str, list[Image], Truth]]:
    """Yield the name of each scene, its exposures and the truth, for each of its chips."""
    for name, scene in scenes.items():
        for chip in range(scene.repeats if name != _LEFT_OUT else 0):
            images, truth = scene.exposures(1000 * chip + _SEED, count=_COUNT)
            if len(set(truth.pointings)) == _COUNT:
                yield name, images, truth


def _outcomes(
    part: str, exposures: Sequence[tuple[str, list[Image], Truth]]
) -> Iterator[list[Outcome]]:
    """Yield the outcomes of all scenes without a part, for each rule."""
    with without(part):
        for rule in (LOCAL, AGREED):
            by_scene: dict[str, Outcome] = {}
            for name, images, truth in exposures:
                masks = [low_pixels(image, rule) for image in images]
                bad = votes(masks, range(_COUNT)) >= votes_needed(rule.agree, _COUNT)
                by_scene.setdefault(name, Outcome()).add(np.asarray(bad), truth)
            yield list(by_scene.values())


def _cells(outcomes: Sequence[Outcome]) -> Iterator[str]:
    """Yield the good pixels in a million, in the mean and at most, and what is found."""
    false = [outcome.per_million for outcome in outcomes]
    yield f"{np.mean(false):.1f}"
    yield f"{max(false):.1f}"
    yield f"{np.nanmean([outcome.deep for outcome in outcomes]):.1%}"
    for found, planted in (
        (sum(outcome.found_by_side.total() for outcome in outcomes),
         sum(outcome.planted_by_side.total() for outcome in outcomes)),
        (sum(outcome.lines_found for outcome in outcomes),
         sum(outcome.lines for outcome in outcomes)),
    ):
        yield f"{found / planted:.1%}" if planted else "-"


def main(words: Sequence[str] | None = None, scenes: Mapping[str, AnyScene] = ALL_SCENES) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.ablation", description=__doc__.split("\n\n", maxsplit=1)[0])
    parser.add_argument("parts", nargs="*", metavar="PART", choices=[[], *PARTS],
                        help=f"of: {', '.join(PARTS)}; default: all")
    asked = parser.parse_args(words)
    titles = ("mean", "worst", "found", "clusters", "lines")
    sys.stdout.write(head("without", *(f"{rule.static_sig:g}, {rule.agree}: {title}"
                                       for rule in (LOCAL, AGREED) for title in titles)) + "\n")
    exposures = list(_exposures(scenes))
    for part in asked.parts or PARTS:
        cells = [cell for outcomes in _outcomes(part, exposures) for cell in _cells(outcomes)]
        sys.stdout.write(row(part, *cells) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
