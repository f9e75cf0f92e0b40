"""The panel of a page that shows the bad pixels of a mask, in the colour of their causes."""

import math
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ConfigError
from staticmask_cli.masks.causes import CAUSES, main_cause
from staticmask_cli.masks.partial import PartialMask

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_bad_pixels", "plot_mask", "reduced"]

_PALEST = 0.55  # the darkness of a block with a single bad pixel, where 1 is black
# From dark to light, so that they differ without colour too, and for all kinds of colour vision
# (Okabe & Ito 2008, Color Universal Design).  Later ones are drawn over earlier ones.
_COLOURS = {
    "low": ("black", CAUSES["global"] | CAUSES["local"]),
    "joint evidence": ("#0072B2", CAUSES["joint"]),
    "line": ("#D55E00", CAUSES["line"]),
    "high": ("#CC79A7", CAUSES["high"]),
    "DQ": ("#56B4E9", CAUSES["dq"]),
    "included": ("#F0C400", CAUSES["included"]),
}


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
    axes.set(aspect="equal", xlabel="X [pixel]",
             title=f"{mask.signature.detector} {mask.signature.number}: {mask.nbad} bad pixels")
    return axes


def draw_bad_pixels(axes: "Axes", mask: PartialMask, factor: int) -> None:
    """Draw the bad pixels in blocks of `factor` pixels, black if there is only one kind of cause.

    Otherwise each kind has a colour, which a legend on the right names.
    """
    ny, nx = mask.bad.shape
    cause = main_cause(mask.why, mask.bad)
    kinds = {name: (colour, cause & bits != 0) for name, (colour, bits) in _COLOURS.items()}
    kinds = {name: kind for name, kind in kinds.items() if kind[1].any()}
    if len(kinds) < 2:  # noqa: PLR2004 - no need of colours
        kinds = {"": ("black", mask.bad)}
    for colour, bad in kinds.values():
        _draw_kind(axes, bad, colour, factor)
    axes.set(xlim=(0.5, nx + 0.5), ylim=(0.5, ny + 0.5), ylabel="Y [pixel]")
    axes.tick_params(labelbottom=False)
    if len(kinds) > 1:
        _write_legend(axes, {name: colour for name, (colour, _) in kinds.items()})


def _draw_kind(axes: "Axes", bad: npt.NDArray[np.bool_], colour: str, factor: int) -> None:
    from matplotlib.colors import LinearSegmentedColormap  # noqa: PLC0415 - an extra

    darkness = np.ma.masked_equal(reduced(bad, factor), 0.0)
    rows, columns = darkness.shape
    axes.imshow(
        darkness, cmap=LinearSegmentedColormap.from_list("kind", ["white", colour]),
        vmin=0, vmax=1, origin="lower", interpolation="nearest", aspect="auto",
        extent=(0.5, columns * factor + 0.5, 0.5, rows * factor + 0.5),
    )


def _write_legend(axes: "Axes", colours: dict[str, str]) -> None:
    """Write the names of the kinds above the image, on the right and on the line of the title."""
    from matplotlib.patches import Patch  # noqa: PLC0415 - an extra

    axes.legend([Patch(color=colour) for colour in colours.values()], list(colours),
                fontsize="small", frameon=False, ncols=len(colours), loc="lower right",
                bbox_to_anchor=(1, 1), borderaxespad=3, handlelength=1, columnspacing=1)
