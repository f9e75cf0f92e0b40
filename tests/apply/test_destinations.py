"""Copies never replace exposures, or files that are no copies."""

import shutil
from pathlib import Path

import pytest

from staticmask_cli import apply_masks, create_masks
from staticmask_cli.errors import OutputError
from staticmask_cli.simulate.visit import Visit, simulate_visit
from tests.support.applied import applied
from tests.support.exposures import digest


def test_exposures_and_files_of_others_are_never_replaced(
    visit: Visit, tmp_path: Path
) -> None:
    masks = create_masks(visit.paths[:2], output_dir=tmp_path)
    folder = Path(visit.paths[0]).parent
    with pytest.raises(OutputError, match=r"lies in the output folder.* exposures are never"):
        apply_masks(masks, visit.paths[0], output_dir=folder)
    out = tmp_path / "out"
    out.mkdir()
    target = out / Path(visit.paths[0]).name
    target.symlink_to(visit.paths[0])
    with pytest.raises(OutputError, match="is a link to an exposure"):
        applied(tmp_path, masks, visit.paths[0])
    target.unlink()
    shutil.copy(visit.paths[0], target)
    before = digest(target)
    with pytest.raises(OutputError, match="exists, and is not a copy that staticmask apply wrote"):
        applied(tmp_path, masks, visit.paths[0])
    assert digest(target) == before
    copies = Path(shutil.copytree(folder, tmp_path / "second"))
    with pytest.raises(OutputError, match="the copies of both would be"):
        applied(tmp_path, masks, [visit.paths[1], copies / Path(visit.paths[1]).name])


def test_companions_are_replaced_only_if_they_are_copies(tmp_path: Path) -> None:
    visit = simulate_visit(str(tmp_path), "WFPC2", exposures=2, shape=(50, 70))
    masks = create_masks(visit.paths, output_dir=tmp_path)
    (copy,) = applied(tmp_path, masks, visit.paths[0])
    assert applied(tmp_path, masks, visit.paths[0]) == [copy]
    companion = Path(copy.replace("_c0m", "_c1m"))
    companion.unlink()  # as a killed run may leave it
    assert applied(tmp_path, masks, visit.paths[0]) == [copy]
    companion.unlink()
    Path(copy).write_bytes(b"something else")
    with pytest.raises(OutputError, match=r"_c0m.fits: exists, and is not a copy"):
        applied(tmp_path, masks, visit.paths[0])
