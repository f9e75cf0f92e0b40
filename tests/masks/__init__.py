"""Tests of the package masks."""
