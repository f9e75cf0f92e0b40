# %% [markdown]
# # Static masks handed on to ccdproc and AstroDrizzle
# Cells as Jupyter (with jupytext), VS Code and Spyder know them; as a script: `python masks.py`.

# %%
from glob import glob

import numpy as np
from astropy.io import fits
from astropy.nddata import CCDData
from astropy.nddata.bitmask import bitfield_to_boolean_mask

from staticmask_cli import apply_masks, create_masks

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
# ## Programs that read DQ
# `apply_masks` writes copies of the exposures in which the bad pixels have the instrument's own DQ
# bit for them, 4 for ACS; the exposures are left alone. AstroDrizzle takes the copies with
# `static=False`, and leaves out each pixel with a bit that `final_bits` does not call good. (In
# Python, `staticMask.install()` puts masks into AstroDrizzle itself: see ../astrodrizzle.)

# %%
GOOD_BITS = "64,32"  # as in AstroDrizzle(..., driz_sep_bits="64,32", final_bits="64,32")

copies = apply_masks(masks, EXPOSURES, output_dir="flagged")
used = 0
for mask in masks:
    for copy in copies:
        dq = fits.getdata(copy, ("DQ", mask.signature.number))
        # What AstroDrizzle makes of it: 1 where a pixel is good.
        good = bitfield_to_boolean_mask(dq, ignore_flags=GOOD_BITS, good_mask_value=1)
        used += np.count_nonzero(good[mask.bad])

print(f"AstroDrizzle('flagged/*_flt.fits', static=False, ...) will use {used} of the bad pixels")
