"""A list of bad pixels as a file has it, and the mask of a run that it is to be painted on."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from staticmask_cli.masks.signature import Signature

__all__ = ["BadPixelList", "Bits", "Target"]

Bits = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Target:
    """A mask of the run, which lists of bad pixels can belong to.

    Attributes
    ----------
    name : str
        The name of its file without ``_staticMask.fits``, such as ``ACSWFC_2048x4096_1``.
    signature : Signature
        Its signature.
    facts : mapping
        The header keywords about its detector and the position of its pixels, such as CCDCHIP.
    """

    name: str
    signature: Signature
    facts: Mapping[str, str | float]

    @property
    def default_name(self) -> str:
        """The name that a mask of its signature has by default."""
        return _name(self.signature)

    @property
    def pixels(self) -> tuple[Signature, frozenset[tuple[str, str | float]]]:
        """Which detector pixels it has: masks of several filters have the same."""
        return self.signature, frozenset(
            (key, value) for key, value in self.facts.items() if key != "BUNIT")

    def offset(self, key: str) -> int:
        """Return LTV1 or LTV2, the offset of a subarray, in whole pixels; 0 without one."""
        return round(float(self.facts.get(key, 0)))

    @property
    def is_binned(self) -> bool:
        """Whether its pixels are several pixels of the detector."""
        return any(self.facts.get(key, 1) != 1 for key in ("BINAXIS1", "BINAXIS2"))


@dataclass(frozen=True)
class BadPixelList:
    """A list of bad pixels, of which nothing but the words of its file is known.

    Attributes
    ----------
    source : str
        How messages call it: the path of its file, with the extension if there are several.
    painted : callable
        Returns its bad pixels as booleans of the target's shape, True = bad, or raises an
        `InputError` if they do not fit.
    signature : Signature or None
        The signature of the mask that it was made from, if it says so.
    shape : tuple of int or None
        The shape of an image, ``(ny, nx)``.
    number : int or None
        The number of the chip, if the file or its name has it.
    facts : mapping
        The header keywords about the detector.
    of_detector : bool
        Whether it is a table for all chips of a detector, so that it fits several masks.
    stated_bad : int or None
        For an image that says which value is bad, 0 if 0 is, and 1 if 0 is good.
    needs_polarity : bool
        Whether it is an image that does not, so that the user had to say it.
    """

    source: str
    painted: Callable[[Target], Bits]
    signature: Signature | None = None
    shape: tuple[int, int] | None = None
    number: int | None = None
    facts: Mapping[str, str | float] = field(default_factory=dict)
    of_detector: bool = False
    stated_bad: int | None = None
    needs_polarity: bool = False

    def differences(self, target: Target) -> list[str]:
        """Describe what the list says of itself that is not true of a mask."""
        pairs: dict[str, tuple[object, object]] = {
            "shape": (self.shape, target.signature.shape),
            "number": (self.number, target.signature.number),
        }
        if self.signature is not None:
            pairs = {"mask": (_name(self.signature), target.default_name)}
        pairs |= {key: (value, target.facts.get(key)) for key, value in self.facts.items()
                  if key != "TELESCOP"}
        return [
            f"{key} is {found!s:.80} instead of {expected}"
            for key, (found, expected) in pairs.items()
            if None not in (found, expected) and _folded(found) != _folded(expected)
        ]


def _folded(value: object) -> object:
    return value.casefold() if isinstance(value, str) else value


def _name(signature: Signature) -> str:
    return signature.filename.removesuffix("_staticMask.fits")
