"""Packed exposures, each against the program that unpacks it, in the same minutes.

    python -m pytest tests/bench/bench_packed.py

The rows are as those of `bench_speed`.
"""

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.bench.baselines import Comparison, Report, command, python, take_turns

if TYPE_CHECKING:
    from pytest_benchmark.fixture import BenchmarkFixture


_UNPACK = {"gzip": (["gunzip", "-c"], "below 1.6"), "fpack": (["funpack", "-S"], "below 1.2")}


@pytest.mark.parametrize("words", ["gzip -k", "fpack", "fpack -g2 -q 0"])
def test_one_packed_exposure_against_unpacking_it(
    benchmark: "BenchmarkFixture", report: Report, visit: Path, tmp_path: Path, words: str
) -> None:
    """The whole command on two chips, and all extensions unpacked into a file."""
    pack = words.split()
    unpack, aim = _UNPACK[pack[0]]
    program = shutil.which(unpack[0])
    if program is None or shutil.which(pack[0]) is None:
        pytest.skip(f"{pack[0]} or {unpack[0]} is not installed")
    plain = shutil.copy(min(visit.glob("*_flt.fits")), tmp_path / "a_flt.fits")
    subprocess.run([*pack, plain], check=True, capture_output=True)
    Path(plain).unlink()
    (packed,) = tmp_path.glob("a_flt.fits.*")
    pairs = take_turns(
        benchmark,
        lambda: command(python("-m", "staticmask_cli", str(packed)), tmp_path),
        lambda: command([program, *unpack[1:], str(packed)], tmp_path),
        report.rounds,
    )
    report.comparisons.append(Comparison(
        f"one exposure, packed by `{words}`", f"`{' '.join(unpack)}`",
        [ours.seconds / other.seconds for ours, other in pairs], "times its time", aim,
    ))
