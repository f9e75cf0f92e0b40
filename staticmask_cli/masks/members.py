"""What one chip contributed to a mask: its label, its numbers, and warnings about them."""

import math
import os
from collections.abc import Iterable
from dataclasses import dataclass, field

from staticmask_cli.io.urls import normalized
from staticmask_cli.masks.chip_warnings import chance_is_known, chip_findings

__all__ = [
    "NO_FINITE_PIXEL", "TOO_FEW_BINS", "TOO_SMALL_UNIT", "UNCLIPPABLE", "UNKNOWN_CORNERS",
    "ChipLabel", "Corners", "Member", "SortKey",
    "unopened_beside",
]

SortKey = tuple[bool, str, int]
"""The key by which MEMBERS is sorted; files that could not be opened (EXTVER 0) come last."""

Corners = tuple[float, float, float, float]
"""Right ascension and declination of a corner of a chip and of the opposite one, in degrees."""

UNKNOWN_CORNERS: Corners = (math.nan,) * 4

NO_FINITE_PIXEL = "no finite pixel"
TOO_FEW_BINS = "its pixels fill fewer than two histogram bins (constant, or too few counts)"
TOO_SMALL_UNIT = ("its noise is below 1.2e-5 in its unit, which the global rule takes for none; "
                  "use --sky local, or multiply the pixels by a constant such as 1e16")
UNCLIPPABLE = (NO_FINITE_PIXEL, TOO_FEW_BINS, TOO_SMALL_UNIT)
"""The reasons why a chip is set aside after its pixels were read."""


@dataclass(frozen=True, order=True, slots=True)
class ChipLabel:
    """Where a chip comes from, as in the MEMBERS table.

    Attributes
    ----------
    file : str
        The path of the exposure, as the user gave it.
    extver : int
        The EXTVER of the SCI extension.
    rootname : str
        The ROOTNAME of the exposure.
    exptime : float
        The exposure time in seconds; NaN where the header has none.
    ra1, dec1, ra2, dec2 : float
        Right ascension and declination of the first corner of the chip and of the opposite one,
        in degrees, by which exposures of one pointing are recognised; NaN where they are unknown.
    expstart : float
        The start of the exposure as a modified Julian date in days; NaN where it is unknown.
    headsum : int
        A sum (CRC-32) of the header of the chip and of the primary one, which differ if the file
        was replaced; 0 if it is unknown.
    """

    file: str
    extver: int = 1
    rootname: str = ""
    exptime: float = field(default=float("nan"), compare=False)  # a NaN equals nothing
    ra1: float = field(default=float("nan"), compare=False)
    dec1: float = field(default=float("nan"), compare=False)
    ra2: float = field(default=float("nan"), compare=False)
    dec2: float = field(default=float("nan"), compare=False)
    expstart: float = field(default=float("nan"), compare=False)
    headsum: int = field(default=0, compare=False)

    @property
    def sort_key(self) -> SortKey:
        """The key by which MEMBERS is sorted."""
        return (self.extver == 0, self.file, self.extver)

    @property
    def identity(self) -> tuple[str, int]:
        """The file and EXTVER of the chip, the same for all spellings of the path."""
        return (normalized(self.file), self.extver)

    @property
    def corners(self) -> Corners:
        """The corners of the chip on the sky."""
        return (self.ra1, self.dec1, self.ra2, self.dec2)

    @property
    def has_corners(self) -> bool:
        """Whether the position of the chip on the sky is known."""
        return all(map(math.isfinite, self.corners))

    def __str__(self) -> str:
        return f"{self.file}[SCI,{self.extver}]"


@dataclass(frozen=True, slots=True)
class Member:
    """What one chip contributed to a mask: a row of the MEMBERS table.

    Attributes
    ----------
    label : ChipLabel
        Where the chip comes from.
    npix : int
        The number of finite pixels of the chip; of all its pixels if they were not read.
    mode, rms, median, threshold : float
        The sky level, its noise, the median of all finite pixels, and the value below which a
        pixel is low, in the units of the chip; NaN where it could not be clipped.  The
        threshold is NaN under the local rule, which has none for the whole chip.
    noise : float
        The noise of a pixel, from the differences between neighbouring pixels, in the units of
        the chip; NaN if it is unknown.
    below : int
        The number of pixels below the threshold, or below their local sky.
    chance : float
        The number of low pixels that Gaussian noise alone makes; NaN where the steps between
        values are too coarse to know.
    flagged : int
        The number of pixels that are bad because of a DQ flag.
    added_by_bit : dict of int to int
        For each DQ bit, the number of pixels that carry it and are not low.
    skip_reason : str
        Why the chip was set aside; empty if it was used.
    not_finite : int
        The number of pixels that are NaN or infinite.
    unflagged : tuple of float, or None
        The mode and the rms of the pixels without a DQ flag, if those with one change them much
        (`masks.detect`).  It is not in the table.
    overlooked : int
        Under the local rule, the number of pixels that are low by the global rule alone, and not
        flagged.  It is not in the table.
    pointing : int
        The number of the chip's pointing, from 1 on: used chips of the mask with the same number
        were exposed to the same pixels of the sky.  It is 0 if the chip was set aside, and until
        `PartialMask.number_pointings` was called.

    Notes
    -----
    Some attributes have other names than their columns: `threshold` is THRESH, `below` NBELOW,
    `chance` NCHANCE, `flagged` NDQ, `added_by_bit` DQBITS, `skip_reason` WHYNOT, `not_finite` NNAN,
    and the property `used` USED.  `COLUMNS` in `masks.members_table` has them all.
    """

    label: ChipLabel
    npix: int
    mode: float
    rms: float
    median: float
    threshold: float
    noise: float = float("nan")
    below: int = 0
    chance: float = 0.0
    flagged: int = 0
    added_by_bit: dict[int, int] = field(default_factory=dict)
    skip_reason: str = ""
    pointing: int = 0
    not_finite: int = 0
    unflagged: tuple[float, float] | None = field(default=None, compare=False)
    overlooked: int = field(default=0, compare=False, repr=False)

    @property
    def is_global(self) -> bool:
        """Whether the chip has one threshold for all its pixels."""
        return math.isfinite(self.threshold)

    @property
    def used(self) -> bool:
        """Whether the chip takes part in the mask."""
        return not self.skip_reason

    @property
    def pixels_seen(self) -> bool:
        """Whether the pixels were read, so that reading them again would give the same result."""
        return self.used or self.skip_reason in UNCLIPPABLE

    @property
    def chance_is_known(self) -> bool:
        """Whether noise makes `chance` pixels low, see `chip_warnings.chance_is_known`."""
        return chance_is_known(self)

    def warnings(self, remedy: str = "--sky local") -> list[str]:
        """Return the reasons why this chip's part of the mask may be wrong, and what to do.

        Parameters
        ----------
        remedy : str
            The options to recommend where the global rule overlooks low pixels.
        """
        return [finding.text for finding in chip_findings(str(self.label), [self], remedy)]


def unopened_beside(members: Iterable[tuple[str, int]]) -> tuple[str, ...]:
    """Return the files that could not be opened and may belong to a mask, by folder and EXTVER.

    A run lists such files (EXTVER 0) in MEMBERS of all its masks.
    """
    rows = list(members)
    folders = {os.path.dirname(file) for file, extver in rows if extver}
    return tuple(file for file, extver in rows if not extver and os.path.dirname(file) in folders)
