"""Masks made by processes of MPI; `.ci/run` installs mpi4py and an mpiexec for this."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from staticmask_cli import create_masks
from staticmask_cli.simulate.visit import simulate_visit
from tests.support.exposures import WriteExposure, digest, sky
from tests.support.process import process_environment

pytest.importorskip("mpi4py")

RUN = """
import json, sys
from mpi4py.futures import MPIPoolExecutor
from staticmask_cli import create_masks

if __name__ == "__main__":
    paths, runs = map(json.loads, sys.argv[1:])
    with MPIPoolExecutor() as executor:
        assert executor.num_workers == 2
        for options in runs:
            create_masks(paths, executor=executor, **options)
"""
SHAPE = (150, 220)


def run_with_mpi(
    paths: Sequence[str | Path], runs: Sequence[dict[str, Any]], folder: Path
) -> "subprocess.CompletedProcess[str]":
    """Make masks of exposures by two workers, once for each set of options."""
    places = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    mpiexec = shutil.which("mpiexec", path=places)
    if mpiexec is None:
        pytest.skip("there is no mpiexec")
    (folder / "run.py").write_text(RUN, encoding="utf-8")
    return subprocess.run(
        [mpiexec, "-n", "3", sys.executable, "-m", "mpi4py.futures", "run.py",
         json.dumps(list(map(str, paths))), json.dumps(runs)],
        cwd=folder, env=process_environment(), stdin=subprocess.DEVNULL, capture_output=True,
        encoding="utf-8", check=False, timeout=100,
    )


def test_processes_of_mpi_make_the_same_masks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rules: dict[str, dict[str, Any]] = {
        "any": {"final_bits": 0},
        "two": {"sky": "local", "agree": 2},
        "joint": {"sky": "local", "agree": "joint", "static_sig": 4.5, "high": True},
    }
    paths = simulate_visit(str(tmp_path / "visit"), exposures=8, shape=SHAPE).paths
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "0")
    for name, rule in rules.items():
        create_masks(paths, output_dir=tmp_path / "alone" / name, **rule)
    runs = [{"output_dir": f"mpi/{name}", **rule} for name, rule in rules.items()]
    result = run_with_mpi(paths, runs, tmp_path)
    assert result.returncode == 0, result.stderr
    masks = sorted((tmp_path / "alone").glob("*/*.fits"))
    assert len(masks) == 6
    for mask in masks:
        assert digest(tmp_path / "mpi" / mask.parent.name / mask.name) == digest(mask)


def test_an_error_in_a_process_of_mpi_ends_the_run_without_masks(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    good = write_exposure("a_flt.fits", chips=[{"data": sky(SHAPE)}])
    bad = write_exposure("b_flt.fits", chips=[{"data": sky(SHAPE), "dq": np.zeros(SHAPE, ">f4")}])
    result = run_with_mpi([good, bad], [{"output_dir": "masks", "final_bits": 0}], tmp_path)
    assert result.returncode != 0
    assert f"ExposureError: {bad}[SCI,1]: expected integer DQ flags" in result.stderr
    assert not (tmp_path / "masks").exists()
