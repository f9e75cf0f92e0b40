"""The history of a detector: which pixels became bad, good, and bad again, from mask to mask."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.open import astropy_silenced, read_primary
from staticmask_cli.io.urls import redacted
from staticmask_cli.masks.dates import as_text, middle_of
from staticmask_cli.masks.heading import read_heading
from staticmask_cli.masks.reading import each_read
from staticmask_cli.masks.signature import Signature, grid_differences
from staticmask_cli.reports.inspection import check_pixels, described_rule

__all__ = ["History", "Restless", "Step", "Trend", "history_of", "rows_of"]

_MOST_RESTLESS = 100  # pixels of a trend that are named


@dataclass(frozen=True)
class Step:
    """A mask of a trend, compared with those before it.

    Attributes
    ----------
    path : str
        The path of the file.
    date : str
        The date of the mask, as in FITS: the median of the starts of the exposures that were used.
    mjd : float
        The same as a modified Julian date, in days.
    rule : str
        The rule that the mask was made with.
    exposures : int
        The number of its exposures.
    bad : int
        The number of its bad pixels.
    new : int or None
        The number of these that are bad in none of the masks before; None for the first mask.
    gone : int or None
        The number of good pixels that are bad in the mask before; None for the first mask.
    returned : int or None
        The number of bad pixels that are good in the mask before and bad in an earlier one; None
        for the first mask.
    """

    path: str
    date: str
    mjd: float
    rule: str
    exposures: int
    bad: int
    new: int | None
    gone: int | None
    returned: int | None


@dataclass(frozen=True)
class Restless:
    """A pixel that became bad again after it had been good.

    Attributes
    ----------
    column, row : int
        Where it is, counted from 1.
    first, last : str
        The dates of the first and of the last mask in which it is bad.
    masks : int
        The number of masks in which it is bad.
    returned : int
        How often it became bad again.
    """

    column: int
    row: int
    first: str
    last: str
    masks: int
    returned: int


@dataclass(frozen=True)
class Trend:
    """The masks of one signature and the same pixels of the detector, in the order of their dates.

    Attributes
    ----------
    detector, number : str and int
        The detector and the chip of the signature.
    shape : tuple of int
        The shape ``(ny, nx)``.
    grid : dict
        The header keywords of the position on the detector and the binning.
    masks : tuple of Step
        The masks; those of the same date are in the order of their paths.
    ever, always : int
        The number of pixels that are bad in any of the masks, and in all of them.
    returned : int
        The number of pixels that became bad again.
    restless : tuple of Restless
        Those of them that did so most often, at most 100.
    """

    detector: str
    number: int
    shape: tuple[int, int]
    grid: Mapping[str, str | float]
    masks: tuple[Step, ...]
    ever: int
    always: int
    returned: int
    restless: tuple[Restless, ...]

    @property
    def title(self) -> str:
        """The chip, its position if it is a subarray, and the number and dates of the masks."""
        position = "".join(f", {key} = {self.grid[key]}" for key in ("LTV1", "LTV2")
                           if self.grid.get(key))
        number = len(self.masks)
        dates = (self.masks[0].date[:10], self.masks[-1].date[:10])
        return (f"{self.detector}, number {self.number}{position}, {self.shape[0]} rows x "
                f"{self.shape[1]} columns: {number} mask{'s' * (number != 1)}, "
                f"{' to '.join(dict.fromkeys(dates))}")


@dataclass(frozen=True)
class History:
    """The trends of many masks, and the paths of those that have no date and are in none."""

    trends: tuple[Trend, ...]
    undated: tuple[str, ...]


@dataclass(frozen=True)
class _Dated:
    """A mask with its date; its pixels are read later, in the order of the dates."""

    mjd: float
    path: str
    signature: Signature
    grid: Mapping[str, str | float]
    rule: str
    exposures: int


def history_of(paths: Iterable[str]) -> History:
    """Compare masks of each signature over time; the files are only read.

    The pixels of one mask at a time are in memory, and eight bytes for each pixel of the detector.

    Parameters
    ----------
    paths : iterable of str
        The paths of masks.  Those that drizzlepac or an earlier version wrote have no date.

    Raises
    ------
    InputError
        If a file is missing or is not a static mask.  The message names all such files.
    """
    dated, undated = [], []
    with astropy_silenced():
        for path, found in each_read(map(redacted, paths), _dated):
            if found is None:
                undated.append(path)
            else:
                dated.append(found)
        return History(tuple(map(_trend, _grouped(dated))), tuple(undated))


def rows_of(history: History) -> list[dict[str, Any]]:
    """Return a row for each mask that has a date, with the signature of its trend."""
    return [
        {"detector": trend.detector, "number": trend.number,
         "ny": trend.shape[0], "nx": trend.shape[1], **vars(mask)}
        for trend in history.trends for mask in trend.masks
    ]


def _dated(path: str) -> _Dated | None:
    """Return what is known of a mask without its pixels; None if it has no date."""
    try:
        heading = read_heading(path)
    except InputError:
        primary, pixels = read_primary(path)
        if str(primary.get("CREATOR", "")).startswith("staticmask"):
            raise
        check_pixels(pixels, path)  # of a mask of drizzlepac
        return None
    mjd = middle_of(label.expstart for label in heading.used)
    if mjd != mjd:  # noqa: PLR0124 - NaN
        return None
    return _Dated(mjd, path, heading.signature, heading.grid, described_rule(heading.rule),
                  len(heading.used))


def _grouped(dated: Iterable[_Dated]) -> list[list[_Dated]]:
    """Return the masks of each signature and grid in the order of their dates."""
    groups: dict[Signature, list[list[_Dated]]] = {}
    for mask in sorted(dated, key=lambda mask: (mask.mjd, mask.path)):
        same = groups.setdefault(mask.signature, [])
        for group in same:
            if not grid_differences(group[0].grid, mask.grid):
                group.append(mask)
                break
        else:
            same.append([mask])
    return [group for signature in sorted(groups, key=str) for group in groups[signature]]


def _trend(masks: Sequence[_Dated]) -> Trend:
    signature, pixels = masks[0].signature, _Pixels(masks[0].signature.shape, len(masks))
    steps = []
    for mask in masks:
        good = read_primary(mask.path)[1]
        check_pixels(good, mask.path)
        if good.shape != signature.shape:
            msg = f"{mask.path}: was changed while it was read; try again"
            raise InputError(msg)
        steps.append(Step(mask.path, str(as_text(mask.mjd)), mask.mjd, mask.rule, mask.exposures,
                          *pixels.add(np.flatnonzero(good == 0))))
    dates = [step.date for step in steps]
    return Trend(
        signature.detector, signature.number, signature.shape, masks[0].grid, tuple(steps),
        int(np.count_nonzero(pixels.masks)), int(np.count_nonzero(pixels.masks == len(masks))),
        int(np.count_nonzero(pixels.returned)), tuple(pixels.restless(dates)),
    )


class _Pixels:
    """What is known about each pixel after some masks: four numbers.

    Masks are counted from 1, so that 0 stands for none.

    Parameters
    ----------
    shape : tuple of int
        The shape ``(ny, nx)``.
    masks : int
        The number of masks that will be added.
    """

    def __init__(self, shape: tuple[int, int], masks: int) -> None:
        self._nx = shape[1]
        dtype = np.min_scalar_type(max(masks, 1 << 8))  # uint16, or wider for more masks
        self._first, self._last, self.masks, self.returned = (
            np.zeros(shape[0] * shape[1], dtype) for _ in range(4))
        self._bad_before = np.zeros(0, np.intp)
        self._added = 0

    def add(self, bad: npt.NDArray[np.intp]) -> tuple[int, int | None, int | None, int | None]:
        """Add the indices of the bad pixels of a mask; return the numbers of a `Step`."""
        before, self._added = self._added, self._added + 1
        last = self._last[bad]
        is_new, was_bad = last == 0, last == before
        self._first[bad[is_new]] = self._added
        back = bad[~(is_new | was_bad)]
        self.returned[back] += 1
        self.masks[bad] += 1
        self._last[bad] = self._added
        gone = int(np.count_nonzero(self._last[self._bad_before] == before))
        self._bad_before = bad
        if before == 0:
            return bad.size, None, None, None
        return bad.size, int(np.count_nonzero(is_new)), gone, back.size

    def restless(self, dates: Sequence[str]) -> Iterable[Restless]:
        """Yield the pixels that returned most often, with the dates of the masks."""
        found = np.flatnonzero(self.returned)
        order = np.lexsort((found, self.masks[found], -self.returned[found].astype(np.int64)))
        for index in found[order[:_MOST_RESTLESS]]:
            row, column = divmod(int(index), self._nx)
            yield Restless(
                column + 1, row + 1, dates[self._first[index] - 1], dates[self._last[index] - 1],
                int(self.masks[index]), int(self.returned[index]),
            )
