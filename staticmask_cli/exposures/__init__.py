"""Exposures: which files the user names, which chips they hold, and their pixels."""
