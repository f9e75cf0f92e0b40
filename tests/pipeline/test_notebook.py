"""The bar that a run shows in a notebook."""

import sys
from types import ModuleType
from typing import Any

import pytest

from staticmask_cli import create_masks
from staticmask_cli.pipeline.notebook import NotebookBar
from tests.support.exposures import WriteExposure, sky


class Bar:
    """The bar of IPython.display, which records what it shows."""

    shown: list[tuple[int, int]]

    def __init__(self, total: int) -> None:
        self._total = total
        Bar.shown = []

    def display(self) -> None:
        Bar.shown.append((0, self._total))

    def _set_progress(self, done: int) -> None:
        Bar.shown.append((done, self._total))

    progress = property(None, _set_progress)


@pytest.fixture
def notebook(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this be the kernel of a notebook."""
    display: Any = ModuleType("IPython.display")
    display.ProgressBar = Bar
    monkeypatch.setitem(sys.modules, "ipykernel", ModuleType("ipykernel"))
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)


@pytest.mark.usefixtures("notebook", "folder")
def test_a_notebook_shows_a_bar_by_itself(write_exposure: WriteExposure) -> None:
    path = write_exposure(chips=[{"data": sky(seed=1)}, {"data": sky(seed=2)}])
    create_masks(path, write=False)
    assert Bar.shown == [(0, 2), (0, 2), (1, 2), (2, 2)]


@pytest.mark.usefixtures("notebook", "folder")
def test_a_function_of_the_user_replaces_the_bar(write_exposure: WriteExposure) -> None:
    Bar.shown = []
    calls: list[tuple[int, int]] = []
    create_masks(write_exposure(), write=False, progress=lambda *counts: calls.append(counts))
    assert (Bar.shown, calls[-1]) == ([], (1, 1))


@pytest.mark.usefixtures("notebook")
def test_the_bar_of_many_chips_moves_a_hundred_times() -> None:
    bar = NotebookBar()
    bar(0, 0)  # nothing to do
    for done in range(5001):
        bar(done, 5000)
    assert len(Bar.shown) == 102
    assert Bar.shown[-1] == (5000, 5000)
