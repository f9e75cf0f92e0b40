"""Combine dithered exposures of one chip by ccdproc, without the bad pixels of the chip.

python stack.py EXTVER FLAG EXPOSURE..., where FLAG is from ``staticmask export --as flag``.
"""

import sys
import warnings

import ccdproc
import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.wcs import WCS, FITSFixedWarning

extver, flag, *exposures = sys.argv[1:]
warnings.simplefilter("ignore", FITSFixedWarning)
bad = fits.getdata(flag) != 0  # True is bad, as in the mask of a CCDData

chips = []
for exposure in exposures:
    data, header = fits.getdata(exposure, ("SCI", int(extver)), header=True)
    chips.append(CCDData(data, unit="electron", wcs=WCS(header), mask=bad.copy()))

# On the pixels of the first exposure, where the bad pixels of the others are other ones.
first = chips[0]
aligned = [first] + [ccdproc.wcs_project(chip, first.wcs) for chip in chips[1:]]
stack = ccdproc.Combiner(aligned).average_combine()
stack.write("stack.fits", overwrite=True)

everything = [CCDData(chip.data, unit=chip.unit) for chip in aligned]
naive = ccdproc.Combiner(everything).average_combine()
filled = bad & ~stack.mask
print(f"{np.count_nonzero(filled)} of {np.count_nonzero(bad)} bad pixels of the first exposure are "
      "filled by the others;")
print(f"their median is {np.median(stack.data[filled]):.1f}, without the mask "
      f"{np.median(naive.data[filled]):.1f}, and that of all pixels is "
      f"{np.median(stack.data[~stack.mask]):.1f}")
