"""Plots of masks and of the exposures that they are made from, with matplotlib."""
