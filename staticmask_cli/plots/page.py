"""One matplotlib page: a mask, its bad pixels per row and column, its exposures and evidence."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.masks.members import Member
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.plots.bad_pixels import draw_bad_pixels
from staticmask_cli.plots.evidence import draw_depth, draw_significance
from staticmask_cli.stats.histogram import SkyHistogram

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from staticmask_cli.masks.evidence import Evidence

__all__ = ["Page", "draw_page"]

# All lengths are in inches.
_WIDTH = 8.0
_LEFT, _TOP, _GAP = 0.85, 0.65, 0.1
_ROWS_WIDTH, _COLUMNS_HEIGHT = 1.25, 1.0  # the panels beside and below the image
_SCALE_WIDTH = 0.15  # of the greys of the map of the depth
_LONGEST_SIDE, _SHORTEST_SIDE = 5.6, 0.8  # of the image
_EXPOSURES_HEIGHT, _AXIS_LABEL, _LEGEND = 2.6, 0.55, 0.55
_DPI = 100

_LOWEST_COUNT = 0.7  # below 1, so that a single pixel is drawn above the axis
_LINE_STYLES = ("-", "--", "-.", ":")  # more exposures could not be distinguished
_LONGEST_TEXT, _LONGEST_TITLE = 30, 60  # characters


@dataclass(frozen=True)
class Page:
    """The data that are drawn on a page.

    Attributes
    ----------
    mask : PartialMask
        The mask, with its members if they are known.
    name : str
        The name of the mask in the title, and in the name of the file if there are several.
    unit : str
        The BUNIT of its exposures; it may be empty.
    histograms : sequence of (str, SkyHistogram)
        The names of exposures, each with the histogram of its pixels near the sky.  If there
        are none, the mode and threshold of each member are drawn instead.
    """

    mask: PartialMask
    name: str
    unit: str = ""
    histograms: Sequence[tuple[str, SkyHistogram]] = ()


def draw_page(figure: "Figure", page: Page) -> None:
    """Draw a page on an empty figure, whose size is set to fit the mask."""
    mask, bad = page.mask, page.mask.bad
    width, height = _image_size(bad.shape)
    # A mask that drizzlepac wrote has no members.
    panel_height = _LEGEND + _EXPOSURES_HEIGHT + _AXIS_LABEL
    exposures_height = panel_height if mask.used else 0.0
    # Only a mask with agree = joint has evidence, which is drawn below everything else.
    evidence_height = _LEGEND + height + _AXIS_LABEL + panel_height if mask.evidence else 0.0
    mask_height = _TOP + height + _GAP + _COLUMNS_HEIGHT + _AXIS_LABEL
    page_height = mask_height + exposures_height + evidence_height
    figure.set_size_inches(_WIDTH, page_height)

    def add_axes(left: float, top: float, width: float, height: float) -> "Axes":
        return figure.add_axes((
            left / _WIDTH, 1 - (top + height) / page_height,
            width / _WIDTH, height / page_height,
        ))

    image = add_axes(_LEFT, _TOP, width, height)
    factor = max(1, -(-max(bad.shape) // int(max(width, height) * _DPI)))
    draw_bad_pixels(image, mask, factor)
    columns_top = _TOP + height + _GAP
    _draw_columns(add_axes(_LEFT, columns_top, width, _COLUMNS_HEIGHT), bad)
    _draw_rows(add_axes(_LEFT + width + _GAP, _TOP, _ROWS_WIDTH, height), bad)
    _write_title(figure, page, factor, page_height)
    if mask.used:
        axes = add_axes(_LEFT, mask_height + _LEGEND, _WIDTH - _LEFT - 0.2, _EXPOSURES_HEIGHT)
        if page.histograms:
            _draw_histograms(axes, page.histograms, len(mask.used), page.unit)
        else:
            _draw_members(axes, mask.used, page.unit)
    if mask.evidence is not None:
        top = page_height - evidence_height + _LEGEND
        depth_map = add_axes(_LEFT, top, width, height)
        scale = add_axes(_LEFT + width + _GAP, top, _SCALE_WIDTH, height)
        draw_depth(depth_map, scale, mask.evidence.depth, factor)
        top += height + _AXIS_LABEL + _LEGEND
        axes = add_axes(_LEFT, top, _WIDTH - _LEFT - 0.2, _EXPOSURES_HEIGHT)
        _draw_significance(axes, mask, mask.evidence)


def _image_size(shape: tuple[int, int]) -> tuple[float, float]:
    """Return the width and height of the image; pixels are square unless the chip is a strip."""
    ny, nx = shape
    scale = _LONGEST_SIDE / max(ny, nx)
    return max(_SHORTEST_SIDE, nx * scale), max(_SHORTEST_SIDE, ny * scale)


def _draw_columns(axes: "Axes", bad: npt.NDArray[np.bool_]) -> None:
    ny, nx = bad.shape
    axes.plot(np.arange(1, nx + 1), np.count_nonzero(bad, axis=0), "k-", lw=0.6)
    axes.set(xlim=(0.5, nx + 0.5), xlabel="X [pixel]", ylabel="bad pixels\nper column")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, 1.3 * ny)
    _plain_numbers(axes.yaxis)


def _draw_rows(axes: "Axes", bad: npt.NDArray[np.bool_]) -> None:
    ny, nx = bad.shape
    axes.plot(np.count_nonzero(bad, axis=1), np.arange(1, ny + 1), "k-", lw=0.6)
    axes.set(ylim=(0.5, ny + 0.5), xlabel="bad pixels\nper row")
    axes.set_xscale("symlog", linthresh=1)
    axes.set_xlim(0, 1.3 * nx)
    axes.tick_params(labelleft=False)
    axes.tick_params(axis="x", labelrotation=90)
    _plain_numbers(axes.xaxis)


def _draw_histograms(
    axes: "Axes", histograms: Sequence[tuple[str, SkyHistogram]], used: int, unit: str
) -> None:
    """Overlay the histograms: a few with line styles of their own, many as faint lines."""
    few = len(histograms) <= len(_LINE_STYLES)
    alpha = 1.0 if few else max(0.15, 4 / len(histograms))
    handles, labels = [], []
    for number, (name, histogram) in enumerate(histograms):
        style = _LINE_STYLES[number] if few else "-"
        axes.stairs(histogram.tail, histogram.tail_edges, fill=True, baseline=_LOWEST_COUNT,
                    color="0.5", alpha=0.6 * alpha, lw=0)
        counts = np.concatenate((histogram.tail, histogram.body))
        edges = np.concatenate((histogram.tail_edges, histogram.body_edges[1:]))
        handles.append(axes.stairs(counts, edges, baseline=None, color="k", alpha=alpha,
                                   ls=style, lw=0.9))
        labels.append(f"{_shown(name)}: {histogram.tail.sum()} below")
        mode = axes.axvline(histogram.mode, color="0.65", lw=1.2, zorder=0, alpha=alpha)
        limit = axes.axvline(histogram.threshold, color="k", ls=(0, (6, 2)), lw=1, alpha=alpha)
    axes.set_yscale("log")
    highest = max(max(h.tail.max(), h.body.max()) for _, h in histograms)
    axes.set(
        xlim=(min(h.tail_edges[0] for _, h in histograms),
              max(h.body_edges[-1] for _, h in histograms)),
        ylim=(_LOWEST_COUNT, 2.0 * highest),
        xlabel=f"pixel value{_in_brackets(unit)}; the lowest bin includes all lower values",
        ylabel="pixels per bin",
    )
    if not few:
        handles, labels = handles[:1], [f"{len(histograms)} of {used} exposures"]
    _plain_numbers(axes.yaxis)
    _write_legend(axes, [*handles, mode, limit], [*labels, "mode", "threshold"])


def _draw_members(axes: "Axes", members: Sequence[Member], unit: str) -> None:
    numbers = np.arange(1, len(members) + 1)
    mode = axes.errorbar(numbers, [member.mode for member in members],
                         yerr=[member.rms for member in members], fmt="ko", ms=3, lw=0.8)
    (limit,) = axes.plot(numbers, [member.threshold for member in members], "k_", ms=8)
    axes.set(xlabel="exposure, in the order of MEMBERS",
             ylabel=f"pixel value{_in_brackets(unit)}")
    axes.locator_params(axis="x", integer=True)
    handles, labels = [mode], ["mode and rms"]
    if any(member.is_global for member in members):
        handles, labels = [mode, limit], [*labels, "threshold"]
    _write_legend(axes, handles, labels)


def _draw_significance(axes: "Axes", mask: PartialMask, evidence: "Evidence") -> None:
    handles = draw_significance(axes, evidence, mask.rule.static_sig)
    _plain_numbers(axes.yaxis)
    _write_legend(axes, handles, [
        f"{evidence.exposures} exposures together", "Gaussian noise",
        f"threshold: {np.count_nonzero(evidence.low(mask.rule))} low",
    ])


def _write_legend(axes: "Axes", handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Write the legend above the axes, where it hides no data."""
    legend = axes.legend(handles, labels, fontsize="small", frameon=False, ncols=2,
                         loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_alpha"):
            handle.set_alpha(1)


def _write_title(figure: "Figure", page: Page, factor: int, height: float) -> None:
    mask = page.mask
    exposures = f"{len(mask.used)} exposure{'' if len(mask.used) == 1 else 's'}, " * bool(mask.used)
    figure.text(_LEFT / _WIDTH, 1 - 0.28 / height,
                f"Static mask {_shown(page.name, _LONGEST_TITLE)}", fontsize="large", weight="bold")
    scale = f"; each dot is {factor} x {factor} pixels, darkest if all are bad" * (factor > 1)
    figure.text(_LEFT / _WIDTH, 1 - 0.5 / height,
                f"{exposures}{mask.nbad} bad pixels ({mask.nbad / mask.bad.size:.4%}){scale}")


def _plain_numbers(axis: Any) -> None:  # noqa: ANN401 - a matplotlib axis
    """Write 1000 rather than a power of ten, whose exponent would be too small to read."""
    from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: PLC0415 - an extra

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def _in_brackets(unit: str) -> str:
    return f" [{_shown(unit)}]" if unit else ""


def _shown(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text from a header or a file name in ASCII, truncated at its start if too long."""
    plain = text.encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= longest else f"...{plain[3 - longest:]}"
