"""Facts about a chip and its exposure, from its header and the primary one."""

import math
import os
import re
from collections.abc import Iterable, Mapping

from staticmask_cli.fits.header import AnyHeader, header_float, header_str

__all__ = ["common_facts", "exposure_of", "facts_of_chip"]

# Header values that are copied into the mask; all chips of a signature have the same.
_TEXT_FACTS = ("TELESCOP", "INSTRUME", "DETECTOR", "BUNIT")
# Where on the detector the pixels of a chip are: the keywords of HST, of JWST and of the ground.
_GRID_FACTS = ("CCDCHIP", "LTV1", "LTV2", "BINAXIS1", "BINAXIS2", "SUBSTRT1", "SUBSTRT2",
               "XBINNING", "YBINNING", "XORGSUBF", "YORGSUBF")
_LONGEST_TEXT = 68  # characters, of a card of one line
_GRID_TEXTS = ("CCDSEC", "DETSEC", "DATASEC", "CCDSUM")

# Program, visit, group, exposure and detector; the kind of product follows.
_JWST_NAME = re.compile(r"jw\d{11}_\d+_\d+_[a-z0-9]+(?=_)")


def common_facts(facts_of_chips: Iterable[Mapping[str, str | float]]) -> dict[str, str | float]:
    """Return the facts of the first of several chips, without BUNIT if the units differ."""
    common: dict[str, str | float] = {}
    units = set()
    for facts in facts_of_chips:
        common = common or dict(facts)
        units.add(str(facts.get("BUNIT")).casefold())
    if len(units) > 1:
        common.pop("BUNIT", None)
    return common


def facts_of_chip(
    header: AnyHeader, primary: AnyHeader
) -> tuple[dict[str, str], dict[str, str | float]]:
    """Return the `facts` and the `grid` of a `Chip`, from its header and the primary one."""
    facts = {key: header_str(header, key) or header_str(primary, key) for key in _TEXT_FACTS}
    grid = {key: header_float(header, primary, key) for key in _GRID_FACTS}
    texts = {key: header_str(header, key) or header_str(primary, key) for key in _GRID_TEXTS}
    return (
        {key: value for key, value in facts.items() if value},
        {key: value for key, value in grid.items() if math.isfinite(value)}
        | {key: _without_blanks(value) for key, value in texts.items() if value},
    )


def _without_blanks(section: str) -> str:
    """Return ``[1:2048, 1:4096]`` and ``2  2`` as they are usually written."""
    return re.sub(r"\s*([\[\]:,])\s*|\s+", lambda found: found[1] or " ", section)[:_LONGEST_TEXT]


def exposure_of(header: AnyHeader, primary: AnyHeader, path: str) -> str:
    """Return the `exposure` of a `Chip`; JWST has the ROOTNAME only in the names of its files."""
    of_jwst = _JWST_NAME.match(os.path.basename(path))
    rootname = header_str(primary, "ROOTNAME") or (of_jwst[0] if of_jwst else "")
    start = header_float(header, primary, "EXPSTART")
    known = rootname and math.isfinite(start)
    return f"{rootname.lower()}, EXPSTART = {start!r}" if known else ""
