"""What stands apart: members of a mask from its others, and masks from those of their signature."""

import math
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.masks.clusters import clusters_of
from staticmask_cli.masks.members import Member, unopened_beside
from staticmask_cli.masks.static_mask import StaticMask
from staticmask_cli.reports.outliers import deviations, median

__all__ = [
    "Numbers", "block_of", "described", "median_of", "member_deviations", "numbers_of", "reasons",
]

_LEAST_RATIO = 0.1  # of a number, by the logarithm of which smaller differences mean nothing
_LEAST_RATIO_OF_BLOCKS = 0.3  # likewise, of the largest clusters, which differ more
_BLOCK = 25  # pixels of a cluster, which stars and their trails seldom have
_SMALL = 4  # pixels of a cluster, and along each side of a tile, that is no block
_SIDE = 8  # pixels along each side of a tile
_FILLED = 0.5  # of the box around a block; an unlit border all around fills less
_FEWEST_TILES = 4  # that are low everywhere, of a block


class Numbers(NamedTuple):
    """What a mask is compared with others by.

    Attributes
    ----------
    group : object
        What is equal for the masks that it is compared with.
    rule : str or None
        The rule that the mask was made with; None if it is unknown.
    exposures : int or None
        The number of members that were used; None if they are unknown.
    unopened : tuple of str
        The exposures that could not be opened and lie beside members that could.
    fraction : float
        The fraction of all pixels that are bad.
    largest : int
        The number of pixels of the largest cluster of bad pixels.
    level, noise : float
        The median over the members of their mode, and of their rms; NaN if unknown.
    """

    group: object
    rule: str | None
    exposures: int | None
    unopened: tuple[str, ...]
    fraction: float
    largest: int
    level: float
    noise: float


def numbers_of(mask: StaticMask) -> Numbers:
    """Return the numbers of a mask in memory."""
    bad, used = mask.bad, mask.used
    # To find clusters takes longer than to make the mask, so only those that may be blocks are.
    largest = int(clusters_of(bad).pixels[0]) if _full_tiles(bad, _SMALL) else 0
    return Numbers(
        mask.signature, str(mask.rule), len(used),
        unopened_beside((member.label.file, member.label.extver) for member in mask.members),
        int(np.count_nonzero(bad)) / bad.size, largest,
        median_of([member.mode for member in used]), median_of([member.rms for member in used]),
    )


