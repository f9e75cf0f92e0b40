"""Entries: the values of a user for parameters, each with the file and section that hold it."""

import logging
from collections.abc import Mapping
from typing import NamedTuple

from staticmask_cli.errors import ConfigError, described
from staticmask_cli.masks.bitmask import with_good_bits

__all__ = ["BLANK_TEXTS", "RESETBITS", "Entry", "flat_entries", "is_blank", "with_resetbits"]

log = logging.getLogger(__name__)

RESETBITS = "resetbits"
"""The parameter of AstroDrizzle with the DQ bits that it sets to 0 before step 1."""

BLANK_TEXTS = {"", "none", "indef"}
"""The texts, in lower case, that ask for the default of a parameter."""


class Entry(NamedTuple):
    """The value that a user gave to one parameter, and the section and file that hold it."""

    name: str
    value: object
    section: str = ""
    file: str = ""

    def __str__(self) -> str:
        parts = (self.file, f"[{self.section}]" if self.section else "")
        return " ".join((*filter(None, parts), f"{self.name} = {described(self.value)}"))


def flat_entries(values: Mapping[str, object], section: str = "") -> list[Entry]:
    """Return the entries of a nested dictionary, from the sections of all levels."""
    entries = []
    for name, value in values.items():
        if isinstance(value, Mapping):
            entries += flat_entries(value, name)
        else:
            entries.append(Entry(name, value, section))
    return entries


def is_blank(value: object) -> bool:
    """Whether a value asks for the default."""
    return value is None or (isinstance(value, str) and value.lower() in BLANK_TEXTS)


def with_resetbits(entries: list[Entry], given: list[Entry]) -> list[Entry]:
    """Return entries without `RESETBITS`, whose DQ bits are added to final_bits as good ones.

    AstroDrizzle clears these bits in its DQ arrays.  They flag the cosmic rays of earlier runs,
    which belong in no static mask.

    Parameters
    ----------
    entries : list of Entry
        The entries of an ``astrodrizzle.cfg``, or of another one without resetbits.
    given : list of Entry
        The entries that override them.  A final_bits among them is used as it is, with a warning.
    """
    resetbits = [entry for entry in entries if entry.name == RESETBITS]
    entries = [entry for entry in entries if entry.name != RESETBITS]
    overriding = [entry for entry in given if entry.name == "final_bits"]
    final_bits = [entry for entry in entries if entry.name == "final_bits"] + overriding
    # AstroDrizzle itself, which has cleared the bits, hands them over as a number.
    if not resetbits or isinstance(resetbits[0].value, int) or not final_bits:
        return entries
    if is_blank(final_bits[-1].value):  # DQ is not read
        return entries
    value = final_bits[-1].value
    try:
        combined = with_good_bits(value, resetbits[0].value)
    except ConfigError:  # what is wrong with final_bits is reported with all other problems
        return entries
    if combined == str(value):
        return entries
    if overriding or combined is None:
        log.warning("%s: these DQ bits, which AstroDrizzle would clear, make pixels bad by "
                    "final_bits = %s; add them there, as numbers, if they flag cosmic rays",
                    resetbits[0], value)
        return entries
    log.info("%s: AstroDrizzle would clear these DQ bits, so they are good: final_bits = %s",
             resetbits[0], combined)
    return [*entries, final_bits[-1]._replace(value=combined)]
