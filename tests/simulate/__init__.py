"""Tests of the package simulate."""
