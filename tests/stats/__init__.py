"""Tests of the package stats."""
