"""The panels of a page that show the joint evidence: a map of the depth, and the significance."""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from staticmask_cli.masks.evidence import Evidence

__all__ = ["draw_depth", "draw_significance"]

Floats = npt.NDArray[np.float32]

_DEEPEST = 3.0  # that the map distinguishes; no pixel counts for much more
_LOWEST, _BEYOND = -6, 8  # the range in sigma, whose upper end is relative to the threshold
_BINS_PER_SIGMA = 5
_LOWEST_COUNT = 0.7  # below 1, so that a single pixel is drawn above the axis


def _deepest_of_blocks(depth: Floats, factor: int) -> Floats:
    """Return the depth of the deepest pixel of each block of `factor` x `factor` pixels.

    It is NaN where nothing is known about any pixel of the block.
    """
    ny, nx = depth.shape
    rows, columns = np.arange(0, ny, factor), np.arange(0, nx, factor)
    deepest = np.fmax.reduceat(np.fmax.reduceat(depth, rows, axis=0), columns, axis=1)
    return np.asarray(deepest)


def draw_depth(axes: "Axes", scale: "Axes", depth: Floats, factor: int) -> None:
    """Draw the map of the depth, and its scale on axes of their own."""
    ny, nx = depth.shape
    deepest = _deepest_of_blocks(depth, factor)
    rows, columns = deepest.shape
    known = deepest[np.isfinite(deepest)]
    # Noise is white: the more pixels a block has, the deeper is its deepest good one.
    white = np.clip(np.median(known), 0, _DEEPEST / 2) if known.size else 0
    image = axes.imshow(
        deepest, cmap="gray_r", vmin=white, vmax=_DEEPEST, origin="lower", interpolation="nearest",
        aspect="auto", extent=(0.5, columns * factor + 0.5, 0.5, rows * factor + 0.5),
    )
    axes.set(xlim=(0.5, nx + 0.5), ylim=(0.5, ny + 0.5), xlabel="X [pixel]", ylabel="Y [pixel]")
    of_block = f" of the deepest of {factor} x {factor} pixels" * (factor > 1)
    axes.set_title(f"mean depth{of_block}", loc="left", fontsize="medium")
    axes.figure.colorbar(image, cax=scale, label="noise of one exposure", extend="both")


def draw_significance(axes: "Axes", evidence: "Evidence", static_sig: float) -> "list[Artist]":
    """Draw the histogram of the significance, with the normal distribution and the threshold.

    Returns
    -------
    list
        The artists for the legend: the histogram, the curve and the threshold.
    """
    tail = math.ceil((static_sig - _LOWEST) * _BINS_PER_SIGMA)  # the first bin of low pixels
    edges = static_sig + np.arange(-tail, _BEYOND * _BINS_PER_SIGMA + 1) / _BINS_PER_SIGMA
    known = evidence.significance[np.isfinite(evidence.significance)]
    counts, _ = np.histogram(np.clip(known, edges[0], edges[-1]), edges)
    axes.stairs(counts[tail:], edges[tail:], fill=True, baseline=_LOWEST_COUNT, color="0.5",
                alpha=0.6, lw=0)
    outline = axes.stairs(counts, edges, baseline=None, color="k", lw=0.9)
    x = np.linspace(edges[0], edges[-1], 400)
    expected = counts.sum() / _BINS_PER_SIGMA * np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
    (curve,) = axes.plot(x, expected, color="0.55", ls="-.", lw=1.2, zorder=0)
    limit = axes.axvline(static_sig, color="k", ls=(0, (6, 2)), lw=1)
    axes.set_yscale("log")
    axes.set(
        xlim=(edges[0], edges[-1]), ylim=(_LOWEST_COUNT, 2.0 * max(counts.max(), 1)),
        xlabel="significance of being low [sigma]; the outer bins include all beyond",
        ylabel="pixels per bin",
    )
    return [outline, curve, limit]
