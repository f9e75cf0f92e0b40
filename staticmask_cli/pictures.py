"""Pictures of masks: those of a run, with pixels of their exposures, and those of files."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass

from staticmask_cli.engine import run_tasks
from staticmask_cli.exposure import Chip, read_pixels
from staticmask_cli.mask import ChipLabel, Member
from staticmask_cli.maskfile import StaticMask
from staticmask_cli.plan import MaskPlan
from staticmask_cli.plotpage import Page
from staticmask_cli.plots import check_plot, plotted
from staticmask_cli.skyhistogram import SkyHistogram, sky_histogram

__all__ = ["MOST_HISTOGRAMS", "picture_of", "plot_masks"]

MOST_HISTOGRAMS = 24
"""Exposures of a mask whose histograms are drawn; more would be a blot."""


@dataclass(frozen=True)
class _Task:
    chip: Chip
    member: Member


def plot_masks(masks: Sequence[StaticMask], path: str) -> list[str]:
    """Draw masks that are in memory or were read from files.

    A page shows the mask, its bad pixels by row and column, and the mode, rms and
    threshold of its members.

    Parameters
    ----------
    masks : sequence of StaticMask
        A page each.
    path : str
        Ends with ``.png``, ``.pdf`` or ``.svg``.  A PDF has all pages; of the others
        there is a file for each page, with the signature in its name if they are several.

    Returns
    -------
    list of str
        The files that were written.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of those known.
    OutputError
        If matplotlib is missing, or a file cannot be written; none is changed then.
    """
    check_plot(path)
    with plotted([Page(mask, _unit_of(mask)) for mask in masks], path) as paths:
        return paths


def picture_of(
    plans: Sequence[MaskPlan],
    masks: Sequence[StaticMask],
    path: str,
    *,
    jobs: int,
    executor: Executor | None = None,
) -> AbstractContextManager[list[str]]:
    """Draw the masks of a run; the files take their names if the block ends well.

    The chips are read again, but no more than `MOST_HISTOGRAMS` of a mask, evenly
    spread over its exposures: so a run that draws nothing pays nothing, and
    one of thousands of exposures little.

    Parameters
    ----------
    plans, masks : sequence
        Side by side.
    path : str
        Of the picture, as in `plot_masks`.
    jobs : int
        Chips at the same time.
    executor : concurrent.futures.Executor, optional
        Reads the chips.
    """
    tasks = [
        task for plan, mask in zip(plans, masks, strict=True) for task in _chosen(plan, mask)
    ]
    found = dict(run_tasks(_histogram, tasks, jobs=jobs, executor=executor))
    pages = [
        Page(mask, _unit_of(mask), [
            (os.path.basename(member.label.file), found[member.label])
            for member in mask.members
            if member.label in found
        ])
        for mask in masks
    ]
    return plotted(pages, path)


def _unit_of(mask: StaticMask) -> str:
    return str(mask.facts.get("BUNIT", ""))


def _chosen(plan: MaskPlan, mask: StaticMask) -> Iterator[_Task]:
    """Chips to be read again: the first, the last, and some in between."""
    chips = {chip.label: chip for chip in plan.chips}
    used = mask.used
    count = min(len(used), MOST_HISTOGRAMS)
    for number in range(count):
        member = used[number * (len(used) - 1) // max(1, count - 1)]
        yield _Task(chips[member.label], member)


def _histogram(task: _Task) -> tuple[ChipLabel, SkyHistogram]:
    data, _ = read_pixels(task.chip, reuse_memory=True)
    member = task.member
    return member.label, sky_histogram(data, member.mode, member.rms, member.threshold)
