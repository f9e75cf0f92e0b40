"""One run at a time updates a mask; others wait, say for whom, and not for ever."""

import errno
import fcntl
import os
import re
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import NoReturn

import pytest

from staticmask_cli.errors import OutputError
from staticmask_cli.io import update_lock as module
from staticmask_cli.io.update_lock import update_lock

LOCK = ".mask.fits.lock.tmp"
SECONDS = "STATICMASK_LOCK_SECONDS"


@pytest.fixture(params=["locks", "no locks"])
def no_locks(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a test on this system, and on one without file locks."""
    if request.param == "no locks":
        monkeypatch.setattr(module, "try_lock", lambda _: None)


@pytest.mark.usefixtures("no_locks")
def test_one_thread_at_a_time_holds_a_lock(tmp_path: Path) -> None:
    path, count = str(tmp_path / "mask.fits"), tmp_path / "count"
    count.write_text("0")

    def add() -> None:
        for _ in range(3):
            with update_lock([path]):
                number = int(count.read_text())
                time.sleep(0.002)
                count.write_text(str(number + 1))

    threads = [threading.Thread(target=add) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert count.read_text() == "24"
    assert os.listdir(tmp_path) == ["count"]


@pytest.mark.usefixtures("no_locks")
def test_a_lock_does_not_stay_if_the_file_server_does_not_answer_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unanswered(*_: object) -> NoReturn:
        raise OSError(errno.ESTALE, "Stale file handle")

    monkeypatch.setattr(module, "is_named", unanswered)
    with pytest.raises(OutputError, match="Stale"), update_lock([str(tmp_path / "mask.fits")]):
        pass
    assert os.listdir(tmp_path) == []


@pytest.mark.usefixtures("no_locks")
def test_a_lock_that_is_held_too_long_ends_the_wait_with_who_holds_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv(SECONDS, "0.3")
    monkeypatch.setattr(module, "_SILENT", 0.1)
    path = str(tmp_path / "mask.fits")
    holder = f"the process {os.getpid()} on "
    message = (rf"mask\.fits: cannot be updated, as its lock {tmp_path}/{re.escape(LOCK)} is held "
               rf"by {holder}\S+ for more than 0\.3 s \({SECONDS}\); end that process, or remove "
               "the lock if no run is at work on the mask$")
    with update_lock([path]), pytest.raises(OutputError, match=message), update_lock([path]):
        pass
    (line,) = caplog.messages
    assert line.startswith(f"{path}: waiting for its lock {tmp_path}/{LOCK}, held by {holder}")
    with update_lock([path]):
        assert os.listdir(tmp_path) == [LOCK]


def test_a_lock_that_changes_hands_is_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECONDS, "0.2")
    holders = iter(f"the process {number}" for number in range(1000))
    monkeypatch.setattr(module, "_holder_of", lambda _: next(holders))
    path = str(tmp_path / "mask.fits")
    held = update_lock([path])
    held.__enter__()
    timer = threading.Timer(0.6, held.__exit__, (None, None, None))
    timer.start()
    with update_lock([path]):
        timer.join()


def test_the_lock_of_a_killed_run_is_taken_over(tmp_path: Path) -> None:
    (tmp_path / LOCK).write_text("the process 1 on elsewhere, which is longer than what follows\n")
    with update_lock([str(tmp_path / "mask.fits")]):
        text = (tmp_path / LOCK).read_text()
        assert text.startswith(f"the process {os.getpid()} on ")
        assert text.count("\n") == 1
    assert os.listdir(tmp_path) == []


def test_another_program_that_holds_the_lock_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SECONDS, "0.1")
    (tmp_path / LOCK).touch()
    script = ("import fcntl, sys; stream = open(sys.argv[1]); fcntl.flock(stream, fcntl.LOCK_EX); "
              "print(flush=True); sys.stdin.read()")
    with subprocess.Popen([sys.executable, "-c", script, tmp_path / LOCK],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        try:
            # The list of locks has other numbers of devices on some layered file systems.
            holder = rf"held by (the process {process.pid} on|another process)"
            with (pytest.raises(OutputError, match=holder),
                  update_lock([str(tmp_path / "mask.fits")])):
                pass
        finally:
            process.kill()


def test_a_folder_that_is_locked_is_no_obstacle(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        with update_lock([str(tmp_path / "mask.fits")]):
            pass
    finally:
        os.close(descriptor)


@pytest.mark.parametrize("kind", ["pipe", "link", "folder"])
def test_a_lock_that_is_no_regular_file_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / LOCK
    if kind == "pipe":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    else:
        path.symlink_to("nowhere")
    message = (rf"mask\.fits: cannot be written: {path} is in the way, and is not a regular file; "
               "remove it$")
    with pytest.raises(OutputError, match=message), update_lock([str(tmp_path / "mask.fits")]):
        pass
    assert os.path.lexists(path)
