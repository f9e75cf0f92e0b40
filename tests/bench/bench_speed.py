"""Speed and memory, each figure against a rival that ran in the same minutes.

With the reference, which must live in an environment of its own::

    python -m pytest tests/bench/bench_speed.py --reference /path/to/its/python

The closing table has ratios, as seconds say little on a machine that is not yours.  Without
``--reference`` its rows are missing; ``--size small`` only shows that everything works.
No time is asserted: what fails here is broken, not slow.
"""

import json
import statistics
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.io.remote import ranges
from staticmask_cli.localsky.local_sky import pixels_below_local_sky
from staticmask_cli.simulate.visit import simulate_visit
from staticmask_cli.stats.clipping import chip_statistics, pixels_below
from tests.bench.baselines import LOG, Comparison, Report, Run, command, python, take_turns, timed
from tests.bench.slow_link import slow_link
from tests.support.oracle import oracle_statistics

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture

_REFERENCE = """
from drizzlepac import staticMask
staticMask.run({"input": "*flt.fits", "output": "final_x", "group": None, "updatewcs": False,
                "STEP 1: STATIC MASK": {"static": True, "static_sig": 4.0}})
"""
_ON_THREADS = {1: "on one thread", 2: "on each of two threads"}
_FASTER, _OF_MEMORY, _OF_TIME = "times faster", "of its memory", "of its time"


def staticmask(visit: Path, folder: Path) -> Run:
    """Make the masks of a visit as a user does; they end in `folder`."""
    words = python("-m", "staticmask_cli", f"{visit}/*flt.fits", "--static-sig", "4")
    run = command(words, folder)
    assert len(list(folder.glob("*_staticMask.fits"))) == 2
    return run


def one_chip(visit: Path) -> npt.NDArray[np.float32]:
    with fits.open(min(visit.glob("*_flt.fits"))) as hdus:
        return np.ascontiguousarray(hdus["SCI", 1].data, dtype=np.float32)


def test_whole_command_against_the_reference(
    benchmark: "BenchmarkFixture", report: Report, visit: Path, tmp_path: Path, reference: str,
) -> None:
    pairs = take_turns(
        benchmark,
        lambda: staticmask(visit, tmp_path),
        lambda: command([reference, "-c", _REFERENCE], visit),
        report.rounds,
    )
    exposures = "4 exposures of 2 chips"
    report.comparisons += [
        Comparison(f"whole command, {exposures}", "drizzlepac's `staticMask.run`",
                   [other.seconds / ours.seconds for ours, other in pairs],
                   _FASTER, "8, better 10"),
        Comparison(f"its peak memory ({statistics.median(ours.peak for ours, _ in pairs):.0f} MiB)",
                   "the same", [ours.peak / other.peak for ours, other in pairs],
                   _OF_MEMORY, "below 0.33, and 250 MB"),
    ]


def test_chip_statistics_against_imagestats(
    benchmark: "BenchmarkFixture", report: Report, visit: Path,
) -> None:
    chip = one_chip(visit)

    def ours() -> npt.NDArray[np.bool_]:
        return pixels_below(chip, chip_statistics(chip).threshold(4.0))

    def theirs() -> npt.NDArray[np.bool_]:
        found = oracle_statistics(chip)
        below: npt.NDArray[np.bool_] = chip < found.mode - 4.0 * found.rms
        return below

    assert np.array_equal(ours(), theirs())
    pairs = take_turns(benchmark, lambda: timed(ours), lambda: timed(theirs), report.rounds)
    report.comparisons.append(Comparison(
        "`chip_statistics` and comparison, one thread", "`stsci.imagestats`, compiled",
        [other.seconds / ours.seconds for ours, other in pairs], _FASTER, "3, better 5",
    ))


