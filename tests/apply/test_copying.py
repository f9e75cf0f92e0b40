"""Copies are complete or absent, whatever happens."""

import errno
import os
from pathlib import Path

import pytest

from staticmask_cli import apply_masks, create_masks
from staticmask_cli.apply import copying
from staticmask_cli.errors import InputError, OutputError
from staticmask_cli.io import replacing
from staticmask_cli.simulate.visit import Visit
from tests.support.applied import applied
from tests.support.exposures import digest


def test_a_run_that_dies_before_a_rename_leaves_what_was_there(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    out = tmp_path / "out"
    replace = os.replace

    def die(_source: str, _target: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        applied(tmp_path, masks, visit.paths[0])
    assert list(out.iterdir()) == []
    monkeypatch.setattr(os, "replace", replace)
    (copy,) = applied(tmp_path, masks, visit.paths[0])
    before = digest(Path(copy))
    monkeypatch.setattr(os, "replace", die)
    with pytest.raises(KeyboardInterrupt):
        applied(tmp_path, masks, visit.paths[0], dq_bit=64)
    assert [path.name for path in out.iterdir()] == [Path(copy).name]
    assert digest(Path(copy)) == before


def test_what_a_killed_run_left_is_removed_by_the_next(visit: Visit, tmp_path: Path) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    (tmp_path / "out").mkdir()
    left = tmp_path / "out" / f".{Path(visit.paths[0]).name}.a1b2.tmp"
    left.write_bytes(b"half")
    applied(tmp_path, masks, visit.paths[0])
    assert not left.exists()


@pytest.mark.parametrize("in_kernel", [True, False])
def test_a_full_disk_is_an_error_that_names_the_copy(
    in_kernel: bool, visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch  # noqa: FBT001
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    if in_kernel:
        monkeypatch.setattr(os, "copy_file_range", full, raising=False)
        monkeypatch.setattr(copying, "_read_into", full)
    monkeypatch.setattr(replacing, "flush_to_disk", full)
    with pytest.raises(OutputError, match=r"out/jsim6000q_flt.fits: cannot be written: No space"):
        applied(tmp_path, masks, visit.paths[0])
    assert list((tmp_path / "out").iterdir()) == []


def test_the_bytes_are_the_same_where_the_kernel_copies_no_ranges(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    (copy,) = applied(tmp_path, masks, visit.paths[0])
    monkeypatch.setattr(copying, "_copied_by_kernel", lambda _source, _stream, start, _end: start)
    (other,) = apply_masks(masks, visit.paths[0], output_dir=tmp_path / "other")
    assert digest(Path(copy)) == digest(Path(other))


def test_an_exposure_that_changes_meanwhile_is_refused(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    monkeypatch.setattr(copying, "stamp_of", lambda _: 0)
    with pytest.raises(InputError, match="was changed while the masks were applied; run it again"):
        applied(tmp_path, masks, visit.paths[0])
