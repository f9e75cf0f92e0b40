"""Options, data and the closing table of the speed benchmark."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from astropy.io import fits

from staticmask_cli.simulate.visit import simulate_visit
from tests.bench.baselines import Report

if TYPE_CHECKING:
    from _pytest.terminal import TerminalReporter  # the oldest pytest names it nowhere else

# What the reference asks of headers beyond what masks need.
_PRIMARY = {
    "ATODGNA": 2.0, "ATODGNB": 2.0, "ATODGNC": 2.0, "ATODGND": 2.0,
    "READNSEA": 4.5, "READNSEB": 4.5, "READNSEC": 4.5, "READNSED": 4.5,
    "CCDGAIN": 2.0, "FLASHDUR": 0.0, "DARKTIME": 500.0, "MEANDARK": 7.0,
    "FILTER2": "CLEAR2L", "APERTURE": "WFC", "LTV1": 0.0, "IDCTAB": "N/A",
}
_EXTENSIONS = {
    "CCDAMP": "ABCD", "PHOTFLAM": 1e-19, "PHOTZPT": -21.1, "PHOTPLAM": 5900.0, "ORIENTAT": 0.0,
    "VAFACTOR": 1.0, "CENTERA1": 2072, "CENTERA2": 1046, "RA_APER": 6.02, "DEC_APER": -72.08,
}


_SCALES = {"full": ((2048, 4096), 21), "small": ((150, 200), 1)}  # shape of a chip, and rounds
_REPORT = pytest.StashKey[Report]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("speed benchmark")
    group.addoption("--size", choices=sorted(_SCALES), default="full",
                    help="chips of 2048 x 4096 pixels, or small ones to see that all works")
    group.addoption("--reference", metavar="PYTHON",
                    help="a Python that has drizzlepac, to measure against its staticMask")


def pytest_configure(config: pytest.Config) -> None:
    _, rounds = _SCALES[config.getoption("--size")]
    config.stash[_REPORT] = Report(rounds)


def pytest_terminal_summary(terminalreporter: "TerminalReporter") -> None:
    """Print the table of ratios, and where the time goes."""
    report = terminalreporter.config.stash[_REPORT]
    for title, lines in report.sections().items():
        terminalreporter.section(title)
        for line in lines:
            terminalreporter.write_line(line)


@pytest.fixture
def report(pytestconfig: pytest.Config) -> Report:
    """Where a benchmark puts what is shown at the end."""
    return pytestconfig.stash[_REPORT]


@pytest.fixture(scope="session")
def reference(pytestconfig: pytest.Config) -> str:
    """Python of the reference."""
    python: str | None = pytestconfig.getoption("--reference")
    if python is None:
        pytest.skip("no --reference PYTHON was given")
    return os.path.abspath(python)


@pytest.fixture(scope="session")
def visit(
    tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config
) -> Iterator[Path]:
    """Folder of four ACS/WFC exposures that the reference can read too."""
    shape, _ = _SCALES[pytestconfig.getoption("--size")]
    folder = tmp_path_factory.mktemp("visit")
    for path in simulate_visit(str(folder), exposures=4, shape=shape).paths:
        with fits.open(path, mode="update", memmap=False) as hdus:
            name = {"EXPNAME": hdus[0].header["ROOTNAME"]}
            hdus[0].header.update(name | _PRIMARY)
            for hdu in hdus[1:]:
                hdu.header.update(name | _EXTENSIONS)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def long_visit(tmp_path_factory: pytest.TempPathFactory, visit: Path) -> Iterator[Path]:
    """Folder of sixteen exposures, by copying the four."""
    folder = tmp_path_factory.mktemp("long_visit")
    for source in visit.glob("*_flt.fits"):
        for number in range(4):
            copy = shutil.copy(source, folder / f"copy{number}_{source.name}")
            fits.setval(copy, "ROOTNAME", value=f"copy{number}{source.name[:9]}")
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def small_visit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of one exposure of two chips of 400 x 500 pixels, in any case."""
    folder = tmp_path_factory.mktemp("small_visit")
    simulate_visit(str(folder), exposures=1, shape=(400, 500))
    return folder
