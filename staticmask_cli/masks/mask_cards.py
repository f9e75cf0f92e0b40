"""The header of a mask file: the rule of the mask, the facts about its detector, and counts."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from staticmask_cli._version import __version__
from staticmask_cli.fits.writer import Card
from staticmask_cli.masks.members_table import as_ascii, from_ascii
from staticmask_cli.masks.rule import LEAST_DEPTH, MaskRule, clean_agree
from staticmask_cli.masks.signature import Signature

if TYPE_CHECKING:
    from staticmask_cli.masks.static_mask import StaticMask

__all__ = [
    "DETECTOR_FACTS", "TEXT_FACTS", "cards_of", "facts_of", "included_from", "rule_of",
    "run_id_of", "signature_of",
]

TEXT_FACTS = ("TELESCOP", "INSTRUME", "DETECTOR", "BUNIT")
"""The facts that do not depend on the position of the pixels on the detector."""

_FACTS = {
    "TELESCOP": "telescope of the exposures",
    "INSTRUME": "instrument",
    "DETECTOR": "detector",
    "BUNIT": "",  # in masks of older versions
    "CCDCHIP": "chip of the detector",
    "LTV1": "offset of a subarray in X",
    "LTV2": "offset of a subarray in Y",
    "BINAXIS1": "binning in X",
    "BINAXIS2": "binning in Y",
    "SUBSTRT1": "first pixel of a subarray in X",
    "SUBSTRT2": "first pixel of a subarray in Y",
    "XBINNING": "binning in X",
    "YBINNING": "binning in Y",
    "XORGSUBF": "first pixel of a subframe in X",
    "YORGSUBF": "first pixel of a subframe in Y",
    "CCDSEC": "section of the chip",
    "DETSEC": "section of the detector",
    "DATASEC": "section of the image with data",
    "CCDSUM": "binning in X and Y",
}
DETECTOR_FACTS = {key: comment for key, comment in _FACTS.items() if key != "BUNIT"}
"""The facts that are not about the sky, with the comments of their cards."""


def cards_of(mask: "StaticMask", date: str) -> list[Card]:
    """Return the cards of the primary header, with this date (UTC)."""
    voters = "pointings" if mask.rule.counts_pointings else "exposures"
    cards: list[Card] = [
        ("CREATOR", f"staticmask {__version__}", "program that made this mask"),
        ("DATE", date, "when the mask was made (UTC)"),
    ]
    if mask.run_id:
        cards.append(("RUNID", mask.run_id, "of all masks that one run made together"))
    cards += [
        (key, _escaped(mask.facts[key]), comment)
        for key, comment in DETECTOR_FACTS.items() if key in mask.facts
    ]
    cards += [
        ("SIGDET", as_ascii(mask.signature.detector), "signature: instrument and detector"),
        ("SIGNUM", mask.signature.number, "signature: number of the chip"),
        ("SKY", mask.rule.sky, "level and noise: of the chip, or around a pixel"),
        ("STATSIG", mask.rule.static_sig, "[noise] threshold below the sky level"),
        ("AGREE", str(mask.rule.agree), f"in how many {voters} a pixel must be bad"),
        ("FINLBITS", str(mask.rule.final_bits), "DQ bits taken as good; None: DQ not read"),
        *_joint_cards(mask.rule),
        ("NCOMBINE", len(mask.used), "exposures combined"),
        ("NPOINT", mask.pointings, "pointings of these exposures"),
        ("NBAD", mask.nbad, "bad pixels"),
    ]
    if mask.used:
        cards.append(("NCHANCE", mask.chance, "low pixels expected from Gaussian noise"))
    if mask.included is not None or mask.included_from:
        names = ",".join(as_ascii(name).replace(",", r"\x2c") for name in mask.included_from)
        number = 0 if mask.included is None else int(mask.included.sum())
        cards += [("NINCL", number, "pixels known to be bad, by these files:"),
                  ("INCLUDE", names, "")]
    return cards


def _joint_cards(rule: MaskRule) -> list[Card]:
    """Return the cards of the parameters that only the rule ``joint`` has."""
    if not rule.joint:
        return []
    return [
        ("HIGH", rule.high, "whether pixels that are too high are bad"),
        ("LEASTDEP", rule.least_depth, "[noise] least mean distance from the sky"),
    ]


def signature_of(header: Mapping[str, Any], shape: tuple[int, int]) -> Signature:
    """Return the signature of a mask from its header, which is untrusted."""
    return Signature(str(_unescaped(header["SIGDET"])), shape, header["SIGNUM"])


def rule_of(header: Mapping[str, Any]) -> MaskRule:
    """Return the rule of a mask from its header.

    Raises
    ------
    KeyError, ValueError
        If a card is missing or has no such value.
    """
    final_bits = None if header["FINLBITS"] == "None" else header["FINLBITS"]
    return MaskRule(
        header["STATSIG"], header["SKY"], clean_agree(header["AGREE"]), final_bits,
        bool(header.get("HIGH", False)), header.get("LEASTDEP", LEAST_DEPTH),
    )


def run_id_of(header: Mapping[str, Any]) -> str:
    """Return the number of the run that wrote a mask; empty if the header has none."""
    return str(header.get("RUNID", ""))


def facts_of(header: Mapping[str, Any]) -> dict[str, str | float]:
    """Return the facts about the detector that a header has."""
    return {key: _unescaped(header[key]) for key in _FACTS if key in header}


def included_from(header: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names of the files that list pixels known to be bad; empty if there are none."""
    names = str(header.get("INCLUDE", ""))
    return tuple(from_ascii(name) for name in names.split(",")) if names else ()


def _escaped(value: str | float) -> str | float:
    return as_ascii(value) if isinstance(value, str) else value


def _unescaped(value: Any) -> Any:  # noqa: ANN401 - numbers pass through
    return from_ascii(value) if isinstance(value, str) else value
