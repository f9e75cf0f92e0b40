"""The bad pixels of one chip: below the global or the local threshold, or flagged in DQ."""

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import numpy.typing as npt

from staticmask_cli.localsky.differences import pixel_noise
from staticmask_cli.masks.bitmask import bad_by_dq, pixels_by_bit
from staticmask_cli.masks.chip_warnings import LARGEST_RMS, LARGEST_SKEWNESS
from staticmask_cli.masks.dead_blocks import dead_blocks
from staticmask_cli.masks.members import (
    NO_FINITE_PIXEL,
    TOO_FEW_BINS,
    TOO_SMALL_UNIT,
    ChipLabel,
    Member,
)
from staticmask_cli.masks.rule import MaskRule, expected_false_positives
from staticmask_cli.stats.clipping import ChipStatistics, Clipping, clip_chip, low_pixels
from staticmask_cli.stats.pixelset import PixelSet

if TYPE_CHECKING:
    from staticmask_cli.localsky.evidence import Scores
    from staticmask_cli.localsky.noise import NoiseModel

__all__ = ["ChipResult", "bad_pixels_of_chip"]

Bits = npt.NDArray[np.bool_]

_FEW_FLAGGED = 0.01  # of the pixels, which change neither mode nor rms much
_SAMPLE_ROWS = 64  # which show in nearly all chips that flagged pixels change nothing

_SAMPLE = (4, 256)  # rows and columns, of which each chip has up to twice as many
_CORE = 3.0  # rms around the mode
_FEWEST_OF_SAMPLE = 300  # pixels there, among which fewer values do not occur by chance
_FEWEST_STEPS = 40  # values there: the steps are smaller than a sixth of the rms


_NO_BITS: dict[int, int] = {}  # which nobody changes


class ChipResult(NamedTuple):
    """The bad pixels of a chip, and the numbers that they were found with.

    Attributes
    ----------
    npix : int
        The number of finite pixels of the chip.
    low : PixelSet
        The pixels that lie below the threshold, or below their local sky.
    lines : PixelSet
        Those of them that are part of a low column or row.
    flagged : numpy.ndarray of bool, shape (ny, nx), or None
        True = bad because of a DQ flag; None where no DQ was given.
    added_by_bit : dict of int to int
        For each DQ bit, the number of pixels that carry it and are not low.
    mode, rms, median, threshold, noise : float
        As in `Member`, in the units of the chip.
    not_finite : int
        The number of pixels that are NaN or infinite.
    unflagged, overlooked : tuple of float or None, and int
        As in `Member`.
    expected_low : float
        The number of low pixels that Gaussian noise alone makes; NaN if it is not known, as
        the values of the pixels are whole numbers of coarse steps.
    skip_reason : str
        Why the chip cannot be clipped; empty if it can.
    scores : Scores or None
        The evidence of the chip; None unless the rule is ``joint``.
    """

    npix: int
    low: PixelSet
    lines: PixelSet
    flagged: Bits | None = None
    added_by_bit: dict[int, int] = _NO_BITS
    mode: float = math.nan
    rms: float = math.nan
    median: float = math.nan
    threshold: float = math.nan
    noise: float = math.nan
    not_finite: int = 0
    unflagged: tuple[float, float] | None = None
    overlooked: int = 0
    expected_low: float = 0.0
    skip_reason: str = ""
    scores: "Scores | None" = None

    @classmethod
    def set_aside(
        cls, shape: tuple[int, int], reason: str, not_finite: int = 0
    ) -> "ChipResult":
        """Return the result of a chip that does not change the mask, with the reason."""
        none, npix = PixelSet(shape), math.prod(shape) - not_finite
        return cls(npix, none, none, not_finite=not_finite, skip_reason=reason)

    def member(self, label: ChipLabel) -> Member:
        """Return the row of the MEMBERS table for the chip of this label."""
        return Member(
            label=label,
            npix=self.npix,
            mode=self.mode,
            rms=self.rms,
            median=self.median,
            threshold=self.threshold,
            noise=self.noise,
            not_finite=self.not_finite,
            unflagged=self.unflagged,
            overlooked=self.overlooked,
            below=len(self.low),
            chance=self.expected_low,
            flagged=0 if self.flagged is None else int(np.count_nonzero(self.flagged)),
            added_by_bit=self.added_by_bit,
            skip_reason=self.skip_reason,
        )


