"""What a command loads, and what that leaves behind."""

import gc
import importlib
import os
from collections.abc import Iterator

import pytest

from staticmask_cli.cli.options import loading


@pytest.fixture(autouse=True)
def _thaw() -> Iterator[None]:
    """Give the collector back what the context took from it."""
    yield
    gc.unfreeze()
    gc.enable()


def test_collecting_waits_until_all_is_loaded() -> None:
    with loading():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() > 0


def test_who_collects_nothing_still_does_not() -> None:
    gc.disable()
    with loading():
        pass
    assert not gc.isenabled()


def test_an_error_while_loading_leaves_the_collector_on() -> None:
    with pytest.raises(ModuleNotFoundError, match="no_such"), loading():
        importlib.import_module("no_such_module")
    assert gc.isenabled()


@pytest.mark.parametrize(("before", "expected"), [(None, "1"), ("3", "3")])
def test_linear_algebra_gets_one_thread_unless_the_user_says(
    before: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENBLAS_NUM_THREADS", raising=False)
    if before is not None:
        monkeypatch.setenv("OPENBLAS_NUM_THREADS", before)
    with loading():
        assert os.environ["OPENBLAS_NUM_THREADS"] == expected
