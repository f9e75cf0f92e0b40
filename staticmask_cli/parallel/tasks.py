"""Run tasks in this thread, in a pool of threads, or on any executor.

Any `concurrent.futures.Executor`, such as a pool of processes or the ``MPIPoolExecutor`` of mpi4py,
works unchanged through ``create_masks(executor=...)``.  One that is a `ReducingExecutor` also
combines the results on its workers.

A task that leaves this process carries a `RunContext`, from which a worker finds out where the
run was started and whether both have the same version of this package.

Dask imports this module in each worker of ``--scheduler local`` before anything else (see
`dask_setup`), so it must be importable without numpy.
"""

import os
import platform
import re
import signal
from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from staticmask_cli._version import __version__
from staticmask_cli.errors import StaticMaskError
from staticmask_cli.io.paths import stop_requests

__all__ = [
    "TASKS_PER_WORKER", "ReducingExecutor", "RunContext", "available_cpus", "default_jobs",
    "jobs_of", "run_tasks",
]

Task = TypeVar("Task")
Result = TypeVar("Result")

TASKS_PER_WORKER = 2
"""Tasks that are submitted for each worker of an executor, so that none waits for its next one."""

_MOST_THREADS = 4  # each holds a chip in memory, and reading the files soon limits the speed
_SECONDS_BETWEEN_CHECKS = 1.0  # of whether an executor still has workers
_ASSUMED_WORKERS = 32  # of an executor that does not show how many it has


def run_tasks(
    function: Callable[[Task], Result],
    tasks: Iterable[Task],
    *,
    jobs: int,
    executor: Executor | None = None,
) -> Iterator[Result]:
    """Yield the results of `function` over `tasks`, in the order in which they are ready.

    Never more than ``jobs + 1`` tasks are submitted and not yet done, so that the memory needed
    does not depend on the number of tasks.  The first exception ends the run: tasks that have
    not started are cancelled.

    Parameters
    ----------
    function : callable
        The function of one task.  For an `executor` of processes it must be picklable.
    tasks : iterable
        The tasks; the next one is drawn only when there is room for it.
    jobs : int
        The number of tasks at the same time; 1 without an `executor` runs them in this thread.
    executor : concurrent.futures.Executor, optional
        The executor that runs the tasks; it stays open.  Without it a pool of threads is made.

    Yields
    ------
    object
        The result of one task.
    """
    if executor is None and jobs == 1:
        yield from map(function, tasks)
        return
    with _pool(jobs, executor) as pool:
        pending: set[Future[Result]] = set()
        try:
            for task in tasks:
                pending.add(_submitted(pool, function, task, is_ours=executor is None))
                while len(pending) > jobs:
                    done, pending = _wait(pending, executor)
                    yield from (future.result() for future in done)
            while pending:
                done, pending = _wait(pending, executor)
                yield from (future.result() for future in done)
        finally:
            for future in pending:
                future.cancel()


def _wait(
    pending: set[Future[Result]], executor: Executor | None
) -> tuple[set[Future[Result]], set[Future[Result]]]:
    """Wait until a task is done, or for some seconds on a cluster, whose workers may be gone."""
    if not isinstance(executor, ReducingExecutor):
        return wait(pending, return_when=FIRST_COMPLETED)
    executor.check()
    return wait(pending, _SECONDS_BETWEEN_CHECKS, return_when=FIRST_COMPLETED)


def _submitted(
    pool: Executor, function: Callable[[Task], Result], task: Task, *, is_ours: bool
) -> "Future[Result]":
    """Submit a task; run it here if it was refused by a pool of ours, which cannot start a thread.

    Each thread counts as a process of the user and needs some memory, and both may be limited.
    """
    try:
        return pool.submit(function, task)
    except RuntimeError:
        if not is_ours:
            raise
    future: Future[Result] = Future()
    try:
        future.set_result(function(task))
    except BaseException as error:  # noqa: BLE001 - as a pool does it
        future.set_exception(error)
    return future


@contextmanager
def _pool(jobs: int, executor: Executor | None) -> Iterator[Executor]:
    """Yield the given executor, or a pool of threads that is closed after the with block."""
    if executor is not None:
        yield executor
        return
    pool = ThreadPoolExecutor(jobs, thread_name_prefix="staticmask")
    try:
        yield pool
    except KeyboardInterrupt:
        stop_requests()  # else the pool would wait for services that may be silent
        raise
    finally:
        pool.shutdown(wait=True, cancel_futures=True)


