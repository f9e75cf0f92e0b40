"""Drizzle by AstroDrizzle with a static mask in four ways, and compare the products pixel by pixel.

The exposures are four dithers made of the real ACS/HRC exposure that spherical_geometry, which
comes with drizzlepac, has among its tests; bad pixels are planted in them.
"""

import os
from contextlib import chdir
from pathlib import Path

import numpy as np
import spherical_geometry
from astropy.io import fits
from drizzlepac.astrodrizzle import AstroDrizzle

from staticmask_cli import apply_masks, create_masks, staticMask

HRC = Path(spherical_geometry.__file__).parent / "tests" / "data" / "j8bt06nyq_flt.fits"
DITHERS = ((0, 0), (5, 3), (11, -4), (-7, 9))  # pixels in x and y
SIGMA = 1.0  # of the whole chip, on which there is a globular cluster
OPTIONS = {
    "output": "all", "updatewcs": False, "preserve": False, "clean": True, "build": False,
    "static_sig": SIGMA, "driz_sep_bits": "64,16", "final_bits": "64,16", "num_cores": 1,
}


def write_exposures(folder):
    """Write the dithered exposures, anew for each run, as AstroDrizzle changes its inputs."""
    Path(folder).mkdir()
    noise = np.random.default_rng(1)
    for number, (dx, dy) in enumerate(DITHERS):
        with fits.open(HRC) as hdus:
            primary, header = hdus[0].header, hdus["SCI"].header
            # No reference files.
            for key in ("IDCTAB", "NPOLFILE", "D2IMFILE", "MDRIZTAB"):
                primary[key] = "N/A"
            header["IDCSCALE"] = 0.025
            primary["ROOTNAME"] = f"j8bt06n{number}q"
            primary["EXPSTART"] += number / 500
            for hdu in hdus[1:]:
                hdu.data = np.roll(hdu.data, (dy, dx), (0, 1))
                hdu.header["CRPIX1"] += dx
                hdu.header["CRPIX2"] += dy
            sci = hdus["SCI"].data
            sci += noise.normal(0, 3, sci.shape).astype("f4")
            sci[::50, ::60] = -300  # bad pixels, on the same pixels of each exposure
            sci[400:404, 500:520] = -400
            hdus.writeto(f"{folder}/j8bt06n{number}q_flt.fits")


def drizzle(folder, **options):
    """Drizzle the exposures in a folder, and return what AstroDrizzle made of them."""
    if not os.path.isdir(folder):
        write_exposures(folder)
    with chdir(folder):
        AstroDrizzle("*_flt.fits", **(OPTIONS | options))
        return {kind: fits.getdata(f"all_drz_{kind}.fits") for kind in ("sci", "wht", "ctx")}


write_exposures("exposures")
masks = create_masks("exposures/*_flt.fits", static_sig=SIGMA, output_dir="masks")
before = [Path(mask.path).read_bytes() for mask in masks]

products = {"step 1 of drizzlepac": drizzle("reference")}
with staticMask.install():
    products["install()"] = drizzle("installed")
with staticMask.install(masks="masks/*_staticMask.fits"):
    products["install(masks=...)"] = drizzle("given")
apply_masks(masks, "exposures/*_flt.fits", output_dir="flagged")  # as staticmask apply does
products["apply"] = drizzle("flagged", static=False)
products["no mask"] = drizzle("none", static=False)
with staticMask.install(static_sig=4, sky="local", agree=2) as step:
    products["install(sky='local')"] = drizzle("local")

print(f"\n{masks[0].nbad} bad pixels by the global rule, {step.masks[0].nbad} by the local one")
print("the masks on disk are as before:", before == [Path(m.path).read_bytes() for m in masks])
expected = products["step 1 of drizzlepac"]
for name, product in products.items():
    equal = [np.isclose(product[kind], expected[kind], 0, 0, equal_nan=True) for kind in expected]
    differ = ", ".join(f"{np.count_nonzero(~pixels):7}" for pixels in equal)
    print(f"{name:20} differs in {differ} pixels of sci, wht, ctx")
