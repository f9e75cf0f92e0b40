"""Pictures of masks: of those of a run, with pixels of their exposures, and of those on disk."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from contextlib import AbstractContextManager
from dataclasses import dataclass

import numpy as np

from staticmask_cli.errors import InputError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.fits.open import astropy_silenced, opened
from staticmask_cli.io.urls import concealed
from staticmask_cli.masks.members import Member, Place
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.parallel.tasks import run_tasks
from staticmask_cli.plan import MaskPlan
from staticmask_cli.plotpage import Page
from staticmask_cli.plots import check_plot, plotted
from staticmask_cli.stats.histogram import SkyHistogram, sky_histogram

__all__ = ["MOST_HISTOGRAMS", "picture_of", "plot_masks"]

MOST_HISTOGRAMS = 24
"""Exposures of a mask whose histograms are drawn; more would be a blot."""


@dataclass(frozen=True)
class _Task:
    chip: Chip
    member: Member


def plot_masks(masks: Sequence[str], path: str) -> list[str]:
    """Draw masks on disk, of ours or of drizzlepac.

    A page shows the mask, its bad pixels by row and column, and the mode, rms and
    threshold of its members, if it has a table of them.

    Parameters
    ----------
    masks : sequence of str
        Paths; a page each.
    path : str
        Ends with ``.png``, ``.pdf`` or ``.svg``.  A PDF has all pages; of the others
        there is a file for each page, with the mask's name in its own if they are several.

    Returns
    -------
    list of str
        The files that were written.

    Raises
    ------
    ConfigError
        If the suffix of `path` is none of those known.
    InputError
        If a mask cannot be read.
    OutputError
        If matplotlib is missing, or a file cannot be written; none is changed then.
    """
    check_plot(path)
    with plotted([_page_of_file(concealed(mask)) for mask in masks], path) as paths:
        return paths


def _page_of_file(path: str) -> Page:
    name = os.path.basename(path).removesuffix(".fits").removesuffix("_staticMask")
    with astropy_silenced(), opened(path) as hdus:
        if str(hdus[0].header.get("CREATOR", "")).startswith("staticmask"):
            mask = StaticMask.read(path)
            return Page(mask, name, _unit_of(mask))
        good = hdus[0].data
        if good is None or good.ndim != 2:  # noqa: PLR2004
            msg = f"{path}: expected a static mask, an image in the primary HDU"
            raise InputError(msg)
        foreign = PartialMask(Signature(name, good.shape, 0))  # it does not say whose it is
        foreign.below = np.asarray(good) == 0
        return Page(foreign, name)


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
        Page(mask, mask.signature.filename.removesuffix("_staticMask.fits"), _unit_of(mask), [
            (os.path.basename(member.label.file), found[member.label.place])
            for member in mask.members
            if member.label.place in found
        ])
        for mask in masks
    ]
    return plotted(pages, path)


def _unit_of(mask: StaticMask) -> str:
    return str(mask.facts.get("BUNIT", ""))


def _chosen(plan: MaskPlan, mask: StaticMask) -> Iterator[_Task]:
    """Chips to be read again: the first, the last, and some in between.

    None by the local rule, which has no threshold that a histogram could show.
    """
    chips = {chip.label.place: chip for chip in plan.chips}
    used = [m for m in mask.used if m.is_global and m.label.place in chips]
    count = min(len(used), MOST_HISTOGRAMS)
    for number in range(count):
        member = used[number * (len(used) - 1) // max(1, count - 1)]
        yield _Task(chips[member.label.place], member)


def _histogram(task: _Task) -> tuple[Place, SkyHistogram]:
    data, _ = read_pixels(task.chip, reuse_memory=True)
    member = task.member
    return member.label.place, sky_histogram(data, member.mode, member.rms, member.threshold)
