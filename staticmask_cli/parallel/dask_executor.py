"""Work on a cluster of Dask, through the client of `distributed` (the extra ``dask``).

Which results to combine next: a tree, grown while the results come in.
"""

import logging
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from concurrent.futures import CancelledError, Future
from typing import TYPE_CHECKING, Generic, ParamSpec, TypeVar

from staticmask_cli.parallel.tasks import ROUNDS, ReducingExecutor

if TYPE_CHECKING:
    from distributed import Client
    from distributed import Future as Remote

__all__ = ["DaskPool"]

Item = TypeVar("Item")

_FAN_IN = 16  # results combined at once: masks of as many chips at a time in a worker's memory

TREE_DEPTH = 2
"""How often a result is combined before it leaves the cluster.

So no loss of a worker costs more than 16 * 16 tasks, however long the run.
"""


class Reduction(Generic[Item]):
    """Groups of results of a kind, each to be combined into one.

    Results that were combined `TREE_DEPTH` times are taken home by whoever runs the tasks, and the
    cluster can forget how they were made.

    Examples
    --------
    >>> tree = Reduction()
    >>> full = [tree.add("WFC", 0, number) for number in range(16)]
    >>> full[:15] == [None] * 15, full[15] == list(range(16))
    (True, True)
    >>> tree.add("WFC", 0, 16), tree.add("WFC", 1, "0 to 15"), tree.add("HRC", 0, 17)
    (None, None, None)
    >>> list(tree.rest())
    [('WFC', [16, '0 to 15']), ('HRC', [17])]
    """

    def __init__(self) -> None:
        self._waiting: dict[tuple[Hashable, int], list[Item]] = {}

    def add(self, kind: Hashable, level: int, item: Item) -> list[Item] | None:
        """Add a result that was combined `level` times; return a group that is full."""
        group = self._waiting.setdefault((kind, level), [])
        group.append(item)
        return self._waiting.pop((kind, level)) if len(group) == _FAN_IN else None

    def rest(self) -> Iterator[tuple[Hashable, list[Item]]]:
        """Yield what is left in the end, once for each kind."""
        kinds = dict.fromkeys(kind for kind, _ in self._waiting)
        for kind in kinds:
            yield kind, [item for level in range(TREE_DEPTH)
                         for item in self._waiting.pop((kind, level), ())]


log = logging.getLogger(__name__)

P = ParamSpec("P")
Task = TypeVar("Task")
Result = TypeVar("Result")

_RETRIES = 2  # of a task that raised, as a network may fail for a moment
_SECONDS_BETWEEN_COUNTS = 5.0  # of the workers, which may come and go
_AT_LEAST = 16  # workers to have tasks ready for, as some clusters start them only for tasks
_MADE_AGAIN = ("lost", "pending")  # by another worker, as the one that had the result died
_FIRST = 10  # priority of combining: it makes room in the workers' memory


class DaskPool(ReducingExecutor):
    """The workers of a Dask cluster.

    Parameters
    ----------
    client : distributed.Client
        Connected; it stays open.
    """

    def __init__(self, client: "Client") -> None:
        self._client = client
        # Never pure: what a file holds may have changed since the same was asked for.
        self._plain = client.get_executor(pure=False, retries=_RETRIES)
        self._counted, self._workers = -_SECONDS_BETWEEN_COUNTS, 0

    @property
    def num_workers(self) -> int:
        """Tasks that the cluster can run at the same time, as it is now or may soon be."""
        if time.monotonic() - self._counted >= _SECONDS_BETWEEN_COUNTS:
            self._workers = sum(self._client.nthreads().values())
            if not self._workers:
                log.warning("the scheduler has no workers; waiting for some")
            self._counted = time.monotonic()
        return max(self._workers, _AT_LEAST)

    def submit(
        self, fn: Callable[P, Result], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[Result]:
        """Run a function on a worker; its result comes back."""
        future: Future[Result] = self._plain.submit(fn, *args, **kwargs)
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
        """Run tasks; their results stay with the workers until they are combined."""
        run = _Run[Task, Result](self._client, function, combine, kind)
        waiting = iter(tasks)
        try:
            while True:
                room = (jobs or ROUNDS * self.num_workers) - run.tasks_under_way
                for _, task in zip(range(room), waiting, strict=False):
                    run.start(task)
                if not run.under_way:
                    break
                yield from run.steps()
            run.combine_the_rest()
            while run.under_way:
                yield from run.steps()
        finally:
            run.cancel()


class _Run(Generic[Task, Result]):
    """Tasks on a cluster whose results stay there, and the tree that combines them."""

    def __init__(
        self,
        client: "Client",
        function: Callable[[Task], Result],
        combine: Callable[[Sequence[Result]], Result],
        kind: Callable[[Task], Hashable],
    ) -> None:
        # Imported here because it is an extra, which the client has shown to be there.
        from distributed import as_completed  # noqa: PLC0415

        self._client, self._function, self._combine, self._kind = client, function, combine, kind
        self._tree: Reduction[Remote] = Reduction()
        self._done = as_completed(loop=client.loop, raise_errors=False)
        self._under_way: dict[str, tuple[Remote, Task | None, Hashable, int]] = {}
        self.tasks_under_way = 0

    @property
    def under_way(self) -> bool:
        """Whether something is to be waited for."""
        return bool(self._under_way)

    def start(self, task: Task) -> None:
        """Put a task on its way."""
        future = self._client.submit(self._function, task, pure=False, retries=_RETRIES)
        self.tasks_under_way += 1
        self._follow(future, task, self._kind(task), 0)

    def steps(self) -> Iterator[tuple[Task | None, Result | None]]:
        """Wait until something is done, and go on with it."""
        for future in self._done.next_batch():
            status = future.status
            if status in _MADE_AGAIN:
                self._done.add(future)
                continue
            _, task, kind, level = self._under_way.pop(future.key)
            if status == "error":
                raise future.exception()
            if status == "cancelled":
                raise CancelledError(status)
            if task is not None:
                self.tasks_under_way -= 1
                yield task, None
            if level == TREE_DEPTH:
                yield None, future.result()
            elif group := self._tree.add(kind, level, future):
                self._unite(kind, group, level + 1)

    def combine_the_rest(self) -> None:
        """Make one result of those of a kind that wait for others, of which none will come."""
        for kind, group in self._tree.rest():
            if len(group) == 1:
                self._follow(group[0], None, kind, TREE_DEPTH)
            else:
                self._unite(kind, group, TREE_DEPTH)

    def cancel(self) -> None:
        """Give up what is under way."""
        self._client.cancel([future for future, *_ in self._under_way.values()])

    def _unite(self, kind: Hashable, group: list["Remote"], level: int) -> None:
        future = self._client.submit(
            self._combine, group, pure=False, retries=_RETRIES, priority=_FIRST
        )
        self._follow(future, None, kind, level)

    def _follow(
        self, future: "Remote", task: Task | None, kind: Hashable, level: int
    ) -> None:
        self._under_way[future.key] = future, task, kind, level
        self._done.add(future)
