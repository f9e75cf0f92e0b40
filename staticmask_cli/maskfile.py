"""The mask file: a primary HDU that all readers of static masks know, and its MEMBERS."""

import os
import time
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from typing import IO, Any

import numpy as np
from astropy.io import fits

from staticmask_cli import __version__
from staticmask_cli.agreement import Agreement, clean_agree, expected_by_chance
from staticmask_cli.errors import ExposureError, InputError
from staticmask_cli.files import (
    clear_leftovers,
    flush_to_disk,
    interrupts_deferred,
    refusing_as,
    write_whole,
)
from staticmask_cli.fitsfile import astropy_silenced, opened
from staticmask_cli.mask import PartialMask
from staticmask_cli.member import ChipLabel, Member
from staticmask_cli.signature import Signature

__all__ = ["StaticMask", "is_mask", "time_of_making", "write_masks"]

_WRITERS = 2  # masks written at the same time: the one waits for the disk, the other computes

# Columns of MEMBERS: name, unit, FITS format (None for text, sized to fit), and the value.
_COLUMNS = (
    ("FILE", None, None, lambda m: m.label.file),
    ("ROOTNAME", None, None, lambda m: m.label.rootname),
    ("EXTVER", None, "J", lambda m: m.label.extver),
    ("EXPTIME", "s", "D", lambda m: m.label.exptime),
    ("MODE", "BUNIT", "D", lambda m: m.mode),
    ("RMS", "BUNIT", "D", lambda m: m.rms),
    ("MEDIAN", "BUNIT", "D", lambda m: m.median),
    ("THRESH", "BUNIT", "D", lambda m: m.threshold),
    ("NPIX", "pixel", "K", lambda m: m.npix),
    ("NOISE", "BUNIT", "D", lambda m: m.noise),
    ("NBELOW", "pixel", "K", lambda m: m.below),
    ("NCHANCE", "pixel", "D", lambda m: m.chance),
    ("NDQ", "pixel", "K", lambda m: m.flagged),
    ("DQBITS", None, None, lambda m: _bits_as_text(m.added_by_bit)),
    ("USED", None, "L", lambda m: m.used),
    ("WHYNOT", None, None, lambda m: m.unused),
)


