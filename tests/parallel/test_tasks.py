"""Running tasks in this thread, in threads, and on somebody's executor."""

import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor, Future, ProcessPoolExecutor, ThreadPoolExecutor
from multiprocessing import get_context
from typing import ParamSpec, TypeVar

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.parallel.tasks import default_jobs, run_tasks

P = ParamSpec("P")
T = TypeVar("T")


class CountingExecutor(Executor):
    """Threads that know how many tasks were given to them and are not yet done."""

    def __init__(self, threads: int) -> None:
        self._pool = ThreadPoolExecutor(threads)
        self._lock = threading.Lock()
        self.under_way = self.most = self.submitted = 0
        self.futures: list[Future[object]] = []

    def submit(self, fn: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        with self._lock:
            self.submitted += 1
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        future = self._pool.submit(fn, *args, **kwargs)
        future.add_done_callback(self._done)
        self.futures.append(future)  # type: ignore[arg-type]
        return future

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:  # noqa: FBT001, FBT002
        self._pool.shutdown(wait, cancel_futures=cancel_futures)

    def _done(self, _future: Future[T]) -> None:
        with self._lock:
            self.under_way -= 1


def square(number: int) -> int:
    return number * number


def dawdle(number: int) -> int:
    time.sleep(number * 7 % 5 * 5e-4)
    return number * number


def fail_at_three(number: int) -> int:
    if number == 3:
        msg = "chip 3 is torn"
        raise OSError(msg)
    return number


@settings(max_examples=30)
@given(count=st.integers(0, 40), jobs=st.integers(1, 6))
def test_every_task_gives_its_result_once_in_whatever_order(count: int, jobs: int) -> None:
    results = list(run_tasks(dawdle, range(count), jobs=jobs))
    assert sorted(results) == [square(number) for number in range(count)]


def test_what_is_ready_first_comes_first() -> None:
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
        for done, _ in enumerate(run_tasks(dawdle, tasks(), jobs=jobs, executor=executor)):
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


def test_several_jobs_run_in_threads_that_are_gone_afterwards() -> None:
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

    with pytest.raises(OSError, match="chip 3 is torn"):
        list(run_tasks(fail_at_three, tasks(), jobs=jobs))
    assert len(taken) <= 4 + 2 * (jobs + 1)


def test_an_exception_cancels_what_has_not_started_on_an_executor_that_goes_on() -> None:
    release = threading.Event()
    started: list[int] = []

    def fail_or_wait(number: int) -> int:
        started.append(number)
        if number == 0:
            msg = "chip 0 is torn"
            raise OSError(msg)
        release.wait(10)
        return number

    with CountingExecutor(1) as executor:
        with pytest.raises(OSError, match="chip 0 is torn"):
            list(run_tasks(fail_or_wait, range(9), jobs=4, executor=executor))
        cancelled = [future for future in executor.futures if future.cancelled()]
        release.set()
        assert executor.submit(square, 7).result(10) == 49
    assert executor.submitted == 5 + 1
    assert started in ([0], [0, 1])  # the thread is free before the failure is seen
    assert len(started) + len(cancelled) == 5


def test_results_that_nobody_asks_for_any_more_are_not_computed() -> None:
    with CountingExecutor(2) as executor:
        results = run_tasks(dawdle, range(50), jobs=2, executor=executor)
        next(results)
        results.close()  # type: ignore[attr-defined]
        assert executor.submitted < 10


@pytest.mark.parametrize("jobs", [1, 4])
def test_an_executor_of_ones_own_stays_open(jobs: int) -> None:
    with ThreadPoolExecutor(2, thread_name_prefix="mine") as executor:
        names = run_tasks(
            lambda _: threading.current_thread().name, range(9), jobs=jobs, executor=executor
        )
        assert all(name.startswith("mine") for name in names)
        assert executor.submit(square, 3).result() == 9


def test_processes_do_too() -> None:
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as executor:
        results = list(run_tasks(square, range(5), jobs=2, executor=executor))
    assert sorted(results) == [0, 1, 4, 9, 16]


def test_there_are_a_few_jobs_when_nobody_says() -> None:
    assert 1 <= default_jobs() <= 4
