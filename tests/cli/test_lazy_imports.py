"""Libraries are imported when a command needs them, and not before."""

import json
import os
import sys
from pathlib import Path

import pytest

from staticmask_cli.cli import cli, main
from staticmask_cli.simulate.visit import Visit
from tests.support.process import run_python

HEAVY = {"numpy", "astropy", "rich", "configobj", "textual", "matplotlib"}


def modules_after(calls: str, folder: Path) -> set[str]:
    """Run lines of Python in a process of their own; return the modules that they imported."""
    script = f"import json, sys\n{calls}\nprint(json.dumps(sorted(sys.modules)), file=sys.stderr)"
    process = run_python("-c", script, cwd=folder)
    assert process.returncode == 0, process.stderr
    return set(json.loads(process.stderr.splitlines()[-1]))


def test_heavy_libraries_are_not_loaded_before_they_are_needed(tmp_path: Path) -> None:
    loaded = modules_after("import staticmask_cli", tmp_path)
    assert "staticmask_cli" in loaded
    assert loaded & HEAVY == set()
    words = [["--version"], ["--help"], *([name, "--help"] for name in cli.commands)]
    assert len(words) > 8
    loaded = modules_after(
        "from staticmask_cli.cli import cli\n"
        f"for words in {words}:\n"
        "    cli(words, standalone_mode=False)", tmp_path)
    assert "staticmask_cli.cli.demo" in loaded
    assert loaded & HEAVY == set()


def test_exposures_of_a_telescope_are_made_into_masks_and_flagged_without_astropy(
    visit: Visit, tmp_path: Path
) -> None:
    runs = [["plan"], ["create", "-o", "masks"], ["create", "--agree", "2", "-o", "votes"],
            ["create", "-o", "flags", "--apply-to", "copies"]]
    loaded = modules_after(
        "from staticmask_cli.cli import cli\n"
        f"for words in {runs}:\n"
        f"    cli([*words, *{visit.paths}, '-q'], standalone_mode=False)", tmp_path)
    assert "numpy" in loaded
    assert not [name for name in loaded if name.startswith("astropy")]
    assert {path.name: len(list(path.iterdir())) for path in tmp_path.iterdir()} == {
        "masks": 2, "votes": 2, "flags": 2, "copies": 4}


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
