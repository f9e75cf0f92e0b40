"""Cameras that can be simulated, as a table."""

from collections.abc import Mapping
from dataclasses import dataclass

__all__ = ["CAMERAS", "Camera"]

Keywords = Mapping[str, str | int | float]


@dataclass(frozen=True)
class Camera:
    """One row of the table.

    Attributes
    ----------
    shape : tuple of int
        ``(ny, nx)`` of a full chip.
    primary : mapping
        Keywords of the primary header that tell the camera apart.
    chips : tuple of mapping
        Keywords of each chip's SCI header.
    numbers : tuple of int
        Number of each chip in the name of its mask.
    root, suffix : str
        First letter of its rootnames, and the kind of its calibrated files.
    bunit : str
        Unit of the pixels; one that ends in ``/S`` is a rate.
    per_electron : float
        Pixel value of one electron, or of one electron per second.
    sky, noise : float
        Sky level and read noise, in electrons; without noise it counts photons.
    image_sets : int
        Exposures of each chip in one file.
    exptime_key : str
        Keyword of the exposure time.
    dq_dtype : str
        Type of the DQ flags.
    hot_bit, saturated_bit, nan_bit : int
        DQ flags of hot and saturated pixels, and of pixels that are NaN; 0: no such pixels.
    companion : bool
        Whether the DQ flags are in a file of their own.
    plain : bool
        Whether the file is one image in the primary HDU, without DQ flags.
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
