"""--scheduler: a Dask cluster makes the same masks, and its failures are reported in one line."""

import logging
import re
import shutil
import socket
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.parallel import dask_cluster, dask_executor
from staticmask_cli.parallel.dask_executor import DaskExecutor
from staticmask_cli.pipeline import batches
from staticmask_cli.simulate.visit import Visit
from tests.support.command import run
from tests.support.exposures import digest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Start a scheduler and two workers in threads of this process; return the address."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, protocol="tcp",
        dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def pool(address: str) -> Iterator[DaskExecutor]:
    with distributed.Client(address, set_as_default=False) as client:
        yield DaskExecutor(client)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: digest(path) for path in folder.iterdir()}


@pytest.mark.parametrize("sizes", [(64, 16), (1, 2), (1, 3)])
def test_a_cluster_makes_the_same_masks_in_whatever_groups_it_combines_them(
    sizes: tuple[int, int], address: str, visit: Visit, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chips, fan_in = sizes
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setattr(batches, "_LARGEST_BATCH", chips)
    monkeypatch.setattr(dask_executor, "_FAN_IN", fan_in)
    create_masks(visit.paths, final_bits=0, output_dir=tmp_path / "alone")
    reported: list[tuple[int, int]] = []
    create_masks(
        visit.paths, final_bits=0, output_dir=tmp_path / "cluster", scheduler=address,
        jobs=1 if chips > 1 else None, progress=lambda *now: reported.append(now),
    )
    assert digests(tmp_path / "cluster") == digests(tmp_path / "alone")
    assert (reported[0], reported[-1]) == ((0, 8), (8, 8))
    assert reported == sorted(set(reported))


def negative(number: int) -> int:
    return -number


def total(numbers: Sequence[int]) -> int:
    return sum(numbers)


def test_a_cluster_keeps_masks_of_different_names_apart(
    address: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setattr(dask_executor, "_FAN_IN", 2)
    for number, path in enumerate(visit.paths):
        copy = shutil.copy(path, tmp_path)
        fits.setval(copy, "FILTER1", value="F606W" if number % 2 else "F814W")
    files, name = str(tmp_path / "*flt.fits"), "{signature}_{filter}"
    create_masks(files, name=name, output_dir=tmp_path / "alone")
    create_masks(files, name=name, output_dir=tmp_path / "cluster", scheduler=address)
    assert len(digests(tmp_path / "alone")) == 4
    assert digests(tmp_path / "cluster") == digests(tmp_path / "alone")


@pytest.mark.parametrize(
    ("count", "returned"), [(0, 0), (1, 1), (4, 1), (5, 1), (16, 1), (19, 2), (33, 3)]
)
def test_few_results_are_sent_back_however_many_tasks_there_are(
    count: int, returned: int, pool: DaskExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_executor, "_FAN_IN", 4)
    reduced = pool.reduce(negative, total, range(1, count + 1), kind=bool, jobs=None)
    steps = list(reduced)
    results = [result for _, result in steps if result is not None]
    assert (sum(results), len(results)) == (-count * (count + 1) // 2, returned)
    assert sorted(task for task, _ in steps if task is not None) == list(range(1, count + 1))


def test_results_of_different_kinds_are_not_combined(pool: DaskExecutor) -> None:
    steps = pool.reduce(str, "".join, range(60), kind=lambda task: task % 3, jobs=7)
    texts = sorted("".join(sorted(result)) for _, result in steps if result is not None)
    assert texts == sorted(
        "".join(sorted("".join(map(str, range(kind, 60, 3))))) for kind in range(3)
    )


def test_results_that_were_lost_with_a_worker_are_computed_again(
    pool: DaskExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, completed = distributed.Future.status.fget, distributed.as_completed
    next_batch, add = completed.next_batch, completed.add
    lost: set[str] = set()
    followed: dict[str, int] = {}

    def status_or_lost(future: Any) -> Any:  # noqa: ANN401 - the extra may be missing
        return "lost" if future.key in lost else status(future)

    def next_batch_of_lost(self: Any, **options: bool) -> Any:  # noqa: ANN401 - likewise
        batch = next_batch(self, **options)
        lost.update(future.key for future in batch if followed[future.key] == 1)
        return batch

    def add_again(self: Any, future: Any) -> None:  # noqa: ANN401 - likewise
        followed[future.key] = followed.get(future.key, 0) + 1
        lost.discard(future.key)
        add(self, future)

    monkeypatch.setattr(distributed.Future, "status", property(status_or_lost))
    monkeypatch.setattr(completed, "next_batch", next_batch_of_lost)
    monkeypatch.setattr(completed, "add", add_again)
    steps = pool.reduce(str, "".join, range(20), kind=bool, jobs=None)
    texts = [result for _, result in steps if result is not None]
    assert sorted("".join(texts)) == sorted("".join(map(str, range(20))))
    assert min(followed.values()) == 2


class Counting:
    """The number of tasks that run now, and the largest number so far."""

    now = most = 0
    lock = threading.Lock()


def count(number: int) -> int:
    with Counting.lock:
        Counting.now += 1
        Counting.most = max(Counting.most, Counting.now)
    time.sleep(0.01)
    with Counting.lock:
        Counting.now -= 1
    return number


@pytest.mark.parametrize(("jobs", "most"), [(1, 1), (3, 3), (None, 4)])
def test_jobs_limits_the_number_of_running_tasks(
    jobs: int | None, most: int, pool: DaskExecutor
) -> None:
    Counting.most = 0
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for number in range(30):
            taken += 1
            yield number

    steps = pool.reduce(count, total, tasks(), kind=bool, jobs=jobs)
    for done, (task, _) in enumerate(steps):
        assert task is None or jobs is None or taken <= done + 1 + jobs
    assert 1 <= Counting.most <= most
    assert pool.num_workers == 16  # of four, as there may be more when there is work


def test_an_exposure_that_becomes_unreadable_is_an_input_error(
    address: str, visit: Visit, tmp_path: Path
) -> None:
    paths = [Path(shutil.copy(path, tmp_path)) for path in visit.paths]

    def progress(now: int, _total: int) -> None:
        if now == 0:
            paths[2].write_bytes(paths[2].read_bytes()[:6000])

    with pytest.raises(InputError, match=rf"{paths[2].name}: (is truncated|cannot be read)"):
        create_masks(paths, output_dir=tmp_path / "out", scheduler=address, progress=progress)
    assert not (tmp_path / "out").exists()


def test_with_keep_going_an_exposure_that_becomes_unreadable_is_set_aside(
    address: str, visit: Visit, tmp_path: Path
) -> None:
    paths = [Path(shutil.copy(path, tmp_path)) for path in visit.paths]

    def progress(now: int, _total: int) -> None:
        if now == 0:
            paths[2].write_bytes(paths[2].read_bytes()[:6000])

    masks = create_masks(
        paths, output_dir=tmp_path / "out", scheduler=address, progress=progress, keep_going=True
    )
    assert [len(mask.used) for mask in masks] == [3, 3]
    lost = [mask.members[2] for mask in masks]
    assert masks.left_out == {str(member.label): member.skip_reason for member in lost}
    assert [member.label.file for member in lost] == [str(paths[2])] * 2


def test_the_executor_of_a_dask_client_makes_the_same_masks(
    address: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    create_masks(visit.paths, output_dir=tmp_path / "alone")
    with distributed.Client(address, set_as_default=False) as client:
        create_masks(
            visit.paths, output_dir=tmp_path / "cluster", executor=client.get_executor()
        )
    assert digests(tmp_path / "cluster") == digests(tmp_path / "alone")


def test_a_scheduler_that_does_not_answer_is_reported_in_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dask_cluster, "_SECONDS_TO_CONNECT", 0.3)
    monkeypatch.setattr(dask_cluster, "_SECONDS_TO_GIVE_UP", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        silent = f"tcp://127.0.0.1:{server.getsockname()[1]}"
        result = run("a_flt.fits", "--scheduler", silent)
        assert (result.exit_code, result.stderr) == (
            1, f"Error: {silent}: no Dask scheduler answers there; start one with: dask scheduler\n"
        )
        # The abandoned client must log nothing later.  The scheduler of the tests before runs in
        # this process and may still log that their clients have left.
        assert [one for one in caplog.records if one.name != "distributed.scheduler"] == []
    assert run("a_flt.fits", "--scheduler", silent).exit_code == 1  # now nothing listens there


@pytest.mark.parametrize(
    ("scheduler", "problem"),
    [("here", "expected local, or an address such as tcp://host:8786"),
     ("", "expected local, or an address such as tcp://host:8786"),
     ("foo://a:1", "unknown address scheme 'foo'"),
     ("tcp://a", "missing port number in address 'a'")],
)
def test_an_invalid_address_is_an_invalid_parameter(scheduler: str, problem: str) -> None:
    result = run("a_flt.fits", "--scheduler", scheduler)
    assert (result.exit_code, result.stderr.count("\n")) == (2, 1)
    assert result.stderr.startswith(f"Error: scheduler = {scheduler}: {problem}")


def test_a_cluster_with_another_version_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "__version__", "7.0")
    result = run("a_flt.fits", "--scheduler", address)
    assert (result.exit_code, result.stderr.count("\n")) == (1, 1)
    assert re.fullmatch(
        rf"Error: {address}: expected staticmask 7\.0 on all of the cluster, "
        r"but scheduler has 0\S+, worker tcp://\S+ has 0\S+, worker tcp://\S+ has 0\S+; "
        r"install the same version everywhere\n", result.stderr
    )


def test_a_scheduler_and_an_executor_exclude_each_other(pool: DaskExecutor) -> None:
    with pytest.raises(ConfigError, match="scheduler = local: there is an executor too"):
        create_masks("a_flt.fits", scheduler="local", executor=pool)


def test_without_the_extra_the_error_names_the_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    result = run("a_flt.fits", "--scheduler", "local")
    assert (result.exit_code, result.stderr) == (2, (
        "Error: scheduler = local: distributed is not installed; pip install 'staticmask[dask]'\n"
    ))
