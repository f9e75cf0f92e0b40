"""Exposures and folders for the tests."""

import importlib.util
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import spherical_geometry
from astropy.io import fits
from hypothesis import settings

from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.editor import Editor
from tests.support.exposures import Chip, WriteExposure, sky

# It is part of the extra dev.
collect_ignore = [] if importlib.util.find_spec("moto") else ["support/s3_service.py"]


# Everyone sees the same examples, so that a change is judged by what it changes; new ones are tried
# with STATICMASK_FUZZ, the number of files that tests/support/fuzzing.py mutates.
# No test is about time: machines are shared.
settings.register_profile("ours", derandomize="STATICMASK_FUZZ" not in os.environ, deadline=None)
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

    def write(
        name: str = "a_flt.fits",
        *,
        chips: list[Chip] | None = None,
        instrume: str | None = "ACS",
        detector: str | None = "WFC",
        **primary: str | float | bool | None,
    ) -> Path:
        """Each chip is a dict: data, and optionally dq and further header keywords."""
        header = fits.Header()
        given = {"TELESCOP": "HST", "INSTRUME": instrume, "DETECTOR": detector,
                 "ROOTNAME": name.partition("_")[0], "EXPTIME": 100.0, **primary}
        for key, value in given.items():
            if value is not None:
                header[key] = value
        hdus: list[Any] = [fits.PrimaryHDU(header=header)]
        for extver, chip in enumerate(chips or [{"data": sky()}], 1):
            keywords = {k: v for k, v in chip.items() if k not in ("data", "dq")}
            sci = fits.ImageHDU(chip["data"], name="SCI", ver=extver)
            sci.header.update({"BUNIT": "ELECTRONS", **keywords})
            hdus.append(sci)
            if chip.get("dq") is not None:
                hdus.append(fits.ImageHDU(chip["dq"], name="DQ", ver=extver))
        path = tmp_path / name
        fits.HDUList(hdus).writeto(path)
        return path

    return write


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
def editor(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Return the user's editor; there is no terminal for a form."""
    editor = Editor(tmp_path_factory.mktemp("editor"))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor.command)
    return editor
