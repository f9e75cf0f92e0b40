"""Run tasks in this process, in threads, on any executor, or on a Dask cluster."""
