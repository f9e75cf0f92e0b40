"""The votes in the mask file: the image VOTES, and the table POINTINGS.

The file has POINTINGS only if the rule counts pointings.  It has a row for each pixel that is bad
at a pointing: POINTING, the number of the pointing as in MEMBERS, and PIXEL, the index
``x + NAXIS1 * y`` of the pixel, with x and y from 0; it is sorted by both.  With it, ``--update``
can add an exposure to a pointing.  Members whose position is unknown have no rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.compressed import compressed_image
from staticmask_cli.fits.writer import NewHDU, image, table
from staticmask_cli.masks.members import Corners, Member
from staticmask_cli.masks.rule import MaskRule
from staticmask_cli.masks.votes import Tally

__all__ = ["tally_of", "votes_hdus"]


def votes_hdus(tally: Tally, members: Sequence[Member], rule: MaskRule) -> list[NewHDU]:
    """Return the HDUs of the votes.

    Parameters
    ----------
    tally : Tally
        The votes.
    members : sequence of Member
        The members, with the numbers of their pointings.
    rule : MaskRule
        The rule of the mask.  Where it is ``joint``, VOTES is compressed, as SCORE and WEIGHT are.
    """
    if rule.joint:
        hdus = [compressed_image(tally.counts.astype(np.int32), name="VOTES")]
    else:
        hdus = [image(tally.counts, name="VOTES")]
    if rule.counts_pointings:
        number_at = {member.label.corners: member.pointing for member in members if member.used}
        parts = sorted(
            ((number_at[corners], pixels) for corners, pixels in tally.by_pointing),
            key=lambda part: part[0],
        )
        none = np.zeros(0, np.int32)
        numbers = [np.full(pixels.size, number, np.int32) for number, pixels in parts]
        pixels = [pixels.astype(np.int32) for _, pixels in parts]
        hdus.append(table([
            ("POINTING", "J", "", np.concatenate([none, *numbers])),
            ("PIXEL", "J", "", np.concatenate([none, *pixels])),
        ], name="POINTINGS"))
    return hdus


def tally_of(
    votes: npt.NDArray[Any], rows: npt.NDArray[Any] | None,
    members: Sequence[Member], shape: tuple[int, int],
) -> Tally:
    """Return the votes that a mask file holds, whose data are untrusted.

    Parameters
    ----------
    votes : numpy.ndarray
        The data of VOTES.
    rows : numpy.ndarray or None
        The data of POINTINGS; None if all chips vote on their own.
    members : sequence of Member
        The members of the mask.
    shape : tuple of int
        The shape ``(ny, nx)`` of the mask.

    Raises
    ------
    FaultError, KeyError
        If these contradict each other, or a column is missing.
    """
    counts = np.asarray(votes)
    used = [member for member in members if member.used]
    if counts.dtype.kind == "i" and counts.min(initial=0) >= 0:  # as it is where compressed
        counts = counts.astype(np.min_scalar_type(counts.max(initial=0)))
    if counts.dtype.kind != "u" or counts.shape != shape:
        msg = f"its VOTES are not counts of votes, of shape {shape}"
        raise FaultError(msg)
    if rows is None:
        return Tally.restored(counts, len(used))
    pointings: dict[int, list[Corners]] = {}
    for member in used:
        if member.label.has_corners:
            pointings.setdefault(member.pointing, []).append(member.label.corners)
    alone = sum(not member.label.has_corners for member in used)
    return Tally.restored(
        counts, alone, pointings, _whole_numbers(rows["POINTING"]), _whole_numbers(rows["PIXEL"])
    )


def _whole_numbers(column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if column.ndim != 1 or column.dtype.kind != "i":
        msg = "its POINTINGS are not whole numbers"
        raise FaultError(msg)
    return column.astype(np.int64)
