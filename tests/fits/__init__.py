"""Tests of the package fits."""