class StaticMask(PartialMask):
    """A static mask that can be written to a file and read back.

    Parameters
    ----------
    signature : Signature
        Of all the chips that will be added.
    static_sig : float, optional
        The parameter the mask is made with, for the header.
    sky : str, optional
        Likewise: ``global`` or ``local``.
    agree : str, int or float, optional
        In how many chips a pixel must be bad.
    final_bits : str, optional
        DQ bits taken as good, as the user gave them, for the header.
    facts : dict, optional
        Header keywords that describe the detector, such as TELESCOP and CCDCHIP.

    Attributes
    ----------
    path : str or None
        Where the mask was last written to or read from.
    """

    def __init__(
        self,
        signature: Signature,
        *,
        static_sig: float = float("nan"),
        sky: str = "global",
        agree: Agreement = "any",
        final_bits: str | None = None,
        facts: dict[str, str | float] | None = None,
    ) -> None:
        super().__init__(signature, agree=agree)
        self.static_sig = static_sig
        self.sky = sky
        self.final_bits = final_bits
        self.facts = dict(facts or {})
        self.path: str | None = None

    @property
    def chance(self) -> float:
        """Pixels that Gaussian noise alone would put into the mask."""
        return expected_by_chance(
            self.below.size, self.static_sig, voters=len(self.used), needed=self.votes_needed
        )

    def write(self, path: str) -> None:
        """Write the mask and its MEMBERS table, whole or not at all.

        The primary HDU is int16 of shape (NAXIS2, NAXIS1), 1 good and 0 bad.
        The bytes follow from members, parameters and versions alone, but for
        DATE, which is SOURCE_DATE_EPOCH where that is set.

        Raises
        ------
        OutputError
            If the file cannot be written; what was there before still is.
        """
        write_masks({path: self})

    @classmethod
    def read(cls, path: str) -> "StaticMask":
        """Read a mask that `write` wrote.

        Which pixels are bad by their value and which by DQ is not in the file:
        all bad pixels come back in `below`.

        Raises
        ------
        InputError
            If the file cannot be read or is not a mask of ours.
        """
        try:
            with astropy_silenced(), opened(path) as hdus:
                header, good = hdus[0].header, hdus[0].data
                signature = Signature(header["SIGDET"], good.shape, header["SIGNUM"])
                mask = cls(
                    signature,
                    static_sig=header["STATSIG"],
                    sky=header["SKY"],
                    agree=clean_agree(header["AGREE"]),
                    final_bits=None if header["FINLBITS"] == "None" else header["FINLBITS"],
                    facts={key: header[key] for key in _FACTS if key in header},
                )
                mask.below = np.asarray(good) == 0
                mask.members = [_member(row) for row in hdus["MEMBERS"].data]
                if mask.votes is not None:
                    mask.votes = np.asarray(hdus["VOTES"].data)
                    _check_votes(mask, path)
        except InputError as error:
            msg = f"{error}; expected a mask that staticmask wrote"
            raise InputError(msg) from error
        mask.path = path
        return mask

    def hdus(self) -> fits.HDUList:
        """Return the HDUs of the mask file, with their checksums."""
        date = time_of_making()
        # In the byte order of FITS, else every checksum and the writing would swap all bytes.
        primary = fits.PrimaryHDU(self.good.astype(">i2"), header=self._header(date))
        # With the data set afterwards: passing them on loads astropy.table, which takes longer
        # than clipping a chip.
        members = fits.BinTableHDU(name="MEMBERS")
        members.data = fits.FITS_rec.from_columns(fits.ColDefs(self._columns()))
        hdus = fits.HDUList([primary, members])
        if self.votes is not None:
            hdus.append(fits.ImageHDU(self.votes, name="VOTES"))
        hdus.update_extend()  # before the checksums; writing would do it after them
        for hdu in hdus:
            hdu.add_datasum(when=date)
            hdu.add_checksum(when=date, override_datasum=True)
        return hdus

    def _header(self, date: str) -> fits.Header:
        header = fits.Header()
        header["CREATOR"] = (f"staticmask {__version__}", "program that made this mask")
        header["DATE"] = (date, "when the mask was made (UTC)")
        for key, comment in _FACTS.items():
            if key in self.facts:
                header[key] = (_ascii(self.facts[key]), comment)
        header["SIGDET"] = (_ascii(self.signature.detector), "signature: instrument and detector")
        header["SIGNUM"] = (self.signature.number, "signature: number of the chip")
        header["SKY"] = (self.sky, "level and noise: of the chip, or around a pixel")
        header["STATSIG"] = (self.static_sig, "[noise] threshold below the sky level")
        header["AGREE"] = (str(self.agree), "in how many exposures a pixel must be bad")
        header["FINLBITS"] = (str(self.final_bits), "DQ bits taken as good; None: DQ not read")
        header["NCOMBINE"] = (len(self.used), "exposures combined")
        header["NBAD"] = (self.nbad, "bad pixels")
        if self.used:
            header["NCHANCE"] = (self.chance, "low pixels expected by chance")
        enough = "one exposure" if self.votes_needed == 1 else f"{self.votes_needed} exposures"
        header["COMMENT"] = f"Static mask: 1 = good, 0 = bad in at least {enough}."
        return header

    def _columns(self) -> list[fits.Column]:
        columns = []
        for name, unit, form, value in _COLUMNS:
            values: Any = [value(member) for member in self.members]
            shown = str(self.facts.get("BUNIT", "")) if unit == "BUNIT" else unit
            if form is None:
                # As bytes, since numpy holds text four times as large.
                values = [_ascii(text).encode("ascii") for text in values]
                form = f"{max([1, *map(len, values)])}A"  # noqa: PLW2901
                values = np.array(values, dtype=f"S{form[:-1]}")
            columns.append(fits.Column(name, form, unit=_ascii(shown or "") or None, array=values))
        return columns


