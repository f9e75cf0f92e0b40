"""Loading what a command works with, late and fast."""

import gc
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TypeVar, cast

if TYPE_CHECKING:
    from types import FunctionType

__all__ = ["loading", "roomy"]

Function = TypeVar("Function", bound=Callable[..., Any])

_ROOM = 33_000  # words of a frame: 258 KiB, which leaves nearly as much of the 512 that it gets


def roomy(function: Function) -> Function:
    """Give a function a frame so large that all that it calls finds room beside it.

    CPython keeps frames in pieces of 16 KiB, and gets a piece from the system, and gives it
    back, at each call that reaches across the end of one.  Modules that are imported at such a
    depth, and make thousands of calls as those of astropy do, take longer.  A frame that is
    larger gets a larger piece, rounded up to a power of two.
    """
    written = cast("FunctionType", function)
    written.__code__ = written.__code__.replace(co_stacksize=_ROOM)
    return function


@contextmanager
def loading() -> Iterator[None]:
    """Import numpy, astropy and all that builds on them inside this context.

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
