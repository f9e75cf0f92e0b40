"""The clipping core, with numpy alone: mode and rms of a chip as stsci.imagestats computes them."""
