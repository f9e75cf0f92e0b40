"""The votes in the mask file: the image VOTES, and the table POINTINGS.

POINTINGS is there where the rule counts pointings.  It has a row for each pixel that is bad at a
pointing: POINTING, the number of the pointing as in MEMBERS, and PIXEL, the index
``x + NAXIS1 * y`` of the pixel, with x and y from 0.  Its order is that of these two columns.  With
it, `--update` can add an exposure to a pointing.  Members whose position is unknown have no rows.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.fits.writer import NewHDU, image, table
from staticmask_cli.masks.members import Corners, Member
from staticmask_cli.masks.votes import Tally

__all__ = ["tally_of", "votes_hdus"]


def votes_hdus(tally: Tally, members: Sequence[Member], *, by_pointing: bool) -> list[NewHDU]:
    """Return the HDUs of the votes.

    Parameters
    ----------
    tally : Tally
        The votes.
    members : sequence of Member
        The members, with the numbers of their pointings.
    by_pointing : bool
        Whether the rule counts pointings.
    """
    hdus = [image(tally.counts, name="VOTES")]
    if by_pointing:
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
    hdus: Any, shape: tuple[int, int], members: Sequence[Member],  # noqa: ANN401 - of astropy
    *, by_pointing: bool
) -> Tally:
    """Read the votes back.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        The mask file.
    shape : tuple of int
        The shape ``(ny, nx)`` of the mask.
    members : sequence of Member
        The members that it lists.
    by_pointing : bool
        Whether it has the table POINTINGS.

    Raises
    ------
    ValueError, KeyError, IndexError
        If an HDU is missing, or contradicts another one.
    """
    counts = np.asarray(hdus["VOTES"].data)
    used = [member for member in members if member.used]
    if counts.dtype.kind != "u" or counts.shape != shape:
        msg = f"its VOTES are not counts of votes, of shape {shape}"
        raise ValueError(msg)
    if not by_pointing:
        return Tally.restored(counts, len(used))
    pointings: dict[int, list[Corners]] = {}
    for member in used:
        if member.label.has_corners:
            pointings.setdefault(member.pointing, []).append(member.label.corners)
    alone = sum(not member.label.has_corners for member in used)
    rows = hdus["POINTINGS"].data
    return Tally.restored(
        counts, alone, pointings, _whole_numbers(rows["POINTING"]), _whole_numbers(rows["PIXEL"])
    )


def _whole_numbers(column: npt.NDArray[Any]) -> npt.NDArray[np.int64]:
    if column.ndim != 1 or column.dtype.kind != "i":
        msg = "its POINTINGS are not whole numbers"
        raise ValueError(msg)
    return column.astype(np.int64)
