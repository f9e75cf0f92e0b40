"""What happens when a run is ended, killed, or finds something in its way.

STATICMASK_FAULTS=1 kills a run at 50 moments, and starts sixteen at once ten times:

    STATICMASK_FAULTS=1 python -m pytest tests/end_to_end/test_faults.py
"""

import contextlib
import os
import re
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import OutputError
from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.leftovers import remove_stale_temporaries
from staticmask_cli.simulate.visit import Visit
from tests.support.exposures import WriteExposure, digest
from tests.support.process import process_environment

THOROUGH = bool(os.environ.get("STATICMASK_FAULTS"))
NAME = "ACSWFC_60x80_1_staticMask.fits"


def start(*words: str, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "staticmask_cli", *words],
        cwd=folder, env=process_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        # Who runs the tests in the background ignores Ctrl-C, and the command would inherit that.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
    )


@pytest.mark.parametrize(
    "content", [b"precious", b"", "float", "other shape"], ids=["text", "empty", "float", "shape"]
)
def test_a_file_that_is_no_mask_is_replaced_only_with_permission(
    content: bytes | str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path, target = write_exposure(), tmp_path / "out" / NAME
    target.parent.mkdir()
    if isinstance(content, bytes):
        target.write_bytes(content)
    else:
        shape, dtype = ((60, 80), "f4") if content == "float" else ((80, 60), "i2")
        fits.PrimaryHDU(np.ones(shape, dtype)).writeto(target)
    before = digest(target)
    with pytest.raises(OutputError, match=rf"{NAME}: exists and is not a static mask of that"):
        create_masks(path, output_dir=target.parent)
    assert digest(target) == before
    (mask,) = create_masks(path, output_dir=target.parent, overwrite=True)
    np.testing.assert_array_equal(fits.getdata(target), mask.array)


def test_masks_of_ours_and_of_the_reference_are_replaced(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path, target = write_exposure(), tmp_path / NAME
    fits.PrimaryHDU(np.ones((60, 80), np.int16)).writeto(target)  # as drizzlepac writes it
    for static_sig in (3.0, 2.0):
        (mask,) = create_masks(path, static_sig=static_sig, output_dir=tmp_path)
        np.testing.assert_array_equal(fits.getdata(target), mask.array)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interrupted_run_ends_soon_with_one_line_and_changes_nothing(
    number: signal.Signals, code: int, tmp_path: Path
) -> None:
    # A run that is certainly under way: it waits in this list, which is a pipe.
    os.mkfifo(tmp_path / "slow.lst")
    process = start("@slow.lst", folder=tmp_path)
    with open(tmp_path / "slow.lst", "w", encoding="utf-8"):
        time.sleep(0.3)  # until it waits inside the system
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out) == (code, b"")
    assert err == b"Interrupted: the masks are all as they were, or all new.\n"
    assert [path.name for path in tmp_path.iterdir()] == ["slow.lst"]


def test_a_run_killed_at_any_moment_leaves_whole_masks_and_the_next_one_clears_up(
    visit: Visit, tmp_path: Path
) -> None:
    words = [*visit.paths, "-q", "-o", "."]
    process = start(*words, folder=tmp_path)
    began = time.monotonic()
    process.communicate(timeout=60)
    assert process.returncode == 0
    lasts = time.monotonic() - began
    old = {path.name: fits.getdata(path) for path in tmp_path.glob("*.fits")}
    assert len(old) == 2
    for moment in np.linspace(0.1, 1.0, 50 if THOROUGH else 3) * lasts:
        process = start(*words, folder=tmp_path)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=float(moment))
        process.kill()
        process.communicate()
        for name, expected in old.items():
            with fits.open(tmp_path / name, checksum=True) as hdus:
                np.testing.assert_array_equal(hdus[0].data, expected)
    create_masks(visit.paths, output_dir=tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(old)


def test_an_update_killed_at_any_moment_leaves_whole_masks_and_goes_on_to_those_of_one_run(
    visit: Visit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    create_masks(visit.paths, agree=2, output_dir=tmp_path / "one")
    whole = {path.name: path.read_bytes() for path in (tmp_path / "one").iterdir()}
    create_masks(visit.paths[:1], agree="any", output_dir=tmp_path)  # a start, for imports
    began = time.monotonic()
    words = [*visit.paths, "-q", "-o", "grown", "--agree", "2", "--update", "--checkpoint", "1"]
    process = start(*words, folder=tmp_path)
    process.communicate(timeout=60)
    assert process.returncode == 0
    lasts = time.monotonic() - began
    grown = tmp_path / "grown"
    assert {path.name: path.read_bytes() for path in grown.iterdir()} == whole
    for moment in np.linspace(0.3, 1.0, 20 if THOROUGH else 2) * lasts:
        for path in grown.iterdir():
            path.unlink()
        process = start(*words, folder=tmp_path)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=float(moment))
        process.kill()
        process.communicate()
        for path in grown.glob("*.fits"):
            with fits.open(path, checksum=True) as hdus:
                assert 2 <= len(hdus["MEMBERS"].data) <= len(visit.paths)
        create_masks(visit.paths, agree=2, output_dir=grown, update=True)
        assert {path.name: path.read_bytes() for path in grown.iterdir()} == whole


def test_leftovers_are_cleared_but_never_those_of_a_live_run(tmp_path: Path) -> None:
    target = tmp_path / NAME
    dead, other = tmp_path / f".{NAME}.dead1234.tmp", tmp_path / ".mine.dead1234.tmp"
    for path in (dead, other):
        path.write_bytes(b"half")
    with write_whole(str(target)) as stream:
        stream.write(b"whole")
        remove_stale_temporaries([str(target)])
        assert not dead.exists()
        assert other.exists()
        assert len(list(tmp_path.glob(f".{NAME}.*.tmp"))) == 1
    assert target.read_bytes() == b"whole"


@pytest.mark.parametrize("number", range(10 if THOROUGH else 1))
def test_many_runs_at_once_in_one_folder_all_succeed(
    number: int, visit: Visit, tmp_path: Path
) -> None:
    masks = create_masks(visit.paths, static_sig=3.0 + number / 5, output_dir=tmp_path / "alone")
    words = [*visit.paths, "-q", "-j1", "--static-sig", str(3.0 + number / 5)]
    count = 16 if THOROUGH else 4
    runs = [start(*words, folder=tmp_path) for _ in range(count)]
    outcomes = [(*run.communicate(timeout=120), run.returncode) for run in runs]
    names = [Path(str(mask.path)).name for mask in masks]
    assert outcomes == [(b"", b"", 0)] * count
    for name, mask in zip(names, masks, strict=True):
        with fits.open(tmp_path / name, checksum=True) as hdus:
            np.testing.assert_array_equal(hdus[0].data, mask.array)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*names, "alone"])


