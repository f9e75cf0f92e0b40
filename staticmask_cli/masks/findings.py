"""A finding: why a mask, or some of its chips, may be wrong, and what to do about it."""

from collections.abc import Sequence
from dataclasses import dataclass

from staticmask_cli.errors import first_few

__all__ = ["APART", "MANY_LOW", "NOT_FLAT", "UNCONFIRMED", "Finding", "chips_of"]

MANY_LOW = "the mask may hold sources, as many pixels are low"
NOT_FLAT = "the sky is not flat"
UNCONFIRMED = "low pixels do not confirm each other"
APART = "stands apart"


@dataclass(frozen=True)
class Finding:
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
    """

    subject: str
    what: str
    short: str
    remedy: str

    @property
    def text(self) -> str:
        """What was found and what to do, without the subject."""
        return f"{self.what}; {self.remedy}"

    def __str__(self) -> str:
        return f"{self.subject}: {self.text}"


def chips_of(labels: Sequence[object], number: int) -> str:
    """Return how many chips of a mask a finding is about, with their labels if these are not all.

    Examples
    --------
    >>> chips_of(["a[SCI,1]"], 4), chips_of(["a[SCI,1]", "b[SCI,1]"], 2), chips_of(["a"], 1)
    ('1 of 4 chips (a[SCI,1]): ', '2 of 2 chips: ', '')
    """
    if number == 1:
        return ""
    names = f" ({first_few(list(map(str, labels)))})" if len(labels) < number else ""
    return f"{len(labels)} of {number} chips{names}: "
