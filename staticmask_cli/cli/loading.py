"""Loading what a command works with, late and fast."""

import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["loading"]


@contextmanager
def loading() -> Iterator[None]:
    """Import numpy and all that builds on it inside this context.

    Not at the top of a module, so that ``--help`` needs none of it.  Modules
    stay until the process ends, so the garbage collector need not look at them,
    neither while they are loaded nor later.  And OpenBLAS would start a thread
    for each processor, where nothing here is linear algebra.
    """
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
            gc.freeze()
