"""Mutants of compressed images by the thousand, in threads of processes of their own.

Each is a sound file of which streams, descriptors or keywords were changed; all our readers try
it.  No mutant ends a process, takes long or needs much memory, and where astropy reads one as
well, it reads the same pixels.  The environment variable STATICMASK_FUZZ is their number; without
it some tens are tried, without astropy.  The long run is

    STATICMASK_FUZZ=100000 python -m pytest --show-capture=no tests/end_to_end/test_fuzz_streams.py
"""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.fuzzing import INPUTS, LONGEST
from tests.support.process import process_environment

FIRST = int(os.environ.get("STATICMASK_FUZZ_FIRST", "0"))
MUTANTS = INPUTS if "STATICMASK_FUZZ" in os.environ else 40
OF_A_PROCESS = 2_000
MOST = 1_500  # MiB of a process that reads two mutants at a time
Results = dict[int, tuple[float, str]]


def run(reader: str, first: int, count: int, folder: Path, **more: str) -> tuple[Results, int]:
    """Try mutants in a process, and return their results, and its largest memory in MiB."""
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.mutants", reader, str(first), str(count), folder],
        env=process_environment(**more), capture_output=True, text=True, check=False, timeout=3600,
    )
    assert done.returncode == 0, f"{done.stdout[-200:]}\n{done.stderr[-2000:]}"
    *lines, last = done.stdout.splitlines()
    results = {int(number): (float(seconds), digest)
               for number, seconds, digest in map(str.split, lines)}
    assert sorted(results) == list(range(first, first + count))
    return results, int(last.split()[1])


def is_defined(number: int, folder: Path) -> bool:
    """Whether astropy reads the same pixels of a mutant whatever unused memory contains."""
    digests = {run("astropy", number, 1, folder, MALLOC_PERTURB_=value)[0][number][1]
               for value in ("1", "90", "200")}
    return len(digests) == 1 and "killed" not in digests


def test_no_mutant_ends_the_process_or_is_read_otherwise_than_by_astropy(tmp_path: Path) -> None:
    counts = {"tried": 0, "read": 0, "compared": 0, "killed astropy": 0, "undefined in astropy": 0}
    slowest, largest = 0.0, 0
    for first in range(FIRST, FIRST + MUTANTS, OF_A_PROCESS):
        count = min(OF_A_PROCESS, FIRST + MUTANTS - first)
        ours, memory = run("ours", first, count, tmp_path / "ours")
        slowest = max(slowest, *(seconds for seconds, _ in ours.values()))
        largest = max(largest, memory)
        counts["tried"] += count
        counts["read"] += sum(digest != "-" for _, digest in ours.values())
        if "STATICMASK_FUZZ" in os.environ:
            theirs, _ = run("astropy", first, count, tmp_path / "astropy")
            counts["killed astropy"] += sum(digest == "killed" for _, digest in theirs.values())
            for number, (_, digest) in ours.items():
                other = theirs[number][1]
                if "-" in (digest, other) or other == "killed":
                    continue
                counts["compared"] += 1
                if digest != other:
                    assert not is_defined(number, tmp_path / "astropy"), number
                    counts["undefined in astropy"] += 1
        sys.stdout.write(f"{first}: {counts}, slowest {slowest} s, largest {largest} MiB\n")
        sys.stdout.flush()
    assert slowest < LONGEST
    assert largest < MOST
