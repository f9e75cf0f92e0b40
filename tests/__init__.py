"""Tests of staticmask; they mirror its modules."""

import os

# As the command does, and before numpy is imported: with more threads OpenBLAS waits busily, so
# that tests and benchmarks take many times as long where other programs run.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
