"""Tests of the package terminal."""
