"""How true the masks are: what each rule finds, and which good pixels it marks, by scene.

Run it from a checkout with the extras ``test`` and ``bench``::

    python -m tests.bench.completeness --plot truth.png

The scenes come from two simulators, `scenes` and `detector_scenes`.  The tables give the planted
pixels that were found, by depth in local noise and by number of exposures; the good pixels in the
masks, per million and by cause; clusters by their side; and the time for a chip, relative to that
for a chip of the same size with nothing but noise.  With ``--background``, pixels are planted in
real exposures instead.
"""

import argparse
import math
import sys
from collections.abc import Iterator, Mapping, Sequence

from staticmask_cli.masks.rule import MaskRule
from tests.bench.backgrounds import background_table
from tests.bench.detector_scenes import DETECTOR_SCENES
from tests.bench.judging import BINS, DEEP, RULES, AnyScene, Outcome, SceneOutcome, judge
from tests.bench.scenes import SCENES
from tests.bench.tables import head, row
from tests.bench.truth import CAUSES

__all__ = ["ALL_SCENES", "main"]

ALL_SCENES: Mapping[str, AnyScene] = {**SCENES, **DETECTOR_SCENES}
_SMALL = (300, 420)  # the largest chip of the small size
_COLUMNS = 6  # of the plot

Results = Mapping[str, SceneOutcome]


def _label(rule: MaskRule) -> str:
    return f"{rule.sky} {rule.static_sig:g}, {rule.agree}"


def _percent(fraction: float) -> str:
    return "-" if math.isnan(fraction) else f"{100 * fraction:.1f}%"


def _by_rule(results: Results, count: int) -> Iterator[tuple[str, MaskRule, Outcome]]:
    for name, result in results.items():
        for rule in RULES:
            yield name, rule, result.by_rule[rule, count]


def _summary(results: Results, count: int) -> Iterator[str]:
    """Yield the table of what is found deeper than `DEEP`, of what is false, and of the times."""
    titles = (f"{_label(rule)}: found | good per million" for rule in RULES)
    yield head(f"{count} exposures; deeper than {DEEP:g}", *titles, "time | relative").replace(
        "|---" * 5 + "|", "|---" * 9 + "|")
    for name, result in results.items():
        outcomes = [result.by_rule[rule, count] for rule in RULES]
        cells = [f"{_percent(outcome.deep)} | {outcome.per_million:.1f}" for outcome in outcomes]
        yield row(name, *cells, f"{result.seconds:.2f} s | {result.slowness:.1f}")
    for name, rule, outcome in _by_rule(results, count):
        if outcome.lines:
            share = outcome.lines_found / outcome.lines
            yield f"{name}, {_label(rule)}: {share:.1%} of the bad lines found"


def _by_depth(results: Results, count: int) -> Iterator[str]:
    yield head("found by depth in noise", *BINS)
    for name, rule, outcome in _by_rule(results, count):
        yield row(f"{name}: {_label(rule)}", *map(_percent, outcome.completeness))


def _by_number(results: Results, count: int) -> Iterator[str]:
    numbers = range(1, count + 1)
    yield head("found, good per million, by number of exposures", *numbers)
    for name, result in results.items():
        for rule in RULES:
            outcomes = [result.by_rule[rule, number] for number in numbers]
            yield row(f"{name}: {_label(rule)}", *(
                f"{_percent(outcome.deep)}, {outcome.per_million:.1f}" for outcome in outcomes))


def _by_cause(results: Results, count: int) -> Iterator[str]:
    yield head("good pixels in the mask by cause, per million", *CAUSES)
    for name, rule, outcome in _by_rule(results, count):
        if outcome.false:
            yield row(f"{name}: {_label(rule)}", *(
                f"{1e6 * outcome.causes[cause] / outcome.good:.1f}" for cause in CAUSES))
    for rule in RULES:
        outcomes = [result.by_rule[rule, count] for result in results.values()]
        good = sum(outcome.good for outcome in outcomes)
        yield row(f"all: {_label(rule)}", *(
            f"{1e6 * sum(outcome.causes[cause] for outcome in outcomes) / good:.1f}"
            for cause in CAUSES))


