"""Reports of runs, and the contents of masks on disk."""
