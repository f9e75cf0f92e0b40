"""Duplicates among the inputs: one exposure in several files must not count several times."""

import os
import re
from collections import Counter
from collections.abc import Iterable

from staticmask_cli.exposures.problems import Problems
from staticmask_cli.io.paths import canonical_path

__all__ = ["one_kind_each", "refuse_ambiguous"]

_FLT_OR_FLC = re.compile(r"_fl[tc]\.fits(\.gz|\.fz)?$", re.IGNORECASE)


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