def test_sixteen_exposures_against_four(
    benchmark: "BenchmarkFixture", report: Report, visit: Path, long_visit: Path,
    tmp_path: Path,
) -> None:
    pairs = take_turns(
        benchmark,
        lambda: staticmask(long_visit, tmp_path),
        lambda: staticmask(visit, tmp_path),
        report.rounds,
    )
    report.comparisons += [
        Comparison("16 exposures", "4 exposures",
                   [ours.seconds / other.seconds for ours, other in pairs],
                   "times its time", "below 4.4"),
        Comparison("their peak memory", "the same",
                   [ours.peak / other.peak for ours, other in pairs],
                   _OF_MEMORY, "below 1.05"),
    ]


def clipping(paths: list[str], folder: str, jobs: int) -> tuple[float, float]:
    """When reading and clipping began and ended; a function of its own, for other processes."""
    times: list[float] = []
    # In a thread of its own, as one job would else find the memory of the run before.
    with ThreadPoolExecutor(1) as fresh:
        fresh.submit(
            create_masks, paths, output_dir=folder, jobs=jobs,
            progress=lambda _done, _total: times.append(time.perf_counter()),
        ).result()
    return times[0], times[-1]


def test_two_threads_against_one(
    benchmark: "BenchmarkFixture", report: Report, visit: Path, tmp_path: Path,
) -> None:
    """And two processes, of which no one waits for the other: what the machine gives at most."""
    paths = [str(path) for path in sorted(visit.glob("*_flt.fits"))]
    for name in ("1", "2"):
        (tmp_path / name).mkdir()

    def threads(jobs: int) -> Callable[[], Run]:
        def run() -> Run:
            begin, end = clipping(paths, str(tmp_path), jobs)
            return Run(end - begin)
        return run

    with ProcessPoolExecutor(2, mp_context=get_context("spawn")) as pool:

        def processes() -> Run:
            halves = [pool.submit(clipping, half, str(tmp_path / name), 1)
                      for name, half in (("1", paths[::2]), ("2", paths[1::2]))]
            begins, ends = zip(*(half.result() for half in halves), strict=True)
            return Run(max(ends) - min(begins))

        alone: list[Run] = []

        def one_and_two() -> Run:
            alone.append(processes())
            return threads(1)()

        pairs = take_turns(benchmark, threads(2), one_and_two, report.rounds)
    report.comparisons += [
        Comparison("reading and clipping, two threads", "one thread",
                   [other.seconds / ours.seconds for ours, other in pairs], _FASTER, "1.7"),
        Comparison("the same by two processes, each half of it", "one thread",
                   [other.seconds / both.seconds
                    for both, (_, other) in zip(alone[1:], pairs, strict=True)], _FASTER, ""),
    ]


@pytest.mark.parametrize("threads", _ON_THREADS)
def test_local_sky_against_global(
    benchmark: "BenchmarkFixture", report: Report, visit: Path, threads: int,
) -> None:
    chip = one_chip(visit)

    def on_threads(task: Callable[[], object]) -> Callable[[], None]:
        def run() -> None:
            with ThreadPoolExecutor(threads) as pool:
                for future in [pool.submit(task) for _ in range(threads)]:
                    future.result()
        return run

    def global_sky() -> npt.NDArray[np.bool_]:
        return pixels_below(chip, chip_statistics(chip).threshold(4.0))

    def local_sky() -> npt.NDArray[np.bool_]:
        return pixels_below_local_sky(chip, 5.0)[0]

    pairs = take_turns(
        benchmark,
        lambda: timed(on_threads(local_sky)),
        lambda: timed(on_threads(global_sky)),
        report.rounds,
    )
    report.comparisons.append(Comparison(
        f"`sky = local`, a chip {_ON_THREADS[threads]}", "`sky = global`",
        [ours.seconds / other.seconds for ours, other in pairs], "times its time", "below 12",
    ))


def test_help_against_importing_click(
    benchmark: "BenchmarkFixture", report: Report, tmp_path: Path,
) -> None:
    pairs = take_turns(
        benchmark,
        lambda: command(python("-m", "staticmask_cli", "--help"), tmp_path),
        lambda: command(python("-c", "import click"), tmp_path),
        report.rounds,
    )
    report.comparisons.append(Comparison(
        "`staticmask --help`", "`import click`",
        [ours.seconds / other.seconds for ours, other in pairs], _OF_TIME, "below 2",
    ))


