"""Fixtures of the tests of the terminal."""

from pathlib import Path

import pytest

from staticmask_cli.terminal import tables


@pytest.fixture(params=[60, 80, 120])
def width(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> int:
    """Set the width of tables, in columns; the test runs in a new folder."""
    monkeypatch.chdir(tmp_path)
    columns: int = request.param
    monkeypatch.setattr(tables, "_WIDTH_WITHOUT_TERMINAL", columns)
    return columns
