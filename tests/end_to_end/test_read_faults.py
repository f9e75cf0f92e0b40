"""What happens when the system cannot read an input, or lacks memory, threads or descriptors.

STATICMASK_FAULTS=1 lets each system call on an input fail in turn, for each command:

    STATICMASK_FAULTS=1 pytest --basetemp=/dev/shm/faults tests/end_to_end/test_read_faults.py
"""

import os
import resource
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.simulate.visit import simulate_visit
from tests.support.exposures import digest
from tests.support.faults import Fault, Runner, calls_of, can_inject, forks, run_with_fault
from tests.support.process import process_environment

pytestmark = pytest.mark.skipif(not can_inject(), reason="needs gcc on Linux")
thorough = pytest.mark.skipif(
    not os.environ.get("STATICMASK_FAULTS"), reason="takes minutes: STATICMASK_FAULTS=1"
)

INPUTS = ("visit/jsim6000q_flt.fits", "visit/jsim6001q_flt.fits")
MASKS = tuple(f"out/ACSWFC_60x80_{number}_staticMask.fits" for number in (1, 2))
CREATE = (*INPUTS, "--final-bits", "0", "-o", "out", "-j1")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with two exposures in ``visit``, and the masks of the first in ``out``."""
    folder = tmp_path_factory.mktemp("reads")
    simulate_visit(str(folder / "visit"), "ACS/WFC", exposures=2, shape=(60, 80))
    create_masks(folder / INPUTS[0], final_bits=0, output_dir=folder / "out")
    return folder


def copied(folder: Path, to: Path) -> Path:
    """Copy the masks, and link to the exposures."""
    to.mkdir()
    (to / "visit").symlink_to(folder / "visit")
    shutil.copytree(folder / "out", to / "out")
    return to


def state_of(folder: Path) -> dict[str, str]:
    return {str(path.relative_to(folder)): digest(path) for path in folder.glob("*/*.*")
            if path.parent.name != "visit"}


def error_of(done: "subprocess.CompletedProcess[str]") -> str:
    """Return the only line of stderr, which is an error; the exit code is 1."""
    assert done.returncode == 1, done.stderr
    (line,) = done.stderr.splitlines()
    assert line.startswith("Error: ")
    return line.removeprefix("Error: ")


def test_pixels_that_cannot_be_read_end_the_run_with_one_line(folder: Path, tmp_path: Path) -> None:
    here = copied(folder, tmp_path / "here")
    old = state_of(here)
    done = run_with_fault(Fault("read", "EIO", "6001q", nth="9+"), *CREATE, cwd=here)
    assert error_of(done) == (f"{INPUTS[1]}: cannot be read: Input/output error; the disk or the "
                              "network failed: try again, or with a copy")
    assert state_of(here) == old


def test_pixels_that_cannot_be_read_are_set_aside_with_keep_going(
    folder: Path, tmp_path: Path
) -> None:
    here = copied(folder, tmp_path / "here")
    # The reads before are of headers, and of the first chip.
    calls = len(calls_of("read", "6001q", *CREATE, cwd=copied(folder, tmp_path / "there")))
    done = run_with_fault(Fault("read", "ESTALE", "6001q", nth=str(calls)), *CREATE, "-q",
                          "--keep-going", cwd=here)
    reason = ("set aside: cannot be read: Stale file handle; the file server has replaced it "
              "meanwhile: run it again")
    assert done.stderr == f"Warning: {INPUTS[1]}[SCI,2]: {reason}\n"
    assert [len(StaticMask.read(here / path).used) for path in MASKS] == [2, 1]


def test_a_mask_that_the_file_server_does_not_answer_for_is_not_taken_for_missing(
    folder: Path, tmp_path: Path
) -> None:
    here = copied(folder, tmp_path / "here")
    old = state_of(here)
    done = run_with_fault(Fault("stat", "ESTALE", "/out/", nth="5"), *COMMANDS["update"], cwd=here)
    assert done.returncode == 1
    assert state_of(here) == old


def test_a_module_that_cannot_be_read_is_no_bug(folder: Path, tmp_path: Path) -> None:
    for nth, fault in enumerate((
        Fault("open", "EMFILE", "/detect.", nth="1+"),
        Fault("open", "EMFILE", "/create.", nth="1+"),
    )):
        done = run_with_fault(fault, *CREATE, cwd=copied(folder, tmp_path / str(nth)))
        assert "Too many open files" in error_of(done)


@pytest.mark.parametrize("jobs", ["1", "4"])
def test_a_run_that_can_start_no_thread_makes_its_masks(
    jobs: str, folder: Path, tmp_path: Path
) -> None:
    here = copied(folder, tmp_path / "here")
    done = run_with_fault(Fault("thread", "EAGAIN", nth="1+"), *INPUTS, "-o", "out", "-q", "-j",
                          jobs, "--overwrite", cwd=here)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [len(StaticMask.read(here / path).used) for path in MASKS] == [2, 2]


def test_a_home_that_cannot_be_entered_makes_no_difference(folder: Path, tmp_path: Path) -> None:
    here = copied(folder, tmp_path / "here")
    closed = Fault("stat", "EACCES", "/closed/", nth="1+")
    for words in (("inspect", *MASKS), (*CREATE, "--overwrite", "-q")):
        done = run_with_fault(closed, *words, cwd=here, HOME=str(tmp_path / "closed"))
        assert (done.returncode, done.stderr) == (0, "")


def test_a_mask_that_cannot_be_read_is_not_taken_for_another_file(
    folder: Path, tmp_path: Path
) -> None:
    here = copied(folder, tmp_path / "here")
    for words in ((*CREATE, "--static-sig", "3"), ("plan", *CREATE[:-1])):
        done = run_with_fault(Fault("read", "EIO", MASKS[0], nth="1+"), *words, cwd=here)
        assert error_of(done).startswith(f"{MASKS[0]}: cannot be read: Input/output error; ")


def limited(megabytes: int, *words: str | Path, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """Run the command with limited memory."""
    limit = megabytes << 20
    return subprocess.run(
        [sys.executable, "-m", "staticmask_cli", *map(str, words)], cwd=cwd, check=False,
        env=process_environment(), capture_output=True, encoding="utf-8", timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_AS, (limit, limit)),
    )


def sparse_exposure(path: Path, length: int) -> None:
    """Write an exposure of `length` squared pixels, which need no room on the disk."""
    cards = [
        "SIMPLE  = T", "BITPIX  = -32", "NAXIS   = 2", f"NAXIS1  = {length}",
        f"NAXIS2  = {length}", "INSTRUME= 'ACS     '", "DETECTOR= 'WFC     '", "EXPTIME = 100.0",
        "END",
    ]
    with path.open("wb") as stream:
        stream.write("".join(f"{card:80}" for card in cards).ljust(2880).encode("ascii"))
        stream.truncate(2880 * (1 + -(-4 * length**2 // 2880)))


def test_a_chip_that_needs_too_much_memory_is_named_and_the_others_are_masked(
    folder: Path, tmp_path: Path
) -> None:
    here = copied(folder, tmp_path / "here")
    sparse_exposure(here / "large_flt.fits", 200_000)
    words = ("large_flt.fits", *INPUTS, "--sky", "local", "--agree", "all", "-o", "new", "-q")
    reason = "it needs more memory than there is; use a smaller --jobs, or a machine with more"
    assert reason in error_of(limited(2000, *words, cwd=here))
    assert not (here / "new").exists()
    done = limited(2000, *words, "--keep-going", cwd=here)
    assert reason in done.stderr
    names = [here / "new" / Path(path).name for path in MASKS]
    assert [len(StaticMask.read(name).used) for name in names] == [2, 2]


@thorough
def test_any_limit_of_memory_makes_masks_or_one_error(folder: Path, tmp_path: Path) -> None:
    copied(folder, tmp_path / "here")
    codes = Counter[int]()
    for megabytes in range(100, 400, 10):
        done = limited(megabytes, *CREATE, "--overwrite", "-q", cwd=tmp_path / "here")
        codes[done.returncode] += 1
        if done.returncode and "OpenBLAS" not in done.stderr:  # which ends the process on its own
            assert error_of(done)
    assert codes[0]


COMMANDS = {
    "create": (*CREATE, "--overwrite"),
    "update": (*CREATE, "--update"),
    "plan": ("plan", *CREATE[:-1]),
    "apply": ("apply", *MASKS, "--to", *INPUTS, "-o", "flagged"),
    "plot": (*INPUTS, "-o", "out", "--overwrite", "--plot", "out/p.svg", "--group", "sci,1", "-j1"),
    "inspect": ("inspect", *MASKS),
    "export": ("export", *MASKS, "--as", "dq", "--as", "regions", "-o", "forms"),
}
FAULTS = {"open": ("EIO", "ESTALE", "EMFILE", "EACCES"), "read": ("EIO", "ESTALE", "short"),
          "stat": ("ESTALE",), "close": ("EIO",)}
PATHS = {"inspect": ("/out/",), "export": ("/out/",), "update": ("/visit/", "/out/"),
         "plan": ("/visit/", "/out/"), "apply": ("/visit/", "/out/")}


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    with forks() as run:
        yield run


@thorough
@pytest.mark.parametrize("case", [
    (command, call, path) for command in COMMANDS for call in FAULTS
    for path in PATHS.get(command, ("/visit/",))
], ids="-".join)
def test_any_read_that_fails_leaves_the_old_or_makes_the_new_with_one_line(
    case: tuple[str, str, str], folder: Path, tmp_path: Path, runner: Runner,
    record_property: Callable[[str, object], None],
) -> None:
    command, call, path = case
    more, words = {"SOURCE_DATE_EPOCH": "0"}, COMMANDS[command]
    here = copied(folder, tmp_path / "here")
    old = state_of(here)
    calls = calls_of(call, path, *words, cwd=here, runner=runner, **more)
    new = state_of(here)

    def outcome(fault: Fault) -> str:
        shutil.rmtree(here)
        copied(folder, here)
        done = runner(fault, *words, cwd=here, **more)
        found = state_of(here)
        errors = [line for line in done.stderr.splitlines() if line.startswith("Error: ")]
        assert "Traceback" not in done.stderr, (fault, done.stderr)
        assert (done.returncode, len(errors)) in ((0, 0), (1, 1)), (fault, done.stderr)
        if command == "apply" and done.returncode:  # whose copies are whole one by one
            assert found.items() <= {**new, **old}.items(), fault
        else:
            assert found == (old if done.returncode else new), fault
        return f"{fault.kind} x exit {done.returncode}"

    outcomes = Counter(outcome(Fault(call, kind, path, str(nth)))
                       for kind in FAULTS[call] for nth in range(1, len(calls) + 1))
    record_property(f"{command}, {call} of {path}", dict(outcomes))
