"""Running tasks: in this thread, in a pool of threads, or on somebody's executor."""

import os
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TypeVar

__all__ = ["default_jobs", "run_tasks"]

Task = TypeVar("Task")
Result = TypeVar("Result")

_MOST_JOBS = 4  # each job holds a chip in memory, and reading soon limits the speed


def default_jobs() -> int:
    """Threads to use when nobody says: the processors we may use, up to a few."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(usable or 1, _MOST_JOBS)


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    jobs: int,
    executor: Executor | None = None,
) -> Iterator[Result]:
    """Yield the results of `function` over `tasks`, in the order they are ready.

    Never more than ``jobs + 1`` tasks are under way, so that memory does not
    depend on how many there are.  The first exception ends the run: what has
    not started is cancelled.

    Parameters
    ----------
    function : callable
        Takes a task.  For an `executor` of processes it must be picklable.
    tasks : iterable
        Taken one by one, as there is room.
    jobs : int
        Tasks at the same time; 1 without `executor` runs them in this thread.
    executor : concurrent.futures.Executor, optional
        Runs the tasks; it stays open.  Without it a pool of threads is made.
    """
    if executor is None and jobs == 1:
        yield from map(function, tasks)
        return
    with _pool(jobs, executor) as pool:
        pending: set[Future[Result]] = set()
        try:
            for task in tasks:
                pending.add(pool.submit(function, task))
                if len(pending) > jobs:
                    done, pending = wait(pending, return_when=FIRST_COMPLETED)
                    yield from (future.result() for future in done)
            while pending:
                done, pending = wait(pending, return_when=FIRST_COMPLETED)
                yield from (future.result() for future in done)
        finally:
            for future in pending:
                future.cancel()


@contextmanager
def _pool(jobs: int, executor: Executor | None) -> Iterator[Executor]:
    """Lend the given executor, or a pool of threads that is closed afterwards."""
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="staticmask")
    try:
        yield pool
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
