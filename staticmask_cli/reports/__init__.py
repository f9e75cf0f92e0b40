"""Reports of runs, and what masks on disk contain."""
