"""Run Python, or a line of bash, in a process of its own."""

import os
import shlex
import subprocess
import sys
from pathlib import Path

import staticmask_cli

FOLDER = Path(staticmask_cli.__file__).parent
_DECIDE_ON_COLOUR = {"NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}


def process_environment(**more: str) -> dict[str, str]:
    """Environment in which a new Python finds this package, and no wish about colours."""
    kept = {key: value for key, value in os.environ.items() if key not in _DECIDE_ON_COLOUR}
    # Otherwise each of some hundred processes could compile the package anew.
    return {**kept, "PYTHONDONTWRITEBYTECODE": "", "PYTHONPATH": str(FOLDER.parent), **more}


def run_python(*words: str, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a new Python with both of its outputs piped."""
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=process_environment(**more),
        capture_output=True, encoding="utf-8", errors="surrogateescape", check=False, timeout=60,
    )


def shell(
    words: str, folder: Path, *, without: tuple[str, ...] = (), **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run a line of bash, in which $MASK stands for the command."""
    command = shlex.join([sys.executable, "-m", "staticmask_cli"])
    environment = process_environment(**more)
    for name in without:
        environment.pop(name, None)
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {words.replace('$MASK', command)}"],  # noqa: S607 - the user's own
        cwd=folder, env=environment, capture_output=True, encoding="utf-8",
        errors="surrogateescape", check=False, timeout=60,
    )
