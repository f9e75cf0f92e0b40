"""The progress bar of a run in a notebook."""

from importlib import import_module
from typing import Any

__all__ = ["NotebookBar"]

_STEPS = 100  # of a bar: each is a message to the browser


class NotebookBar:
    """A progress bar below the cell of a notebook, which appears when it is first called.

    It is called with the number of chips that are done and the number of all chips.
    """

    def __init__(self) -> None:
        self._bar: Any = None
        self._step = -1

    def __call__(self, done: int, total: int) -> None:
        """Show the progress."""
        if total < 1:
            return
        if self._bar is None:
            self._bar = import_module("IPython.display").ProgressBar(total)
            self._bar.display()
        step = _STEPS * done // total
        if step != self._step:
            self._step, self._bar.progress = step, done
