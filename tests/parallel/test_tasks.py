"""Tasks in this thread, in a pool of threads and on other executors."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.io.urls import redacted, with_credentials
from staticmask_cli.parallel.tasks import RunContext, default_jobs, run_tasks

P = ParamSpec("P")
T = TypeVar("T")


class CountingExecutor(Executor):
    """A pool of threads that counts the tasks which were submitted and are not yet done."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self.most = self.submitted = 0
        self.futures: list[Future[object]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        self.submitted += 1
        # A callback would come late: what waits for a future wakes before its callbacks are called.
        self.most = max(self.most, 1 + sum(not future.done() for future in self.futures))
        future = self._pool.submit(fn, *args, **kwargs)
        self.futures.append(future)  # type: ignore[arg-type]
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        self._pool.shutdown(wait, cancel_futures=cancel_futures)


def square(number: int) -> int:
    return number * number


def slow_square(number: int) -> int:
    time.sleep(number * 7 % 5 * 5e-4)
    return number * number


def fail_at_three(number: int) -> int:
    if number == 3:
        msg = "chip 3 is damaged"
        raise OSError(msg)
    return number


@settings(max_examples=30)
@given(count=st.integers(0, 40), jobs=st.integers(1, 6))
def test_every_task_yields_its_result_once_in_any_order(count: int, jobs: int) -> None:
    results = list(run_tasks(slow_square, range(count), jobs=jobs))
    assert sorted(results) == [square(number) for number in range(count)]


def test_the_result_that_is_ready_first_comes_first() -> None:
    others = threading.Event()

    def slow_first(number: int) -> int:
        assert number or others.wait(10)
        return number

    results = run_tasks(slow_first, range(5), jobs=2)
    first = [next(results) for _ in range(2)]
    others.set()
    assert 0 not in first
    assert sorted([*first, *results]) == list(range(5))


@pytest.mark.parametrize("jobs", [1, 2, 5])
def test_no_more_than_one_task_waits_for_a_worker(jobs: int) -> None:
    taken = 0

    def tasks() -> Iterator[int]:
        nonlocal taken
        for number in range(60):
            taken += 1
            yield number

    with CountingExecutor(jobs) as executor:
        for done, _ in enumerate(run_tasks(slow_square, tasks(), jobs=jobs, executor=executor)):
            assert taken <= done + 1 + 2 * (jobs + 1)
    assert (executor.submitted, taken) == (60, 60)
    assert 2 <= executor.most <= jobs + 1


def test_one_job_runs_in_the_calling_thread_as_its_results_are_asked_for() -> None:
    started: list[int] = []

    def where(number: int) -> int:
        started.append(number)
        return threading.get_ident()

    results = run_tasks(where, range(4), jobs=1)
    assert started == []
    assert next(results) == threading.get_ident()
    assert started == [0]
    assert set(results) == {threading.get_ident()}


def test_several_jobs_run_in_threads_that_have_ended_afterwards() -> None:
    names = set(run_tasks(lambda _: threading.current_thread().name, range(20), jobs=3))
    assert 1 <= len(names) <= 3
    assert all(name.startswith("staticmask") for name in names)
    assert not names & {thread.name for thread in threading.enumerate()}


@pytest.mark.parametrize("jobs", [1, 3])
def test_the_first_exception_reaches_the_caller_and_ends_the_run(jobs: int) -> None:
    taken: list[int] = []

    def tasks() -> Iterator[int]:
        for number in range(100):
            taken.append(number)
            yield number

    with pytest.raises(OSError, match="chip 3 is damaged"):
        list(run_tasks(fail_at_three, tasks(), jobs=jobs))
    assert len(taken) <= 4 + 2 * (jobs + 1)


def test_an_exception_cancels_the_tasks_that_have_not_started_and_keeps_the_executor() -> None:
    release = threading.Event()
    started: list[int] = []

    def fail_or_wait(number: int) -> int:
        started.append(number)
        if number == 0:
            msg = "chip 0 is damaged"
            raise OSError(msg)
        release.wait(10)
        return number

    with CountingExecutor(1) as executor:
        with pytest.raises(OSError, match="chip 0 is damaged"):
            list(run_tasks(fail_or_wait, range(9), jobs=4, executor=executor))
        cancelled = [future for future in executor.futures if future.cancelled()]
        release.set()
        assert executor.submit(square, 7).result(10) == 49
    assert executor.submitted == 5 + 1
    assert started in ([0], [0, 1])  # the thread is free before the failure is seen
    assert len(started) + len(cancelled) == 5


def test_tasks_are_not_run_when_their_results_are_no_longer_wanted() -> None:
    with CountingExecutor(2) as executor:
        results = run_tasks(slow_square, range(50), jobs=2, executor=executor)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert executor.submitted < 10


@pytest.mark.parametrize("jobs", [1, 4])
def test_the_users_executor_stays_open(jobs: int) -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as executor:
        names = run_tasks(
            lambda _: threading.current_thread().name, range(9), jobs=jobs, executor=executor
        )
        assert all(name.startswith("mine") for name in names)
        assert executor.submit(square, 3).result() == 9


def test_a_pool_of_processes_runs_tasks() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        results = list(run_tasks(square, range(5), jobs=2, executor=executor))
    assert sorted(results) == [0, 1, 4, 9, 16]


def test_by_default_there_are_between_one_and_four_jobs() -> None:
    assert 1 <= default_jobs() <= 4


@pytest.mark.parametrize(("folder", "path", "local", "companion"), [
    ("/data/visit", "a_flt.fits", "/data/visit/a_flt.fits", "a_c1m.fits"),
    ("/data/visit", "../a_flt.fits", "/data/visit/../a_flt.fits", "a_c1m.fits"),
    ("/", "data/visit/a_flt.fits", "/data/visit/a_flt.fits", "data/visit/a_c1m.fits"),
    ("/home", "/data/visit/a_flt.fits", "/data/visit/a_flt.fits", "/data/visit/a_c1m.fits"),
    ("/home", "s3://bucket/a_flt.fits", "s3://bucket/a_flt.fits", "/data/visit/a_c1m.fits"),
])
def test_a_worker_opens_absolute_paths_and_reports_those_of_the_user(
    folder: str, path: str, local: str, companion: str
) -> None:
    context = RunContext(folder=folder)
    assert context.local_path(path) == local
    text = f"{local}: expected the DQ flags in '/data/visit/a_c1m.fits'"
    assert context.user_path(text, path) == f"{path}: expected the DQ flags in '{companion}'"


def test_a_url_keeps_its_password_on_the_way_to_a_worker_and_back() -> None:
    url = redacted("https://me:secretword@host/u2e6_c1m.fits")
    context = RunContext()
    assert with_credentials(context.local_path(url)) == with_credentials(url)
    assert with_credentials(context.user_path(url, url)) == with_credentials(url)
