"""Table of instruments: how their chips are named, and what their DQ flags mean.

The naming rules follow the signature of drizzlepac's image objects.  Flag names are
those of the calibration pipelines' headers (``acsdq.h``, ``wf3dq.h``,
``stisdq.h``, ``calnic.h``), of STScI's DQ pages and of the JWST
``stdatamodels.dqflags``; where two spellings are in use, both are listed.

The bits of a bad pixel of the detector, which masks are applied with, are those that the
observatories' own lists of bad pixels set:

- ACS, WFC3 and STIS: 4, the bad detector pixels of the BPIXTAB (data handbooks of ACS, table 3.4,
  of WFC3, table 3.3, and of STIS, table 2.5).
- WFPC2: 4, a permanent defect of the camera such as a dead pixel (table 3.4 of its data handbook).
- NICMOS: 32, the defective pixels, hot or cold, of the MASKFILE (``calnic.h``).
- JWST: DO_NOT_USE with OTHER_BAD_PIXEL (``stdatamodels.dqflags``; DO_NOT_USE is what all steps
  after ``dq_init`` heed).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

__all__ = ["Instrument", "instrument_of"]

Flags = Mapping[str, int]


@dataclass(frozen=True)
class Instrument:
    """One row of the table.

    Attributes
    ----------
    detector_key : str
        The header keyword of the detector.
    detector_names : mapping of str to str
        The names of detectors in the name of a mask, by value of that keyword, if they differ.
    number_key : str
        The header keyword of the number of the chip; without it the number is 1.
    filter_keys : tuple of str
        The header keywords of the filters in the beam.
    exptime_key : str
        The header keyword of the exposure time, in seconds.
    dq_companion : mapping of str to str
        Parts of the name of an exposure, and what replaces them in the name of the file with its
        DQ flags; empty if the flags are in the same file.
    skipped_if : mapping of str to str
        Keywords of the primary header, with the value that files without an image have.
    flags : mapping of str to mapping
        The DQ flags by name, for each detector; those of all other detectors are under ``""``.
    bad_pixel_bits : int
        The DQ bits of a bad pixel of the detector, as one number; 0 if they are not known.
    """

    detector_key: str = "DETECTOR"
    detector_names: Mapping[str, str] = field(default_factory=dict)
    number_key: str = "EXTVER"
    filter_keys: tuple[str, ...] = ("FILTER", "FILTER1", "FILTER2")
    exptime_key: str = "EXPTIME"
    dq_companion: Mapping[str, str] = field(default_factory=dict)
    skipped_if: Mapping[str, str] = field(default_factory=dict)
    flags: Mapping[str, Flags] = field(default_factory=dict)
    bad_pixel_bits: int = 0

    def flags_of(self, detector: str) -> Flags:
        """Return the DQ flags of a detector by name; empty if they are not known."""
        return self.flags.get(detector, self.flags.get("", {}))


def instrument_of(name: str) -> Instrument:
    """Return the row of an instrument; all that are not in the table share a general one."""
    return _TABLE.get(name.upper(), _ANY)


def _by_bit(names: str) -> Flags:
    """Return flags from names in the order of the bits; ``-`` is no name, ``A/B`` are two."""
    return {
        name: 1 << bit
        for bit, spellings in enumerate(names.split())
        for name in spellings.split("/")
        if name != "-"
    }


_ACS = _by_bit(
    "LOST/SOFTERR FILLED/DATALOST BADPIX/DETECTORPROB MASKED/DATAMASKED HOT/HOTPIX "
    "UNSTABLE/CTETAIL WARM/WARMPIX BADCOL/BADBIAS SATURATED/SATPIXEL BADREF/CALIBDEFECT "
    "TRAP ATODSAT CRDRIZ CRREJ/DATAREJECT USER"
)
_WFC3_UVIS = _by_bit(
    "SOFTERR DATALOST DETECTORPROB DATAMASKED HOT/HOTPIX UNSTABLE/CTETAIL WARM/WARMPIX "
    "BADBIAS SATURATED/SATPIXEL BADFLAT TRAP ATODSAT CR DATAREJECT HIGH_CURVATURE RESERVED"
)
_WFC3_IR = _by_bit(
    "SOFTERR DATALOST DETECTORPROB BADZERO HOT/HOTPIX UNSTABLE WARM/WARMPIX BADBIAS "
    "SATURATED/SATPIXEL BADFLAT SPIKE ZEROSIG CR DATAREJECT HIGH_CURVATURE RESERVED"
)
_WFPC2 = _by_bit(
    "SOFTERR CALIBDEFECT CAMDEFECT ATODSAT DATALOST BADPIX - CHARGETRAP "
    "ABOVETRAP WARM/WARMPIX REPAIREDWARM MASKED CR"
)
_STIS = _by_bit(
    "SOFTERR DATALOST DETECTORPROB DATAMASKED HOT/HOTPIX LARGEBLEM - OVERSCAN SATURATED/SATPIXEL "
    "CALIBDEFECT SMALLBLEM X1D_BAD_BACKGROUND X1D_DISCARDED DATAREJECT NOT_CTI_CORR"
)
_NICMOS = _by_bit(
    "REED_SOL BAD_LIN BAD_DARK BAD_FLAT GROT DEFECTIVE SATURATED MISSING BADPIX CR_HIT SOURCE "
    "ZEROSIG USER1 USER2 HIGH_CURVATURE RESERVED2"
)
_JWST_FLAGS = _by_bit(
    "DO_NOT_USE SATURATED JUMP_DET DROPOUT OUTLIER PERSISTENCE AD_FLOOR CHARGELOSS "
    "UNRELIABLE_ERROR NON_SCIENCE DEAD HOT WARM LOW_QE RC TELEGRAPH NONLINEAR BAD_REF_PIXEL "
    "NO_FLAT_FIELD NO_GAIN_VALUE NO_LIN_CORR NO_SAT_CHECK UNRELIABLE_BIAS UNRELIABLE_DARK "
    "UNRELIABLE_SLOPE UNRELIABLE_FLAT OPEN ADJ_OPEN FLUX_ESTIMATED/UNRELIABLE_RESET "
    "MSA_FAILED_OPEN OTHER_BAD_PIXEL REFERENCE_PIXEL"
)
_JWST = Instrument(
    filter_keys=("FILTER", "PUPIL"), exptime_key="EFFEXPTM", flags={"": _JWST_FLAGS},
    bad_pixel_bits=_JWST_FLAGS["DO_NOT_USE"] | _JWST_FLAGS["OTHER_BAD_PIXEL"],
)

_ANY = Instrument()
_TABLE: Mapping[str, Instrument] = {
    "ACS": Instrument(
        filter_keys=("FILTER1", "FILTER2"), flags={"": _ACS}, bad_pixel_bits=4,
    ),
    "WFC3": Instrument(flags={"UVIS": _WFC3_UVIS, "IR": _WFC3_IR}, bad_pixel_bits=4),
    "WFPC2": Instrument(
        detector_names={"1": "PC", "2": "WF2", "3": "WF3", "4": "WF4"},
        filter_keys=("FILTNAM1", "FILTNAM2"),  # FILTER1 and FILTER2 are numbers
        dq_companion={"_c0m.": "_c1m.", "_c0f.": "_c1f.", "_c0h.": "_c1h."},
        flags={"": _WFPC2},
        bad_pixel_bits=4,
    ),
    # The image sets of a STIS file are exposures of one detector, and not its chips.
    "STIS": Instrument(
        number_key="CCDCHIP", skipped_if={"OBSTYPE": "SPECTROSCOPIC"}, flags={"": _STIS},
        bad_pixel_bits=4,
    ),
    "NICMOS": Instrument(
        detector_key="CAMERA", number_key="CAMERA", flags={"": _NICMOS}, bad_pixel_bits=32,
    ),
    "NIRCAM": _JWST,
    "NIRISS": _JWST,
    "NIRSPEC": _JWST,
    "MIRI": _JWST,
    "FGS": _JWST,
}
