"""What is on disk after a system call failed, or the process was killed at it, while a run wrote.

A few faults are injected always.  STATICMASK_FAULTS=1 injects them at all calls on the files that
each command writes, which takes some minutes where flushes are quick; the outcomes are counted:

    STATICMASK_FAULTS=1 pytest --basetemp=/dev/shm/faults tests/end_to_end/test_write_faults.py
"""

import os
import re
import shutil
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import pytest

from staticmask_cli.simulate.visit import simulate_visit
from tests.support.command import run
from tests.support.faults import Fault, Runner, calls_of, can_inject, forks, run_with_fault

ERRORS = ("ENOSPC", "EIO", "EDQUOT", "ESTALE", "EMFILE", "ENOMEM")
DEATHS = ("before", "after")
LOOKING = ("read", "stat", "seek", "list")  # calls that change nothing

# For each command: what was run before, further states that it may leave, and the command itself.
COMMANDS: dict[str, tuple[str, ...]] = {
    "create": ("a_flt.fits b_flt.fits -o out", "a_flt.fits b_flt.fits -o out --static-sig 3"),
    "update": ("a_flt.fits b_flt.fits -o out --agree 2", "*_flt.fits -o out --agree 2 --update"),
    "checkpoint": ("a_flt.fits -o out", "a_flt.fits b_flt.fits -o out --update",
                   "*_flt.fits -o out --update --checkpoint 1"),
    "apply": ("apply masks/* --to p_c0m.fits -o out --dq-bit 16",
              "apply masks/* --to p_c0m.fits -o out --dq-bit 64"),
    "report": ("a_flt.fits -o masks_a --report out/run.json",
               "b_flt.fits -o masks_b --report out/run.json"),
    "plot": ("a_flt.fits -o masks_a --plot out/m.svg", "b_flt.fits -o masks_b --plot out/m.svg"),
}


@dataclass
class Stage:
    """A folder in which a command is run again and again, each time on the same files."""

    folder: Path
    words: list[str]
    states: list[dict[str, str]]

    def reset(self) -> None:
        """Restore what is there before the command."""
        shutil.rmtree(self.folder / "out")
        shutil.copytree(self.folder / "old", self.folder / "out")

    def found(self) -> dict[str, str]:
        """Return the digest of each file that the command writes, or has left, by name."""
        return {path.name: digest_of(path) for path in (self.folder / "out").iterdir()}

    def outcome(self) -> str:
        """Return which of the states the files are in."""
        found = {name: value for name, value in self.found().items() if not is_temporary(name)}
        names = ["new", "old", *(f"step {n}" for n in range(1, len(self.states) - 1))]
        of_state = dict(zip(names, [self.states[-1], *self.states[:-1]], strict=True))
        for name, state in of_state.items():
            if found == state:
                return name
        known = {(name, value) for state in self.states for name, value in state.items()}
        is_whole = found.items() <= known and found.keys() == self.states[-1].keys()
        return "mixed" if is_whole else "broken"


def digest_of(path: Path) -> str:
    """Return the digest of a file without the seconds that a run took, which reports have."""
    return sha256(re.sub(rb'"seconds": {[^}]+}', b"", path.read_bytes())).hexdigest()


