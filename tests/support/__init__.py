"""Helpers of the tests: what builds files, runs commands and judges results."""
