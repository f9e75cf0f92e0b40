"""What one chip did to a mask, and where that lies."""

import math
from dataclasses import dataclass, field

from staticmask_cli.io.urls import normalized

__all__ = ["UNCLIPPABLE", "ChipLabel", "Member", "Place"]

Place = tuple[bool, str, int]
"""What MEMBERS is sorted by; files that could not be opened (EXTVER 0) come last."""

_MUCH_BELOW = 0.01  # of a chip
_MUCH_BY_DQ = 0.10  # of a chip
_FAR_FROM_MODE = 0.5  # rms between mode and median
_BLIND = 2.0  # times the noise of its pixels, which makes a threshold of 4 rms one of 8 noise
UNCLIPPABLE = (
    "no finite pixel",
    "its pixels fill fewer than two histogram bins (constant, or too few counts)",
)
"""Why a chip whose pixels were seen is set aside."""
_CROWDED = "a crowded or nebular field? The mask may hold sources"


@dataclass(frozen=True, order=True, slots=True)
class ChipLabel:
    """Where a chip comes from, as the MEMBERS table has it.

    Attributes
    ----------
    file : str
        As the user gave it.
    extver : int
        EXTVER of the SCI extension.
    rootname : str
        ROOTNAME of the exposure.
    exptime : float
        Exposure time in seconds; NaN where the header has none.
    """

    file: str
    extver: int = 1
    rootname: str = ""
    exptime: float = field(default=float("nan"), compare=False)  # a NaN equals nothing

    @property
    def place(self) -> Place:
        """Its place in MEMBERS, which is sorted by that."""
        return (self.extver == 0, self.file, self.extver)

    @property
    def identity(self) -> tuple[str, int]:
        """What tells a chip from others, however its path is spelled."""
        return (normalized(self.file), self.extver)

    def __str__(self) -> str:
        return f"{self.file}[SCI,{self.extver}]"


@dataclass(frozen=True, slots=True)
class Member:
    """What one chip did to a mask: a row of the MEMBERS table.

    Attributes
    ----------
    label : ChipLabel
        Where the chip comes from.
    npix : int
        Pixels of the chip.
    mode, rms, median, threshold : float
        In the units of the chip; NaN where it could not be clipped.  The local rule has no
        single threshold: NaN.
    noise : float
        Noise of a pixel as next neighbours show it, in the units of the chip; NaN if unknown.
    below : int
        Pixels below the threshold, or below their local sky.
    chance : float
        Pixels that Gaussian noise alone would put there.
    flagged : int
        Pixels that are bad by DQ.
    added_by_bit : dict of int to int
        For each DQ bit, the pixels that carry it and are not below the threshold.
    unused : str
        Why the chip was set aside; empty if it was used.
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
    unused: str = ""

    @property
    def is_global(self) -> bool:
        """Whether one threshold held for the whole chip."""
        return math.isfinite(self.threshold)

    @property
    def used(self) -> bool:
        """Whether the chip took part in the mask."""
        return not self.unused

    @property
    def settled(self) -> bool:
        """Whether the chip's pixels were seen, so that reading it again would tell nothing new."""
        return self.used or self.unused in UNCLIPPABLE

    def doubts(self) -> list[str]:
        """Reasons why this chip's part of the mask may lie, with their figures."""
        if self.unused:
            return [f"set aside: {self.unused}"]
        doubts = self._doubts_of_global_sky() if self.is_global else []
        if self.below > _MUCH_BELOW * self.npix:
            where = f"the threshold {self.threshold:.6g}" if self.is_global else "their local sky"
            doubts.append(f"{self.below / self.npix:.1%} of the pixels lie below {where}; "
                          f"{_CROWDED}")
        if self.flagged > _MUCH_BY_DQ * self.npix:
            bits = ", ".join(f"{bit}: {count}" for bit, count in self.added_by_bit.items())
            doubts.append(f"DQ removes {self.flagged / self.npix:.1%} of the pixels "
                          f"(added by bit: {bits}); flags that come and go make poor static masks")
        return doubts

    def _doubts_of_global_sky(self) -> list[str]:
        doubts = []
        if abs(self.mode - self.median) > _FAR_FROM_MODE * self.rms:
            apart = abs(self.mode - self.median) / self.rms
            doubts.append(f"mode {self.mode:.6g} and median {self.median:.6g} are "
                          f"{apart:.2f} rms apart; {_CROWDED}")
        if self.rms > _BLIND * self.noise:
            doubts.append(f"rms {self.rms:.6g} is {self.rms / self.noise:.1f} times the noise "
                          f"{self.noise:.6g} that neighbouring pixels show: the sky is not flat, "
                          f"and low pixels are overlooked; try --sky local")
        return doubts
