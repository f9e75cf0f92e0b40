"""The mask file: its primary image, which all readers of static masks understand, and MEMBERS."""

import os
from typing import TYPE_CHECKING, Any

import numpy as np

from staticmask_cli.errors import ChipError, FaultError
from staticmask_cli.fits.open import astropy_silenced, data_of
from staticmask_cli.fits.writer import NewHDU, image
from staticmask_cli.io.user_path import output_path, user_path
from staticmask_cli.masks.causes import count_by_cause
from staticmask_cli.masks.mask_cards import (
    TEXT_FACTS,
    cards_of,
    facts_of,
    included_from,
    rule_of,
    run_id_of,
    signature_of,
)
from staticmask_cli.masks.members import Member, SortKey, unopened_beside
from staticmask_cli.masks.members_table import bunit_of, members_of, members_table
from staticmask_cli.masks.partial import PartialMask
from staticmask_cli.masks.reading import bad_pixels_of, expected_mask
from staticmask_cli.masks.rule import LEAST_DEPTH, Agreement, MaskRule, expected_false_positives
from staticmask_cli.masks.signature import Signature, as_signature, grid_differences
from staticmask_cli.masks.votes_hdus import tally_of, votes_hdus
from staticmask_cli.masks.why_hdu import causes_in, set_causes, why_hdu
from staticmask_cli.masks.writing import write_masks

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["StaticMask"]


