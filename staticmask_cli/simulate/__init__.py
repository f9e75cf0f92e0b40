"""Simulated exposures with known defects."""
