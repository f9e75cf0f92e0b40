"""Several files take their names together, or all stay as they were."""

import errno
import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from staticmask_cli.errors import OutputError
from staticmask_cli.io import disk, replacing
from staticmask_cli.io.atomic import write_together, write_whole
from staticmask_cli.io.disk import make_folder

NAMES = ("a.fits", "b.fits", "c.fits")


def write(folder: Path, content: bytes = b"new") -> None:
    with write_together(str(folder / name) for name in NAMES) as files:
        for file in files:
            file.stream.write(content)


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def failing(call: Callable[..., None], number: int, error: BaseException) -> Callable[..., None]:
    """Return a function that does what `call` does, but for one of its calls."""
    calls = []

    def fail_once(*arguments: object, **keywords: object) -> None:
        calls.append(arguments)
        if len(calls) == number:
            raise error
        call(*arguments, **keywords)

    return fail_once


@pytest.mark.parametrize("number", [1, 2, 3])
@pytest.mark.parametrize("old", [NAMES, NAMES[1:], ()], ids=["all", "some", "none"])
def test_a_rename_that_fails_undoes_those_before_it(
    number: int, old: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in old:
        (tmp_path / name).write_bytes(b"old")
    error = OSError(errno.EIO, os.strerror(errno.EIO))
    monkeypatch.setattr(os, "replace", failing(os.replace, number, error))
    name = NAMES[number - 1]
    with pytest.raises(OutputError, match=rf"{name}: cannot be written: Input/output error$"):
        write(tmp_path)
    assert contents(tmp_path) == dict.fromkeys(old, b"old")


def test_what_cannot_be_undone_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        (tmp_path / name).write_bytes(b"old")
    denied = PermissionError(errno.EPERM, os.strerror(errno.EPERM))

    def denies(*_: object, **__: object) -> None:
        raise denied

    monkeypatch.setattr(os, "link", denies)  # as on file systems that have no links
    monkeypatch.setattr(os, "replace", failing(os.replace, 2, denied))
    message = (r"b\.fits: cannot be written: Operation not permitted; these are new already, and "
               rf"cannot be undone: {tmp_path}/a\.fits$")
    with pytest.raises(OutputError, match=message):
        write(tmp_path)
    assert contents(tmp_path) == {"a.fits": b"new", "b.fits": b"old", "c.fits": b"old"}


def test_all_files_are_flushed_before_the_first_rename_and_the_folder_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = []
    fsync, replace = os.fsync, os.replace

    def flushes(descriptor: int) -> None:
        done.append("folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "file")
        fsync(descriptor)

    def renames(source: str, target: str) -> None:
        done.append("rename")
        replace(source, target)

    monkeypatch.setattr(os, "fsync", flushes)
    monkeypatch.setattr(os, "replace", renames)
    write(tmp_path)
    assert done == [*["file"] * 3, *["rename"] * 3, "folder"]


def test_a_file_of_another_user_in_a_sticky_folder_is_refused_before_any_is_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in NAMES[1:]:
        (tmp_path / name).write_bytes(b"old")
    tmp_path.chmod(0o1777)
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    message = (r"b\.fits: cannot be replaced: it belongs to the user \d+, and the sticky bit of "
               r"its folder lets no other user replace it; choose another folder$")
    with pytest.raises(OutputError, match=message):
        write(tmp_path)
    assert contents(tmp_path) == {"b.fits": b"old", "c.fits": b"old"}


@pytest.fixture
def immutable(tmp_path: Path) -> object:
    """Return a file that cannot be replaced, where the file system has such ones."""
    path, chattr = tmp_path / "c.fits", shutil.which("chattr")
    path.write_bytes(b"old")
    change = [str(chattr), "+i", str(path)]
    if not chattr or subprocess.run(change, capture_output=True, check=False).returncode:
        pytest.skip("no file can be made immutable here")
    yield path
    subprocess.run([chattr, "-i", path], check=True)


@pytest.mark.usefixtures("immutable")
def test_an_immutable_file_is_refused_before_any_is_replaced(tmp_path: Path) -> None:
    message = (r"c\.fits: cannot be replaced: it is immutable or append-only, which chattr -ia "
               r"ends; choose another folder$")
    with pytest.raises(OutputError, match=message):
        write(tmp_path)
    assert contents(tmp_path) == {"c.fits": b"old"}


@pytest.mark.parametrize("mode", [0o600, 0o640, 0o444])
def test_a_file_that_is_replaced_keeps_its_permissions(mode: int, tmp_path: Path) -> None:
    path = tmp_path / "a.fits"
    path.touch()
    path.chmod(mode)
    with write_whole(str(path)) as stream:
        stream.write(b"new")
    assert stat.S_IMODE(path.stat().st_mode) == mode
    assert path.read_bytes() == b"new"


def test_the_folders_that_get_a_new_one_are_flushed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    flushed: list[str] = []
    monkeypatch.setattr(disk, "flush_folder", flushed.append)
    make_folder(str(tmp_path / "a" / "b"))
    assert flushed == [str(tmp_path / "a"), str(tmp_path)]
    make_folder(str(tmp_path / "a" / "b"))
    assert len(flushed) == 2


def test_a_folder_that_cannot_be_flushed_is_an_error_unless_that_is_not_supported(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in (errno.EINVAL, errno.EIO):
        error = OSError(number, os.strerror(number))
        monkeypatch.setattr(os, "fsync", failing(lambda _: None, 1, error))
        if number == errno.EINVAL:
            disk.flush_folder(str(tmp_path))
        else:
            with pytest.raises(OutputError, match="cannot be flushed to disk: Input/output error;"):
                disk.flush_folder(str(tmp_path))


def test_an_error_of_close_does_not_hide_another(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(replacing, "flush_to_disk", full)
    with pytest.raises(OutputError, match=r"a\.fits: cannot be written: No space left on device$"):
        write(tmp_path)
    assert contents(tmp_path) == {}
