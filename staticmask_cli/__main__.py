"""The command ``staticmask``, as a process of its own; also ``python -m staticmask_cli``."""

import atexit
import gc
import os
import sys
from contextlib import suppress
from typing import NoReturn

__all__ = ["run"]


def run() -> NoReturn:
    """Run the command and end the process with its exit code."""
    # Python looks for garbage after each 700 new objects, in vain while modules are imported: of
    # a run on one small exposure that takes 15 to 19 ms, with this threshold 6 to 7 ms.
    gc.set_threshold(50_000)
    exit_codes: list[int] = []
    atexit.register(_end, exit_codes)  # registered first, so it is called last
    try:
        _main()
    except SystemExit as error:
        exit_codes.append(int(error.code or 0))
        raise


def _main() -> NoReturn:
    try:
        from staticmask_cli.cli import main  # noqa: PLC0415 - whose files may be unreadable
    except (ImportError, OSError) as error:
        sys.stderr.write(f"Error: staticmask cannot be started: {error}\n")
        sys.exit(1)
    main()


def _end(exit_codes: list[int]) -> None:
    """End the process without freeing each object of each module, if its exit code is known.

    A run on one small exposure takes 0.95 times the processor time.
    """
    if exit_codes and sys.gettrace() is None and sys.getprofile() is None:
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(exit_codes[0])


if __name__ == "__main__":
    run()