def test_a_small_exposure_against_importing_astropy(
    benchmark: "BenchmarkFixture", report: Report, small_visit: Path,
    tmp_path: Path,
) -> None:
    pairs = take_turns(
        benchmark,
        lambda: staticmask(small_visit, tmp_path),
        lambda: command(python("-c", "import numpy, astropy.io.fits"), tmp_path),
        report.rounds,
    )
    report.comparisons.append(Comparison(
        "one small exposure, whole command", "`import numpy, astropy.io.fits`",
        [ours.seconds / other.seconds for ours, other in pairs], _OF_TIME, "below 1.6",
    ))


def test_clipping_against_reading_the_pixels_once(
    benchmark: "BenchmarkFixture", report: Report, visit: Path, tmp_path: Path,
) -> None:
    """The limit: the bytes of all SCI extensions, once, from the page cache, one thread."""
    places = []
    for path in sorted(visit.glob("*_flt.fits")):
        with fits.open(path) as hdus:
            places += [(path, hdus["SCI", n].fileinfo()) for n in (1, 2)]
    buffer = bytearray(max(info["datSpan"] for _, info in places))

    def read() -> None:
        for path, info in places:
            with path.open("rb", buffering=0) as stream:
                stream.seek(info["datLoc"])
                stream.readinto(memoryview(buffer)[: info["datSpan"]])

    pairs = take_turns(
        benchmark, lambda: staticmask(visit, tmp_path), lambda: timed(read), report.rounds
    )
    report.comparisons.append(Comparison(
        "whole command", "reading the pixels once, in one thread",
        [ours.seconds / other.seconds for ours, other in pairs], "times its time", "",
    ))


def test_sixteen_remote_exposures_against_the_link(
    report: Report, pytestconfig: pytest.Config, tmp_path: Path
) -> None:
    """The limit: the bytes over the bandwidth, and six latencies."""
    shape = (1024, 1024) if pytestconfig.getoption("--size") == "full" else (150, 200)
    simulate_visit(str(tmp_path / "visit"), exposures=16, shape=shape)
    names = sorted(path.name for path in (tmp_path / "visit").glob("*_flt.fits"))
    ratios = []
    with slow_link(tmp_path / "visit", latency=0.05, bandwidth=1e8) as link:
        for _ in range(min(report.rounds, 5) + 1):
            ranges._CACHES.clear()  # noqa: SLF001 - as in a new process
            run = timed(lambda: create_masks([f"{link.url}/{name}" for name in names],
                                             output_dir=tmp_path))
            _, sent = link.sent()
            ratios.append(run.seconds / (sent / link.bandwidth + 6 * link.latency))
    report.comparisons.append(Comparison(
        "16 remote exposures, 50 ms latency", "bytes over bandwidth, and 6 latencies",
        ratios[1:], "times that", "below 1.3",
    ))


def test_phases_of_the_whole_command(
    report: Report, visit: Path, tmp_path: Path
) -> None:
    """Where the time goes: the same command, with marks where phases begin."""
    words = python("-m", "tests.bench.phases", f"{visit}/*flt.fits")
    found: dict[str, list[float]] = {}
    for _ in range(report.rounds + 1):
        run = command(words, tmp_path)
        marks = json.loads((tmp_path / LOG).read_text(encoding="utf-8").splitlines()[-1])
        within = {name: float(seconds) for name, seconds in marks}
        whole = {"start and end Python": run.seconds - sum(within.values()), **within}
        for name, seconds in whole.items():
            found.setdefault(name, []).append(seconds)
    report.phases += [(name, statistics.median(times[1:])) for name, times in found.items()]
    assert list(found)[-3:] == ["read and clip", "write and flush masks", "show the table"]
