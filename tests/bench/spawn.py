"""A small process that runs a command and prints how long it took and its peak memory, as JSON.

``python spawn.py LOG COMMAND...``.  It stands between the benchmark and what it measures: a
process is charged with the peak memory of the one that started it, which holds whole chips.
"""

import json
import os
import sys
import time

if __name__ == "__main__":
    log, *words = sys.argv[1:]
    actions = [
        (os.POSIX_SPAWN_OPEN, 1, log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600),
        (os.POSIX_SPAWN_DUP2, 1, 2),
    ]
    start = time.perf_counter()
    child = os.posix_spawn(words[0], words, os.environ, file_actions=actions)
    _, status, usage = os.wait4(child, 0)
    seconds = time.perf_counter() - start
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    print(json.dumps([os.waitstatus_to_exitcode(status), seconds, usage.ru_maxrss / unit]))  # noqa: T201 - its result
