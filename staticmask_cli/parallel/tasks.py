"""What a worker of ``--scheduler local`` does first: leave Ctrl-C to the run that started it.

A terminal tells all its processes; the run ends its workers itself.

Where a run was started, as its tasks must know wherever they are done.

Running tasks: in this thread, in a pool of threads, or on somebody's executor.
"""

import os
import signal
import socket
from abc import abstractmethod
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeVar

from staticmask_cli._version import __version__
from staticmask_cli.errors import StaticMaskError

__all__ = ["ROUNDS", "ReducingExecutor", "RunContext", "default_jobs", "jobs_of", "run_tasks"]

def _folder() -> str:
    try:
        return os.getcwd()
    except OSError:  # it was removed
        return ""


@dataclass(frozen=True)
class RunContext:
    """Process that started a run.

    Attributes
    ----------
    version : str
        Of this package.
    folder : str
        The current one, from which relative paths count.
    host : str
        Name of the machine.
    run : str
        Different in each run, so that no cluster takes its tasks for those of another one,
        which may have seen other contents in the same files.
    """

    version: str = __version__
    folder: str = field(default_factory=_folder)
    host: str = field(default_factory=socket.gethostname)
    run: str = field(default_factory=lambda: os.urandom(16).hex())

    def local_path(self, path: str) -> str:
        """Return the path by which a file is found from here."""
        if "://" in path or os.path.isabs(path) or _folder() == self.folder:
            return path
        return os.path.join(self.folder, path)

    def user_path(self, text: str, path: str) -> str:
        """Put a path into a text as the user gave it."""
        return text.replace(self.local_path(path).removesuffix(path), "") if path else text

    @contextmanager
    def checked(self) -> Iterator[None]:
        """Surround a task that may be done elsewhere: same version; errors tell where they arose.

        Raises
        ------
        StaticMaskError
            If another version is installed here, whose masks may differ.
        """
        if self.version != __version__:
            msg = (f"the worker on {socket.gethostname()} has staticmask {__version__}, expected "
                   f"{self.version} as on {self.host}; install the same everywhere")
            raise StaticMaskError(msg)
        try:
            yield
        except StaticMaskError as error:
            if socket.gethostname() == self.host:
                raise
            msg = (f"{error} (seen by the worker on {socket.gethostname()}; does it have the files "
                   "under the same paths?)")
            raise type(error)(msg) from error


Task = TypeVar("Task")
Result = TypeVar("Result")

_MOST_JOBS = 4  # each job holds a chip in memory, and reading soon limits the speed
_WORKERS_UNKNOWN = 32  # what is assumed of an executor that does not tell

ROUNDS = 2
"""Tasks under way for each worker of an executor, so that none waits for its next one."""


class ReducingExecutor(Executor):
    """An executor whose workers combine results among themselves, so that few come back."""

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
        """Run tasks and combine the results of those of a kind, in any order.

        Parameters
        ----------
        function, combine : callable
            Picklable.  `combine` must not change what it is given, as it may be given it again
            when a worker is lost.
        tasks : iterable
            Taken one by one, as there is room.
        kind : callable
            Tells tasks apart whose results do not combine.
        jobs : int or None
            Tasks under way at the same time; as the workers are many if None.

        Yields
        ------
        tuple of task and result
            A task that is done, without its result; or a result of some tasks, without those.
        """


def default_jobs() -> int:
    """Threads to use when nobody says: the processors we may use, up to a few."""
    usable = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return min(usable or 1, _MOST_JOBS)


def jobs_of(executor: Executor | None) -> int:
    """Tasks that should be under way when nobody says, by the workers that there are."""
    if executor is None:
        return default_jobs()
    # mpi4py and the pool of Dask tell the one, the standard library keeps the other.
    known = (getattr(executor, name, None) for name in ("num_workers", "_max_workers"))
    return ROUNDS * next((number for number in known if number), _WORKERS_UNKNOWN)


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


def dask_setup(_worker: object) -> None:
    """Be called by Dask in a new worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
