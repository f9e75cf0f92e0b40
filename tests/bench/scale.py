"""What a run costs on a cluster: tasks, traffic, memory of client and scheduler, time.

It starts a scheduler and workers of Dask as processes of this machine, and runs the command on
more and more exposures.  From a checkout with the extra ``test``::

    python -m tests.bench.scale --exposures 2000 20000
"""

import argparse
import os
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from distributed import Client
from distributed.diagnostics.plugin import SchedulerPlugin

from staticmask_cli.simulate.visit import simulate_visit
from tests.bench.baselines import Run, command, python
from tests.support.dask_cluster import running_cluster
from tests.support.exposures import digest

__all__ = ["main"]


class Counting(SchedulerPlugin):  # type: ignore[misc]
    """Counts, on the scheduler, the tasks that were done."""

    name = "staticmask-count"

    def __init__(self) -> None:
        self.done: Counter[str] = Counter()

    def transition(
        self, key: Any, start: str, finish: str, *_: Any, **__: Any  # noqa: ANN401
    ) -> None:
        """Be told of a task."""
        if (start, finish) == ("processing", "memory"):
            self.done[str(key).rpartition("-")[0].partition("-")[0]] += 1


@dataclass(frozen=True)
class Row:
    """What one run cost; memory in MiB, traffic in bytes."""

    exposures: int
    alone: Run
    cluster: Run
    scheduler: float
    worker: float
    tasks: Counter[str]
    traffic: int

    def __str__(self) -> str:
        clipping, combining = self.tasks["clip_batch"], self.tasks["combine"]
        return (f"| {self.exposures} | {self.alone.seconds:.1f} s | {self.cluster.seconds:.1f} s "
                f"| {self.alone.peak:.0f} MiB | {self.cluster.peak:.0f} MiB "
                f"| {self.scheduler:.0f} MiB | {self.worker:.0f} MiB "
                f"| {self.tasks['_look_at_many']} + {clipping} + {combining} "
                f"| {self.traffic / 1e6:.1f} MB |")


HEADINGS = ("exposures", "alone", "cluster", "memory alone", "of the client", "of the scheduler",
            "of a worker", "tasks: headers + batches + combining", "bytes on loopback")


def main(words: Sequence[str]) -> None:
    """Print a row for each number of exposures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--exposures", type=int, nargs="+", default=[2000, 20000])
    parser.add_argument("--shape", type=int, nargs=2, default=(48, 64), metavar=("NY", "NX"))
    parser.add_argument("--patterns", type=int, default=40,
                        help="different exposures; the others are copies under names of their own")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args(words)
    sys.stdout.write(f"| {' | '.join(HEADINGS)} |\n|{'---|' * len(HEADINGS)}\n")
    os.environ["SOURCE_DATE_EPOCH"] = "0"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        patterns = [Path(path) for path in simulate_visit(
            str(folder / "patterns"), exposures=options.patterns, shape=tuple(options.shape)
        ).paths]
        for count in options.exposures:
            sys.stdout.write(f"{row(patterns, count, options.workers, folder / str(count))}\n")
            sys.stdout.flush()


def row(patterns: Sequence[Path], count: int, workers: int, folder: Path) -> Row:
    """Make masks of so many exposures, alone and on a cluster of its own."""
    visit, alone, together = (folder / name for name in ("visit", "alone", "together"))
    for path in (visit, alone, together):
        path.mkdir(parents=True)
    for number in range(count):
        pattern, rootname = patterns[number % len(patterns)], f"j{number:07}q"
        # A copy under the same ROOTNAME would be refused, as the same exposure twice.
        content = pattern.read_bytes().replace(pattern.name[:9].encode(), rootname.encode())
        (visit / f"{rootname}_flt.fits").write_bytes(content)
    run = python("-m", "staticmask_cli", f"{visit}/*flt.fits", "-q")
    by_itself = command(run, alone)
    with running_cluster(folder / "cluster", workers) as cluster:
        with Client(cluster.address, set_as_default=False) as client:
            client.wait_for_workers(workers)
            client.register_plugin(Counting())
        before = _bytes_on_loopback()
        clustered = command([*run, "--scheduler", cluster.address], together)
        traffic = _bytes_on_loopback() - before
        with Client(cluster.address, set_as_default=False) as client:
            tasks: Counter[str] = client.run_on_scheduler(
                lambda dask_scheduler: dask_scheduler.plugins[Counting.name].done
            )
        peaks = [_peak(process.pid) for process in cluster.processes]
    for mask in alone.glob("*.fits"):
        assert digest(mask) == digest(together / mask.name)
    shutil.rmtree(visit)
    return Row(count, by_itself, clustered, peaks[0], max(peaks[1:]), tasks, traffic)


def _peak(process: int) -> float:
    """Peak memory of a process that is alive, in MiB."""
    status = Path(f"/proc/{process}/status").read_text(encoding="utf-8")
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _bytes_on_loopback() -> int:
    """Bytes that went over loopback since the machine started, by whomever."""
    lines = Path("/proc/net/dev").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.split()[0] == "lo:")


if __name__ == "__main__":
    main(sys.argv[1:])
