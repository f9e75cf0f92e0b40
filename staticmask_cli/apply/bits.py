"""The DQ bits of bad pixels: those of the instrument, chosen ones, or others for each cause."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from staticmask_cli.apply.mask_file import MaskFile
from staticmask_cli.errors import ConfigError
from staticmask_cli.exposures.exposure import Chip
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.masks import bitmask
from staticmask_cli.masks.causes import CAUSES

__all__ = ["DQBits", "layers"]

_LOW = "low"
_BY_CAUSE = {_LOW: CAUSES["global"] | CAUSES["local"], **CAUSES}
_MOST_BITS = 32
_EXPECTED = (
    "a number (4), bits joined by ',' or '+' (4,16 or 4+16), names of the instrument's flags, or "
    f"bits for causes (low=4,line=128), of which there are {', '.join(_BY_CAUSE)}"
)


@dataclass(frozen=True)
class DQBits:
    """What is set in DQ where a mask is bad.

    Attributes
    ----------
    text : str or None
        The bits for all bad pixels, as the user gave them; None means those of the instrument.
    by_cause : dict of str to str
        The bits for each cause, if they were given so; bad pixels of other causes get none.
    """

    text: str | None = None
    by_cause: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, value: str | int | None) -> "DQBits":
        """Return the bits that a user gives.

        Raises
        ------
        ConfigError
            If the value is of none of the known forms.
        """
        if isinstance(value, bool) or not isinstance(value, str | int | None):
            raise _wrong(value)
        text = None if value is None else str(value).strip()
        if text is None or "=" not in text:
            return cls(text)
        by_cause: dict[str, str] = {}
        for part in re.split(r"[,;](?=\s*\w+\s*=)", text):
            name, _, bits = (word.strip() for word in part.partition("="))
            if name.lower() not in _BY_CAUSE or name.lower() in by_cause or not bits:
                raise _wrong(text)
            by_cause[name.lower()] = bits
        return cls(text, by_cause)

    def of_chip(self, chip: Chip) -> dict[str, int]:
        """Return the bits of a chip, by cause; those for all bad pixels are under ``""``.

        Raises
        ------
        ConfigError
            If the bits have to be given for its instrument, or cannot be set.
        """
        instrument = chip.facts["INSTRUME"]
        if self.text is None:
            bits = instrument_of(instrument).bad_pixel_bits
            if not bits:
                msg = (f"{chip.label}: which DQ bit means a bad pixel is not known for INSTRUME = "
                       f"{instrument}; give it, as in --dq-bit 4 (dq_bit=4)")
                raise ConfigError(msg)
            return {"": bits}
        texts = self.by_cause or {"": self.text}
        return {name: _number(text, chip) for name, text in texts.items()}


def _number(text: str, chip: Chip) -> int:
    """Return bits as one number."""
    instrument = chip.facts["INSTRUME"]
    flags = instrument_of(instrument).flags_of(chip.facts.get("DETECTOR", ""))
    if text.isascii() and text.isdigit():
        bits: int | None = int(text)
    else:
        try:
            bits = bitmask.good_bits(text, instrument, flags)
        except ConfigError as error:
            known = ", ".join(f"{name} ({bit})" for name, bit in flags.items()) or "none are known"
            raise _wrong(text, f"; flags of {instrument}: {known}") from error
    if bits is None or not 0 < bits < 1 << _MOST_BITS:
        raise _wrong(text, f", from 1 to {(1 << _MOST_BITS) - 1}")
    return bits


def _wrong(value: object, more: str = "") -> ConfigError:
    return ConfigError(f"dq_bit = {value}: expected {_EXPECTED}{more}")


def layers(
    mask: MaskFile, bits: Mapping[str, int]
) -> Iterator[tuple[npt.NDArray[np.bool_], int]]:
    """Yield bad pixels of a mask, True = bad, with the bits that they get."""
    for name, number in bits.items():
        if not name:
            yield mask.bad, number
        elif mask.why is not None:
            yield mask.bad & ((mask.why & _BY_CAUSE[name]) != 0), number
