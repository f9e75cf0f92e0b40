"""Where the time of a run goes: ``python -m tests.bench.phases INPUT...``, a command with marks.

Prints the phases as JSON to stderr's last line: name and seconds, in order.  Libraries are
imported in the order in which the command would, each with its own mark.
"""

import json
import os
import sys
import time
from types import ModuleType
from typing import Any

__all__ = ["main"]

_BEGIN = time.perf_counter()
_marks: list[tuple[str, float]] = []


def mark(phase: str) -> None:
    """Say which phase has just ended."""
    _marks.append((phase, time.perf_counter()))


def _mark_around(module: ModuleType, name: str, before: str, after: str) -> None:
    function = getattr(module, name)

    def run(*words: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever it stands for
        mark(before)
        result = function(*words, **options)
        mark(after)
        return result

    setattr(module, name, run)


def main() -> None:
    """Run the command with the words of the command line, and report."""
    from staticmask_cli.cli import cli  # noqa: PLC0415 - all imports are measured

    mark("import click and the command")
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command does
    import numpy as np  # noqa: F401, PLC0415

    mark("import numpy")
    from staticmask_cli.pipeline import create, write  # noqa: PLC0415

    mark("import the rest")
    _mark_around(create, "plan_masks", "read parameters", "plan: read headers")
    _mark_around(write, "write_masks", "read and clip", "write and flush masks")
    cli(standalone_mode=False)
    mark("show the table")
    begins = [_BEGIN, *(when for _, when in _marks)]
    spent = [(phase, end - begin) for (phase, end), begin in zip(_marks, begins, strict=False)]
    print(json.dumps(spent), file=sys.stderr, flush=True)  # noqa: T201 - its result
    os._exit(0)  # as the command does, without freeing each object


if __name__ == "__main__":
    main()