class ReducingExecutor(Executor):
    """An executor whose workers combine results among themselves, so that few are sent back."""

    @abstractmethod
    def check(self) -> None:
        """Raise an error if the workers are gone; it is called while tasks are waited for."""

    @abstractmethod
    def reduce(
        self,
        function: Callable[[Task], Result],
        combine: Callable[[Sequence[Result]], Result],
        tasks: Iterable[Task],
        *,
        kind: Callable[[Task], Hashable],
        jobs: int | None,
    ) -> Iterator[tuple[Task | None, Result | None]]:
        """Run tasks and combine the results of tasks with equal ``kind(task)``, in any order.

        Parameters
        ----------
        function : callable
            The function of one task; it must be picklable.
        combine : callable
            The function that makes one result of several; it must be picklable, and must not
            modify its arguments, because they may be passed to it a second time.
        tasks : iterable
            The tasks; the next one is drawn only when there is room for it.
        kind : callable
            The function of a task whose values decide which results are combined: only those of
            tasks with equal values.
        jobs : int or None
            The number of tasks at the same time; None follows the number of workers.

        Yields
        ------
        tuple of task and result
            ``(task, None)`` when a task is done; ``(None, result)`` for a combined result.
        """


def available_cpus() -> int:
    """Return the number of processors that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def default_jobs() -> int:
    """Return the number of threads to use by default: one per processor, up to four."""
    return min(available_cpus(), _MOST_THREADS)


def jobs_of(executor: Executor | None) -> int:
    """Return the number of tasks to submit at a time by default, from the number of workers."""
    if executor is None:
        return default_jobs()
    # The pool of mpi4py and DaskExecutor have the first attribute, Python's own pools the second.
    counts = (getattr(executor, name, None) for name in ("num_workers", "_max_workers"))
    return TASKS_PER_WORKER * next((count for count in counts if count), _ASSUMED_WORKERS)


@dataclass(frozen=True)
class RunContext:
    """The process that started a run, as the workers need to know it.

    Attributes
    ----------
    version : str
        The version of this package there.
    folder : str
        The absolute path of the current folder there, to which relative paths refer.
    host : str
        The name of the machine.
    run : str
        A random word that makes the tasks of two runs unequal.  Otherwise Dask could reuse the
        result of an identical task of an earlier run, although the files may have changed.
    """

    version: str = __version__
    folder: str = field(default_factory=os.getcwd)
    host: str = field(default_factory=platform.node)
    run: str = field(default_factory=lambda: os.urandom(16).hex())

    def local_path(self, path: str) -> str:
        """Return a path that does not depend on the current folder of the worker; URLs are kept."""
        return path if "://" in path else os.path.join(self.folder, path)

    def user_path(self, text: str, path: str) -> str:
        """Return a text in which files are named relative to the run's folder, if `path` is."""
        if self.local_path(path) == path:
            return text
        folder = re.escape(os.path.join(self.folder, ""))
        return re.sub(rf"(?<![^\s'\"(]){folder}", "", text)

    def with_host(self, text: str) -> str:
        """Return the text of an error with the name of this machine, if the run is on another."""
        if platform.node() == self.host:
            return text
        return (f"{text} (reported by the worker on {platform.node()}; does it have the "
                "files under the same paths?)")

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Check the worker's version before a task, and add the worker's name to its errors.

        Raises
        ------
        StaticMaskError
            If the worker has another version of this package, whose masks may differ.  Any such
            error of the task is raised again; if the worker is on another machine than the run,
            the message names that machine.
        """
        if self.version != __version__:
            msg = (f"the worker on {platform.node()} has staticmask {__version__}, expected "
                   f"{self.version} as on {self.host}; install the same version everywhere")
            raise StaticMaskError(msg)
        try:
            yield
        except StaticMaskError as error:
            if platform.node() == self.host:
                raise
            raise type(error)(self.with_host(str(error))) from error


def dask_setup(_worker: object) -> None:
    """Make a worker of ``--scheduler local`` ignore Ctrl-C; Dask calls this when it starts.

    A terminal sends Ctrl-C to all processes of the run.  The main process ends the workers itself.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
