"""Atomic writes, and the folders and files that are refused."""

import errno
import gzip
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest

from staticmask_cli.errors import InputError, OutputError
from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.disk import make_folder
from staticmask_cli.io.targets import refuse_binary
from tests.support.exposures import WriteExposure, digest
from tests.support.process import run_python


def _names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_takes_its_name_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "mask.fits"
    path.write_bytes(b"old")
    with write_whole(str(path)) as stream:
        stream.write(b"new and longer")
        assert path.read_bytes() == b"old"
        assert len(_names(tmp_path)) == 2
    assert path.read_bytes() == b"new and longer"
    assert _names(tmp_path) == ["mask.fits"]


@pytest.mark.parametrize("error", [RuntimeError("stop"), KeyboardInterrupt(), InputError("gone")])
def test_an_exception_in_the_block_keeps_the_old_file_and_leaves_no_temporary(
    tmp_path: Path, error: BaseException
) -> None:
    path = tmp_path / "mask.fits"
    path.write_bytes(b"old")

    def write_and_fail() -> None:
        with write_whole(str(path)) as stream:
            stream.write(b"half of the n")
            raise error

    with pytest.raises(type(error)) as caught:
        write_and_fail()
    assert caught.value is error
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["mask.fits"]


def test_a_relative_name_goes_to_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with write_whole("mask.fits") as stream:
        stream.write(b"new")
    assert (tmp_path / "mask.fits").read_bytes() == b"new"


@pytest.mark.parametrize(("umask", "mode"), [(0o022, 0o644), (0o027, 0o640), (0o002, 0o664)])
def test_a_file_gets_the_permissions_of_the_umask(tmp_path: Path, umask: int, mode: int) -> None:
    path = tmp_path / "mask.fits"
    before = os.umask(umask)
    try:
        with write_whole(str(path)):
            pass
        assert os.umask(umask) == umask
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == mode


@pytest.mark.parametrize(
    ("name", "cause"),
    [
        ("file/mask.fits", "Not a directory"),
        ("missing/mask.fits", "No such file or directory"),
        ("folder", "Is a directory"),
    ],
)
def test_a_path_that_cannot_be_written_is_named_with_the_cause(
    tmp_path: Path, name: str, cause: str
) -> None:
    (tmp_path / "file").write_text("text")
    (tmp_path / "folder").mkdir()
    path = str(tmp_path / name)
    with pytest.raises(OutputError) as caught, write_whole(path) as stream:
        stream.write(b"new")
    assert str(caught.value) == f"{path}: cannot be written: {cause}"
    assert isinstance(caught.value.__cause__, OSError)
    assert _names(tmp_path) == ["file", "folder"]


def test_of_two_files_the_error_names_the_one_that_fails(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    bad = str(tmp_path / "file" / "b.fits")
    with (
        pytest.raises(OutputError) as caught,
        write_whole(str(tmp_path / "a.fits")),
        write_whole(bad),
    ):
        pass
    assert str(caught.value) == f"{bad}: cannot be written: Not a directory"
    assert _names(tmp_path) == ["file"]


def test_a_full_disk_keeps_the_old_file_and_leaves_no_temporary(tmp_path: Path) -> None:
    path = tmp_path / "mask.fits"
    path.write_bytes(b"old")
    script = (
        "import resource\n"
        "from staticmask_cli.io.atomic import write_whole\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))\n"
        "with write_whole('mask.fits') as stream:\n"
        "    stream.write(bytes(5000))\n"
    )
    process = run_python("-c", script, cwd=tmp_path)
    message = "staticmask_cli.errors.OutputError: mask.fits: cannot be written: File too large"
    assert process.stderr.splitlines()[-1] == message
    assert path.read_bytes() == b"old"
    assert _names(tmp_path) == ["mask.fits"]


def test_a_folder_is_created_with_its_parents_and_may_exist(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        make_folder(str(folder))
        assert folder.is_dir()


@pytest.mark.parametrize(("name", "cause"), [("file", "File exists"), ("file/a", "Not a dir")])
def test_a_folder_that_cannot_be_created_is_named_with_the_cause(
    tmp_path: Path, name: str, cause: str
) -> None:
    (tmp_path / "file").write_text("text")
    with pytest.raises(OutputError, match=f"{name}: cannot create the output folder: {cause}"):
        make_folder(str(tmp_path / name))


@pytest.mark.parametrize("compressed", [False, True], ids=["plain", "gzip"])
def test_no_text_file_replaces_an_exposure(
    tmp_path: Path, write_exposure: WriteExposure, *, compressed: bool
) -> None:
    path = write_exposure()
    if compressed:
        packed = tmp_path / "a_flt.fits.gz"
        packed.write_bytes(gzip.compress(path.read_bytes()))
        path = packed
    before = digest(path)
    with pytest.raises(OutputError, match="is not a text file and stays as it is; choose another"):
        refuse_binary(str(path))
    assert digest(path) == before


def test_a_file_that_cannot_be_read_may_be_any_and_is_not_replaced(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.json"
    path.write_text("notes")

    def unreadable(_: str) -> NoReturn:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr("staticmask_cli.io.targets.open_file", unreadable)
    with pytest.raises(OutputError, match=r"run\.json: exists, cannot be read \(Input/output e"):
        refuse_binary(str(path))


def test_text_files_and_unused_names_are_not_refused(tmp_path: Path) -> None:
    (tmp_path / "run.cfg").write_text("static_sig = 3\n")
    for name in ("run.cfg", "free.cfg", ""):
        refuse_binary(str(tmp_path / name))
    assert _names(tmp_path) == ["run.cfg"]