def bad_pixels_of_chip(
    data: npt.NDArray[Any],
    rule: MaskRule,
    dq: npt.NDArray[Any] | None = None,
    good_bits: int = 0,
) -> ChipResult:
    """Find the bad pixels of a chip.

    Parameters
    ----------
    data : numpy.ndarray, shape (ny, nx)
        Pixels of any real dtype; not modified.  A NaN pixel is not low.
    rule : MaskRule
        Its `static_sig` and `sky` say which pixels are low.
    dq : numpy.ndarray of integer, shape (ny, nx), optional
        DQ flags; a pixel with a flag that is not in `good_bits` is bad too.
    good_bits : int
        The DQ bits that do not make a pixel bad, as one number.

    Returns
    -------
    ChipResult
        Without any bad pixel where the chip cannot be clipped; `skip_reason` says why.

    Raises
    ------
    ChipError
        If `data` is not numeric or `dq` is not of an integer dtype.
    """
    clipping = clip_chip(data)
    statistics, npix = clipping.statistics, clipping.finite
    if statistics.too_small_a_unit and rule.sky == "local":
        return _in_a_larger_unit(data, statistics.rms, rule, dq, good_bits)
    if not statistics.clippable:
        reason = TOO_SMALL_UNIT if statistics.too_small_a_unit else TOO_FEW_BINS
        reason = reason if statistics.npix else NO_FINITE_PIXEL
        return ChipResult.set_aside((data.shape[0], data.shape[1]), reason, data.size - npix)
    noise = pixel_noise(data)
    noise_model = _noise_model(data, rule)
    low, lines, threshold = _low_pixels(data, clipping, rule, noise_model)
    dark = _dark_pixels(data, clipping, rule)
    blocks = None if dark is None else dead_blocks(data, dark, lines.bits, noise, rule.static_sig)
    if blocks is not None:
        low.add(PixelSet(data.shape, bits=blocks))
    flagged: Bits | None = None
    added: dict[int, int] = {}
    unflagged = None
    if dq is not None:
        flagged = bad_by_dq(dq, good_bits)
        added = pixels_by_bit(dq, good_bits, flagged & ~low.bits)
        if rule.sky == "global":
            unflagged = _unflagged(data, flagged, statistics)
    return ChipResult(
        npix, low, lines, flagged=flagged, added_by_bit=added,
        mode=statistics.mode, rms=statistics.rms, median=clipping.median, threshold=threshold,
        noise=noise, not_finite=data.size - npix,
        unflagged=unflagged, overlooked=_overlooked(dark, low, flagged),
        expected_low=math.nan if _is_coarse(data, statistics) else expected_false_positives(
            npix, rule.static_sig),
        scores=_scores(data, statistics.mode, noise, noise_model) if rule.joint else None,
    )


