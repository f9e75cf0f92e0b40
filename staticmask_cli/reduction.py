"""Which results to combine next: a tree, grown while the results come in."""

from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

__all__ = ["COMPLETE", "Reduction"]

Item = TypeVar("Item")

_FAN_IN = 16  # results combined at once: masks of as many chips at a time in a worker's memory

COMPLETE = 2
"""How often a result is combined before it leaves the cluster.

So no loss of a worker costs more than 16 * 16 tasks, however long the run.
"""


class Reduction(Generic[Item]):
    """Groups of results of a kind, each to be combined into one.

    Results that were combined `COMPLETE` times are taken home by whoever runs the tasks, and the
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
            yield kind, [item for level in range(COMPLETE)
                         for item in self._waiting.pop((kind, level), ())]
