"""Measure the stars of one chip by photutils, without its bad pixels.

python apertures.py EXPOSURE EXTVER FLAG, where FLAG is from ``staticmask export --as flag``.
"""

import sys

import numpy as np
from astropy.io import fits
from astropy.stats import sigma_clipped_stats
from photutils.aperture import CircularAperture, aperture_photometry
from photutils.segmentation import SourceCatalog, detect_sources

exposure, extver, flag = sys.argv[1:]
data = fits.getdata(exposure, ("SCI", int(extver)))
bad = fits.getdata(flag) != 0  # True is bad, as in photutils

_, sky, noise = sigma_clipped_stats(data, mask=bad)
segments = detect_sources(data - sky, 5 * noise, 5, mask=bad)
positions = SourceCatalog(data - sky, segments, mask=bad).centroid

apertures = CircularAperture(positions, r=4)
stars = aperture_photometry(data - sky, apertures, mask=bad)
stars["bad_pixels"] = np.rint(
    aperture_photometry(bad.astype(float), apertures, method="center")["aperture_sum"]
).astype(int)
stars.write("stars.ecsv", overwrite=True)
print(f"{len(stars)} stars, {np.count_nonzero(stars['bad_pixels'])} of them on bad pixels, which "
      "are left out of their fluxes")
