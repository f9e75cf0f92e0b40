"""Where the copies of exposures go: never over an exposure, or over a file of someone else."""

import filecmp
import os
import re
from collections.abc import Iterable, Sequence
from contextlib import suppress

from staticmask_cli.errors import OutputError, StaticMaskError
from staticmask_cli.fits.content import open_content
from staticmask_cli.fits.layout import layouts
from staticmask_cli.fits.open import as_input_error
from staticmask_cli.io.paths import (
    canonical_path,
    check_writable,
    exists,
    folder_of_file,
    join_path,
)
from staticmask_cli.io.urls import is_remote

__all__ = ["HISTORY", "check_existing", "targets_in"]

HISTORY = "staticmask {version} apply: "
"""How the HISTORY of a copy begins."""

_OURS = re.compile(rb"HISTORY staticmask \S+ apply: ")


def targets_in(output_dir: str, paths: Sequence[str]) -> dict[str, str]:
    """Return the path of the copy of each exposure, and refuse folders that cannot be used.

    Raises
    ------
    OutputError
        If the folder is that of an exposure, or two exposures have the same name.
    """
    check_writable(output_dir)
    folder = canonical_path(output_dir)
    targets: dict[str, str] = {}
    taken: dict[str, str] = {}
    inputs = {canonical_path(path) for path in paths}
    for path in paths:
        if canonical_path(folder_of_file(path) or ".") == folder:
            msg = (f"{path}: lies in the output folder, {output_dir}, and exposures are never "
                   "changed; choose another folder for the copies")
            raise OutputError(msg)
        name = os.path.basename(path.partition("?")[0] if is_remote(path) else path)
        target = join_path(output_dir, name)
        other = taken.setdefault(name.lower(), path)  # some file systems ignore the case
        if other != path:
            msg = (f"{other} and {path}: the copies of both would be {target}; apply the masks to "
                   "each in a run of its own, with another folder")
            raise OutputError(msg)
        if canonical_path(target) in inputs:
            msg = f"{target}: is a link to an exposure, which is never changed; remove the link"
            raise OutputError(msg)
        targets[path] = target
    return targets


def check_existing(source: str, target: str, companion: str | None = None) -> None:
    """Refuse to replace a file that is not a copy of an earlier run.

    Parameters
    ----------
    source, target : str
        The paths of a file and of its copy.
    companion : str, optional
        The path of the copy of the DQ flags, if these are in another file; the copy of the
        exposure itself then has no HISTORY of ours.

    Raises
    ------
    OutputError
        If there is another file already.
    """
    if not exists(target) or any(map(_is_copy, filter(None, (target, companion)))):
        return
    with suppress(OSError):
        if companion and not is_remote(target) and filecmp.cmp(source, target, shallow=False):
            return
    msg = (f"{target}: exists, and is not a copy that staticmask apply wrote; move it away, or "
           "choose another folder")
    raise OutputError(msg)


def _is_copy(path: str) -> bool:
    """Whether a file has the HISTORY of a copy."""
    with suppress(StaticMaskError), as_input_error(path), open_content(path) as (content, size, _):
        return _has_history(layout.header for layout in layouts(content, size))
    return False


def _has_history(headers: Iterable[bytes]) -> bool:
    return any(_OURS.search(header) for header in headers)
