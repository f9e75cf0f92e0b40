"""The panel of a page that shows the bad pixels of a mask, in the colour of their causes."""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ConfigError
from staticmask_cli.masks.causes import CAUSES, main_cause
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.stats.pixelset import positions_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_bad_pixels", "plot_mask", "reduced"]

_PALEST = 0.55  # the darkness of a block with a single bad pixel, where 1 is black
# From dark to light, so that they differ without colour too, and for all kinds of colour vision
# (Okabe & Ito 2008, Color Universal Design).  Later ones are drawn over earlier ones.
_KINDS = {
    "low": ("black", "o", CAUSES["global"] | CAUSES["local"]),
    "joint evidence": ("#0072B2", "D", CAUSES["joint"]),
    "line": ("#D55E00", "P", CAUSES["line"]),
    "high": ("#CC79A7", "^", CAUSES["high"]),
    "DQ": ("#56B4E9", "s", CAUSES["dq"]),
    "included": ("#F0C400", "v", CAUSES["included"]),
}
_MOST_MARKERS = 150  # of a kind: where there are more pixels, each stands for those around it
_BETWEEN = 12  # blocks between two markers, at least


def reduced(bad: npt.NDArray[np.bool_], factor: int) -> npt.NDArray[np.float64]:
    """Reduce a mask to blocks such that every bad pixel remains visible.

    Parameters
    ----------
    bad : numpy.ndarray of bool, shape (ny, nx)
        The mask; True = bad.
    factor : int
        The side of a block in pixels.

    Returns
    -------
    numpy.ndarray of float64, shape (ceil(ny / factor), ceil(nx / factor))
        The darkness of each block: 0 without a bad pixel, 0.55 with one bad pixel, 1 if all
        are bad, and in between by the logarithm of their number, so that a bad column is
        darker than single pixels.
    """
    ny, nx = bad.shape
    rows, columns = np.arange(0, ny, factor), np.arange(0, nx, factor)
    count = np.add.reduceat(np.add.reduceat(bad, rows, axis=0, dtype=np.int32), columns, axis=1)
    heights, widths = np.minimum(factor, ny - rows), np.minimum(factor, nx - columns)
    size = np.outer(heights, widths)
    log_fraction = np.log(np.maximum(count, 1)) / np.log(np.maximum(size, 2))
    darkness = np.where(count == size, 1.0, _PALEST + (1 - _PALEST) * log_fraction)
    darkness[count == 0] = 0.0
    return darkness


def plot_mask(mask: PartialMask, axes: "Axes | None" = None) -> "Axes":
    """Draw the bad pixels of a mask on the axes of a user, or on a new figure of pyplot.

    Raises
    ------
    ConfigError
        If matplotlib is missing.
    """
    if axes is None:
        try:
            from matplotlib import pyplot as plt  # noqa: PLC0415 - an extra
        except ImportError as error:
            msg = (f"plot: needs matplotlib, which cannot be imported ({error}); "
                   "pip install 'staticmask[plot]'")
            raise ConfigError(msg) from error
        _, axes = plt.subplots(layout="constrained")
    size = axes.get_window_extent()
    (ny, nx) = mask.signature.shape
    draw_bad_pixels(axes, mask, max(1, math.ceil(max(ny / size.height, nx / size.width))))
    axes.tick_params(labelbottom=True)
    axes.set(aspect="equal", xlabel="X [pixel]")
    axes.set_title(f"{mask.signature.detector} {mask.signature.number}: {mask.nbad} bad pixels",
                   pad=6 if axes.get_legend() is None else 20)
    return axes


def draw_bad_pixels(axes: "Axes", mask: PartialMask, factor: int) -> None:
    """Draw the bad pixels in blocks of `factor` pixels, black if there is only one kind of cause.

    Otherwise each kind has a colour and a marker, which a legend above the image names.  Markers
    stand on some of the pixels of their kind, so that the kinds differ in grey too.
    """
    ny, nx = mask.bad.shape
    cause = main_cause(mask.why, mask.bad)
    kinds = {name: (colour, marker, cause & bits != 0)
             for name, (colour, marker, bits) in _KINDS.items()}
    kinds = {name: kind for name, kind in kinds.items() if kind[2].any()}
    if len(kinds) < 2:  # noqa: PLR2004 - no need of colours
        _draw_kind(axes, mask.bad, "black", factor)
    else:
        for colour, _, bad in kinds.values():
            _draw_kind(axes, bad, colour, factor)
        for name, (colour, marker, bad) in kinds.items():
            rows, columns = _some_of(bad, _BETWEEN * factor)
            axes.plot(columns + 1, rows + 1, marker, color=colour, mec="black", mew=0.4, ms=4,
                      label=f"{name}: {np.count_nonzero(bad):,}")
        axes.legend(fontsize="small", frameon=False, ncols=len(kinds), loc="lower left",
                    bbox_to_anchor=(0, 1), borderaxespad=0.2, handletextpad=0.2, columnspacing=1)
    axes.set(xlim=(0.5, nx + 0.5), ylim=(0.5, ny + 0.5), ylabel="Y [pixel]")
    axes.tick_params(labelbottom=False)


def _draw_kind(axes: "Axes", bad: npt.NDArray[np.bool_], colour: str, factor: int) -> None:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - an extra

    darkness = np.ma.masked_equal(reduced(bad, factor), 0.0)
    rows, columns = darkness.shape
    axes.imshow(
        darkness, cmap=LinearSegmentedColormap.from_list("kind", ["white", colour]),
        vmin=0, vmax=1, origin="lower", interpolation="nearest", aspect="auto",
        extent=(0.5, columns * factor + 0.5, 0.5, rows * factor + 0.5),
    )


def _some_of(
    bad: npt.NDArray[np.bool_], distance: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Return the rows and columns of one bad pixel in each square of this side, or a larger one.

    The squares are as large as needed for at most 150 pixels.
    """
    rows, columns = positions_of(bad)
    order = np.random.default_rng(0).permutation(rows.size)  # so that they form no pattern
    rows, columns = rows[order], columns[order]
    while True:
        square = rows // distance * bad.shape[1] + columns // distance
        _, first = np.unique(square, return_index=True)
        if first.size <= _MOST_MARKERS:
            return rows[first], columns[first]
        distance += distance // 4 + 1
