"""A process that has imported what the command needs, and runs it in a fork for each request.

A fork takes a tenth of the time of a new process.  Requests and answers are lines of JSON on stdin
and stdout; what a fork writes goes to the files `out` and `err` of the folder that is given.
"""

import ctypes
import importlib
import json
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import NoReturn

from staticmask_cli.__main__ import run

_LONGEST = 60  # seconds of a fork


def _run(folder: Path, words: list[str], cwd: str, variables: dict[str, str]) -> NoReturn:
    """Run the command in this process, and end it with the exit code."""
    for number, name in ((0, os.devnull), (1, "out"), (2, "err")):
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC
        os.dup2(os.open(folder / name, flags if number else os.O_RDONLY), number)
    code = 99
    try:
        signal.alarm(_LONGEST)
        os.environ.update(variables)
        os.chdir(cwd)
        ctypes.CDLL(None).fault_start()  # which reads the variables
        sys.argv = ["staticmask", *words]
        run()
    except SystemExit as error:
        code = int(error.code or 0)
    finally:
        if "FAULT_LOG" in variables:
            (folder / "modules").write_text("\n".join(sys.modules))
        with suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


def serve(folder: Path) -> None:
    """Answer requests until stdin ends."""
    for line in sys.stdin:
        pid = os.fork()
        if not pid:
            _run(folder, *json.loads(line))
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        modules = folder / "modules"
        if modules.exists():
            for name in modules.read_text().split("\n"):
                with suppress(ImportError):
                    importlib.import_module(name)
            modules.unlink()
        sys.stdout.write(f"{code}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    serve(Path(sys.argv[1]))