def write_masks(masks: Mapping[str, StaticMask]) -> None:
    """Write masks to the paths that are their keys: all of them, or none.

    Each is written under a temporary name and flushed to disk; only when all
    are complete do they take their names.

    Raises
    ------
    OutputError
        If one cannot be written; what was at the paths before still is.
    """
    clear_leftovers(masks)
    with astropy_silenced(), ExitStack() as stack, ThreadPoolExecutor(_WRITERS) as writers:
        streams = [stack.enter_context(write_whole(path)) for path in masks]
        for _ in writers.map(_write_to, masks, masks.values(), streams):
            pass  # but an error would be raised here
        with interrupts_deferred():
            stack.close()  # all take their names, or none
    for path, mask in masks.items():
        mask.path = path


def _write_to(path: str, mask: StaticMask, stream: IO[bytes]) -> None:
    with refusing_as(path):
        mask.hdus().writeto(stream)
        flush_to_disk(stream)


def is_mask(path: str, shape: tuple[int, int]) -> bool:
    """Whether a file is a static mask of that shape, of ours or of drizzlepac: int16, primary."""
    try:
        with opened(path) as hdus:
            header: fits.Header = hdus[0].header
            return bool(header["BITPIX"] == 16 and hdus[0].shape == shape)  # noqa: PLR2004
    except (InputError, ExposureError):
        return False


_FACTS = {
    "TELESCOP": "telescope of the exposures",
    "INSTRUME": "instrument",
    "DETECTOR": "detector",
    "BUNIT": "unit of MODE, RMS, MEDIAN and THRESH in MEMBERS",
    "CCDCHIP": "chip of the detector",
    "LTV1": "offset of a subarray in X",
    "LTV2": "offset of a subarray in Y",
    "BINAXIS1": "binning in X",
    "BINAXIS2": "binning in Y",
    "SUBSTRT1": "first pixel of a subarray in X",
    "SUBSTRT2": "first pixel of a subarray in Y",
}


def time_of_making() -> str:
    """Now, or the time that a reproducible build asks for (reproducible-builds.org)."""
    epoch = os.environ.get("SOURCE_DATE_EPOCH", "")
    seconds = int(epoch) if epoch.isascii() and epoch.isdigit() else time.time()
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(seconds))


def _ascii(value: Any) -> Any:  # noqa: ANN401 - numbers pass through
    """Text as FITS allows it: printable ASCII, anything else as an escape.

    A blank at the end too, which readers and writers of FITS would drop.
    """
    if not isinstance(value, str):
        return value
    text = value.encode("unicode_escape").decode("ascii")
    return text[:-1] + r"\x20" if text.endswith(" ") else text


def _unescaped(text: str) -> str:
    return text.encode("ascii").decode("unicode_escape")


def _check_votes(mask: StaticMask, path: str) -> None:
    if not np.array_equal(mask.bad, mask.below):
        msg = f"{path}: its VOTES do not give its bad pixels"
        raise InputError(msg)


def _bits_as_text(counts: dict[int, int]) -> str:
    return ",".join(f"{bit}:{count}" for bit, count in sorted(counts.items()))


def _member(row: Any) -> Member:  # noqa: ANN401 - a FITS record
    pairs = (pair.split(":") for pair in filter(None, row["DQBITS"].split(",")))
    return Member(
        label=ChipLabel(
            file=_unescaped(row["FILE"]),
            extver=int(row["EXTVER"]),
            rootname=_unescaped(row["ROOTNAME"]),
            exptime=float(row["EXPTIME"]),
        ),
        npix=int(row["NPIX"]),
        mode=float(row["MODE"]),
        rms=float(row["RMS"]),
        median=float(row["MEDIAN"]),
        threshold=float(row["THRESH"]),
        noise=float(row["NOISE"]),
        below=int(row["NBELOW"]),
        chance=float(row["NCHANCE"]),
        flagged=int(row["NDQ"]),
        added_by_bit={int(bit): int(count) for bit, count in pairs},
        unused=_unescaped(row["WHYNOT"]),
    )
