"""Exposures and folders for the tests."""

import hashlib
import importlib.util
import os
import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
import spherical_geometry
from astropy.io import fits
from hypothesis import settings

from staticmask_cli.simulate import Visit, simulate_visit

# It is part of the extra dev.
collect_ignore = [] if importlib.util.find_spec("moto") else ["s3service.py"]

Chip = dict[str, Any]
WriteExposure = Callable[..., Path]


# Where a change is judged, everyone sees the same examples; elsewhere new ones are tried each time.
# No test is about time: machines are shared.
settings.register_profile("ours", derandomize=bool(os.environ.get("CI")), deadline=None)
settings.load_profile("ours")


def pytest_terminal_summary(terminalreporter: "pytest.TerminalReporter") -> None:
    """Show what tests recorded, also where they ran in another process."""
    for report in terminalreporter.stats.get("passed", []):
        for name, value in report.user_properties:
            terminalreporter.write_line(f"{name}: {value}")


def sky(shape: tuple[int, int] = (60, 80), *, seed: int = 1, level: float = 100.0,
        noise: float = 5.0) -> npt.NDArray[np.float32]:
    """Flat sky with Gaussian noise, float32."""
    rng = np.random.default_rng(seed)
    return rng.normal(level, noise, shape).astype(np.float32)


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


def digest(path: Path) -> str:
    """Fingerprint of a file, to prove that it was not changed."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


class Editor:
    """A text editor that does, each time it is opened, the next of some steps."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._script = folder / "editor.py"
        self.command = shlex.join([sys.executable, str(self._script)])

    def does(
        self,
        *steps: int | tuple[str | None, str | None],
        prints: str = "",
        interrupts: bool = False,
    ) -> None:
        """Set the steps.

        Each is an exit status or minus a signal, or what to replace and by what;
        None stands for the whole file, and for no file.
        """
        self._script.write_text(_EDITOR.format(
            steps=steps, folder=str(self._folder), prints=prints, interrupts=interrupts
        ))

    @property
    def saw(self) -> list[str]:
        """What the file held, each time the editor was opened."""
        paths = sorted(self._folder.glob("saw-*"))
        return [path.read_text(encoding="utf-8", errors="surrogateescape") for path in paths]

    @property
    def words(self) -> list[str]:
        """Words of the last command between the editor and the file."""
        return (self._folder / "words").read_text().splitlines()


_EDITOR = """
import os, pathlib, signal, sys
steps, folder, interrupts = {steps!r}, pathlib.Path({folder!r}), {interrupts!r}
file = pathlib.Path(sys.argv[-1])
text = file.read_text(encoding="utf-8", errors="surrogateescape")
number = len(list(folder.glob("saw-*")))
(folder / f"saw-{{number}}").write_bytes(file.read_bytes())
(folder / "words").write_text("\\n".join(sys.argv[1:-1]))
print({prints!r}, end="\\n" if {prints!r} else "")
if interrupts:
    os.kill(os.getppid(), signal.SIGINT)
step = steps[number]
if isinstance(step, int):
    os.kill(os.getpid(), -step) if step < 0 else sys.exit(step)
elif step[1] is None:
    file.unlink()
else:
    new = step[1] if step[0] is None else text.replace(*step)
    file.with_suffix(".bak").write_text("litter")
    file.write_text(new, encoding="utf-8", errors="surrogateescape")
"""


@pytest.fixture
def editor(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Editor:
    """Return the user's editor; there is no terminal for a form."""
    editor = Editor(tmp_path_factory.mktemp("editor"))
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.delenv("VISUAL", raising=False)
    monkeypatch.setenv("EDITOR", editor.command)
    return editor
