"""Duplicates among the inputs: one exposure in several files must not count several times."""

import os
import re
from collections import Counter
from collections.abc import Iterable

from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.problems import Problems
from staticmask_cli.io.paths import canonical_path

__all__ = ["one_kind_each", "refuse_ambiguous", "refuse_same_exposure"]

_FLT_OR_FLC = re.compile(r"_fl[tc]\.fits(\.gz|\.bz2|\.fz)?$", re.IGNORECASE)


def refuse_ambiguous(paths: Iterable[str], problems: Problems) -> None:
    """Refuse different inputs that are shown with the same name, also in the MEMBERS table."""
    counts = Counter(map(str, paths))
    for path, count in counts.items():
        if count > 1:
            problems.refuse(f"{path}: {count} inputs differ only in user, password or query, "
                            "which are not shown")


def one_kind_each(paths: list[str], suffix: str | None, problems: Problems) -> list[str]:
    """Return one file of each exposure: ``_flt`` and ``_flc`` files hold the same pixels."""
    exposures: dict[str, list[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        kind = _FLT_OR_FLC.search(name)
        if kind:
            root = os.path.join(canonical_path(folder), name[: kind.start()])
            exposures.setdefault(root, []).append(path)
    wanted = f"_{suffix.lstrip('_')}.fits" if suffix else ""
    dropped: set[str] = set()
    for same in (files for files in exposures.values() if len(set(files)) > 1):
        chosen = [path for path in same if wanted and wanted in os.path.basename(path).lower()]
        if len(chosen) == 1:
            dropped.update(set(same) - set(chosen))
        else:
            problems.refuse(f"{' and '.join(same)}: the same exposure twice; "
                            "choose one kind with --suffix flc (or flt)")
    return [path for path in paths if path not in dropped]


def refuse_same_exposure(chips: Iterable[Chip], problems: Problems) -> None:
    """Refuse files of one exposure, as the headers show: copies, or other kinds of the same data.

    The image sets of one file are exposures of their own.
    """
    files: dict[tuple[str, int], str] = {}
    for chip in chips:
        if chip.exposure and not chip.skip_reason:
            other = files.setdefault((chip.exposure, chip.label.extver), chip.path)
            if other != chip.path:
                problems.refuse(f"{other} and {chip.path}: the same exposure twice "
                                f"({chip.exposure}); leave one of them out")
