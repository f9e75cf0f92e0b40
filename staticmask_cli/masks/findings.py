"""A finding: why a mask, or some of its chips, may be wrong, and what to do about it."""

from collections.abc import Sequence
from typing import NamedTuple

from staticmask_cli.errors import first_few
from staticmask_cli.masks.mask_name import SUFFIX

__all__ = ["APART", "CHIPS_APART", "MANY_LOW", "NOT_FLAT", "UNCONFIRMED", "Finding", "about"]

MANY_LOW = "the mask may hold sources, as many pixels are low"
NOT_FLAT = "the sky is not flat"
UNCONFIRMED = "low pixels do not confirm each other"
APART = "stands apart from the other masks of its chip"
CHIPS_APART = "exposures stand apart from the others of their mask"


class Finding(NamedTuple):
    """Why a mask, some of its chips, or an exposure may be wrong.

    Attributes
    ----------
    subject : str
        The name of the mask, or the label of the chip or exposure that it is about.
    what : str
        What was found, with its figures.
    short : str
        The cause in a few words, the same for all masks.
    remedy : str
        What to do.
    is_clear : bool
        Whether `what` alone shows what to do.
    """

    subject: str
    what: str
    short: str
    remedy: str
    is_clear: bool = False

    @property
    def text(self) -> str:
        """What was found and what to do, without the subject."""
        return self.what if self.is_clear else f"{self.what}; {self.remedy}"

    @property
    def name(self) -> str:
        """The subject as in the closing table, without the end that the names of masks share."""
        return self.subject.removesuffix(SUFFIX)

    def __str__(self) -> str:
        return f"{self.name}: {self.text}"


def about(mask: str, labels: Sequence[object], number: int) -> tuple[str, str]:
    """Return the subject of a finding about chips of a mask, and how many they are.

    Parameters
    ----------
    mask : str
        The name of the mask, which is the subject if there are several chips.
    labels : sequence of ChipLabel
        The labels of the chips that the finding is about.
    number : int
        The number of all chips of the mask.

    Examples
    --------
    >>> about("m.fits", ["a[SCI,1]", "b[SCI,1]"], 2), about("m.fits", ["a[SCI,1]"], 4)
    (('m.fits', '2 of 2 chips: '), ('a[SCI,1]', ''))
    """
    if len(labels) == 1:
        return str(labels[0]), ""
    names = f" ({first_few(list(map(str, labels)))})" if len(labels) < number else ""
    return mask, f"{len(labels)} of {number} chips{names}: "
