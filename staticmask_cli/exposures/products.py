"""Files of images that are no exposures: drizzled products, and the reads of a ramp."""

import math
import os
import re
from collections.abc import Collection, Sequence

from staticmask_cli.errors import ExposureError
from staticmask_cli.fits.hdus import HDU
from staticmask_cli.fits.header import AnyHeader, header_float, header_str

__all__ = ["refuse_product", "refuse_reads"]

_PRODUCT = re.compile(r"_(drz|drc|i2d)(_sci)?\.fits", re.IGNORECASE)


def refuse_product(path: str, primary: AnyHeader) -> None:
    """Raise an ExposureError for a drizzled or resampled product, by its name or its header.

    AstroDrizzle writes NDRIZIM, and the pipeline of JWST S_RESAMP, into the headers of products.
    """
    is_resampled = header_str(primary, "S_RESAMP").upper() == "COMPLETE"
    if _PRODUCT.search(os.path.basename(path)) or "NDRIZIM" in primary or is_resampled:
        msg = (f"{path}: is a drizzled product (_drz, _drc, _i2d), whose pixels are not those of a "
               "detector; name the exposures that it was made of (_flt, _flc, _cal), or insist "
               "with --group 1")
        raise ExposureError(msg)


def refuse_reads(
    path: str, hdus: Sequence[HDU], science: Sequence[int], chosen: Collection[int]
) -> None:
    """Raise an ExposureError if the chips of a file are the reads of one detector.

    Parameters
    ----------
    path : str
        The path of the file.
    hdus : sequence of HDU
        Its HDUs.
    science : sequence of int
        The numbers of the HDUs with chips.
    chosen : collection of int
        Those that the user has chosen with `group`; the last read alone is accepted.
    """
    primary = hdus[0].header
    headers = {number: hdus[number].header for number in science}
    is_ramp = (header_str(primary, "OBSMODE").upper() == "MULTIACCUM"
               or any("SAMPNUM" in header for header in headers.values()))
    if len(science) < 2 or not is_ramp:  # noqa: PLR2004
        return
    samples = {number: header_float(header, primary, "SAMPNUM")
               for number, header in headers.items()}
    # HST writes the last read first, which max returns if no header has SAMPNUM.
    last = max(science, key=lambda number: -math.inf if math.isnan(samples[number])
               else samples[number])
    if list(chosen) == [last]:
        return
    msg = (f"{path}: holds {len(science)} reads of one detector (an _ima or _raw file), which are "
           "not as many detectors; name its _flt or _cal, or take the last read with "
           f"--group sci,{hdus[last].version}")
    raise ExposureError(msg)
