"""Paths and URLs: files written whole or not at all, local and remote."""
