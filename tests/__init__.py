"""Tests of staticmask; they mirror its modules."""

import os
import sys

# As the command does, and before numpy is imported: with more threads OpenBLAS waits busily, so
# that tests and benchmarks take many times as long where other programs run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

# As for the processes that tests start: otherwise each worker rewrites the asserts of all modules
# in each run, which takes three seconds.
sys.dont_write_bytecode = False
