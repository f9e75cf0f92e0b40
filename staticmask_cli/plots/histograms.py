"""The panel of a page that shows the pixels of the exposures near their sky, as histograms."""

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.reading import read_pixels
from staticmask_cli.masks.causes import LOW, main_cause
from staticmask_cli.masks.members import Member, SortKey
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.parallel.tasks import run_tasks
from staticmask_cli.plots.texts import in_brackets, plain_numbers, shown, write_legend
from staticmask_cli.stats.histogram import SkyHistogram, sky_histogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["MOST_HISTOGRAMS", "ExposureHistogram", "draw_histograms", "read_histograms"]

MOST_HISTOGRAMS = 24
"""The number of exposures of a mask whose histograms are drawn; more would not be readable."""

_LOWEST_COUNT = 0.7  # below 1, so that a single pixel is drawn above the axis
_LINE_STYLES = ("-", "--", "-.", ":")  # more exposures could not be distinguished


class ExposureHistogram(NamedTuple):
    """The histogram of an exposure.

    Attributes
    ----------
    name : str
        The name of the file.
    low : int
        The number of its low pixels.
    histogram : SkyHistogram
        Under the global rule, the histogram of its pixels.  Under the local rule, that of their
        distances from the local sky in units of the local noise.
    marked : numpy.ndarray of int64, shape (n,)
        The counts of those pixels in the same bins that are below the threshold or, under the
        local rule, bad in the mask because they are low in any exposure.
    """

    name: str
    low: int
    histogram: SkyHistogram
    marked: npt.NDArray[np.int64]


@dataclass(frozen=True)
class _Task:
    """A task of a worker: read the pixels of a chip and make the histogram of a member.

    `low` has the indices of the pixels that are low in the mask, in the flattened chip.
    """

    mask: int
    chip: Chip
    member: Member
    static_sig: float
    low: npt.NDArray[np.intp]


def read_histograms(
    masks: Sequence[tuple[StaticMask, Sequence[Chip]]], *, jobs: int, executor: Executor | None
) -> list[list[ExposureHistogram]]:
    """Read chips of each mask again, and return their histograms, in the order of the members."""
    tasks = [task for index, (mask, chips) in enumerate(masks)
             for task in _tasks(index, mask, chips)]
    histograms = dict(run_tasks(_histogram, tasks, jobs=jobs, executor=executor))
    return [
        [histograms[index, member.label.sort_key] for member in mask.members
         if (index, member.label.sort_key) in histograms]
        for index, (mask, _) in enumerate(masks)
    ]


def _tasks(index: int, mask: StaticMask, chips: Sequence[Chip]) -> Iterator[_Task]:
    """Choose the chips that are read again: the first, the last, and some between them."""
    chip_by_key = {chip.label.sort_key: chip for chip in chips}
    used = [member for member in mask.used if member.label.sort_key in chip_by_key]
    cause = main_cause(mask.why, mask.bad) if mask.rule.sky == "local" else np.zeros(0, np.uint8)
    low = np.flatnonzero(cause & LOW)
    count = min(len(used), MOST_HISTOGRAMS)
    for number in range(count):
        member = used[number * (len(used) - 1) // max(1, count - 1)]
        yield _Task(index, chip_by_key[member.label.sort_key], member,
                    mask.rule.static_sig, low)


def _histogram(task: _Task) -> tuple[tuple[int, SortKey], ExposureHistogram]:
    data, _ = read_pixels(task.chip, reuse_memory=True)
    member = task.member
    if member.is_global:
        histogram = sky_histogram(data, member.mode, member.rms, member.threshold)
        marked = np.concatenate((histogram.tail, np.zeros_like(histogram.body)))
    else:
        # Imported here because it builds tables that the global rule does not need.
        from staticmask_cli.localsky.distances import distances_from_local_sky  # noqa: PLC0415

        distances = distances_from_local_sky(data)
        histogram, of_low = (sky_histogram(values, 0.0, 1.0, -task.static_sig)
                             for values in (distances, distances.reshape(-1)[task.low]))
        marked = np.concatenate((of_low.tail, of_low.body))
    name = os.path.basename(member.label.file)
    key = task.mask, member.label.sort_key
    return key, ExposureHistogram(name, member.below, histogram, marked)


def draw_histograms(
    axes: "Axes", histograms: Sequence[ExposureHistogram], used: Sequence[Member], unit: str
) -> None:
    """Overlay the histograms: a few with line styles of their own, many as faint lines."""
    few = len(histograms) <= len(_LINE_STYLES)
    alpha = 1.0 if few else max(0.15, 4 / len(histograms))
    is_global = any(member.is_global for member in used)
    handles, labels = [], []
    for number, (name, low, histogram, marked) in enumerate(histograms):
        counts = np.concatenate((histogram.tail, histogram.body))
        edges = np.concatenate((histogram.tail_edges, histogram.body_edges[1:]))
        filled = axes.stairs(marked, edges, fill=True, baseline=_LOWEST_COUNT,
                             color="0.5", alpha=0.6 * alpha, lw=0)
        handles.append(axes.stairs(counts, edges, baseline=None, color="k", alpha=alpha,
                                   ls=_LINE_STYLES[number] if few else "-", lw=0.9))
        labels.append(f"{shown(name)}: {low} low")
        mode = axes.axvline(histogram.mode, color="0.65", lw=1.2, zorder=0, alpha=alpha)
        limit = axes.axvline(histogram.threshold, color="k", ls=(0, (6, 2)), lw=1, alpha=alpha)
    axes.set_yscale("log")
    drawn = [found.histogram for found in histograms]
    highest = max(max(h.tail.max(), h.body.max()) for h in drawn)
    quantity = (f"pixel value{in_brackets(unit)}" if is_global else
                "distance from the local sky [local noise]")
    axes.set(
        xlim=(min(h.tail_edges[0] for h in drawn), max(h.body_edges[-1] for h in drawn)),
        ylim=(_LOWEST_COUNT, 2.0 * max(highest, 1)),
        xlabel=f"{quantity}; the lowest bin includes all lower values",
        ylabel="pixels per bin",
    )
    if not few:
        handles, labels = handles[:1], [f"{len(histograms)} of {len(used)} exposures"]
    plain_numbers(axes.yaxis)
    if is_global:
        write_legend(axes, [*handles, mode, limit], [*labels, "mode", "threshold"])
    else:
        write_legend(axes, [*handles, filled, mode, limit],
                     [*labels, "low in the mask", "local sky", "threshold"])
