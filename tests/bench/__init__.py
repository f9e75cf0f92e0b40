"""Benchmarks: how fast, and how true.  Not part of the test suite; see the README."""