def _is_coarse(data: npt.NDArray[Any], statistics: ChipStatistics) -> bool:
    """Whether the steps between the values of pixels are too coarse to expect Gaussian tails.

    In noise rounded to a third of its rms, two to three times as many pixels are low.
    """
    ny, nx = data.shape
    values = data[::max(1, ny // _SAMPLE[0]), ::max(1, nx // _SAMPLE[1])].ravel()
    reach = _CORE * statistics.rms
    core = np.sort(values[np.abs(values.astype(np.float64) - statistics.mode) < reach])
    steps = np.count_nonzero(core[1:] != core[:-1])  # numpy.unique would import masked arrays
    return core.size > _FEWEST_OF_SAMPLE and bool(steps + 1 < _FEWEST_STEPS)


def _dark_pixels(data: npt.NDArray[Any], clipping: Clipping, rule: MaskRule) -> Bits | None:
    """Return the pixels that are low by the global rule, where the local one is used."""
    if rule.sky == "global":
        return None
    return low_pixels(data, clipping, clipping.statistics.threshold(rule.static_sig)).bits


def _overlooked(dark: Bits | None, low: PixelSet, flagged: Bits | None) -> int:
    """Return how many dark pixels are neither low by the local rule nor bad by DQ."""
    if dark is None:
        return 0
    overlooked = dark & ~low.bits
    if flagged is not None:
        overlooked &= ~flagged
    return int(np.count_nonzero(overlooked))


def _in_a_larger_unit(
    data: npt.NDArray[Any], rms: float, rule: MaskRule, dq: npt.NDArray[Any] | None, good_bits: int
) -> ChipResult:
    """Find the bad pixels of a chip with pixels such as 1e-16, and return its numbers in its unit.

    The unit is a power of 2, which changes no digit of a pixel.
    """
    unit = 2.0 ** math.floor(math.log2(rms))
    with np.errstate(over="ignore"):  # such a pixel is infinite, and does not count
        larger = (data.astype(np.float64) / unit).astype(np.float32)
    result = bad_pixels_of_chip(larger, rule, dq, good_bits)
    return result._replace(mode=unit * result.mode, rms=unit * result.rms,
                   median=unit * result.median, noise=unit * result.noise)


def _unflagged(
    data: npt.NDArray[Any], flagged: Bits, statistics: ChipStatistics
) -> tuple[float, float] | None:
    """Return mode and rms without the flagged pixels, if these change them so much as to warn."""
    if np.count_nonzero(flagged) <= _FEW_FLAGGED * data.size:
        return None
    for step in (max(1, len(data) // _SAMPLE_ROWS), 1):  # some rows, and if these differ all rows
        others = np.where(flagged[::step], np.float32(np.nan), data[::step])
        unflagged = clip_chip(others).statistics
        shift = abs(statistics.mode - unflagged.mode)
        if not unflagged.clippable or not (
                shift > LARGEST_SKEWNESS * unflagged.rms
                or statistics.rms > LARGEST_RMS * unflagged.rms):
            return None
    return unflagged.mode, unflagged.rms


def _noise_model(data: npt.NDArray[Any], rule: MaskRule) -> "NoiseModel | None":
    """Return the noise of a chip, if both its low pixels and its evidence are to be found by it."""
    if not rule.joint or rule.sky == "global":
        return None
    from staticmask_cli.localsky.noise import NoiseModel  # noqa: PLC0415 - as below

    return NoiseModel.of(data)


def _scores(
    data: npt.NDArray[Any], mode: float, noise: float, noise_model: "NoiseModel | None"
) -> "Scores":
    """Return the evidence of a chip."""
    from staticmask_cli.localsky.evidence import gain_of, scores_of_chip  # noqa: PLC0415 - as below

    return scores_of_chip(data, gain_of(mode, noise), noise_model)


def _low_pixels(
    data: npt.NDArray[Any], clipping: Clipping, rule: MaskRule, noise_model: "NoiseModel | None"
) -> tuple[PixelSet, PixelSet, float]:
    """Return the low pixels, those of lines, and the threshold, NaN under the local rule."""
    if rule.sky == "local":
        # Imported here because importing it builds tables (sorting networks and surface fits) that
        # the global rule does not need.
        from staticmask_cli.localsky.local_sky import pixels_below_local_sky  # noqa: PLC0415

        low, lines = pixels_below_local_sky(data, rule.static_sig, noise_model)
        return PixelSet(data.shape, bits=low), PixelSet(data.shape, bits=lines), math.nan
    threshold = clipping.statistics.threshold(rule.static_sig)
    return low_pixels(data, clipping, threshold), PixelSet(data.shape), threshold
