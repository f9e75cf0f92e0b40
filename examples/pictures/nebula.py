"""Draw the picture in the README: what two rules find in four exposures of a nebula."""

import numpy as np
from astropy.io import fits
from matplotlib.figure import Figure

from staticmask_cli import create_masks

NY, NX, DITHER = 300, 400, 12
rng = np.random.default_rng(23)

# Light with structure of all sizes: random waves, stronger the longer they are.
ny, nx = NY + 2 * DITHER, NX + 2 * DITHER
frequency = np.hypot(np.fft.fftfreq(ny)[:, None], np.fft.rfftfreq(nx))
frequency[0, 0] = np.inf
waves = rng.normal(size=frequency.shape) + 1j * rng.normal(size=frequency.shape)
clouds = np.fft.irfft2(waves / frequency**1.6, s=(ny, nx))
light = 60.0 + 400.0 * np.exp(1.2 * clouds / clouds.std())  # electrons
y, x = np.mgrid[:ny, :nx]
for row, column in rng.uniform((0, 0), (ny, nx), (120, 2)):
    distance = ((y - row) ** 2 + (x - column) ** 2) / (2 * 0.9**2)
    light += 300.0 * (1 + rng.pareto(0.9)) * np.exp(-distance)

# Pixels of the detector that are low in every exposure, by 8 to 30 times the noise there.
depth = np.zeros((NY, NX))
depth.flat[rng.choice(depth.size, 150, replace=False)] = rng.uniform(8.0, 30.0, 150)
depth[60:230, 270] = 8.0
for number in range(4):
    top, left = rng.integers(0, 2 * DITHER, 2)
    seen = np.minimum(light[top : top + NY, left : left + NX], 60_000.0)
    noise = np.sqrt(seen + 4.0**2)
    pixels = seen + noise * (rng.normal(size=seen.shape) - depth)
    hdus = fits.HDUList([fits.PrimaryHDU(), fits.ImageHDU(pixels.astype(np.float32), name="SCI")])
    hdus[0].header["INSTRUME"] = "NEBULA"
    hdus.writeto(f"nebula{number}_img.fits", overwrite=True)

(chip,) = create_masks("nebula?_img.fits", static_sig=4.0, output_dir="global")
(local,) = create_masks("nebula?_img.fits", static_sig=4.0, sky="local", agree="2",
                        output_dir="local")

figure = Figure(figsize=(9.0, 2.75), dpi=100)
axes = figure.subplots(1, 3)
# The inverse hyperbolic sine shows bright and faint parts together.
scaled = np.arcsinh(pixels / 100.0)
darkest, brightest = np.quantile(scaled, (0.002, 0.998))
axes[0].imshow(scaled, origin="lower", cmap="gray", vmin=darkest, vmax=brightest)
axes[0].set_title("one of four exposures")
for panel, mask, rule in (
    (axes[1], chip, "one threshold for the chip"),
    (axes[2], local, "--sky local --agree 2"),
):
    shown = np.zeros((NY, NX), bool)  # each bad pixel as 3 x 3, so that it can be seen
    for rows, columns in np.argwhere(mask.bad)[:, :, None] + np.array([-1, 0, 1]):
        shown[np.ix_(rows.clip(0, NY - 1), columns.clip(0, NX - 1))] = True
    panel.imshow(shown, origin="lower", cmap="gray_r", vmin=0, vmax=1, interpolation="antialiased")
    found = np.count_nonzero(mask.bad & (depth > 0))
    others = np.count_nonzero(mask.bad & (depth == 0))
    planted = np.count_nonzero(depth)
    print(f"{rule}: {found} of {planted} low pixels found, {others} good ones marked")
    panel.set_title(f"{rule}: {found} bad")
for panel in axes:
    panel.set(xticks=[], yticks=[])
    panel.title.set_fontsize(10)
figure.subplots_adjust(0.01, 0.02, 0.99, 0.9, wspace=0.03)
figure.savefig("nebula.png")
