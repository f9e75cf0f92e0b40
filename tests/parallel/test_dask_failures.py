"""Clusters of processes that a user starts: what happens when some of them are killed.

Only the first of these tests runs by default; STATICMASK_FAULTS=1 runs them all:

    STATICMASK_FAULTS=1 python -m pytest tests/parallel/test_dask_failures.py
"""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from staticmask_cli import create_masks
from staticmask_cli.errors import ClusterError
from staticmask_cli.parallel import dask_cluster
from staticmask_cli.pipeline import batches
from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.dask_cluster import Cluster, running_cluster, wait_for
from tests.support.exposures import digest
from tests.support.process import process_environment

distributed = pytest.importorskip("distributed")
thorough = pytest.mark.skipif(
    not os.environ.get("STATICMASK_FAULTS"), reason="takes a minute: STATICMASK_FAULTS=1"
)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    """Start a scheduler and two workers."""
    with running_cluster(tmp_path / "cluster") as cluster:
        yield cluster


@pytest.fixture
def visit(tmp_path: Path) -> Visit:
    return simulate_visit(str(tmp_path / "visit"), exposures=16, shape=(60, 90))


@pytest.fixture
def expected(visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Make the masks without a cluster; return the digest of each."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setattr(batches, "_LARGEST_BATCH", 2)
    return made(visit, tmp_path / "alone", scheduler=None)


def made(
    visit: Visit, folder: Path, *, scheduler: str | None,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, str]:
    """Make the masks of a visit; return the digest of each."""
    masks = create_masks(
        visit.paths, final_bits=0, output_dir=folder, scheduler=scheduler, progress=progress
    )
    return {os.path.basename(str(mask.path)): digest(Path(str(mask.path))) for mask in masks}


def half_way(act: Callable[[], object]) -> Callable[[int, int], None]:
    """Return a progress function that calls `act` once, in the middle of a run."""
    acted: list[object] = []

    def progress(done: int, total: int) -> None:
        if done >= total // 2 and not acted:
            acted.append(act())

    return progress


def test_a_worker_that_is_killed_half_way_costs_no_mask(
    cluster: Cluster, visit: Visit, expected: dict[str, str], tmp_path: Path
) -> None:
    lost = cluster.workers[0]
    wait_for_workers(cluster, 2)
    assert made(visit, tmp_path / "masks", scheduler=cluster.address,
                progress=half_way(lost.kill)) == expected
    assert lost.wait(10) == -signal.SIGKILL
    # The other worker still works, also for a new run.
    assert made(visit, tmp_path / "again", scheduler=cluster.address) == expected


def wait_for_workers(cluster: Cluster, count: int) -> None:
    with distributed.Client(cluster.address, set_as_default=False) as client:
        client.wait_for_workers(count, timeout=60)


@thorough
def test_a_run_whose_workers_are_all_killed_waits_for_some_time_and_ends_with_one_line(
    cluster: Cluster, visit: Visit, tmp_path: Path, caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STATICMASK_CLUSTER_WAIT", "6")
    monkeypatch.setattr(batches, "_LARGEST_BATCH", 2)
    wait_for_workers(cluster, 2)

    def kill_all() -> None:
        for worker in cluster.workers:
            worker.kill()

    start = time.monotonic()
    with pytest.raises(ClusterError, match=f"^{cluster.address}: all workers were lost .* 6 s"):
        made(visit, tmp_path / "out", scheduler=cluster.address, progress=half_way(kill_all))
    assert time.monotonic() - start < 60
    assert not (tmp_path / "out").exists()
    assert [record.getMessage() for record in caplog.records] == [
        "the scheduler has no workers; waiting for some, up to 6 s"]


@thorough
def test_a_run_waits_for_the_first_worker(
    visit: Visit, expected: dict[str, str], tmp_path: Path
) -> None:
    with running_cluster(tmp_path / "empty", workers=0) as cluster:
        def progress(done: int, _total: int) -> None:
            if done == 0:
                cluster.start_worker()

        assert made(visit, tmp_path / "masks", scheduler=cluster.address,
                    progress=progress) == expected


@thorough
def test_a_run_whose_scheduler_is_killed_half_way_ends_with_one_line(
    cluster: Cluster, visit: Visit, expected: dict[str, str], tmp_path: Path,
    capfd: pytest.CaptureFixture[str]
) -> None:
    assert expected
    start = time.monotonic()
    with pytest.raises(ClusterError, match=rf"^{cluster.address}: the scheduler was lost during"):
        made(visit, tmp_path / "out", scheduler=cluster.address,
             progress=half_way(cluster.scheduler.kill))
    assert time.monotonic() - start < 60
    assert not (tmp_path / "out").exists()
    assert capfd.readouterr().err == ""


def die(_: int) -> int:
    os._exit(9)


@thorough
def test_chips_that_kill_every_worker_end_the_run_with_one_line() -> None:
    with pytest.raises(ClusterError, match=r"^local: \d workers died at the same chips"):
        die_locally()


def die_locally() -> None:
    with dask_cluster.connected_executor("local", jobs=2) as executor:
        assert executor is not None
        executor.submit(die, 1).result(120)


@thorough
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
@pytest.mark.parametrize("where", ["local", "by hand"])
def test_an_interrupted_run_ends_soon_with_one_line(
    where: str, number: signal.Signals, code: int, cluster: Cluster, tmp_path: Path
) -> None:
    simulate_visit(str(tmp_path / "visit"), exposures=16, shape=(1500, 2200))
    process = subprocess.Popen(
        [sys.executable, "-m", "staticmask_cli", "visit/*flt.fits", "--sky", "local",
         "--agree", "joint", "-v",  # which takes long
         "--scheduler", cluster.address if where == "by hand" else "local", "-o", "out"],
        cwd=tmp_path, env=process_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        start_new_session=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )
    time.sleep(6)  # until workers are clipping
    assert process.poll() is None
    os.killpg(process.pid, number)  # as a terminal does
    start = time.monotonic()
    lines = process.communicate(timeout=60)[1].decode().splitlines()
    assert (process.returncode, time.monotonic() - start < 20) == (code, True)
    assert lines[-1] == "Interrupted: the masks are all as they were, or all new."
    assert not [line for line in lines if "Traceback" in line or "distributed" in line]
    assert not (tmp_path / "out").exists()
    with distributed.Client(cluster.address, set_as_default=False) as client:
        wait_for(lambda: not client.run_on_scheduler(
            lambda dask_scheduler: len(dask_scheduler.tasks)), 20)
