"""Masks on disk, ours or drizzlepac's, as far as their bad pixels go."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import InputError
from staticmask_cli.fits.open import read_primary
from staticmask_cli.forms.listed import Bits
from staticmask_cli.forms.origin import is_ours
from staticmask_cli.masks.causes import CAUSES
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask

__all__ = ["KnownMask", "is_named_as_mask", "number_in_name", "read_known_mask", "reason_of"]

_NAME = re.compile(r"_(\d{1,6})_staticMask\.fits(\.gz|\.bz2|\.fz)?$")
_ENDINGS = re.compile(r"(_staticMask)?(\.fits)?(\.gz|\.bz2|\.fz)?$")


@dataclass(frozen=True)
class KnownMask:
    """The bad pixels of a mask on disk, and what the file says of them.

    Attributes
    ----------
    path : str
        The path of the mask.
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.
    why : numpy.ndarray of uint8, shape (ny, nx), or None
        The causes, as the bits of `masks.causes.CAUSES`; None if they are unknown.
    signature : Signature or None
        Its signature; None for a mask of drizzlepac, which does not have it.
    facts : mapping
        The header keywords that describe the detector.
    """

    path: str
    bad: Bits
    why: npt.NDArray[np.uint8] | None = None
    signature: Signature | None = None
    facts: Mapping[str, str | float] = field(default_factory=dict)

    @property
    def stem(self) -> str:
        """The name of the file without ``_staticMask.fits``."""
        return _ENDINGS.sub("", os.path.basename(self.path))

    def causes_in(self, x: int, y: int, width: int, height: int) -> int | None:
        """Return the causes of the pixels of a box, together; None if they are unknown."""
        if self.why is None:
            return None
        return int(np.bitwise_or.reduce(self.why[y : y + height, x : x + width], axis=None))


def is_named_as_mask(path: str) -> bool:
    """Whether the name of a file is that of a static mask, of which 1 is good and 0 is bad."""
    return bool(_NAME.search(os.path.basename(path)))


def number_in_name(path: str) -> int:
    """Return the number of the chip in the name of a mask."""
    found = _NAME.search(os.path.basename(path))
    return int(found[1]) if found else 0


def read_known_mask(path: str) -> KnownMask:
    """Read the bad pixels of a mask of ours, or of one that drizzlepac wrote.

    A mask of drizzlepac is known by its name alone, since its header has nothing to tell it from
    a list with the opposite polarity.

    Raises
    ------
    InputError
        If the file cannot be read, or is no such mask.
    """
    header, pixels = read_primary(path)
    ours, form = is_ours(header), header.get("FORM")
    if ours and form is not None:
        msg = f"{path}: is a list in the form {form!s:.20}; expected the mask it was made from"
        raise InputError(msg)
    if ours:
        mask = StaticMask.read(path)
        why = mask.why if mask.causes_known else None
        return KnownMask(path, mask.bad, why, mask.signature, mask.facts)
    if not is_named_as_mask(path):
        msg = (f"{path}: is not known to be a static mask: expected one of staticmask, or one of "
               "drizzlepac under its own name, which ends with _NUMBER_staticMask.fits")
        raise InputError(msg)
    if pixels.ndim != 2 or pixels.dtype.kind != "i" or not pixels.size or (  # noqa: PLR2004
            pixels.min() < 0 or pixels.max() > 1):
        msg = f"{path}: is not a static mask: expected an image of whole numbers, 1 good and 0 bad"
        raise InputError(msg)
    return KnownMask(path, pixels == 0)


def reason_of(causes: int | None) -> str:
    """Return the names of causes, joined by ``+``.

    Parameters
    ----------
    causes : int or None
        The bits of `CAUSES`; None if they are unknown, and 0 for a pixel that is bad only
        because it is near to a bad one.
    """
    if causes is None:
        return "unknown"
    return "+".join(name for name, bit in CAUSES.items() if causes & bit) or "grown"
