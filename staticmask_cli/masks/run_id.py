"""The number of a run (RUNID): masks of the same exposures that one run made have the same one.

It shows masks of different runs side by side, as a power failure between two renames leaves them.
It depends on the rule and on the members alone, so that a mask which grew by updates has that of
one run over all its members.
"""

import logging
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypeVar

from staticmask_cli.errors import first_few

if TYPE_CHECKING:
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["set_run_ids", "sharing_files", "warn_of_different_runs"]

log = logging.getLogger(__name__)

Item = TypeVar("Item")


def set_run_ids(masks: Iterable["StaticMask"], others: Iterable["StaticMask"] = ()) -> None:
    """Set the attribute `run_id` of masks that are to be written.

    Parameters
    ----------
    masks : iterable of StaticMask
        The masks; modified.
    others : iterable of StaticMask
        The other masks of the run, which are on disk already; not modified.
    """
    masks = list(masks)
    to_write = {id(mask) for mask in masks}
    for group in sharing_files([*masks, *others], _files_of):
        texts = sorted(map(_text_of, group))
        run_id = f"{zlib.crc32(''.join(texts).encode('utf-8', 'surrogateescape')):08x}"
        for mask in group:
            if id(mask) in to_write:
                mask.run_id = run_id


def sharing_files(
    items: Sequence[Item], files_of: Callable[[Item], Iterable[str]]
) -> list[list[Item]]:
    """Group items so that no two groups share a file; groups and items stay in their order."""
    groups: dict[str, tuple[set[str], list[int]]] = {}  # by file: the files and items of its group
    alone = []
    for number, item in enumerate(items):
        files = set(files_of(item))
        found = {id(groups[file]): groups[file] for file in files if file in groups}
        largest = max(found.values(), key=lambda group: len(group[0]), default=(set(), []))
        new = files.union(*(others for others, _ in found.values())) - largest[0]
        largest[1].extend(
            [n for group in found.values() if group is not largest for n in group[1]] + [number])
        largest[0].update(new)
        groups.update(dict.fromkeys(new, largest))
        if not files:
            alone.append([number])
    numbers = [*alone, *{id(group): group[1] for group in groups.values()}.values()]
    return [[items[n] for n in group] for group in sorted(map(sorted, numbers))]


def warn_of_different_runs(
    run_ids: Mapping[str, str], files_of: Callable[[str], Iterable[str]]
) -> None:
    """Warn of masks on disk that share exposures and have different numbers of runs.

    Parameters
    ----------
    run_ids : mapping of str to str
        The number in each mask, by its path; empty if the mask has none.
    files_of : callable
        Returns the exposures of a mask, by its path.
    """
    for group in sharing_files(sorted(run_ids), files_of):
        if len({run_ids[path] for path in group}) > 1:
            log.warning(
                "%s: share exposures, but different runs wrote them, as after a power failure "
                "between two renames; make them again, or --update them, by one run",
                first_few(group))


def _files_of(mask: "StaticMask") -> Iterable[str]:
    """Return the exposures of a mask; those that could not be opened are in all masks."""
    return (member.label.file for member in mask.members if member.label.extver)


def _text_of(mask: "StaticMask") -> str:
    """Return the name, the rule and the members of a mask in words."""
    rows = [
        f"{member.label.file} {member.label.extver} {member.label.rootname} {member.used} "
        f"{member.mode:.9g} {member.rms:.9g} {member.below}"
        for member in mask.members if member.label.extver
    ]
    return "\n".join((mask.name, str(mask.rule), *mask.included_from, *sorted(rows), ""))
