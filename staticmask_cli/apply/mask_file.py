"""A mask that is to be applied: its bad pixels, and which pixels of which detector they are."""

import math
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ConfigError, InputError, StaticMaskError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.fits.header import AnyHeader, header_float
from staticmask_cli.fits.open import as_input_error, read_primary
from staticmask_cli.masks.mask_cards import TEXT_FACTS, facts_of, signature_of
from staticmask_cli.masks.signature import Signature

__all__ = ["MaskFile", "read_mask"]

Bits = npt.NDArray[np.bool_]

_REFERENCE_NAME = re.compile(r"(.+)_(\d+)x(\d+)_(\d+)_staticMask\.fits(\.gz)?", re.IGNORECASE)
_BINNING = ("BINAXIS1", "BINAXIS2")
# What cameras on the ground have instead; their positions are not converted into one another.
_SECTIONS = ("XBINNING", "YBINNING", "XORGSUBF", "YORGSUBF", "CCDSEC", "DETSEC", "DATASEC",
             "CCDSUM")


@dataclass(frozen=True, eq=False)
class MaskFile:
    """The bad pixels of a mask file.

    Attributes
    ----------
    path : str
        The path of the file.
    signature : Signature
        The signature of the chips of the mask.
    grid : dict or None
        CCDCHIP, the position of a subarray and the binning, as far as the header has them; None
        for a mask of drizzlepac, which has none of these keywords.
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.
    why : numpy.ndarray of uint8, shape (ny, nx), or None
        The causes, as the bits of `masks.causes.CAUSES`; None if they were not asked for.
    """

    path: str
    signature: Signature
    grid: Mapping[str, str | float] | None
    bad: Bits
    why: npt.NDArray[np.uint8] | None = None

    @property
    def name(self) -> str:
        """The name of the file, without its folder."""
        return os.path.basename(self.path)

    def is_of(self, chip: Chip) -> bool:
        """Whether the mask is one of this chip of the detector, at whatever position."""
        if self.grid is None:
            return chip.signature.filename.lower() == self.signature.filename.lower()
        if self.signature.detector != chip.signature.detector:
            return False
        # Exposures of a subarray have EXTVER 1, whichever chip they are of.
        numbers = [grid.get("CCDCHIP") for grid in (self.grid, chip.grid)]
        if None in numbers:
            numbers = [self.signature.number, chip.signature.number]
        return numbers[0] == numbers[1]

    def offset_of(self, chip: Chip) -> tuple[int, int]:
        """Return the pixel ``(y, x)`` of the mask that is the first pixel of a chip.

        The position of an image on its detector is in LTV1 and LTV2, which HST adds to the
        coordinates of the detector, or in SUBSTRT1 and SUBSTRT2, which is where JWST begins to
        count.  An image without these keywords begins at the first pixel of the detector.

        Raises
        ------
        InputError
            If the binning is another one, or the pixels are not those of the detector.
        """
        if self.grid is None:
            return (0, 0)
        offsets = []
        for axis in ("2", "1"):
            ours, theirs = (_start(grid, axis) for grid in (self.grid, chip.grid))
            offsets.append(theirs - ours)
        binnings = [[_number(grid, key, 1) for key in _BINNING] for grid in (self.grid, chip.grid)]
        if binnings[0] != binnings[1] or any(offset != round(offset) for offset in offsets):
            msg = (f"{self.path}: cannot be applied to {chip.label}: its pixels are binned by "
                   f"{_text(binnings[0])}, those of the exposure by {_text(binnings[1])}; "
                   "make a mask of exposures with the same binning")
            raise InputError(msg)
        self._check_sections(chip)
        return (round(offsets[0]), round(offsets[1]))

    def _check_sections(self, chip: Chip) -> None:
        """Refuse a chip whose keywords, such as DETSEC, say that it has other pixels."""
        grid = self.grid or {}
        for key in _SECTIONS:
            if grid.get(key) != chip.grid.get(key):
                msg = (f"{self.path}: cannot be applied to {chip.label}: {key} is "
                       f"{grid.get(key)} in the mask, {chip.grid.get(key)} in the exposure; make "
                       "a mask of exposures with the same")
                raise InputError(msg)

    def overlaps(self, chip: Chip) -> bool:
        """Whether the mask and a chip of the same detector have pixels in common."""
        return all(
            -length < offset < size for offset, length, size in
            zip(self.offset_of(chip), chip.signature.shape, self.bad.shape, strict=True)
        )


