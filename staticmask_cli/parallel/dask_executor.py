"""An executor on a Dask cluster whose workers combine their results before they are sent back.

It works through the client of `distributed`, a package of the extra ``dask``.  Results are
combined in a tree, which grows while they come in.
"""

import logging
import math
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from staticmask_cli.errors import ClusterError
from staticmask_cli.io.environment import seconds_of
from staticmask_cli.parallel.tasks import TASKS_PER_WORKER, ReducingExecutor

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as DaskFuture

__all__ = ["DaskExecutor"]

log = logging.getLogger(__name__)

P = ParamSpec("P")
Item = TypeVar("Item")
Task = TypeVar("Task")
Result = TypeVar("Result")

_FAN_IN = 16  # results that are combined at once; a worker holds all of their masks in memory
# The number of times that a result is combined with others before it is sent back.  A result that
# is lost with its worker costs at most `_FAN_IN ** _TREE_DEPTH` tasks, however long the run.
_TREE_DEPTH = 2
_RETRIES = 2  # of a task that raised an exception, as a network may fail for a moment
_SECONDS_BETWEEN_COUNTS = 5.0  # of the workers, whose number may change during a run
_VARIABLE, _SECONDS_WITHOUT_WORKERS = "STATICMASK_CLUSTER_WAIT", 300.0
_SECONDS_BETWEEN_CHECKS = 0.1  # of whether a future has completed
_LEAST_WORKERS = 16  # to have tasks ready for, as some clusters start workers only for tasks
_COMPUTED_AGAIN = ("lost", "pending")  # the worker that held the result died
_PRIORITY = 10  # of combining, which frees memory of the workers


