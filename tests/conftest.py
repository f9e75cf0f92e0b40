"""Exposures and folders for the tests."""

import gc
import importlib.util
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import spherical_geometry
from astropy.io import fits
from hypothesis import settings

from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.editor import Editor
from tests.support.exposures import WriteExposure, writer_into

if TYPE_CHECKING:
    from staticmask_cli.plots.page import Page  # which needs matplotlib

# It is part of the extra dev.
collect_ignore = [] if importlib.util.find_spec("moto") else ["support/s3_service.py"]


# The libraries are 300,000 objects: traversing them again and again takes a fifth of the time.
gc.set_threshold(20_000, 20, 50)

# Astropy looks these two up in its configuration for each card of each header: 7% of the time.
for name in ("strip_header_whitespace", "enable_record_valued_keyword_cards"):
    setattr(type(fits.conf), name, getattr(fits.conf, name))

# Everyone sees the same examples, so that a change is judged by what it changes; new ones are tried
# with STATICMASK_FUZZ, the number of files that tests/support/fuzzing.py mutates.
# No test is about time: machines are shared.
FUZZ = "STATICMASK_FUZZ" in os.environ
settings.register_profile(
    "ours", derandomize=not FUZZ, deadline=None, max_examples=100 if FUZZ else 25
)
settings.load_profile("ours")


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    """Show what tests recorded, also where they ran in another process."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder, which is new and empty."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def write_exposure(tmp_path: Path) -> WriteExposure:
    """Write a small exposure; every part of it can be chosen."""
    return writer_into(tmp_path)


@pytest.fixture
def real_exposure(tmp_path: Path) -> Path:
    """Copy of the ACS/HRC exposure that spherical-geometry carries."""
    data = Path(spherical_geometry.__file__).parent / "tests" / "data"
    return Path(shutil.copy(data / "j8bt06nyq_flt.fits", tmp_path))


@pytest.fixture(scope="session")
def visit(tmp_path_factory: pytest.TempPathFactory) -> Visit:
    """Four small simulated ACS/WFC exposures; not to be changed."""
    folder = tmp_path_factory.mktemp("visit")
    return simulate_visit(str(folder), "ACS/WFC", shape=(150, 220))


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch) -> "list[Page]":
    """Return the list of the pages that are drawn; the drawing itself is skipped."""
    pages: list[Page] = []
    monkeypatch.setattr(
        "staticmask_cli.plots.files.draw_page", lambda _, page: pages.append(page))
    return pages


@pytest.fixture
def editor(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Return the user's editor; there is no terminal for a form."""
    editor = Editor(tmp_path_factory.mktemp("editor"))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor.command)
    return editor
