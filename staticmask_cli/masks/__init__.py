"""Masks: the bad pixels of a chip, votes of several, the MEMBERS table and the mask file."""
