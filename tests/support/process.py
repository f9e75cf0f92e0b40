"""Run Python in a process of its own."""

import os
import subprocess
import sys
from pathlib import Path

import staticmask_cli

FOLDER = Path(staticmask_cli.__file__).parent
_DECIDE_ON_COLOUR = {"NO_COLOR", "FORCE_COLOR", "TTY_COMPATIBLE", "TTY_INTERACTIVE"}


def process_environment(**more: str) -> dict[str, str]:
    """Environment in which a new Python finds this package, and no wish about colours."""
    kept = {key: value for key, value in os.environ.items() if key not in _DECIDE_ON_COLOUR}
    return {**kept, "PYTHONPATH": str(FOLDER.parent), **more}


def run_python(*words: str, cwd: Path, **more: str) -> "subprocess.CompletedProcess[str]":
    """Run a new Python with both of its outputs piped."""
    return subprocess.run(
        [sys.executable, *words], cwd=cwd, env=process_environment(**more),
        capture_output=True, encoding="utf-8", errors="surrogateescape", check=False, timeout=60,
    )
