"""Benchmarks: how fast, and how true.  Not part of the test suite.

Their figures are in examples/method, examples/speed and examples/cluster.
"""