def bounded_start(*words: str, folder: Path, most: int) -> tuple[int, str]:
    """Run the command where no file may grow beyond a number of bytes."""
    process = subprocess.run(
        [sys.executable, "-m", "staticmask_cli", *words],
        cwd=folder, env=process_environment(PYTHONDONTWRITEBYTECODE="1"), capture_output=True,
        text=True, check=False, timeout=60,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (most, most)),
    )
    return process.returncode, process.stderr


def test_a_limit_of_file_sizes_leaves_the_old_masks_and_no_litter(
    visit: Visit, tmp_path: Path
) -> None:
    create_masks(visit.paths, output_dir=tmp_path)
    before = {path.name: digest(path) for path in tmp_path.iterdir()}
    words = ("-q", "--static-sig", "3", "--overwrite")
    code, err = bounded_start(*visit.paths, *words, folder=tmp_path, most=30_000)
    assert code == 1
    assert re.match(r"Error: ACSWFC_150x220_[12]_staticMask\.fits: cannot be written: ", err)
    assert "File too large" in err or "a limit of file sizes" in err
    assert {path.name: digest(path) for path in tmp_path.iterdir()} == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return an empty file system of 400 KiB, where one may be mounted."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=400k", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)  # noqa: S607 - wherever it is


def test_a_full_disk_leaves_the_old_masks_and_no_litter(visit: Visit, small_disk: Path) -> None:
    create_masks(visit.paths, output_dir=small_disk)
    (small_disk / "rest").touch()
    with contextlib.suppress(OSError), (small_disk / "rest").open("wb", buffering=0) as stream:
        while stream.write(bytes(4096)):
            pass
    before = {path.name: digest(path) for path in small_disk.iterdir()}
    process = start(*visit.paths, "-q", "--static-sig", "3", "--overwrite", folder=small_disk)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert re.fullmatch(rb"Error: ACSWFC_150x220_[12]_staticMask\.fits: cannot be written: "
                        rb"No space left on device\n", err)
    assert {path.name: digest(path) for path in small_disk.iterdir()} == before


def test_a_folder_that_cannot_be_written_is_named_and_keeps_its_masks(
    visit: Visit, small_disk: Path
) -> None:
    create_masks(visit.paths, output_dir=small_disk)
    before = {path.name: digest(path) for path in small_disk.iterdir()}
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)  # noqa: S607 - as above
    process = start(*visit.paths, "-q", "--static-sig", "3", "--overwrite", folder=small_disk)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (1, b"")
    assert err.decode() == (f"Error: .: cannot be written: the folder {small_disk} is not "
                            "writable; choose another one\n")
    assert {path.name: digest(path) for path in small_disk.iterdir()} == before
