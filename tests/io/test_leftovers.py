"""Leftovers of killed runs go, and nothing that others do to files of ours makes a run wait."""

import fcntl
import os
import time
from pathlib import Path

import pytest

from staticmask_cli.io import leftovers
from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.file_locks import try_lock
from staticmask_cli.io.leftovers import new_temporary, remove_stale_temporaries

LEFT = ".mask.fits.a1b2c3d4.tmp"


def write(folder: Path) -> list[str]:
    with write_whole(str(folder / "mask.fits")) as stream:
        stream.write(b"new")
    return sorted(path.name for path in folder.iterdir())


def test_every_write_removes_what_a_killed_one_left(tmp_path: Path) -> None:
    (tmp_path / LEFT).write_bytes(b"half")
    (tmp_path / ".mask.fits.a1b2c3d4old.tmp").write_bytes(b"old")
    assert write(tmp_path) == ["mask.fits"]


@pytest.mark.parametrize("kind", ["pipe", "link to a pipe", "folder"])
def test_what_is_no_regular_file_is_neither_opened_nor_removed(kind: str, tmp_path: Path) -> None:
    if kind == "folder":
        (tmp_path / LEFT).mkdir()
    else:
        os.mkfifo(tmp_path / ("pipe" if "link" in kind else LEFT))
    if "link" in kind:
        (tmp_path / LEFT).symlink_to("pipe")
    assert LEFT in write(tmp_path)


def test_a_folder_that_another_program_has_locked_is_written_to(tmp_path: Path) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        assert write(tmp_path) == ["mask.fits"]
    finally:
        os.close(descriptor)


def test_a_temporary_file_that_is_removed_before_it_is_locked_is_made_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names: list[str] = []

    def late(descriptor: int) -> bool | None:
        if not names:
            names.extend(os.listdir(tmp_path))
            monkeypatch.setattr(leftovers, "try_lock", try_lock)
            remove_stale_temporaries([str(tmp_path / "mask.fits")])
        return try_lock(descriptor)

    monkeypatch.setattr(leftovers, "try_lock", late)
    with new_temporary(str(tmp_path), "mask.fits") as stream:
        assert [os.path.basename(stream.name)] == os.listdir(tmp_path) != names


@pytest.mark.parametrize(("hours", "goes"), [(1, False), (25, True)])
def test_without_locks_a_leftover_goes_when_it_is_a_day_old(
    hours: int, goes: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: FBT001
) -> None:
    monkeypatch.setattr(leftovers, "try_lock", lambda _: None)
    (tmp_path / LEFT).touch()
    then = time.time() - hours * 3600
    os.utime(tmp_path / LEFT, (then, then))
    assert write(tmp_path) == ([] if goes else [LEFT]) + ["mask.fits"]
