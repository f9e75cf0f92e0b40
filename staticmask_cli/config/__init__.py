"""The parameters of a run: their defaults, ``.cfg`` files and editing."""
