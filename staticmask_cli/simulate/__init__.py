"""Simulated exposures with known bad pixels, and the demonstration that uses them."""