def _by_side(results: Results, count: int) -> Iterator[str]:
    sides = sorted({side for _, _, outcome in _by_rule(results, count)
                    for side in outcome.planted_by_side})
    if sides:
        yield head("pixels of clusters found by side", *(f"{side} x {side}" for side in sides))
    for name, rule, outcome in _by_rule(results, count):
        if outcome.planted_by_side:
            yield row(f"{name}: {_label(rule)}", *(
                _percent(outcome.found_by_side[side] / outcome.planted_by_side[side])
                for side in sides))


def _plot(results: Results, count: int, path: str) -> None:
    """Draw what is found by depth, and say what is false, for every scene and rule."""
    from matplotlib.figure import Figure  # noqa: PLC0415 - only here, and not always there

    columns = min(len(results), _COLUMNS)
    rows = -(-len(results) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.8 * rows), layout="constrained")
    axes = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for name, axis in zip(results, axes.flat, strict=False):
        for rule in RULES:
            outcome = results[name].by_rule[rule, count]
            axis.plot(range(len(BINS)), outcome.completeness, "o-", ms=3,
                      label=f"{_label(rule)}: {outcome.per_million:.0f} in a million")
        axis.set_title(name)
        axis.set_xticks(range(len(BINS)), labels=BINS, rotation=60, fontsize=7)
        axis.legend(fontsize=6, loc="lower right")
    figure.supylabel("found of the planted pixels")
    figure.supxlabel("depth in local noise")
    figure.savefig(path, dpi=100)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench.completeness", description=__doc__.split("\n\n", maxsplit=1)[0],
        epilog=f"The scenes: {'; '.join(ALL_SCENES)}.",
    )
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help="default: all scenes")
    parser.add_argument("--seed", type=int, default=1, help="default: 1")
    parser.add_argument("--exposures", type=int, default=4, metavar="N", help="default: 4")
    parser.add_argument("--size", choices=["full", "small"], default="full",
                        help="small: one chip of each scene, at most 300 x 420 pixels")
    parser.add_argument("--by-pointing", action="store_true",
                        help="let the exposures of a pointing vote once together")
    parser.add_argument("--background", nargs="+", metavar="FILE", default=[],
                        help="plant pixels in the images of these FITS files instead")
    parser.add_argument("--plot", metavar="FILE", help="needs matplotlib, as in the extra bench")
    return parser


def main(words: Sequence[str] | None = None) -> None:
    """Print the tables, and draw the plot if that is asked for."""
    parser = _parser()
    asked = parser.parse_args(words)
    unknown = [name for name in asked.scenes if name not in ALL_SCENES]
    if unknown:
        parser.error(f"no such scene: {', '.join(unknown)}; there are {', '.join(ALL_SCENES)}")
    if asked.background:
        for line in background_table(asked.background, asked.seed):
            sys.stdout.write(f"{line}\n")
        return
    results = {}
    for name in asked.scenes or ALL_SCENES:
        scene, small = ALL_SCENES[name], asked.size == "small"
        shape = (min(scene.chip[0], _SMALL[0]), min(scene.chip[1], _SMALL[1])) if small else None
        results[name] = judge(scene, asked.seed, shape, asked.exposures,
                              repeats=1 if small else None, by_pointing=asked.by_pointing)
        sys.stderr.write(f"{name}\n")
    for table in (_summary, _by_depth, _by_number, _by_cause, _by_side):
        for line in table(results, asked.exposures):
            sys.stdout.write(f"{line}\n")
    if asked.plot:
        _plot(results, asked.exposures, asked.plot)


if __name__ == "__main__":
    main()
