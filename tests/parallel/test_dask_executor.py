"""--scheduler: a cluster of Dask makes the same masks, and its faults are told in one line."""

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
from click.testing import CliRunner

from staticmask_cli import create_masks
from staticmask_cli.cli import cli
from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.parallel import dask_cluster, dask_executor
from staticmask_cli.parallel.dask_executor import DaskPool
from staticmask_cli.pipeline import batches
from staticmask_cli.simulate.visit import Visit
from tests.support.exposures import digest

distributed = pytest.importorskip("distributed")


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    """Scheduler with two workers, in threads of this process."""
    with distributed.LocalCluster(
        n_workers=2, threads_per_worker=2, processes=False, protocol="tcp",
        dashboard_address="127.0.0.1:0", silence_logs=logging.CRITICAL,
    ) as cluster:
        yield cluster.scheduler_address


@pytest.fixture
def pool(address: str) -> Iterator[DaskPool]:
    with distributed.Client(address, set_as_default=False) as client:
        yield DaskPool(client)


def digests(folder: Path) -> dict[str, str]:
    return {path.name: digest(path) for path in folder.iterdir()}


@pytest.mark.parametrize("sizes", [(64, 16), (1, 2), (1, 3)])
def test_a_cluster_makes_the_same_masks_however_it_combines_them(
    sizes: tuple[int, int], address: str, visit: Visit, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chips, fan_in = sizes
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.setattr(batches, "_MOST_CHIPS", chips)
    monkeypatch.setattr(dask_executor, "_FAN_IN", fan_in)
    create_masks(visit.paths, final_bits=0, output_dir=tmp_path / "alone")
    told: list[tuple[int, int]] = []
    create_masks(
        visit.paths, final_bits=0, output_dir=tmp_path / "cluster", scheduler=address,
        jobs=1 if chips > 1 else None, progress=lambda *now: told.append(now),
    )
    assert digests(tmp_path / "cluster") == digests(tmp_path / "alone")
    assert (told[0], told[-1]) == ((0, 8), (8, 8))
    assert told == sorted(set(told))


def negative(number: int) -> int:
    return -number


def total(numbers: Sequence[int]) -> int:
    return sum(numbers)


@pytest.mark.parametrize(
    ("count", "returned"), [(0, 0), (1, 1), (16, 1), (17, 1), (256, 1), (300, 2), (530, 3)]
)
def test_few_results_come_back_whatever_the_number_of_tasks(
    count: int, returned: int, pool: DaskPool
) -> None:
    reduced = pool.reduce(negative, total, range(1, count + 1), kind=bool, jobs=None)
    steps = list(reduced)
    results = [result for _, result in steps if result is not None]
    assert (sum(results), len(results)) == (-count * (count + 1) // 2, returned)
    assert sorted(task for task, _ in steps if task is not None) == list(range(1, count + 1))


def test_results_of_different_kinds_are_not_combined(pool: DaskPool) -> None:
    steps = pool.reduce(str, "".join, range(60), kind=lambda task: task % 3, jobs=7)
    texts = sorted("".join(sorted(result)) for _, result in steps if result is not None)
    assert texts == sorted(
        "".join(sorted("".join(map(str, range(kind, 60, 3))))) for kind in range(3)
    )


def test_results_that_were_lost_with_a_worker_are_waited_for(
    pool: DaskPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    status, completed = distributed.Future.status.fget, distributed.as_completed
    next_batch, add = completed.next_batch, completed.add
    lost: set[str] = set()
    followed: dict[str, int] = {}

    def status_or_lost(future: Any) -> Any:  # noqa: ANN401 - the extra may be missing
        return "lost" if future.key in lost else status(future)

    def next_batch_of_lost(self: Any) -> Any:  # noqa: ANN401 - likewise
        batch = next_batch(self)
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
    """Tasks that are being done, and the most there ever were."""

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
def test_jobs_limits_what_is_under_way(jobs: int | None, most: int, pool: DaskPool) -> None:
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


def test_an_exposure_that_becomes_unreadable_is_the_users_error(
    address: str, visit: Visit, tmp_path: Path
) -> None:
    paths = [Path(shutil.copy(path, tmp_path)) for path in visit.paths]

    def progress(now: int, _total: int) -> None:
        if now == 0:
            paths[2].write_bytes(paths[2].read_bytes()[:6000])

    with pytest.raises(InputError, match=rf"{paths[2].name}: (is cut|cannot be read)"):
        create_masks(paths, output_dir=tmp_path / "out", scheduler=address, progress=progress)
    assert not (tmp_path / "out").exists()


def test_with_keep_going_it_is_set_aside(address: str, visit: Visit, tmp_path: Path) -> None:
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


def test_the_executor_of_a_client_will_do_too(
    address: str, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    create_masks(visit.paths, output_dir=tmp_path / "alone")
    with distributed.Client(address, set_as_default=False) as client:
        create_masks(
            visit.paths, output_dir=tmp_path / "cluster", executor=client.get_executor()
        )
    assert digests(tmp_path / "cluster") == digests(tmp_path / "alone")


def run(*words: str) -> tuple[int, str]:
    """Exit code and stderr of the command."""
    result = CliRunner().invoke(cli, words, catch_exceptions=False)
    return result.exit_code, result.stderr


def test_a_scheduler_that_does_not_answer_is_one_line(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(dask_cluster, "_SECONDS_TO_CONNECT", 0.3)
    monkeypatch.setattr(dask_cluster, "_SECONDS_TO_GIVE_UP", 2.0)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        place = f"tcp://127.0.0.1:{mute.getsockname()[1]}"
        assert run("a_flt.fits", "--scheduler", place) == (
            1, f"Error: {place}: no Dask scheduler answers there; start one with: dask scheduler\n"
        )
        # What was given up may complain later, when the process has ended.  The scheduler of the
        # tests before lives in this one, and may still be taking leave of their clients.
        assert [one for one in caplog.records if one.name != "distributed.scheduler"] == []
    assert run("a_flt.fits", "--scheduler", place)[0] == 1  # now nothing is there


@pytest.mark.parametrize(
    ("place", "problem"),
    [("here", "expected local, or an address such as tcp://host:8786"),
     ("", "expected local, or an address such as tcp://host:8786"),
     ("foo://a:1", "unknown address scheme 'foo'"),
     ("tcp://a", "missing port number in address 'a'")],
)
def test_a_wrong_address_is_a_wrong_parameter(place: str, problem: str) -> None:
    code, said = run("a_flt.fits", "--scheduler", place)
    assert (code, said.count("\n")) == (2, 1)
    assert said.startswith(f"Error: scheduler = {place}: {problem}")


def test_a_cluster_of_another_version_is_refused(
    address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dask_cluster, "__version__", "7.0")
    code, said = run("a_flt.fits", "--scheduler", address)
    assert (code, said.count("\n")) == (1, 1)
    assert re.fullmatch(
        rf"Error: {address}: expected staticmask 7\.0 on all of the cluster, "
        r"but scheduler has 0\S+, worker tcp://\S+ has 0\S+, worker tcp://\S+ has 0\S+; "
        r"install the same version everywhere\n", said
    )


def test_a_scheduler_and_an_executor_contradict_each_other(pool: DaskPool) -> None:
    with pytest.raises(ConfigError, match="scheduler = local: there is an executor too"):
        create_masks("a_flt.fits", scheduler="local", executor=pool)


def test_without_the_extra_it_says_how_to_install_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert run("a_flt.fits", "--scheduler", "local") == (2, (
        "Error: scheduler = local: distributed is not installed; pip install 'staticmask[dask]'\n"
    ))
