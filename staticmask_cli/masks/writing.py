"""Write mask files: all of several, or none."""

import os
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from staticmask_cli.errors import ConfigError
from staticmask_cli.fits.writer import write_hdus
from staticmask_cli.io.atomic import NewFile, RemoteFile, write_together
from staticmask_cli.io.disk import as_output_error
from staticmask_cli.io.open_files import allow_open_files
from staticmask_cli.parallel.tasks import run_tasks

if TYPE_CHECKING:
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["time_of_making", "write_masks"]

_LAST_SECOND = "253402300799"  # of the year 9999
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
    with write_together(masks) as files:
        written = zip(files, masks.values(), strict=True)
        for _ in run_tasks(lambda pair: _write_to(*pair), written, jobs=_WRITERS):
            pass  # errors of the writers are raised here
    for path, mask in masks.items():
        mask.path = path


def _write_to(file: NewFile | RemoteFile, mask: "StaticMask") -> None:
    date = time_of_making()
    with as_output_error(file.path):
        write_hdus(file.stream, mask.hdus(date), date)
        file.flush()


def time_of_making() -> str:
    """Return the time now, or SOURCE_DATE_EPOCH where it is set (reproducible-builds.org).

    Raises
    ------
    ConfigError
        If SOURCE_DATE_EPOCH is after the year 9999, so that no FITS header holds it.
    """
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    if len(epoch) > len(_LAST_SECOND) or (epoch.isdigit() and int(epoch) > int(_LAST_SECOND)):
        msg = (f"SOURCE_DATE_EPOCH = {epoch:.40}: expected the seconds since 1970, up to "
               f"{_LAST_SECOND}")
        raise ConfigError(msg)
    seconds = int(epoch) if epoch.isascii() and epoch.isdigit() else time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))
