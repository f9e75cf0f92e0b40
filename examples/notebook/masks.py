# %% [markdown]
# # Static masks handed on to ccdproc and AstroDrizzle
# Cells as Jupyter (with jupytext), VS Code and Spyder know them; as a script: `python masks.py`.

# %%
import shutil
from glob import glob
from pathlib import Path

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.nddata.bitmask import bitfield_to_boolean_mask

from staticmask_cli import create_masks

# %% [markdown]
# Four small exposures of ACS/WFC are simulated if none lie in this folder.

# %%
EXPOSURES = "*_flt.fits"

if not glob(EXPOSURES):
    from staticmask_cli.simulate.visit import simulate_visit

    simulate_visit(".", "ACS/WFC", shape=(400, 500))

masks = create_masks(EXPOSURES, static_sig=4.0, output_dir="masks")
for mask in masks:
    print(f"{mask.path}: {mask.nbad} bad pixels, from {len(mask.used)} exposures")

# %% [markdown]
# ## ccdproc
# The mask of a `CCDData` is True where a pixel is *bad*, the other way round than a static mask,
# and `ccdproc.Combiner` leaves such pixels out. `mask.bad` is that way round. A mask that lies on
# disk is `StaticMask.read(path)`, or `fits.getdata(path) == 0`.

# %%
chips = []
for mask in masks:
    for member in mask.used:
        sci = ("SCI", member.label.extver)
        data, header = fits.getdata(member.label.file, sci, header=True)
        unit = str(header["BUNIT"]).lower().removesuffix("s")
        chips.append(CCDData(data, unit=unit, mask=mask.bad.copy()))

first = chips[: len(masks[0].used)]  # those of the first mask
# The Combiner makes such an array of them; ccdproc.Combiner(first).average_combine() is its mean.
stack = np.ma.array([chip.data for chip in first], mask=[chip.mask for chip in first])
combined = stack.mean(axis=0)
print(f"combined {len(first)} chips; {np.ma.count_masked(combined)} pixels have no value")

# %% [markdown]
# ## AstroDrizzle
# It takes no file name of a static mask: it makes its own, or none with `static=False`. What it
# always reads is the DQ array. So set a bit there that `driz_sep_bits` and `final_bits` do not call
# good, in *copies* of the exposures. 4 is a bad detector pixel for ACS; other instruments have
# bits of their own. The catalogue `skymask_cat` of its sky step takes the mask files as they are.

# %%
BAD_PIXEL = 4
GOOD_BITS = "64,32"  # as in AstroDrizzle(..., driz_sep_bits="64,32", final_bits="64,32")

Path("flagged").mkdir(exist_ok=True)
for file in sorted({member.label.file for mask in masks for member in mask.used}):
    shutil.copy(file, "flagged")
used = 0
for mask in masks:
    for member in mask.used:
        copy = Path("flagged") / Path(member.label.file).name
        with fits.open(copy, mode="update") as hdus:
            dq = hdus["DQ", member.label.extver].data
            dq[mask.bad] |= BAD_PIXEL
            # What AstroDrizzle makes of it: 1 where a pixel is good.
            good = bitfield_to_boolean_mask(dq, ignore_flags=GOOD_BITS, good_mask_value=1)
        used += np.count_nonzero(good[mask.bad])

print(f"AstroDrizzle('flagged/*_flt.fits', static=False, ...) will use {used} of the bad pixels")
