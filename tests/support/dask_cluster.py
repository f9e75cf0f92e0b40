"""A cluster as a user starts it: a scheduler and workers, each a process of its own."""

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.support.process import process_environment

__all__ = ["Cluster", "Process", "running_cluster", "wait_for"]

Process = subprocess.Popen[bytes]

_SECONDS_TO_START = 60.0


def wait_for(happened: Callable[[], bool], seconds: float = _SECONDS_TO_START) -> None:
    """Wait until something is so."""
    end = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < end
        time.sleep(0.02)


@dataclass
class Cluster:
    """Processes of a cluster on this machine; their logs lie in a folder."""

    folder: Path
    address: str = ""
    processes: list[Process] = field(default_factory=list)

    @property
    def scheduler(self) -> Process:
        """The first of its processes."""
        return self.processes[0]

    @property
    def workers(self) -> list[Process]:
        """The other ones."""
        return self.processes[1:]

    def start_scheduler(self) -> None:
        """Start the scheduler, on a free port of loopback."""
        scheduler_file = self.folder / "scheduler.json"
        self._start("scheduler", "--host", "127.0.0.1", "--port", "0", "--scheduler-file",
                    str(scheduler_file), "--dashboard-address", "127.0.0.1:0")
        wait_for(lambda: scheduler_file.exists() and scheduler_file.stat().st_size > 0)
        self.address = json.loads(scheduler_file.read_text())["address"]

    def start_worker(self) -> Process:
        """Start a worker of one thread, without a nanny: who kills it, kills it for good."""
        return self._start("worker", self.address, "--no-nanny", "--nthreads", "1",
                           "--dashboard-address", "127.0.0.1:0")

    def _start(self, *words: str) -> Process:
        with open(self.folder / f"{len(self.processes)}-{words[0]}.log", "wb") as log:
            process = subprocess.Popen([sys.executable, "-m", "dask", *words], cwd=self.folder,
                                       env=process_environment(), stdout=log, stderr=log)
        self.processes.append(process)
        return process

    def stop(self) -> None:
        """End what was started."""
        for process in reversed(self.processes):
            process.kill()
            process.wait()


@contextmanager
def running_cluster(folder: Path, workers: int = 2) -> Iterator[Cluster]:
    """Start a cluster, and end it after the block."""
    folder.mkdir()
    cluster = Cluster(folder)
    try:
        cluster.start_scheduler()
        for _ in range(workers):
            cluster.start_worker()
        yield cluster
    finally:
        cluster.stop()
