"""Tests of the package localsky."""
