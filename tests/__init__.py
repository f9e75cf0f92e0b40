"""Tests of staticmask; they mirror its modules."""