def is_temporary(name: str) -> bool:
    return name.startswith(".") and name.endswith(".tmp")


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Stage]:
    """Return a function that prepares the stage of a command, by its name."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    monkeypatch.chdir(tmp_path)
    if not can_inject():
        pytest.skip("faults are injected on Linux, with gcc")

    def prepare(command: str) -> Stage:
        if command == "apply":  # the DQ flags of this exposure are in a file of its own
            simulate_visit(str(tmp_path), "WFPC2", exposures=1, shape=(60, 80))
        else:
            simulate_visit(str(tmp_path), exposures=3, shape=(60, 80))
        for letter, path in zip("abc", sorted(tmp_path.glob("*_flt.fits")), strict=False):
            path.rename(tmp_path / f"{letter}_flt.fits")
        for path in tmp_path.glob("*_c[01]m.fits"):
            path.rename(tmp_path / f"p_{path.name[-8:]}")
        if command == "apply":
            run("p_c0m.fits", "-o", "masks", "-q", code=0)
        result = Stage(tmp_path, [*COMMANDS[command][-1].split(), "-q"], [])
        for line in COMMANDS[command]:
            run(*line.split(), "-q", code=0)
            result.states.append(result.found())
            if len(result.states) == 1:
                shutil.copytree(tmp_path / "out", tmp_path / "old")
        return result

    return prepare


def kinds_of(command: str, call: str, number: int) -> list[str]:
    """Return the kinds of faults for a call; where drawing takes a second, errors are by turns."""
    turns = call in LOOKING or command == "plot"
    errors = ERRORS[number % len(ERRORS) :][:1] if turns else ERRORS
    short = ("short",) if call in {"read", "write"} else ()
    return [*errors, *short, *(() if call in LOOKING else DEATHS)]


def suffer(stage: Stage, fault: Fault, runner: Runner = run_with_fault) -> str:
    """Run the command with a fault, and return the outcome, which must be a good one."""
    stage.reset()
    process = runner(fault, *stage.words, cwd=stage.folder)
    outcome, found = stage.outcome(), stage.found()
    lines = [line for line in process.stderr.splitlines() if not line.startswith("Warning: ")]
    what = f"{fault}: {outcome}, exit code {process.returncode}, {process.stderr}"
    assert outcome != "broken", what
    if fault.kind in DEATHS:
        assert process.returncode == -9, what
    elif process.returncode == 0:
        assert outcome == "new", what
    else:
        assert process.returncode == 1, what
        assert len(lines) == 1, what
        assert lines[0].startswith("Error: "), what
        assert outcome not in {"mixed", "new"} or "cannot be flushed to disk" in lines[0], what
    if found not in (stage.states[0], stage.states[-1]):
        again = run(*stage.words)
        assert again.exit_code == 0, f"{what}\nthe next run: {again.stderr}"
        assert stage.found() == stage.states[-1], f"{what}\nafter the next run: {stage.found()}"
    return f"{'killed' if fault.kind in DEATHS else f'exit {process.returncode}'}, {outcome}"


def test_a_fault_leaves_old_or_new_masks_and_no_litter_after_the_next_run(
    stage: Callable[[str], Stage],
) -> None:
    ready = stage("create")
    for call, kind, nth, expected in (
        ("rename", "EIO", "2", "exit 1, old"),
        ("fsync", "EIO", "3", "exit 1, new"),  # of the folder
        ("rename", "before", "2", "killed, mixed"),
    ):
        assert suffer(ready, Fault(call, kind, "/out", nth)) == expected


@pytest.mark.skipif(
    not os.environ.get("STATICMASK_FAULTS"), reason="takes minutes: STATICMASK_FAULTS=1"
)
@pytest.mark.parametrize("command", COMMANDS)
def test_every_fault_leaves_old_or_new_files_and_no_litter_after_the_next_run(
    command: str, stage: Callable[[str], Stage], record_property: Callable[[str, str], None]
) -> None:
    ready = stage(command)
    ready.reset()
    counts: Counter[tuple[str, str, str]] = Counter()
    failures = []
    with forks() as runner:
        calls = calls_of("any", "/out/", *ready.words, cwd=ready.folder, runner=runner)
        for number, line in enumerate(calls, 1):
            call = line.partition(" ")[0]
            for kind in kinds_of(command, call, number):
                try:
                    outcome = suffer(ready, Fault("any", kind, "/out/", str(number)), runner)
                except AssertionError as error:
                    failures.append(f"{line}: {error}")
                    outcome = "wrong"
                counts[call, kind, outcome] += 1
    for (call, kind, outcome), count in sorted(counts.items()):
        record_property(f"{command}: {call}, {kind}", f"{outcome} ({count})")
    assert failures == []
