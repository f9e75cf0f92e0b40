"""More files can be open than a system lets a process have at first."""

from pathlib import Path

import pytest

from staticmask_cli.io.open_files import allow_open_files
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.masks.writing import write_masks

resource = pytest.importorskip("resource")


def test_more_masks_are_written_than_files_may_be_open(tmp_path: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_NOFILE)
    masks = {str(tmp_path / f"{n}.fits"): StaticMask(Signature("A", (2, 3), n)) for n in range(90)}
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (80, limits[1]))
        write_masks(masks)
        raised = resource.getrlimit(resource.RLIMIT_NOFILE)
        allow_open_files(10)
        assert resource.getrlimit(resource.RLIMIT_NOFILE) == raised
        allow_open_files(2**40)
        assert resource.getrlimit(resource.RLIMIT_NOFILE)[1] == limits[1]
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, limits)
    assert len(list(tmp_path.glob("*.fits"))) == 90
    assert raised[0] >= 90