def _full_tiles(bad: npt.NDArray[np.bool_], side: int) -> int:
    """Return the number of tiles, of 4 or 8 pixels along each side, that are bad everywhere."""
    ny, nx = (length // side for length in bad.shape)
    # The bytes of the pixels of a tile in a row are one number, which is much faster.
    rows = np.ascontiguousarray(bad[: ny * side, : nx * side]).view(f"u{side}")
    tiles = np.bitwise_and.reduce(rows.reshape(ny, side, nx), axis=1)
    return int(np.count_nonzero(tiles == int.from_bytes(bytes([1] * side))))


def median_of(values: Sequence[float]) -> float:
    """Return the median of the finite values, or NaN if there are none."""
    finite = [value for value in values if math.isfinite(value)]
    return median(np.array(finite)) if finite else math.nan


def member_deviations(members: Sequence[Member]) -> list[dict[str, float]]:
    """Return how each member differs from the others that were used, in standard deviations.

    Returns
    -------
    list of dict of str to float
        For each member the deviations of those of its columns in MEMBERS that are outliers
        (`deviations`); empty if there are none, or if it was set aside.
    """
    used = [member for member in members if member.used]
    noise = median(np.array([member.rms for member in used])) if used else 0.0
    # Smaller standard deviations would make outliers of differences without significance:
    # a tenth of the noise for a mode, a fiftieth for an rms, Poisson noise for a count.
    by_name = {
        "mode": deviations([member.mode for member in used], noise / 10),
        "rms": deviations([member.rms for member in used], noise / 50),
        "nbelow": _count_deviations([member.below for member in used]),
        "ndq": _count_deviations([member.flagged for member in used]),
    }
    apart = {
        id(member): {name: values[index] for name, values in by_name.items() if values[index]}
        for index, member in enumerate(used)
    }
    return [apart.get(id(member), {}) for member in members]


def _count_deviations(counts: Sequence[int]) -> list[float]:
    return deviations(counts, max(median(np.array(counts)), 1.0) ** 0.5) if counts else []


def described(apart: Mapping[str, float]) -> str:
    """Return how a member differs from the others, in words."""
    what = ", ".join(f"{key} by {value:+.1f} sigma" for key, value in apart.items())
    return f"differs from the other members in {what}"


def reasons(masks: Sequence[Numbers]) -> dict[int, list[str]]:
    """Return what differs from the other masks of the same signature, by index of the mask."""
    found: dict[int, list[str]] = defaultdict(list)
    groups: dict[object, list[int]] = defaultdict(list)
    for index, mask in enumerate(masks):
        groups[mask.group].append(index)
    for indices in groups.values():
        group = [masks[index] for index in indices]
        for differing in (_other_rules(group), _fewer_exposures(group), _other_numbers(group),
                          _blocks(group)):
            for position, reason in differing:
                found[indices[position]].append(reason)
    return found


def _other_rules(group: Sequence[Numbers]) -> Iterator[tuple[int, str]]:
    """Yield masks of another rule than most have."""
    (rule, votes), = Counter(mask.rule for mask in group).most_common(1)
    for position, mask in enumerate(group):
        if 2 * votes > len(group) and mask.rule != rule:
            yield position, f"its rule is {mask.rule}, and that of most is {rule}"


def _fewer_exposures(group: Sequence[Numbers]) -> Iterator[tuple[int, str]]:
    """Yield masks with fewer exposures than most have, and those that lack some that others have.

    An exposure that could not be opened may belong to any mask of its run that lists it.
    """
    (usual, votes), = Counter(mask.exposures or 0 for mask in group).most_common(1)
    listed = Counter(name for mask in group for name in mask.unopened)
    for position, mask in enumerate(group):
        lacks = [name for name in mask.unopened if listed[name] == 1]
        if mask.exposures is not None and mask.exposures < usual and 2 * votes > len(group):
            yield position, f"it has {mask.exposures} exposures, where {usual} are usual"
            lacks = list(mask.unopened)
        for name in lacks:
            yield position, f"{name} could not be opened"


def _other_numbers(group: Sequence[Numbers]) -> Iterator[tuple[int, str]]:
    """Yield masks with an unusual fraction of bad pixels, noise or level."""
    numbers = {
        "of the pixels are bad": ([mask.fraction for mask in group], ".4%"),
        "is the noise": ([mask.noise for mask in group], ".4g"),
        "is the level": ([mask.level for mask in group], ".4g"),
    }
    for what, (values, form) in numbers.items():
        usual = float(np.nanmedian(values)) if not all(map(math.isnan, values)) else math.nan
        for position, deviation in enumerate(deviations(_logarithms(values), _LEAST_RATIO)):
            if deviation:
                yield position, f"{values[position]:{form}} {what}, where {usual:{form}} is usual"


def _logarithms(values: Sequence[float]) -> list[float]:
    return [math.log(value) if value > 0 else math.nan for value in values]


def _blocks(group: Sequence[Numbers]) -> Iterator[tuple[int, str]]:
    """Yield masks with a cluster of bad pixels that is far larger than those of the others."""
    sizes = [max(mask.largest, _SMALL) for mask in group]
    for position, deviation in enumerate(deviations(_logarithms(sizes), _LEAST_RATIO_OF_BLOCKS)):
        if deviation > 0 and sizes[position] >= _BLOCK:
            yield position, f"it has a cluster of {sizes[position]} bad pixels"


def block_of(low: npt.NDArray[np.bool_]) -> str:
    """Describe the largest cluster of low pixels if it is a block, many pixels in rows and columns.

    Parameters
    ----------
    low : numpy.ndarray of bool, shape (ny, nx)
        True = low; not modified.

    Returns
    -------
    str
        Its size and its columns and rows, counted from 1; empty if there is none.
    """
    if _full_tiles(low, _SIDE) < _FEWEST_TILES:
        return ""
    found = clusters_of(low)
    (left, right), (bottom, top) = (found.columns[0] + 1).tolist(), (found.rows[0] + 1).tolist()
    if found.pixels[0] < _FILLED * (right - left + 1) * (top - bottom + 1):
        return ""
    return (f"{found.pixels[0]} low pixels are one block, in columns {left} to {right} and rows "
            f"{bottom} to {top}")
