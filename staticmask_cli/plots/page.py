"""One matplotlib page: a mask, its bad pixels per row and column, its exposures and evidence."""

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from staticmask_cli.masks.dates import as_text, middle_of
from staticmask_cli.masks.members import Member
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.plots.bad_pixels import draw_bad_pixels
from staticmask_cli.plots.cutouts import Cutouts, draw_cutouts
from staticmask_cli.plots.evidence import draw_depth, draw_significance
from staticmask_cli.plots.histograms import ExposureHistogram, draw_histograms
from staticmask_cli.plots.profiles import draw_columns, draw_rows
from staticmask_cli.plots.texts import in_brackets, plain_numbers, shown, write_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from staticmask_cli.masks.evidence import Evidence

__all__ = ["Page", "draw_page"]

# All lengths are in inches.
_WIDTH = 8.0
_LEFT, _TOP, _GAP = 0.85, 1.35, 0.1
_TITLES = (0.3, 0.5, 0.67, 0.84, 1.01)  # from the top of the page to the lines of the title
_ROWS_WIDTH, _COLUMNS_HEIGHT = 1.25, 1.0  # the panels beside and below the image
_SCALE_WIDTH = 0.15  # of the greys of the map of the depth
_LONGEST_SIDE, _SHORTEST_SIDE = 5.6, 0.8  # of the image
_EXPOSURES_HEIGHT, _AXIS_LABEL, _LEGEND = 2.6, 0.55, 0.65
_CUTOUTS_HEIGHT = 0.58  # of one exposure
_DOTS = 100  # of the image, per inch; smaller dots would be hard to see

