"""Libraries are imported when a command needs them, and not before."""

import json
import os
import sys
from pathlib import Path

import pytest

from staticmask_cli.cli import main
from staticmask_cli.simulate.visit import Visit
from tests.support.process import run_python

HEAVY = {"numpy", "astropy", "rich", "configobj", "textual", "matplotlib"}


@pytest.mark.parametrize(
    "code",
    [
        "import staticmask_cli",
        "from staticmask_cli.cli import cli; cli(['--help'])",
        "from staticmask_cli.cli import cli; cli(['create', '--help'])",
        "from staticmask_cli.cli import cli; cli(['plan', '--help'])",
        "from staticmask_cli.cli import cli; cli(['inspect', '--help'])",
        "from staticmask_cli.cli import cli; cli(['export', '--help'])",
        "from staticmask_cli.cli import cli; cli(['apply', '--help'])",
        "from staticmask_cli.cli import cli; cli(['config', '--help'])",
        "from staticmask_cli.cli import cli; cli(['demo', '--help'])",
        "from staticmask_cli.cli import cli; cli(['--version'])",
    ],
)
def test_heavy_libraries_are_not_loaded_before_they_are_needed(code: str, tmp_path: Path) -> None:
    script = (
        "import json, sys\n"
        f"try:\n    {code}\n"
        "except SystemExit as end:\n    assert not end.code\n"
        "print(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    )
    process = run_python("-c", script, cwd=tmp_path)
    loaded = set(json.loads(process.stderr))
    assert "staticmask_cli" in loaded
    assert loaded & HEAVY == set()


@pytest.mark.parametrize("words", [["create"], ["create", "--agree", "2"], ["plan"]])
def test_exposures_of_a_telescope_are_made_into_masks_without_astropy(
    words: list[str], visit: Visit, tmp_path: Path
) -> None:
    script = (
        "import sys\n"
        "from staticmask_cli.cli import cli\n"
        f"cli([*{words}, *{visit.paths}, '-o', {str(tmp_path)!r}], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('astropy')], file=sys.stderr)"
    )
    process = run_python("-c", script, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr.splitlines()[-1] == "[]"
    assert len(list(tmp_path.glob("*_staticMask.fits"))) == (2 if "create" in words else 0)


def test_masks_are_applied_without_astropy(visit: Visit, tmp_path: Path) -> None:
    folder = str(tmp_path / "masks")
    script = (
        "import sys\n"
        "from staticmask_cli.cli import cli\n"
        f"cli([*{visit.paths}, '-o', {folder!r}, '--apply-to', 'out'], standalone_mode=False)\n"
        "print([name for name in sys.modules if name.startswith('astropy')], file=sys.stderr)"
    )
    process = run_python("-c", script, cwd=tmp_path)
    assert process.returncode == 0, process.stderr
    assert process.stderr.splitlines()[-1] == "[]"
    assert len(list((tmp_path / "out").iterdir())) == 4


@pytest.mark.parametrize(("before", "expected"), [(None, "1"), ("3", "3")])
def test_openblas_gets_one_thread_unless_the_user_sets_a_number(
    before: str | None, expected: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", before or "")  # so that it is restored afterwards
    if before is None:
        monkeypatch.delenv("OPENBLAS_NUM_THREADS")
    monkeypatch.setattr(sys, "argv", ["staticmask", "--version"])
    with pytest.raises(SystemExit):
        main()
    assert os.environ["OPENBLAS_NUM_THREADS"] == expected
