"""Pointings: the position of a chip on the sky, and which exposures of it share one.

Two exposures of a chip are linked if their positions on the sky differ by at most 2 pixels at the
first corner of the chip and at the opposite one; a rotation about any point of the chip moves at
least one of the two.  A pointing consists of all exposures that are linked, directly or through
others: it is a connected component, which does not depend on the order of the exposures.  An
exposure whose header has no usable coordinates is a pointing of its own.
"""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.header import AnyHeader, fits
from staticmask_cli.masks.members import UNKNOWN_CORNERS, ChipLabel, Corners

__all__ = ["WITHIN_PIXELS", "corners_on_sky", "pointing_labels", "pointing_numbers"]

WITHIN_PIXELS = 2.0
"""The largest distance between two linked exposures, at either of two corners."""

_DECIMALS = 8  # of degrees, 0.04 mas: equal on machines whose mathematical libraries differ
_ROUNDING = 1.001  # a margin for rounding in the test that only preselects

Vectors = npt.NDArray[np.float64]
Labels = npt.NDArray[np.intp]


def corners_on_sky(header: AnyHeader, shape: tuple[int, int]) -> Corners:
    """Return the positions on the sky of the first corner of a chip and of the opposite one.

    Only a gnomonic projection of right ascension and declination is used (CTYPE ``RA---TAN`` and
    ``DEC--TAN``, also with a distortion, which is ignored: it moves all exposures alike), with CD,
    or with CDELT and either PC or CROTA2.  ``astropy.wcs`` takes 2 ms for a header, this function
    0.07 ms and no import.

    Parameters
    ----------
    header : Header or astropy.io.fits.Header
        The header of the SCI extension; untrusted.
    shape : tuple of int
        The shape ``(ny, nx)`` of the chip.

    Returns
    -------
    tuple of float
        Right ascension and declination of the pixel coordinates (0.5, 0.5), then those of
        (nx + 0.5, ny + 0.5), in degrees; four NaN if the header has no usable coordinates.
    """
    try:
        if not (_is_tangential(header, 1, "RA--") and _is_tangential(header, 2, "DEC-")):
            return UNKNOWN_CORNERS
        crval = tuple(math.radians(_number(header, f"CRVAL{axis}")) for axis in (1, 2))
        crpix = tuple(_number(header, f"CRPIX{axis}") for axis in (1, 2))
        matrix = _degrees_per_pixel(header)
        ny, nx = shape
        first = _deprojected(crval, matrix, 0.5 - crpix[0], 0.5 - crpix[1])
        opposite = _deprojected(crval, matrix, nx + 0.5 - crpix[0], ny + 0.5 - crpix[1])
    except (ValueError, OverflowError, fits.VerifyError):
        return UNKNOWN_CORNERS
    return UNKNOWN_CORNERS if first == opposite else (*first, *opposite)


def _is_tangential(header: AnyHeader, axis: int, name: str) -> bool:
    ctype = str(header.get(f"CTYPE{axis}", ""))
    return ctype.startswith(name) and ctype[4:].startswith("-TAN")


def _number(header: AnyHeader, key: str, default: float = math.nan) -> float:
    """Return a finite number from a header, or raise a ValueError."""
    value = header.get(key, default)
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        msg = f"{key} is not a finite number"
        raise ValueError(msg)
    return float(value)


def _degrees_per_pixel(header: AnyHeader) -> tuple[float, float, float, float]:
    """Return CD1_1, CD1_2, CD2_1 and CD2_2; raise a ValueError if they are not usable."""
    keys = ("1_1", "1_2", "2_1", "2_2")
    if any(f"CD{key}" in header for key in keys):
        a, b, c, d = (_number(header, f"CD{key}", 0.0) for key in keys)
    else:
        first, second = _number(header, "CDELT1"), _number(header, "CDELT2")
        if any(f"PC{key}" in header for key in keys):
            a, b, c, d = (_number(header, f"PC{key}", float(key[0] == key[2])) for key in keys)
            a, b, c, d = first * a, first * b, second * c, second * d
        else:
            angle = math.radians(_number(header, "CROTA2", 0.0))
            a, b = first * math.cos(angle), -second * math.sin(angle)
            c, d = first * math.sin(angle), second * math.cos(angle)
    if a * d == b * c:
        msg = "the matrix of the coordinates is singular"
        raise ValueError(msg)
    return a, b, c, d


def _deprojected(
    crval: Sequence[float], matrix: Sequence[float], dx: float, dy: float
) -> tuple[float, float]:
    """Return right ascension and declination of a pixel, in degrees (Calabretta & Greisen 2002)."""
    alpha, delta = crval
    a, b, c, d = matrix
    xi, eta = math.radians(a * dx + b * dy), math.radians(c * dx + d * dy)
    if not (math.isfinite(xi) and math.isfinite(eta)):
        msg = "a corner of the chip is infinitely far away"
        raise ValueError(msg)
    # In the frame whose x axis points to the meridian of CRVAL.
    x, y = math.cos(delta) - eta * math.sin(delta), xi
    z = math.sin(delta) + eta * math.cos(delta)
    right_ascension = math.degrees(alpha + math.atan2(y, x)) % 360.0
    declination = math.degrees(math.atan2(z, math.hypot(x, y)))
    return round(right_ascension, _DECIMALS) % 360.0, round(declination, _DECIMALS) + 0.0


