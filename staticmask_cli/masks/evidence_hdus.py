"""The joint evidence in the mask file: the images DEPTH, SCORE and WEIGHT, compressed.

DEPTH is the mean depth of each pixel in units of the noise of one exposure.  SCORE and WEIGHT are
the sums to which ``--update`` adds further exposures; their ratio is the depth, too.
"""

from typing import Any

import numpy as np

from staticmask_cli.errors import FaultError
from staticmask_cli.fits.compressed import compressed_image
from staticmask_cli.fits.open import data_of
from staticmask_cli.fits.writer import NewHDU
from staticmask_cli.localsky.evidence import SCORE_UNIT, WEIGHT_UNIT
from staticmask_cli.masks.evidence import Evidence

__all__ = ["evidence_hdus", "evidence_of"]

_STEPS = 8  # of a depth of 1; with 64 exposures, 1 / 8 is its error
_BLANK = -32768


def evidence_hdus(evidence: Evidence) -> list[NewHDU]:
    """Return the HDUs of the evidence."""
    steps = np.nan_to_num(evidence.depth * np.float32(_STEPS), nan=_BLANK)
    depth = np.rint(np.clip(steps, _BLANK, 32767)).astype(np.int16)
    return [
        compressed_image(depth, [
            ("BSCALE", 1 / _STEPS, ""), ("BZERO", 0, ""),
            ("BLANK", _BLANK, "nothing is known about the pixel"),
            ("BUNIT", "sigma", "noise of a pixel of one exposure"),
        ], name="DEPTH"),
        compressed_image(evidence.score, [
            ("SCUNIT", SCORE_UNIT, "steps of a score of 1"),
            ("NEXPOS", evidence.exposures, "exposures in the sums"),
            ("GAINSUM", evidence.gain, "sum of the squared gains, as WEIGHT"),
        ], name="SCORE"),
        compressed_image(evidence.weight, [
            ("WTUNIT", WEIGHT_UNIT, "steps of a weight of 1"),
        ], name="WEIGHT"),
    ]


def evidence_of(hdus: Any, shape: tuple[int, int], used: int) -> Evidence:  # noqa: ANN401
    """Return the evidence that a mask file holds, whose data are untrusted.

    Parameters
    ----------
    hdus : astropy.io.fits.HDUList
        The HDUs of the file.
    shape : tuple of int
        The shape ``(ny, nx)`` of the mask.
    used : int
        The number of members that are used.

    Raises
    ------
    FaultError, KeyError
        If these contradict each other, or an image or a keyword is missing.
    """
    score, weight = hdus["SCORE"], hdus["WEIGHT"]
    units = score.header["SCUNIT"], weight.header["WTUNIT"]
    if units != (SCORE_UNIT, WEIGHT_UNIT):
        msg = "its SCORE and WEIGHT are those of another version"
        raise FaultError(msg)
    arrays = [np.asarray(data_of(hdu)) for hdu in (score, weight)]
    if any(array.dtype.kind != "i" or array.shape != shape for array in arrays):
        msg = f"its SCORE and WEIGHT are not whole numbers, of shape {shape}"
        raise FaultError(msg)
    exposures, gain = score.header["NEXPOS"], score.header["GAINSUM"]
    if exposures != used or not isinstance(gain, int):
        msg = "its SCORE contradicts its MEMBERS"
        raise FaultError(msg)
    return Evidence.restored(arrays[0], arrays[1], exposures, gain)
