"""The panels of a page that show the number of bad pixels in each column and each row."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from staticmask_cli.plots.texts import plain_numbers

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_columns", "draw_rows"]

Counts = npt.NDArray[np.intp]

_MOST_BINS = 140  # of a panel, so that each is as wide as two dots of the image
_REACH = 7  # lines on each side that a line is compared with
_OUTLIER = 5.0  # standard deviations above their median
_TO_SIGMA = 1.4826  # sigma of a Gaussian distribution in units of its median absolute deviation


def draw_columns(axes: "Axes", bad: npt.NDArray[np.bool_]) -> None:
    """Draw the bad pixels per column, below the image."""
    ny, nx = bad.shape
    counts = np.count_nonzero(bad, axis=0)
    width, edges, means = _binned(counts)
    axes.stairs(means, edges, fill=True, facecolor="0.75", edgecolor="0.3", lw=0.5)
    apart = _outliers(counts)
    axes.plot(apart + 1, counts[apart], "k.", ms=3)
    label = "X [pixel]"
    if width > 1:
        label += f"; mean of {width} columns, and single ones with far more"
    axes.set(xlim=(0.5, nx + 0.5), xlabel=label, ylabel="bad pixels\nper column")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, 1.3 * ny)
    plain_numbers(axes.yaxis)


def draw_rows(axes: "Axes", bad: npt.NDArray[np.bool_]) -> None:
    """Draw the bad pixels per row, beside the image."""
    ny, nx = bad.shape
    counts = np.count_nonzero(bad, axis=1)
    _, edges, means = _binned(counts)
    axes.stairs(means, edges, orientation="horizontal", fill=True,
                facecolor="0.75", edgecolor="0.3", lw=0.5)
    apart = _outliers(counts)
    axes.plot(counts[apart], apart + 1, "k.", ms=3)
    axes.set(ylim=(0.5, ny + 0.5), xlabel="bad pixels\nper row")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, 1.3 * nx)
    axes.tick_params(labelleft=False)
    axes.tick_params(axis="x", labelrotation=90)
    plain_numbers(axes.xaxis)


def _binned(counts: Counts) -> tuple[int, npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the width of the bins of lines, their edges, and the mean count in each."""
    width = -(-counts.size // _MOST_BINS)
    starts = np.arange(0, counts.size, width)
    edges = np.append(starts, counts.size)
    return width, edges + 0.5, np.add.reduceat(counts, starts) / np.diff(edges)


def _outliers(counts: Counts) -> Counts:
    """Return the indices of the lines with far more bad pixels than those around them."""
    reach = min(_REACH, (counts.size - 1) // 2)
    padded = np.pad(counts, reach, mode="reflect")
    median = np.median(np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1), axis=1)
    scatter = _TO_SIGMA * float(np.median(np.abs(counts - median)))
    sigma = np.maximum(np.sqrt(median), max(scatter, 1.0))
    return np.flatnonzero(counts > median + _OUTLIER * sigma)