def pointing_numbers(labels: Sequence[ChipLabel], shape: tuple[int, int]) -> list[int]:
    """Return the number of the pointing of each chip: 1, 2, 3 ...

    Pointings are numbered in the order of their first members in MEMBERS, whatever the order of
    the labels here.

    Parameters
    ----------
    labels : sequence of ChipLabel
        The labels of the used chips of one signature.
    shape : tuple of int
        The shape ``(ny, nx)`` of the chips.
    """
    known = [index for index, label in enumerate(labels) if label.has_corners]
    corners = np.array([labels[index].corners for index in known]).reshape(-1, 4)
    groups: list[int] = [-1 - index for index in range(len(labels))]  # each is its own
    for index, group in zip(known, pointing_labels(corners, shape).tolist(), strict=True):
        groups[index] = group
    numbers: dict[int, int] = {}
    for index in sorted(range(len(labels)), key=lambda index: labels[index].sort_key):
        numbers.setdefault(groups[index], len(numbers) + 1)
    return [numbers[group] for group in groups]


def pointing_labels(corners: Vectors, shape: tuple[int, int]) -> Labels:
    """Group exposures by pointing.

    Parameters
    ----------
    corners : numpy.ndarray of float64, shape (n, 4)
        The corners on the sky, as from `corners_on_sky`; finite.
    shape : tuple of int
        The shape ``(ny, nx)`` of the chips.

    Returns
    -------
    numpy.ndarray of intp, shape (n,)
        The same number for exposures of one pointing, and another for each other pointing.
    """
    if len(corners) < 2:  # noqa: PLR2004 - nothing to link
        return np.zeros(len(corners), np.intp)
    vectors = np.hstack([_unit_vectors(corners[:, :2]), _unit_vectors(corners[:, 2:])])
    diagonals = _lengths(vectors[:, :3] - vectors[:, 3:])
    reach = WITHIN_PIXELS * diagonals / math.hypot(*shape)
    labels = _split_at_gaps(vectors, _ROUNDING * float(reach.max()))
    # Most groups are one pointing, as all of their exposures are linked to the first.
    order = np.argsort(labels, kind="stable")
    starts = np.searchsorted(labels[order], np.arange(labels.max() + 2))
    first = order[starts[labels]]
    is_linked = _are_linked(vectors, reach, vectors[first], reach[first])
    following = starts.size
    for label in sorted(set(labels[~is_linked].tolist())):
        group = order[starts[label] : starts[label + 1]]
        components = _components(vectors[group], reach[group])
        labels[group] = following + components
        following += int(components.max()) + 1
    return labels


def _unit_vectors(degrees: Vectors) -> Vectors:
    """Return right ascensions and declinations, shape (n, 2), as unit vectors, shape (n, 3)."""
    alpha, delta = np.deg2rad(degrees).T
    return np.stack(
        [np.cos(delta) * np.cos(alpha), np.cos(delta) * np.sin(alpha), np.sin(delta)], axis=1
    )


def _lengths(vectors: Vectors) -> Vectors:
    lengths: Vectors = np.sqrt(np.square(vectors).sum(axis=1))
    return lengths


def _are_linked(
    vectors: Vectors, reach: Vectors, others: Vectors, reach_of_others: Vectors
) -> npt.NDArray[np.bool_]:
    """Whether exposures are linked, each with another one."""
    offsets = vectors - others
    largest = np.maximum(_lengths(offsets[:, :3]), _lengths(offsets[:, 3:]))
    linked: npt.NDArray[np.bool_] = largest <= np.minimum(reach, reach_of_others)
    return linked


def _split_at_gaps(vectors: Vectors, reach: float) -> Labels:
    """Group exposures that no gap larger than `reach` separates in any coordinate.

    All exposures that are linked stay together, and few others.  The coordinates are used in turn
    until no group is split any more, which takes seconds for a million exposures.
    """
    labels = np.zeros(len(vectors), np.intp)
    before = -1
    while before != labels.max():
        before = labels.max()
        for coordinate in vectors.T:
            order = np.lexsort((coordinate, labels))
            is_split = (np.diff(labels[order]) > 0) | (np.diff(coordinate[order]) > reach)
            labels[order[1:]] = np.cumsum(is_split)
            labels[order[0]] = 0
    return labels


def _components(vectors: Vectors, reach: Vectors) -> Labels:
    """Label the connected components of linked exposures, from 0 on."""
    widest = vectors[:, np.argmax(np.ptp(vectors, axis=0))]
    order = np.argsort(widest, kind="stable")
    vectors, reach, widest = vectors[order], reach[order], widest[order]
    most = _ROUNDING * reach.max()
    starts = np.searchsorted(widest, widest - most)
    ends = np.searchsorted(widest, widest + most, side="right")
    found = np.full(len(vectors), -1)  # the labels in this order
    following = 0
    for first in range(len(vectors)):
        if found[first] >= 0:
            continue
        found[first], front = following, [first]
        while front:
            one = front.pop()
            others = starts[one] + np.flatnonzero(found[starts[one] : ends[one]] < 0)
            linked = others[_are_linked(vectors[others], reach[others], vectors[one], reach[one])]
            found[linked] = following
            front.extend(linked.tolist())
        following += 1
    labels = np.empty_like(found)
    labels[order] = found
    return labels
