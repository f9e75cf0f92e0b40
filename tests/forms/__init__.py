"""Tests of lists of bad pixels: export, and include."""