class StaticMask(PartialMask):
    """A static mask that can be written to a file and read back.

    Parameters
    ----------
    signature : Signature
        The signature of all chips that will be added.
    static_sig : float
        The distance of the threshold below the sky, in units of the noise.
    sky : str
        ``global`` takes the mode and the rms of the whole chip, ``local`` those around each pixel.
    agree : str, int or float
        The number of exposures in which a pixel must be bad: ``any``, ``all``, a count, or a
        fraction of the exposures that vote.  See `MaskRule.counts_pointings`.
    final_bits : str, optional
        The DQ bits that do not make a pixel bad, as the user gave them, for the header.
    high, least_depth : bool, float
        What ``agree = joint`` marks, see `MaskRule`.
    facts : dict, optional
        The header keywords that describe the detector, such as TELESCOP and CCDCHIP.

    Raises
    ------
    ConfigError
        If a parameter is not valid.

    Attributes
    ----------
    rule : MaskRule
        The parameters above but the signature and the facts.
    path : str or None
        Where the mask was last written to or read from, or a run is to write it.
    run_id : str
        The number of the run that wrote it, see `masks.run_id`; empty if none did.
    included_from : tuple of str
        The names of the files that list the pixels in `included`, without folders, sorted.
    previous_members : frozenset
        The sort keys of the members that were in the file before a run added others.
    causes_known, pointings_known : bool
        Whether `why` and `nbelow` distinguish the causes, and whether it is known which of the
        members share a pointing; files of older versions contain neither.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        static_sig: float = 4.0,
        sky: str = "global",
        agree: Agreement = "any",
        final_bits: str | None = None,
        high: bool = False,
        least_depth: float = LEAST_DEPTH,
        facts: dict[str, str | float] | None = None,
    ) -> None:
        rule = MaskRule(static_sig, sky, agree, final_bits, high, least_depth)
        super().__init__(as_signature(signature), rule.checked())
        self.facts = dict(facts or {})
        self.path: str | None = None
        self.run_id = ""
        self.included_from: tuple[str, ...] = ()
        self.previous_members: frozenset[SortKey] = frozenset()
        self.causes_known = True
        self.pointings_known = True

    def __repr__(self) -> str:
        from staticmask_cli.masks.summary import as_text  # noqa: PLC0415 - runs need none

        return as_text(self)

    def _repr_html_(self) -> str:
        from staticmask_cli.masks.summary import as_html  # noqa: PLC0415 - as above

        return as_html([self])

    def plot(self, ax: "Axes | None" = None) -> "Axes":
        """Draw the bad pixels in the colours of their causes, and return the axes of matplotlib.

        Parameters
        ----------
        ax : matplotlib.axes.Axes, optional
            Where to draw; by default on a new figure.

        Raises
        ------
        ConfigError
            If matplotlib is missing, which ``pip install 'staticmask[plot]'`` installs.
        """
        from staticmask_cli.plots.bad_pixels import plot_mask  # noqa: PLC0415 - an extra

        return plot_mask(self, ax)

    @property
    def name(self) -> str:
        """The name of its file without the folder, by default that of the signature."""
        return os.path.basename(self.path or self.signature.filename)

    @property
    def added(self) -> list[Member]:
        """The members that were not in the file before."""
        before = self.previous_members
        return [member for member in self.members if member.label.sort_key not in before]

    @property
    def candidates(self) -> int:
        """The number of exposures that were used, set aside, or may belong to the mask unread."""
        labels = [(member.label.file, member.label.extver) for member in self.members]
        return sum(extver > 0 for _, extver in labels) + len(unopened_beside(labels))

    @property
    def grid(self) -> dict[str, str | float]:
        """The `facts` about the position of the pixels on the detector."""
        return {key: value for key, value in self.facts.items() if key not in TEXT_FACTS}

    @property
    def npix(self) -> float:
        """The number of finite pixels of a used chip, in the mean; of all pixels without chips."""
        if not self.used:
            return self.below.size
        return sum(member.npix for member in self.used) / len(self.used)

    @property
    def chance(self) -> float:
        """The number of pixels that Gaussian noise alone puts into the mask, under its rule."""
        npix, static_sig = self.npix, self.rule.static_sig
        votes = {"voters": self.voters, "needed": self.votes_needed, "exposures": len(self.used)}
        by_votes = expected_false_positives(npix, static_sig, **votes)
        return by_votes + self.rule.joint * expected_false_positives(npix, static_sig)

    @property
    def has_one_cause(self) -> bool:
        """Whether all pixels that are bad are so for the same cause, the global threshold."""
        by_value = self.rule.sky == "global" and self.rule.final_bits is None
        return by_value and self.flagged is None and self.included is None

    def count_by_cause(self) -> dict[str, int]:
        """Return the number of bad pixels for each cause, each pixel once.

        See `masks.causes.count_by_cause`.  Nothing is returned if the causes are unknown.
        """
        if not self.causes_known:
            return {}
        if self.has_one_cause:
            return {"global": self.nbad} if self.nbad else {}
        return count_by_cause(self.why, self.bad)

    def merge(self, other: PartialMask) -> None:
        """Add the bad pixels and members of another mask of the same signature, rule and grid.

        Raises
        ------
        ChipError
            If `other` is of another signature, its rule is another one, or it is of other pixels
            of the detector, as its `grid` shows.
        """
        if isinstance(other, StaticMask) and (
                differences := grid_differences(other.grid, self.grid)):
            msg = (f"cannot merge masks of different pixels of the detector "
                   f"({self.signature.detector}, number {self.signature.number}): {differences}")
            raise ChipError(msg)
        super().merge(other)
        if isinstance(other, StaticMask):
            self.facts = self.facts or dict(other.facts)

    def write(self, path: str | os.PathLike[str]) -> None:
        """Write the mask and its MEMBERS table, whole or not at all.

        The primary HDU is int16 of shape (NAXIS2, NAXIS1), 1 good and 0 bad.
        The same members, parameters and versions give the same bytes, except for
        DATE, which is SOURCE_DATE_EPOCH where that is set.

        Raises
        ------
        OutputError
            If the file cannot be written; a file that was there before stays as it is.
        """
        self.run_id = ""
        write_masks({output_path(path): self})

    @classmethod
    def read(cls, path: str | os.PathLike[str]) -> "StaticMask":
        """Read a mask that `write` wrote.

        If the file does not contain the causes, all bad pixels are returned in `below`.

        Raises
        ------
        InputError
            If the file cannot be read, or staticmask did not write it.
        """
        from staticmask_cli.fits.plain import opened_plain  # noqa: PLC0415 - runs need none

        path = user_path(path)
        with expected_mask(path), astropy_silenced(), opened_plain(path) as hdus:
            return cls.from_hdus(hdus, path)

    @classmethod
    def from_hdus(cls, hdus: Any, path: str) -> "StaticMask":  # noqa: ANN401 - as `opened_plain`
        """Return the mask in the HDUs of an open file, inside of `expected_mask`."""
        header, good = hdus[0].header, hdus[0].data
        bad = bad_pixels_of(good)
        rule, signature = rule_of(header), signature_of(header, good.shape)
        mask = cls(signature, facts=facts_of(header))
        PartialMask.__init__(mask, signature, rule)  # of any values, as headers have them
        mask.included_from, mask.run_id = included_from(header), run_id_of(header)
        set_causes(mask, bad, causes_in(hdus, signature.shape))
        table = hdus["MEMBERS"].data
        mask.members = members_of(table)
        if unit := bunit_of(hdus["MEMBERS"].header):
            mask.facts["BUNIT"] = unit
        mask.pointings_known = "POINTING" in table.dtype.names
        if mask.tally is not None:
            by_pointing = mask.rule.counts_pointings and mask.pointings_known
            rows = hdus["POINTINGS"].data if by_pointing else None
            mask.tally = tally_of(data_of(hdus["VOTES"]), rows, mask.members, signature.shape)
        if mask.evidence is not None:
            from staticmask_cli.masks.evidence_hdus import evidence_of  # noqa: PLC0415

            mask.evidence = evidence_of(hdus, signature.shape, len(mask.used))
        if not np.array_equal(mask.bad, bad):
            msg = "its WHY, its VOTES or its SCORE contradict its bad pixels"
            raise FaultError(msg)
        mask.path = path
        return mask

    def hdus(self, date: str) -> list[NewHDU]:
        """Return the HDUs of the mask file, with this date (UTC) in its header."""
        # In the byte order of FITS, as both the checksum and the file need it.
        good = np.empty(self.signature.shape, dtype=">i2")
        np.logical_not(self.bad, out=good, casting="unsafe")
        enough = "one exposure" if self.votes_needed == 1 else f"{self.votes_needed} exposures"
        if self.rule.counts_pointings:
            enough = f"one exposure of {self.votes_needed} pointings"
        if self.rule.joint:
            enough += ", or low by the evidence of all exposures together"
        if self.included is not None:
            enough += ", or known to be bad (INCLUDE)"
        comment = f"Static mask: 1 = good, 0 = bad in at least {enough}."
        self.number_pointings()
        hdus = [
            image(good, cards_of(self, date), comment=comment),
            members_table(self.members, str(self.facts.get("BUNIT", ""))),
        ]
        if self.tally is not None:
            hdus += votes_hdus(self.tally, self.members, self.rule)
        if self.causes_known and not self.has_one_cause:
            hdus.append(why_hdu(self.why))
        if self.evidence is not None:
            from staticmask_cli.masks.evidence_hdus import evidence_hdus  # noqa: PLC0415

            hdus += evidence_hdus(self.evidence)
        return hdus
