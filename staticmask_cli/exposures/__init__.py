"""Exposures: which files the user means, which chips they hold, and their pixels."""