_LONGEST_TITLE, _LONGEST_LINE = 60, 100  # characters


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
    date : str
        When the mask was made; it may be empty.
    histograms : sequence of ExposureHistogram
        The pixels of exposures near the sky.  If there are none, numbers of each member are drawn
        instead.
    cutouts : Cutouts or None
        The deepest defects; None if no exposure is at hand.
    """

    mask: PartialMask
    name: str
    unit: str = ""
    date: str = ""
    histograms: Sequence[ExposureHistogram] = ()
    cutouts: Cutouts | None = None


def draw_page(figure: "Figure", page: Page) -> None:
    """Draw a page on an empty figure, whose size is set to fit the mask."""
    mask, bad = page.mask, page.mask.bad
    width, height = _image_size(bad.shape)
    wide = _WIDTH - _LEFT - 0.2
    below_image = _GAP + _COLUMNS_HEIGHT + _AXIS_LABEL
    panel = _LEGEND + _EXPOSURES_HEIGHT + _AXIS_LABEL
    cutouts_height = _CUTOUTS_HEIGHT * len(page.cutouts.names) if page.cutouts else 0.0
    # A mask that drizzlepac wrote has no members.  Only one with agree = joint has evidence.
    page_height = (_TOP + height + below_image + panel * bool(mask.used)
                   + (_LEGEND + cutouts_height + _AXIS_LABEL) * bool(page.cutouts)
                   + (_LEGEND + height + _AXIS_LABEL + panel) * bool(mask.evidence))
    figure.set_size_inches(_WIDTH, page_height)

    def add_axes(left: float, top: float, width: float, height: float) -> "Axes":
        return figure.add_axes((
            left / _WIDTH, 1 - (top + height) / page_height,
            width / _WIDTH, height / page_height,
        ))

    image = add_axes(_LEFT, _TOP, width, height)
    factor = max(1, -(-max(bad.shape) // int(max(width, height) * _DOTS)))
    draw_bad_pixels(image, mask, factor)
    draw_columns(add_axes(_LEFT, _TOP + height + _GAP, width, _COLUMNS_HEIGHT), bad)
    draw_rows(add_axes(_LEFT + width + _GAP, _TOP, _ROWS_WIDTH, height), bad)
    scale = f"Each dot is {factor} x {factor} pixels, darkest if all are bad. " * (factor > 1)
    symbols = "Symbols mark some pixels of each cause." * (image.get_legend() is not None)
    _write_title(figure, page, f"{scale}{symbols}", page_height)
    top = _TOP + height + below_image
    if mask.used:
        axes = add_axes(_LEFT, top + _LEGEND, wide, _EXPOSURES_HEIGHT)
        _draw_exposures(axes, page)
        top += panel
    if page.cutouts:
        draw_cutouts(add_axes(_LEFT, top + _LEGEND, wide, cutouts_height), page.cutouts)
        top += _LEGEND + cutouts_height + _AXIS_LABEL
    if mask.evidence is not None:
        depth_map = add_axes(_LEFT, top + _LEGEND, width, height)
        scale = add_axes(_LEFT + width + _GAP, top + _LEGEND, _SCALE_WIDTH, height)
        draw_depth(depth_map, scale, mask.evidence.depth, factor)
        top += _LEGEND + height + _AXIS_LABEL + _LEGEND
        _draw_significance(add_axes(_LEFT, top, wide, _EXPOSURES_HEIGHT), mask, mask.evidence)


def _image_size(shape: tuple[int, int]) -> tuple[float, float]:
    """Return the width and height of the image; pixels are square unless the chip is a strip."""
    ny, nx = shape
    scale = _LONGEST_SIDE / max(ny, nx)
    return max(_SHORTEST_SIDE, nx * scale), max(_SHORTEST_SIDE, ny * scale)


def _draw_exposures(axes: "Axes", page: Page) -> None:
    """Draw the pixels of the exposures, or what MEMBERS says of them."""
    used = page.mask.used
    if page.histograms:
        draw_histograms(axes, page.histograms, used, page.unit)
        return
    if any(member.is_global for member in used):
        _draw_levels(axes, used, page.unit)
    else:
        _draw_counts(axes, used)
    axes.set_xlabel("exposure, in the order of MEMBERS")
    axes.locator_params(axis="x", integer=True)


def _draw_levels(axes: "Axes", members: Sequence[Member], unit: str) -> None:
    """Draw the mode, the rms and the threshold of each exposure."""
    numbers = np.arange(1, len(members) + 1)
    mode = axes.errorbar(numbers, [member.mode for member in members],
                         yerr=[member.rms for member in members], fmt="ko", ms=3, lw=0.8)
    (limit,) = axes.plot(numbers, [member.threshold for member in members], "k_", ms=8)
    axes.set_ylabel(f"pixel value{in_brackets(unit)}")
    write_legend(axes, [mode, limit], ["mode and rms", "threshold"])


def _draw_counts(axes: "Axes", members: Sequence[Member]) -> None:
    """Draw the number of bad pixels of each exposure, as the local rule has no threshold."""
    numbers = np.arange(1, len(members) + 1)
    (low,) = axes.plot(numbers, [member.below for member in members], "ko", ms=4)
    handles, labels = [low], ["below the local sky"]
    if any(member.flagged for member in members):
        handles += axes.plot(numbers, [member.flagged for member in members], "kx", ms=5)
        labels.append("flagged in DQ")
    axes.set_yscale("symlog", linthresh=1)
    axes.set_ylim(0, 2 * max(max(member.below, member.flagged, 1) for member in members))
    axes.set_ylabel("pixels")
    plain_numbers(axes.yaxis)
    write_legend(axes, handles, labels)


def _draw_significance(axes: "Axes", mask: PartialMask, evidence: "Evidence") -> None:
    handles = draw_significance(axes, evidence, mask.rule.static_sig)
    plain_numbers(axes.yaxis)
    write_legend(axes, handles, [
        f"{evidence.exposures} exposures together", "Gaussian noise",
        f"threshold: {np.count_nonzero(evidence.low(mask.rule))} low",
    ])


def _write_title(figure: "Figure", page: Page, key: str, height: float) -> None:
    lines = [f"Static mask {shown(page.name, _LONGEST_TITLE)}", *_facts(page), key]
    for number, (line, top) in enumerate(zip(lines, _TITLES, strict=False)):
        style = {} if number else {"fontsize": "large", "weight": "bold"}
        figure.text(_LEFT / _WIDTH, 1 - top / height, line, **style)


def _facts(page: Page) -> list[str]:
    """Return the numbers of members and bad pixels of a mask, its rule, and its members."""
    mask = page.mask
    used, pointings = mask.used, mask.pointings
    facts = [f"{mask.nbad:,} bad pixels ({mask.nbad / mask.bad.size:.4%})"]
    if used:
        exposures = f"{len(used)} exposure{'s' * (len(used) > 1)}"
        facts = [exposures + f" at {pointings} pointing{'s' * (pointings > 1)}" * bool(pointings),
                 *facts]
    if page.date:
        facts.append(f"made {shown(page.date[:10])}")
    lines = [", ".join(facts)]
    if not math.isnan(mask.rule.static_sig):  # drizzlepac's files do not contain the rule
        rule = {name: value for name, value in vars(mask.rule).items()
                if mask.rule.joint or name not in ("high", "least_depth")}
        text = ", ".join(f"{name} = {value:g}" if isinstance(value, float) else f"{name} = {value}"
                         for name, value in rule.items())
        lines.append(shown(text, _LONGEST_LINE))
    if used:
        names = dict.fromkeys(os.path.basename(member.label.file)
                              for member in (used[0], used[-1]))
        date = as_text(middle_of(member.label.expstart for member in used))
        lines.append("of " + " to ".join(shown(name) for name in names)
                     + f", median date {(date or '')[:10]}" * bool(date))
    return lines
