"""Tests of the package apply."""
