"""Draw the history of detectors: bad pixels against time, and how many came and went."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from staticmask_cli.io.atomic import write_whole
from staticmask_cli.io.disk import as_output_error, make_folder
from staticmask_cli.io.paths import folder_of_file
from staticmask_cli.plots.draw import check_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

__all__ = ["Curve", "plot_history"]

# All lengths are in inches.
_WIDTH, _LEFT, _RIGHT = 8.0, 0.85, 0.25
_TITLE, _BAD_HEIGHT, _GAP, _CHANGES_HEIGHT, _DATES = 0.75, 1.9, 0.12, 1.5, 0.6
_HEIGHT = _TITLE + _BAD_HEIGHT + _GAP + _CHANGES_HEIGHT + _DATES  # of a trend
_DPI = 200
_MOST_CURVES = 24  # in a picture, whose height a program that shows it must bear
_MOST_MARKERS = 100  # masks of a curve, above which a line is enough


@dataclass(frozen=True)
class Curve:
    """What is drawn of a trend.

    Attributes
    ----------
    title : str
        The title above the two panels.
    dates : sequence of str
        The date of each mask, as in FITS, in their order.
    bad : sequence of int
        The number of bad pixels of each mask.
    changes : mapping of str to sequence of int
        The numbers of pixels that became bad or good, by name: ``new``, ``returned`` and ``gone``;
        each without the first mask.
    """

    title: str
    dates: Sequence[str]
    bad: Sequence[int]
    changes: Mapping[str, Sequence[int]]


def plot_history(curves: Sequence[Curve], path: str) -> None:
    """Draw two panels for each trend, below one another.

    Parameters
    ----------
    curves : sequence of Curve
        The trends, of which the first 24 are drawn.
    path : str
        The path of the picture, which ends with ``.png``, ``.pdf`` or ``.svg``.

    Raises
    ------
    ConfigError, OutputError
        As by `check_plot`.
    """
    import matplotlib as mpl  # noqa: PLC0415 - an extra
    from matplotlib.figure import Figure  # noqa: PLC0415 - an extra

    check_plot(path)
    make_folder(folder_of_file(path) or ".")
    shown = curves[:_MOST_CURVES]
    with mpl.rc_context():
        mpl.rcdefaults()  # the user's own style may not be readable in grey
        mpl.rcParams.update({"font.size": 9.0, "text.parse_math": False, "axes.linewidth": 0.7,
                             "svg.hashsalt": "staticmask"})
        figure = Figure(figsize=(_WIDTH, _HEIGHT * max(1, len(shown))), dpi=_DPI)
        for number, curve in enumerate(shown):
            _draw(figure, curve, _HEIGHT * number)
        with write_whole(path) as stream, as_output_error(path):
            figure.savefig(stream, format=path.rpartition(".")[2].lower())


def _draw(figure: "Figure", curve: Curve, top: float) -> None:
    height = figure.get_figheight()

    def add_axes(start: float, axes_height: float, other: "Axes | None" = None) -> "Axes":
        return figure.add_axes(
            (_LEFT / _WIDTH, 1 - (start + axes_height) / height,
             (_WIDTH - _LEFT - _RIGHT) / _WIDTH, axes_height / height), sharex=other)

    figure.text(_LEFT / _WIDTH, 1 - (top + 0.3) / height, curve.title, weight="bold")
    above = add_axes(top + _TITLE, _BAD_HEIGHT)
    below = add_axes(top + _TITLE + _BAD_HEIGHT + _GAP, _CHANGES_HEIGHT, above)
    for axes in (above, below):
        axes.yaxis.set_label_coords(-0.06, 0.5)
    dates = [datetime.fromisoformat(date) for date in curve.dates]
    marker = "o" if len(dates) <= _MOST_MARKERS else ""
    above.plot(dates, curve.bad, "k-", marker=marker, ms=3, lw=0.9)
    above.set_ylim(0, 1.08 * max(1, *curve.bad))
    above.set_ylabel("bad pixels")
    above.tick_params(labelbottom=False)
    _draw_changes(below, dates[1:], curve.changes)


def _draw_changes(
    axes: "Axes", dates: Sequence[datetime], changes: Mapping[str, Sequence[int]]
) -> None:
    """Draw births above zero, the returned ones on top of the new ones, and deaths below."""
    from matplotlib.dates import AutoDateLocator, ConciseDateFormatter, date2num  # noqa: PLC0415
    from matplotlib.ticker import FuncFormatter  # noqa: PLC0415 - an extra

    days = date2num(dates) if dates else []
    new, returned, gone = (changes[name] for name in ("new", "returned", "gone"))
    handles = [
        axes.vlines(days, 0, new, color="0.0", lw=_line_width(len(dates))),
        axes.vlines(days, new, [a + b for a, b in zip(new, returned, strict=True)], color="0.6",
                    lw=_line_width(len(dates))),
        axes.vlines(days, [-number for number in gone], 0, color="0.4",
                    lw=_line_width(len(dates))),
    ]
    axes.axhline(0, color="k", lw=0.6)
    axes.set_ylabel("pixels\nthat changed")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{abs(value):g}"))
    locator = AutoDateLocator()
    axes.xaxis.set_major_locator(locator)
    axes.xaxis.set_major_formatter(ConciseDateFormatter(locator))
    axes.legend(handles, ["new", "returned", "gone (below zero)"], fontsize="small",
                frameon=False, ncols=3, loc="lower left",
                bbox_to_anchor=(0, 1 + (_BAD_HEIGHT + _GAP) / _CHANGES_HEIGHT), borderaxespad=0.2)


def _line_width(masks: int) -> float:
    """Return the width of a bar, in points, that leaves a gap to the next one."""
    return max(0.4, min(6.0, 0.6 * 72 * (_WIDTH - _LEFT - _RIGHT) / max(1, masks)))
