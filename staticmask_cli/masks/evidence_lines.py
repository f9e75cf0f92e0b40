"""Bad columns and rows in the sums of many exposures: lines that are too shallow for any pixel.

A column that is low by a tenth of the noise is certain in sixteen exposures.  The scores of its
pixels are added along it, and compared with the same sums of all other columns, so that rows with
offsets of their own, or columns of two amplifiers, only widen what they are compared with.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.bad_lines import LEAST_DEPTH, deepest_runs
from staticmask_cli.localsky.evidence import SCORE_UNIT, WEIGHT_UNIT
from staticmask_cli.localsky.median import REACH
from staticmask_cli.localsky.windows import median_and_scatter

__all__ = ["low_lines"]

Bits = npt.NDArray[np.bool_]
Integers = npt.NDArray[np.int32]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

_PIECE = 32  # pixels along a line that are added first
_FEWEST_PIECES = 8  # of the shortest line
_SIGNIFICANT = 6.0  # sigma of the scatter of all lines, of which there are many
_RAISED = 0.1  # of the significance of a line, by which those on both of its sides are high
_EQUAL = 0.4  # of the higher side, which the lower one must exceed
_BY_CHANCE = 3.0  # difference of the sides, in sigma, that means nothing
_WIDEST = 2  # adjacent lines that can be one defect
_SHALLOWEST = 0.1  # mean depth of a line, in units of the noise of one exposure
_MOST_LINES = 64  # candidates along an axis, so that no chip takes long
_LIMIT = 1.0  # depth of a pixel that counts for the ends of a line, so that no single one decides


def low_lines(score: Integers, weight: Integers, depth: Floats) -> Bits:
    """Return the pixels of low columns and rows.

    Parameters
    ----------
    score, weight : numpy.ndarray of int32, shape (ny, nx)
        The sums of all exposures, see `masks.evidence.Evidence`; not modified.
    depth : numpy.ndarray of float32, shape (ny, nx)
        The mean depth of each pixel in units of the noise of one exposure.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        True = part of a low line of at least 256 pixels.
    """
    low = np.zeros(score.shape, np.bool_)
    _mark_columns(low, score, weight, depth)
    _mark_columns(low.T, score.T, weight.T, depth.T)
    return low


def _mark_columns(low: Bits, score: Integers, weight: Integers, depth: Floats) -> None:
    """Set the pixels of low columns."""
    for column in _candidates(score, weight):
        limited = np.clip(np.nan_to_num(depth[:, column]), -_LIMIT, _LIMIT).astype(np.float64)
        for start, end in deepest_runs(limited * (LEAST_DEPTH / _SHALLOWEST)):
            run = slice(start, end)
            if end - start >= _PIECE * _FEWEST_PIECES and _is_low(
                    score[run], weight[run], column, limited[run]):
                low[run, column] = True


def _candidates(score: Integers, weight: Integers) -> list[int]:
    """Return the columns of which a part may be low, the most significant ones."""
    starts = np.arange(0, score.shape[0], _PIECE)
    if starts.size < _FEWEST_PIECES:
        return []
    sums = np.add.reduceat(score, starts, axis=0, dtype=np.int64)
    weights = np.add.reduceat(weight, starts, axis=0, dtype=np.int64)
    strongest = np.zeros(score.shape[1])
    for total, squares in _parts(sums, weights):
        found = _significance(total, squares)
        np.fmax(strongest, found.max(axis=0), out=strongest)
    order = np.argsort(-strongest, kind="stable")[:_MOST_LINES]
    return [int(column) for column in order if strongest[column] > _SIGNIFICANT]


def _parts(sums: npt.NDArray[np.int64], weights: npt.NDArray[np.int64]) -> Iterator[
        tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]]:
    """Yield the sums over all parts of the lines of a length, for lengths up to the whole line."""
    none = np.zeros((1, sums.shape[1]), np.int64)
    upto, weights_upto = (np.concatenate([none, np.cumsum(values, axis=0)])
                          for values in (sums, weights))
    length = _FEWEST_PIECES
    while True:
        length = min(length, sums.shape[0])
        yield upto[length:] - upto[:-length], weights_upto[length:] - weights_upto[:-length]
        if length == sums.shape[0]:
            return
        length *= 2


def _is_low(score: Integers, weight: Integers, column: int, depth: Doubles) -> bool:
    """Return whether a part of a column is low, compared with the same part of all columns."""
    sums, weights = score.sum(axis=0, dtype=np.int64), weight.sum(axis=0, dtype=np.int64)
    significance = _significance(sums[None], weights[None])[0]
    least = float(significance[column])
    return (least > _SIGNIFICANT and float(depth.mean()) > _SHALLOWEST
            and _is_raised_beside(significance, column))


def _is_raised_beside(significance: Doubles, column: int) -> bool:
    """Return whether the columns on both sides of a low one look high, and equally so.

    A low column is among the neighbours of those beside it, which look high: a fifth of its depth,
    on both sides.  At a step of the sky level only the columns of the brighter side do.
    """
    first, end = column, column + 1
    while first > 0 and end - first < _WIDEST and significance[first - 1] > _SIGNIFICANT / 2:
        first -= 1
    while (end < significance.size and end - first < _WIDEST
           and significance[end] > _SIGNIFICANT / 2):
        end += 1
    if first < REACH or end + REACH > significance.size:
        return False
    sides = significance[first - REACH : first], significance[end : end + REACH]
    lower, higher = sorted(-float(side.mean()) for side in sides)
    equal = higher - lower < _BY_CHANCE or lower > _EQUAL * higher
    return equal and lower > _RAISED * float(significance[column])


def _significance(
    sums: npt.NDArray[np.int64], weights: npt.NDArray[np.int64]
) -> Doubles:
    """Return how significantly sums are low, in units of the scatter of all sums of a length."""
    with np.errstate(invalid="ignore", divide="ignore"):
        z = (sums / SCORE_UNIT) / np.sqrt(weights / WEIGHT_UNIT)
    known = z[weights > 0]
    if not known.size:
        return np.zeros(z.shape)
    middle, scatter = median_and_scatter(known)
    found: Doubles = (middle - z) / max(scatter, 1.0)
    return np.nan_to_num(found, posinf=0.0, neginf=0.0)
