"""Running tasks: here, in threads, on an executor, or on a Dask cluster."""
