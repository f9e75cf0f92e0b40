"""Give a mask to the step dq_init of the JWST pipeline.

python dq_init.py DQ, where DQ is from ``staticmask export --as dq``.  It runs on an empty ramp and
with an empty reference file, so that nothing is downloaded; README.md has the command for yours.
"""

import sys

import numpy as np
from astropy.io import fits
from jwst.dq_init import DQInitStep
from stdatamodels.jwst.datamodels import MaskModel, RampModel, dqflags

user_dq = sys.argv[1]
with fits.open(user_dq) as hdus:
    instrument, detector = hdus[0].header["INSTRUME"], hdus[0].header["DETECTOR"]
    ny, nx = hdus[0].data.shape


def describe(model):
    """Say which pixels of which detector these are."""
    model.meta.instrument.name, model.meta.instrument.detector = instrument, detector
    model.meta.subarray.xstart, model.meta.subarray.ystart = 1, 1
    model.meta.subarray.xsize, model.meta.subarray.ysize = nx, ny
    model.meta.subarray.fastaxis, model.meta.subarray.slowaxis = 1, 2
    return model


with describe(MaskModel(dq=np.zeros((ny, nx), np.uint32))) as reference:
    reference.save("empty_mask.fits")
ramp = describe(RampModel(data=np.zeros((1, 3, ny, nx), np.float32)))
ramp.meta.exposure.type = "NRC_IMAGE"

step = DQInitStep()
step.override_mask = "empty_mask.fits"
step.user_supplied_dq = user_dq
result = step.process(ramp)  # run() does the same, and asks CRDS for its version too

for name in ("DO_NOT_USE", "OTHER_BAD_PIXEL"):
    flagged = np.count_nonzero(result.pixeldq & dqflags.pixel[name])
    print(f"{name}: {flagged} of {ny * nx} pixels")
