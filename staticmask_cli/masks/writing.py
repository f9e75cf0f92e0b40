"""Write mask files: all of several, or none."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from staticmask_cli.fits.writer import write_hdus
from staticmask_cli.io.atomic import NewFile, RemoteFile, write_together
from staticmask_cli.io.disk import as_output_error
from staticmask_cli.io.open_files import allow_open_files

if TYPE_CHECKING:
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["time_of_making", "write_masks"]

_WRITERS = 2  # masks written at the same time: one waits for the disk while the other computes


def write_masks(masks: Mapping[str, "StaticMask"]) -> None:
    """Write masks to the paths that are their keys: all of them, or none.

    Each is written to a temporary file and flushed to disk; when all are complete, all are
    renamed.  If one cannot be renamed, those that were are undone.

    Raises
    ------
    OutputError
        If one cannot be written; the files that were there before stay as they are.
    """
    allow_open_files(len(masks))
    with write_together(masks) as files, ThreadPoolExecutor(_WRITERS) as writers:
        for _ in writers.map(_write_to, files, masks.values()):
            pass  # errors of the writers are raised here
    for path, mask in masks.items():
        mask.path = path


def _write_to(file: NewFile | RemoteFile, mask: "StaticMask") -> None:
    date = time_of_making()
    with as_output_error(file.path):
        write_hdus(file.stream, mask.hdus(date), date)
        file.flush()


def time_of_making() -> str:
    """Return the time now, or SOURCE_DATE_EPOCH where it is set (reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(epoch) if epoch.isascii() and epoch.isdigit() else time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
