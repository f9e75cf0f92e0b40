"""The reference's numbers and masks, computed with stsci.imagestats (and drizzlepac's rule)."""

import contextlib
import io
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from stsci.imagestats import ImageStats


class OracleStatistics(NamedTuple):
    """What drizzlepac's staticMask takes from ImageStats."""

    npix: int
    mean: float
    rms: float
    mode: float
    nbins: int


def oracle_statistics(data: npt.NDArray[Any]) -> OracleStatistics:
    """Statistics as drizzlepac 3.11 asks for them; `data` must be finite."""
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a warning about single bins
        stats = ImageStats(
            data, nclip=3, fields="mode", lower=np.nanmin(data), upper=np.nanmax(data)
        )
    return OracleStatistics(
        int(stats.npix), float(stats.mean), float(stats.stddev), float(stats.mode),
        len(stats.histogram),
    )


def oracle_mask(chips: list[npt.NDArray[Any]], static_sig: float = 4.0) -> npt.NDArray[np.int16]:
    """Mask of several chips of one signature: 1 good, 0 below in at least one chip."""
    good = np.ones(chips[0].shape, dtype=bool)
    for chip in chips:
        stats = oracle_statistics(chip)
        if stats.nbins > 1:
            good &= ~(chip.astype(np.float64) < stats.mode - static_sig * stats.rms)
    return good.astype(np.int16)
