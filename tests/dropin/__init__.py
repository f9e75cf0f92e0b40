"""Tests of the drop-in for drizzlepac.staticMask."""
