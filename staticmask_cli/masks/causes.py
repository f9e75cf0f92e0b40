"""Why pixels are bad: the bits of the image WHY."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from staticmask_cli.masks.partial import PartialMask

__all__ = ["CAUSES", "DESCRIPTIONS", "LOW", "count_by_cause", "main_cause", "why_of"]

CAUSES: Mapping[str, int] = {
    "global": 1, "local": 2, "line": 4, "dq": 8, "included": 16, "joint": 32, "high": 64,
}
"""The bits of WHY by the name of the cause."""

LOW = CAUSES["global"] | CAUSES["local"] | CAUSES["line"] | CAUSES["joint"]
"""The bits of WHY of a pixel whose values are too low."""

DESCRIPTIONS: Mapping[str, str] = {
    "global": "below the threshold of the whole chip",
    "local": "below the sky around the pixel",
    "line": "part of a low column or row",
    "dq": "flagged in DQ",
    "included": "in a list of pixels that are known to be bad",
    "joint": "low by the evidence of all exposures together",
    "high": "high by the evidence of all exposures together",
}

# The first of these that a bad pixel has is its main cause.
_FIRST = ("line", "global", "local", "joint", "high", "dq", "included")


def why_of(mask: "PartialMask") -> npt.NDArray[np.uint8]:
    """Return the causes for which each pixel is bad, as the bits of `CAUSES`.

    Parameters
    ----------
    mask : PartialMask
        The mask; it is not modified.

    Returns
    -------
    numpy.ndarray of uint8, shape (ny, nx)
        A pixel has the bits of all causes that hold in any exposure.  It is 0 where there is none.
        Under a rule that asks for several votes a pixel with too few has its causes too, although
        it is good in the mask.
    """
    why = mask.below.view(np.uint8) * np.uint8(CAUSES[mask.rule.sky])
    why[mask.lines.bits] = CAUSES["line"]
    if mask.flagged is not None:
        why |= mask.flagged.view(np.uint8) * np.uint8(CAUSES["dq"])
    if mask.included is not None:
        why |= mask.included.view(np.uint8) * np.uint8(CAUSES["included"])
    if mask.evidence is not None:
        why |= mask.evidence.low(mask.rule).view(np.uint8) * np.uint8(CAUSES["joint"])
        why |= mask.evidence.high(mask.rule).view(np.uint8) * np.uint8(CAUSES["high"])
    return why


def main_cause(
    why: npt.NDArray[np.uint8], bad: npt.NDArray[np.bool_]
) -> npt.NDArray[np.uint8]:
    """Return the main cause of each bad pixel: its value before DQ, and both before lists.

    Parameters
    ----------
    why : numpy.ndarray of uint8, shape (ny, nx)
        The causes, see `why_of`.
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.

    Returns
    -------
    numpy.ndarray of uint8, shape (ny, nx)
        One bit of `CAUSES` for each bad pixel, and 0 for good pixels.
    """
    first = np.zeros(1 << len(CAUSES), np.uint8)
    codes = np.arange(first.size)
    for name in reversed(_FIRST):
        first[codes & CAUSES[name] != 0] = CAUSES[name]
    return np.asarray(first[why] * bad)


def count_by_cause(why: npt.NDArray[np.uint8], bad: npt.NDArray[np.bool_]) -> dict[str, int]:
    """Count the bad pixels by their main cause, see `main_cause`.

    Returns
    -------
    dict of str to int
        The number of pixels for each cause that occurs, in the order of `CAUSES`.
    """
    counts = np.bincount(main_cause(why, bad).ravel(), minlength=1 << len(CAUSES))
    return {name: int(counts[bit]) for name, bit in CAUSES.items() if counts[bit]}
