"""What a worker of ``--scheduler local`` does first: leave Ctrl-C to the run that started it.

A terminal tells all its processes; the run ends its workers itself.
"""

import signal

__all__ = ["dask_setup"]


def dask_setup(_worker: object) -> None:
    """Be called by Dask in a new worker."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