def _number(grid: Mapping[str, str | float], key: str, default: float) -> float:
    value = grid.get(key, default)
    return default if isinstance(value, str) else value


def _start(grid: Mapping[str, str | float], axis: str) -> float:
    """Return the pixel of the detector at which an image begins, along an axis."""
    return _number(grid, f"SUBSTRT{axis}", 1) - _number(grid, f"LTV{axis}", 0)


def _text(numbers: list[float]) -> str:
    return " x ".join(f"{number:g}" for number in numbers)


def read_mask(path: str, *, causes: bool = False) -> MaskFile:
    """Read a mask of staticmask, or one of drizzlepac by the name of its file.

    Parameters
    ----------
    path : str
        The path of the file, which is opened read-only.
    causes : bool
        Whether to read the causes for which the pixels are bad.

    Raises
    ------
    InputError
        If the file cannot be read, or is neither a mask of staticmask nor one of drizzlepac.
    ConfigError
        If its causes are asked for and are not known.
    """
    with as_input_error(path):
        header: Any
        header, pixels = read_primary(path)
        ours = str(header.get("CREATOR", "")).startswith("staticmask")
        bad = _bad_pixels(path, pixels)
        if not ours:
            return _reference_mask(path, bad, causes=causes)
        try:
            signature, facts = signature_of(header, (bad.shape[0], bad.shape[1])), facts_of(header)
        except (KeyError, ValueError) as error:  # of untrusted cards
            msg = f"{path}: has no signature that can be read ({error}); make the mask again"
            raise InputError(msg) from error
    return MaskFile(path, signature, _grid_of(header, facts), bad,
                    _causes_of(path) if causes else None)


def _bad_pixels(path: str, pixels: npt.NDArray[Any]) -> Bits:
    """Return the bad pixels of a mask, True = bad; refuse pixels that are not those of one."""
    if pixels.dtype.kind in "iu" and pixels.ndim == 2 and pixels.size and (  # noqa: PLR2004
            pixels.min() >= 0 and pixels.max() <= 1):
        bad: Bits = pixels == 0
        return bad
    msg = (f"{path}: is not a static mask: expected an image of the integers 1 (good) and 0 "
           "(bad) in the primary HDU")
    raise InputError(msg)


def _grid_of(header: AnyHeader, facts: Mapping[str, object]) -> dict[str, str | float]:
    """Return the facts about the detector pixels, in so far as they are what they should be."""
    numbers = {key: header_float(header, header, key) for key in facts}
    texts = {key: value for key, value in facts.items()
             if key not in TEXT_FACTS and isinstance(value, str)}
    return texts | {key: value for key, value in numbers.items() if math.isfinite(value)}


def _causes_of(path: str) -> npt.NDArray[np.uint8]:
    # Imported here because it loads much, and few runs ask for the causes.
    from staticmask_cli.masks.static_mask import StaticMask  # noqa: PLC0415

    mask = StaticMask.read(path)
    if not mask.causes_known:
        raise ConfigError(_unknown_causes(path))
    return mask.why


def _unknown_causes(path: str) -> str:
    return (f"{path}: does not contain why its pixels are bad, which dq_bit by cause needs: an "
            "older version or another program wrote it; give one value for all, as in "
            "dq_bit = 4, or make the mask again")


def _reference_mask(path: str, bad: Bits, *, causes: bool) -> MaskFile:
    """Return a mask of drizzlepac, whose signature is in its name alone."""
    found = _REFERENCE_NAME.fullmatch(os.path.basename(path))
    if found is None:
        msg = (f"{path}: has no CREATOR of staticmask in its header; a mask of drizzlepac is "
               "applied by its name, expected as in ACSWFC_2048x4096_1_staticMask.fits")
        raise InputError(msg)
    detector, ny, nx, number = found[1], int(found[2]), int(found[3]), int(found[4])
    if (ny, nx) != bad.shape:
        msg = f"{path}: has shape {bad.shape}, expected {(ny, nx)} by its name; rename it"
        raise InputError(msg)
    if causes:
        raise ConfigError(_unknown_causes(path))
    signature = Signature(detector, (ny, nx), number)
    try:
        signature.filename  # noqa: B018 - whether it is that of a mask
    except StaticMaskError as error:
        msg = f"{path}: {error}"
        raise InputError(msg) from error
    return MaskFile(path, signature, None, bad)
