"""Inputs that are the same pixels twice, or that could not be told apart."""

import os
import re
from collections import Counter
from collections.abc import Iterable

from staticmask_cli.io.paths import identity_of

__all__ = ["one_kind_each", "refuse_lookalikes"]

_FLT_OR_FLC = re.compile(r"_fl[tc]\.fits(\.gz|\.fz)?$", re.IGNORECASE)


def refuse_lookalikes(paths: Iterable[str], problems: list[str]) -> None:
    """Refuse different inputs of which the same is shown, as MEMBERS could not tell them apart."""
    counts = Counter(map(str, paths))
    problems += [
        f"{path}: {count} inputs differ only in user, password or query, which are not shown"
        for path, count in counts.items() if count > 1
    ]


def one_kind_each(paths: list[str], suffix: str | None, problems: list[str]) -> list[str]:
    """Leave one file of each exposure: ``_flt`` and ``_flc`` are the same pixels twice."""
    exposures: dict[str, list[str]] = {}
    for path in paths:
        folder, name = os.path.split(path)
        kind = _FLT_OR_FLC.search(name)
        if kind:
            root = os.path.join(identity_of(folder), name[: kind.start()])
            exposures.setdefault(root, []).append(path)
    wanted = f"_{suffix.lstrip('_')}.fits" if suffix else ""
    dropped: set[str] = set()
    for same in (files for files in exposures.values() if len(set(files)) > 1):
        chosen = [path for path in same if wanted and wanted in os.path.basename(path).lower()]
        if len(chosen) == 1:
            dropped.update(set(same) - set(chosen))
        else:
            problems.append(f"{' and '.join(same)}: the same exposure twice; "
                            "choose one kind with --suffix flc (or flt)")
    return [path for path in paths if path not in dropped]