class DaskExecutor(ReducingExecutor):
    """The workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        A connected client; it stays open.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client
        # `pure=False`: Dask must not reuse the result of an identical earlier task, because the
        # files may have changed.
        self._executor = client.get_executor(pure=False, retries=_RETRIES)
        self._counted_at, self._workers = -_SECONDS_BETWEEN_COUNTS, 0
        self._had_workers, self._empty_since = False, math.inf

    @property
    def num_workers(self) -> int:
        """The number of tasks that the cluster can run at the same time, now or soon."""
        self.check()
        return max(self._workers, _LEAST_WORKERS)

    def check(self) -> None:
        """Count the workers now and then, and give up if they are gone and none comes again."""
        now = time.monotonic()
        if now - self._counted_at < _SECONDS_BETWEEN_COUNTS:
            return
        self._counted_at, self._workers = now, sum(self._client.nthreads().values())
        if self._workers:
            self._had_workers, self._empty_since = True, math.inf
            return
        longest = seconds_of(_VARIABLE, _SECONDS_WITHOUT_WORKERS)
        if self._empty_since == math.inf:
            self._empty_since = now
            log.warning("the scheduler has no workers; waiting for some%s",
                        f", up to {longest:g} s" if self._had_workers else "")
        # The first worker may come late, from a queue of jobs.
        if self._had_workers and now - self._empty_since >= longest:
            msg = (f"{self._client.scheduler.address}: all workers were lost during the run, and "
                   f"none came within {longest:g} s; see their logs, or set {_VARIABLE}")
            raise ClusterError(msg)

    def submit(
        self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Result]:
        """Run a function on a worker; the future has its result."""
        future: Future[Result] = self._executor.submit(fn, *args, **kwargs)
        return future

    def reduce(
        self,
        function: Callable[[Task], Result],
        combine: Callable[[Sequence[Result]], Result],
        tasks: Iterable[Task],
        *,
        kind: Callable[[Task], Hashable],
        jobs: int | None,
    ) -> Iterator[tuple[Task | None, Result | None]]:
        """Run tasks; their results stay on the workers until they are combined."""
        run = _Run[Task, Result](self._client, function, combine, kind)
        remaining = iter(tasks)
        try:
            while True:
                room = (jobs or TASKS_PER_WORKER * self.num_workers) - run.tasks_pending
                for _, task in zip(range(room), remaining, strict=False):
                    run.submit(task)
                if not run.pending:
                    break
                yield from run.steps(self.check)
            run.combine_rest()
            while run.pending:
                yield from run.steps(self.check)
        finally:
            run.cancel()


class _Run(Generic[Task, Result]):
    """The tasks of one call of `DaskExecutor.reduce`, and the tree that combines their results."""

    def __init__(
        self,
        client: "Client",
        function: Callable[[Task], Result],
        combine: Callable[[Sequence[Result]], Result],
        kind: Callable[[Task], Hashable],
    ) -> None:
        from distributed import as_completed  # noqa: PLC0415 - an extra

        self._client, self._function, self._combine, self._kind = client, function, combine, kind
        self._tree: Reduction[DaskFuture] = Reduction()
        self._completed = as_completed(loop=client.loop, raise_errors=False)
        # By key: the future, its task (None if it combines), the kind, and the level in the tree.
        self._pending: dict[str, tuple[DaskFuture, Task | None, Hashable, int]] = {}
        self.tasks_pending = 0

    @property
    def pending(self) -> bool:
        """Whether any future has not completed yet."""
        return bool(self._pending)

    def submit(self, task: Task) -> None:
        """Submit a task to the cluster."""
        future = self._client.submit(self._function, task, pure=False, retries=_RETRIES)
        self.tasks_pending += 1
        self._follow(future, task, self._kind(task), 0)

    def steps(self, check: Callable[[], None]) -> Iterator[tuple[Task | None, Result | None]]:
        """Wait until some futures have completed, and combine or yield their results.

        Meanwhile, `check` is called, which may raise an error to give up.
        """
        check()
        while not (completed := self._completed.next_batch(block=False)):
            with self._completed.thread_condition:
                self._completed.thread_condition.wait(_SECONDS_BETWEEN_CHECKS)
            check()
        for future in completed:
            status = future.status
            if status in _COMPUTED_AGAIN:
                self._completed.add(future)
                continue
            _, task, kind, level = self._pending.pop(future.key)
            if status == "error":
                raise future.exception()
            if status == "cancelled":
                raise CancelledError(status)
            if task is not None:
                self.tasks_pending -= 1
                yield task, None
            if level == _TREE_DEPTH:
                yield None, future.result()
            elif group := self._tree.add(kind, level, future):
                self._submit_combine(kind, group, level + 1)

    def combine_rest(self) -> None:
        """Combine, when no more tasks will come, the results that wait for others of their kind."""
        for kind, group in self._tree.incomplete_groups():
            if len(group) == 1:
                self._follow(group[0], None, kind, _TREE_DEPTH)
            else:
                self._submit_combine(kind, group, _TREE_DEPTH)

    def cancel(self) -> None:
        """Cancel all futures that have not completed."""
        self._client.cancel([future for future, *_ in self._pending.values()])

    def _submit_combine(self, kind: Hashable, group: list["DaskFuture"], level: int) -> None:
        future = self._client.submit(
            self._combine, group, pure=False, retries=_RETRIES, priority=_PRIORITY
        )
        self._follow(future, None, kind, level)

    def _follow(
        self, future: "DaskFuture", task: Task | None, kind: Hashable, level: int
    ) -> None:
        self._pending[future.key] = future, task, kind, level
        self._completed.add(future)


class Reduction(Generic[Item]):
    """A tree that groups results of one kind, each group to be combined into one result.

    Results that were combined `_TREE_DEPTH` times are fetched from the cluster, which can then
    forget the tasks that led to them.

    Examples
    --------
    >>> tree = Reduction()
    >>> groups = [tree.add("WFC", 0, number) for number in range(16)]
    >>> groups[:15] == [None] * 15, groups[15] == list(range(16))
    (True, True)
    >>> tree.add("WFC", 0, 16), tree.add("WFC", 1, "0 to 15"), tree.add("HRC", 0, 17)
    (None, None, None)
    >>> list(tree.incomplete_groups())
    [('WFC', [16, '0 to 15']), ('HRC', [17])]
    """

    def __init__(self) -> None:
        self._groups: dict[tuple[Hashable, int], list[Item]] = {}

    def add(self, kind: Hashable, level: int, item: Item) -> list[Item] | None:
        """Add a result that was combined `level` times; return its group if that is full now."""
        group = self._groups.setdefault((kind, level), [])
        group.append(item)
        return self._groups.pop((kind, level)) if len(group) == _FAN_IN else None

    def incomplete_groups(self) -> Iterator[tuple[Hashable, list[Item]]]:
        """Yield each kind with all of its results that are still waiting, and remove them."""
        kinds = dict.fromkeys(kind for kind, _ in self._groups)
        for kind in kinds:
            yield kind, [item for level in range(_TREE_DEPTH)
                         for item in self._groups.pop((kind, level), ())]
