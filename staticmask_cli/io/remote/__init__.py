"""Remote files, through fsspec (the extra cloud)."""
