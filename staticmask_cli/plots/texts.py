"""Texts of pictures: legends, numbers, and names from headers and files."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["in_brackets", "plain_numbers", "shown", "write_legend"]

_LONGEST_TEXT = 30  # characters


def write_legend(axes: "Axes", handles: Sequence[Any], labels: Sequence[str]) -> None:
    """Write the legend above the axes, where it hides no data."""
    legend = axes.legend(handles, labels, fontsize="small", frameon=False, ncols=2,
                         loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    for handle in legend.legend_handles:
        if handle is not None and hasattr(handle, "set_alpha"):
            handle.set_alpha(1)


def plain_numbers(axis: Any) -> None:  # noqa: ANN401 - a matplotlib axis
    """Write 1000 rather than a power of ten, whose exponent would be too small to read."""
    from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: PLC0415 - an extra

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())


def in_brackets(unit: str) -> str:
    """Return a unit as it follows the name of a quantity."""
    return f" [{shown(unit)}]" if unit else ""


def shown(text: str, longest: int = _LONGEST_TEXT) -> str:
    """Return a text from a header or a file name in ASCII, truncated at its start if too long."""
    plain = text.encode("unicode_escape").decode("ascii")
    return plain if len(plain) <= longest else f"...{plain[3 - longest:]}"
