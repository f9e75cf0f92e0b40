"""The table of the cameras that can be simulated."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CAMERAS", "Camera"]

Keywords = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Camera:
    """One camera that can be simulated.

    Attributes
    ----------
    shape : tuple of int
        The shape ``(ny, nx)`` of a full chip.
    primary : mapping
        The keywords of the primary header that identify the camera.
    chips : tuple of mapping
        The keywords of the SCI header of each chip.
    numbers : tuple of int
        The number of each chip in the name of its mask.
    root : str
        The letters with which its rootnames begin.
    suffix : str
        The suffix of its calibrated files, for instance ``flt``.
    bunit : str
        The unit of the pixels; a unit that ends with ``/S`` is a rate.
    per_electron : float
        The pixel value of one electron, or of one electron per second if the unit is a rate.
    sky : float
        The sky level in electrons.
    noise : float
        The read noise in electrons; a detector with a read noise of 0 counts photons.
    image_sets : int
        The number of exposures of each chip in one file.
    exptime_key : str
        The keyword of the exposure time.
    dq_dtype : str
        The numpy type of the DQ flags.
    hot_bit : int
        The DQ bit of hot pixels.
    saturated_bit : int
        The DQ bit of saturated pixels.
    nan_bit : int
        The DQ bit of pixels that are NaN; 0 if there are no such pixels.
    companion : bool
        Whether the DQ flags are in another file than the pixels.
    plain : bool
        Whether the file is a single image in the primary HDU, without DQ flags.
    """

    shape: tuple[int, int]
    primary: Keywords
    chips: tuple[Keywords, ...] = ({},)
    numbers: tuple[int, ...] = (1,)
    root: str = "j"
    suffix: str = "flt"
    bunit: str = "ELECTRONS"
    per_electron: float = 1.0
    sky: float = 80.0
    noise: float = 4.5
    image_sets: int = 1
    exptime_key: str = "EXPTIME"
    dq_dtype: str = "int16"
    hot_bit: int = 16
    saturated_bit: int = 256
    nan_bit: int = 0
    companion: bool = False
    plain: bool = False


def _jwst(instrument: str, detector: str, shape: tuple[int, int]) -> Camera:
    return Camera(
        shape, {"TELESCOP": "JWST", "INSTRUME": instrument, "DETECTOR": detector,
                "SUBSTRT1": 1, "SUBSTRT2": 1},
        root="jw", suffix="cal", bunit="MJy/sr", per_electron=1e-3, sky=300.0, noise=12.0,
        exptime_key="EFFEXPTM", dq_dtype="uint32", hot_bit=2048, saturated_bit=2, nan_bit=1,
    )


def _nicmos(camera: int) -> Camera:
    return Camera(
        (256, 256), {"INSTRUME": "NICMOS", "CAMERA": camera, "FILTER": "F160W"},
        numbers=(camera,), root="n", suffix="cal", bunit="COUNTS/S", sky=400.0, noise=25.0,
        saturated_bit=64,
    )


_TWO_CHIPS: tuple[Keywords, ...] = ({"CCDCHIP": 2}, {"CCDCHIP": 1})

CAMERAS: Mapping[str, Camera] = {
    "ACS/WFC": Camera(
        (2048, 4096), {"INSTRUME": "ACS", "DETECTOR": "WFC", "FILTER1": "F606W"},
        chips=_TWO_CHIPS, numbers=(1, 2),
    ),
    "ACS/HRC": Camera((1024, 1024), {"INSTRUME": "ACS", "DETECTOR": "HRC", "FILTER1": "F606W"}),
    "ACS/SBC": Camera(
        (1024, 1024), {"INSTRUME": "ACS", "DETECTOR": "SBC", "FILTER1": "F140LP"},
        bunit="COUNTS", sky=9.0, noise=0.0,
    ),
    "WFC3/UVIS": Camera(
        (2051, 4096), {"INSTRUME": "WFC3", "DETECTOR": "UVIS", "FILTER": "F606W"},
        chips=_TWO_CHIPS, numbers=(1, 2), root="i", noise=3.1,
    ),
    "WFC3/IR": Camera(
        (1014, 1014), {"INSTRUME": "WFC3", "DETECTOR": "IR", "FILTER": "F160W"},
        chips=({"CCDCHIP": 1},), root="i", bunit="ELECTRONS/S", sky=300.0, noise=15.0,
    ),
    "WFPC2": Camera(
        (800, 800), {"INSTRUME": "WFPC2", "FILTNAM1": "F606W"},
        chips=tuple({"DETECTOR": number} for number in (1, 2, 3, 4)), numbers=(1, 2, 3, 4),
        root="u", suffix="c0m", bunit="COUNTS", hot_bit=512, saturated_bit=8, companion=True,
    ),
    "STIS/CCD": Camera(
        (1024, 1024), {"INSTRUME": "STIS", "DETECTOR": "CCD", "OPT_ELEM": "MIRVIS"},
        root="o", bunit="COUNTS", image_sets=3,
    ),
    "STIS/FUV-MAMA": Camera(
        (1024, 1024), {"INSTRUME": "STIS", "DETECTOR": "FUV-MAMA", "OPT_ELEM": "MIRFUV"},
        root="o", bunit="COUNTS", sky=9.0, noise=0.0,
    ),
    "STIS/NUV-MAMA": Camera(
        (1024, 1024), {"INSTRUME": "STIS", "DETECTOR": "NUV-MAMA", "OPT_ELEM": "MIRNUV"},
        root="o", bunit="COUNTS", sky=16.0, noise=0.0,
    ),
    "NICMOS/1": _nicmos(1),
    "NICMOS/2": _nicmos(2),
    "NICMOS/3": _nicmos(3),
    "NIRCAM/NRCA1": _jwst("NIRCAM", "NRCA1", (2048, 2048)),
    "MIRI/MIRIMAGE": _jwst("MIRI", "MIRIMAGE", (1024, 1032)),
    "NIRISS/NIS": _jwst("NIRISS", "NIS", (2048, 2048)),
    "any camera": Camera(
        (1024, 2048), {"TELESCOP": "KPNO", "INSTRUME": "MOSAIC3"}, root="k", suffix="img",
        bunit="ADU", plain=True,
    ),
}
