"""Two ways to do a thing, measured by turns, so that a noisy machine is noisy for both."""

import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

__all__ = ["LOG", "Comparison", "Report", "Run", "command", "python", "take_turns", "timed"]

LOG = "log.txt"
"""What a command printed, in the folder where it ran."""

_CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Run:
    """Wall time in seconds and peak memory in MiB; no memory where nobody asked for it."""

    seconds: float
    peak: float = 0.0


@dataclass(frozen=True)
class Comparison:
    """Ratios of one figure, one for each round.

    Attributes
    ----------
    what, against : str
        Ours and the other.
    ratios : sequence of float
        Other by ours for times that should be short; what `unit` says otherwise.
    unit : str
        Stands behind the ratio.
    aim : str
        What was to be reached.
    """

    what: str
    against: str
    ratios: Sequence[float]
    unit: str
    aim: str

    @property
    def row(self) -> str:
        """Row of a table in the form of examples/speed: median, and the range in brackets."""
        median, least, most = statistics.median(self.ratios), min(self.ratios), max(self.ratios)
        return (f"| {self.what} | {self.against} | {median:.2f} {self.unit} "
                f"({least:.2f} to {most:.2f}) | {self.aim} |")


@dataclass
class Report:
    """What the benchmarks of a session found, each of them in so many rounds."""

    rounds: int
    comparisons: list[Comparison] = field(default_factory=list)
    phases: list[tuple[str, float]] = field(default_factory=list)

    def sections(self) -> dict[str, list[str]]:
        """Lines to show by title; of nothing, nothing."""
        ratios = ["| what | against | median ratio (range) | aim |", "|---|---|---|---|"]
        ratios += [one.row for one in self.comparisons]
        shares = ["| phase | share |", "|---|---|"]
        total = sum(seconds for _, seconds in self.phases)
        shares += [f"| {name} | {seconds / total:.0%} |" for name, seconds in self.phases]
        found = {"ratios": ratios, "where the time of the whole command goes": shares}
        return {title: lines for title, lines in found.items() if len(lines) > 2}


def take_turns(
    benchmark: "BenchmarkFixture",
    ours: Callable[[], Run],
    other: Callable[[], Run],
    rounds: int,
) -> list[tuple[Run, Run]]:
    """Let the other and ours run by turns, once unmeasured; return (ours, other) of each round."""
    ours_runs: list[Run] = []
    other_runs: list[Run] = []

    def setup() -> None:
        other_runs.append(other())

    def target() -> None:
        ours_runs.append(ours())

    pedantic: Callable[..., None] = benchmark.pedantic
    pedantic(target, setup=setup, rounds=rounds, warmup_rounds=1)
    pairs = list(zip(ours_runs, other_runs, strict=True))[1:]
    benchmark.extra_info["seconds_of_other"] = [other.seconds for _, other in pairs]
    return pairs


def timed(function: Callable[[], Any]) -> Run:
    """Run a function of this process."""
    start = time.perf_counter()
    function()
    return Run(time.perf_counter() - start)


def command(words: Sequence[str], folder: Path) -> Run:
    """Run a command as a process of its own, as a user has it: with compiled modules kept."""
    environment = {name: value for name, value in os.environ.items()
                   if name != "PYTHONDONTWRITEBYTECODE"}
    environment["PYTHONPATH"] = str(_CHECKOUT)  # for tests.bench; the package is there too
    log = folder / LOG
    between = [sys.executable, "-S", str(_CHECKOUT / "tests" / "bench" / "spawn.py"), str(log)]
    output = subprocess.run(
        [*between, *words], cwd=folder, env=environment, check=True, capture_output=True
    ).stdout
    code, seconds, peak = json.loads(output)
    assert code == 0, log.read_text(encoding="utf-8", errors="replace")
    return Run(seconds, peak)


def python(*words: str) -> list[str]:
    """Make a command of this Python."""
    return [sys.executable, *words]
