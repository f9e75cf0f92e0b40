"""Faults at the system calls of the command, by the library of `fault_injector.c`.

It is compiled with gcc when it is first used, on Linux.
"""

import atexit
import errno
import functools
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from tests.support.process import process_environment

__all__ = ["Fault", "Runner", "calls_of", "can_inject", "forks", "run_with_fault"]

_SOURCE = Path(__file__).with_name("fault_injector.c")


@dataclass(frozen=True)
class Fault:
    """A fault at a system call.

    Attributes
    ----------
    call : str
        Which call fails: ``open``, ``read``, ``write``, ``close``, ``fsync``, ``rename`` and
        others that `fault_injector.c` lists, or ``any``.
    kind : str
        The name of an error, such as ``EIO``; ``short`` transfers a half of the bytes; ``before``
        and ``after`` kill the process before and after the call.
    path : str
        A part of the path of the file; empty for every file.
    nth : str
        Which of these calls fail: ``3`` is the third one alone, ``3+`` are all from it on.
    """

    call: str
    kind: str
    path: str = ""
    nth: str = "1"

    def environment(self) -> dict[str, str]:
        """Return the variables by which a new process has this fault."""
        return {"LD_PRELOAD": library(), "FAULT_CALL": self.call, "FAULT_PATH": self.path,
                "FAULT_NTH": self.nth, "FAULT_KIND": str(getattr(errno, self.kind, self.kind))}


def can_inject() -> bool:
    """Return whether faults can be injected here."""
    return sys.platform == "linux" and shutil.which("gcc") is not None


@functools.cache
def library() -> str:
    """Compile the library; return its path."""
    folder = tempfile.mkdtemp(prefix="faults-")
    atexit.register(shutil.rmtree, folder)
    target = Path(folder, "faults.so")
    subprocess.run(
        ["gcc", "-O1", "-shared", "-fPIC", "-o", str(target), str(_SOURCE), "-ldl"],  # noqa: S607
        check=True,
    )
    return str(target)


def run_with_fault(
    fault: Fault, *words: str | Path, cwd: Path, **more: str
) -> "subprocess.CompletedProcess[str]":
    """Run the command in a process that has a fault."""
    return subprocess.run(
        [sys.executable, "-m", "staticmask_cli", *map(str, words)], cwd=cwd,
        env=process_environment(**fault.environment(), PYTHONDONTWRITEBYTECODE="1", **more),
        capture_output=True, encoding="utf-8", errors="surrogateescape", check=False, timeout=60,
    )


class Runner(Protocol):
    """A function such as `run_with_fault`."""

    def __call__(
        self, fault: Fault, *words: str | Path, cwd: Path, **more: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run the command."""


@contextmanager
def forks() -> Iterator[Runner]:
    """Yield a function as `run_with_fault` that forks a process, which takes a tenth of the time.

    What the command imports is imported before by the process that is forked, as soon as
    `calls_of` was called once.
    """
    with tempfile.TemporaryDirectory() as folder, subprocess.Popen(
        [sys.executable, "-m", "tests.support.fork_server", folder],
        env=process_environment(LD_PRELOAD=library(), OPENBLAS_NUM_THREADS="1"),
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8",
    ) as server:
        requests, answers = server.stdin, server.stdout
        assert requests
        assert answers

        def run(
            fault: Fault, *words: str | Path, cwd: Path, **more: str
        ) -> "subprocess.CompletedProcess[str]":
            request = [*map(str, words)], str(cwd), {**fault.environment(), **more}
            requests.write(f"{json.dumps(request)}\n")
            requests.flush()
            code = int(answers.readline())
            out, err = (Path(folder, name).read_text(errors="surrogateescape")
                        for name in ("out", "err"))
            return subprocess.CompletedProcess(words, code, out, err)

        yield run
        requests.close()


def calls_of(
    call: str, path: str, *words: str | Path, cwd: Path, runner: Runner = run_with_fault,
    **more: str,
) -> list[str]:
    """Run the command without a fault; return a line for each of these calls, in their order.

    A line has the name of the call and the paths; the run must end with exit code 0.
    """
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder, "calls")
        done = runner(
            Fault(call, "short", path, nth="0"), *words, cwd=cwd, FAULT_LOG=str(log), **more)
        assert done.returncode == 0, done.stderr
        return log.read_text(errors="surrogateescape").splitlines() if log.exists() else []
