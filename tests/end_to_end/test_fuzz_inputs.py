"""Damaged and hostile files by the thousand: each is read, or refused with one clear error.

Each file is a valid one that was mutated.  The environment variable STATICMASK_FUZZ is the number
of FITS files and tables that are tried together, and of .cfg files; without it some tens are
tried.  The long run is

    STATICMASK_FUZZ=20000 python -m pytest --show-capture=no tests/end_to_end/test_fuzz_inputs.py
"""

import bz2
import contextlib
import gzip
import json
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli import Parameters, StaticMaskError, create_masks
from staticmask_cli.exposures.exposure import Exposure, read_exposure
from staticmask_cli.exposures.inputs import expand_inputs
from staticmask_cli.fits import open as fits_open
from staticmask_cli.fits.hdus import plain_hdus
from staticmask_cli.fits.inflate import Content
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.fits.pixels import Stamp
from tests.support.exposures import sky
from tests.support.fits_files import fits_bytes
from tests.support.fuzzing import (
    CARDS,
    MOST,
    MOST_COMPRESSED,
    MUTATIONS,
    POSITIONS,
    RAW,
    Mutation,
    bounded,
    inputs,
    insert,
    mutated,
)


def table(**columns: tuple[str, Sequence[object]]) -> fits.BinTableHDU:
    return fits.BinTableHDU.from_columns([
        fits.Column(name, form, array=np.array(values, dtype=object if "P" in form else None))
        for name, (form, values) in columns.items()
    ])


def constant(name: str, bitpix: int) -> fits.ImageHDU:
    hdu = fits.ImageHDU(name=name, ver=1)
    hdu.header.update({"NPIX1": 11, "NPIX2": 9, "PIXVALUE": 0, "BITPIX": bitpix})
    return hdu


CHIP = sky((9, 11))
SCI = fits.ImageHDU(CHIP, name="SCI", ver=1)
DQ = fits.ImageHDU(np.arange(99, dtype=np.int16).reshape(9, 11), name="DQ", ver=1)
SCALED = fits.ImageHDU(np.round(CHIP).astype(np.uint16), name="SCI", ver=2)
EXPOSURES = {
    "plain": fits_bytes(SCI, DQ),
    "scaled": fits_bytes(SCI, SCALED, DQ, CCDCHIP=1, LTV1=0.5, NGOODPIX=3, LONGSTRN="x" * 200),
    "constant": fits_bytes(SCI, constant("DQ", 16), constant("SCI", 8)),
    "stis": fits_bytes(SCI, DQ, INSTRUME="STIS", OBSTYPE="IMAGING", DETECTOR="CCD"),
    "table": fits_bytes(SCI, table(A=("J", [1]), B=("3A", ["x"]), C=("PB()", [np.zeros(3, "u1")]))),
    "mask": fits_bytes(fits.ImageHDU(np.ones((9, 11), np.int16), name="SCI")),
}
COMPRESSED = {
    kind: fits_bytes(
        fits.CompImageHDU(CHIP if kind != "HCOMPRESS_1" else np.round(CHIP).astype(np.int32),
                          name="SCI", compression_type=kind), DQ,
    )
    for kind in ("RICE_1", "GZIP_1", "GZIP_2", "HCOMPRESS_1")
}
ROWS = (["A", "B", "P"], ["EXP-DTH", "exp_cr1", "PROD-DTH"], [True, False, True])
TABLES = {
    "hst": fits_bytes(table(MEMNAME=("9A", ROWS[0]), MEMTYPE=("9A", ROWS[1]),
                            MEMPRSNT=("L", ROWS[2]))),
    "text": fits_bytes(fits.TableHDU.from_columns([
        fits.Column("MEMNAME", "A9", array=ROWS[0]), fits.Column("MEMTYPE", "A9", array=ROWS[1]),
    ])),
    "heap": fits_bytes(table(MEMNAME=("PA()", [np.array(list(name)) for name in ("AB", "B")]),
                             MEMTYPE=("9A", ROWS[1][:2]))),
}
JSON = json.dumps({"asn_type": None, "products": [{"name": "p", "members": [
    {"expname": name, "exptype": kind} for name, kind in zip("abc", ["science"] * 3, strict=True)
]}]}).encode()


def make(folder: Path, name: str, content: bytes, most: int) -> None:
    """Make masks of an exposure; each is complete, and in the output folder."""
    path, out = folder / name, folder / "out"
    path.write_bytes(content)
    with bounded(most):
        for mask in create_masks(path, final_bits=0, output_dir=out, overwrite=True, jobs=1):
            assert Path(str(mask.path)).parent == out
            assert set(np.unique(mask.array)) <= {0, 1}
    assert {entry.name for entry in folder.iterdir()} <= {name, "out"}
    path.unlink()


@inputs(0.5)
@given(base=st.sampled_from(sorted(EXPOSURES)), mutations=MUTATIONS)
def test_any_exposure_makes_masks_or_one_error(
    base: str, mutations: list[Mutation], tmp_path: Path
) -> None:
    make(tmp_path, "a_flt.fits", mutated(EXPOSURES[base], mutations), MOST)


@inputs(0.15)
@given(base=st.sampled_from(sorted(COMPRESSED)), mutations=MUTATIONS)
def test_any_compressed_image_makes_masks_or_one_error(
    base: str, mutations: list[Mutation], tmp_path: Path
) -> None:
    make(tmp_path, "a_flt.fits.fz", mutated(COMPRESSED[base], mutations), MOST_COMPRESSED)


@inputs(0.1)
@given(base=st.sampled_from(sorted(EXPOSURES)), mutations=MUTATIONS,
       outside=st.lists(RAW, max_size=1), kind=st.sampled_from([gzip, bz2]))
def test_any_gzipped_exposure_makes_masks_or_one_error(
    base: str, mutations: list[Mutation], outside: list[Mutation], kind: ModuleType, tmp_path: Path
) -> None:
    packed = kind.compress(mutated(EXPOSURES[base], mutations), 1)
    make(tmp_path, "a_flt.fits.gz", mutated(packed, outside), MOST_COMPRESSED)


@pytest.mark.parametrize("suffix", ["", ".gz"])
@inputs(0.3)
@given(base=st.sampled_from(sorted(EXPOSURES)), mutations=st.lists(CARDS, max_size=3) | MUTATIONS)
def test_any_exposure_that_is_read_without_astropy_is_what_astropy_reads(
    suffix: str, base: str, mutations: list[Mutation], tmp_path: Path
) -> None:
    path, content = tmp_path / f"a_flt.fits{suffix}", mutated(EXPOSURES[base], mutations)
    path.write_bytes(gzip.compress(content, compresslevel=1) if suffix else content)
    found: list[Exposure | None] = []
    for reader in (plain_hdus, checked_only):
        with pytest.MonkeyPatch.context() as patch, astropy_silenced():
            patch.setattr(fits_open, "plain_hdus", reader)
            found.append(None)
            with contextlib.suppress(StaticMaskError):
                found[-1] = read_exposure(str(path))
    assert repr(found[0]) == repr(found[1])  # as NaN is not equal to itself


def checked_only(content: Content, size: int, stamp: Stamp | None) -> None:
    """Check the headers, and leave all HDUs to astropy."""
    plain_hdus(content, size, stamp)


def expand(folder: Path, name: str, content: bytes) -> None:
    """Find the members of a table; all that are found are in its folder."""
    (folder / name).write_bytes(content)
    for member in ("a_flt.fits", "b_flt.fits"):
        (folder / member).touch()
    with bounded(MOST), astropy_silenced():
        for path in expand_inputs([str(folder / name)]):
            assert Path(path).resolve(strict=True).parent == folder.resolve()


@inputs(0.15)
@given(base=st.sampled_from(sorted(TABLES)), mutations=MUTATIONS)
def test_any_table_names_members_or_makes_one_error(
    base: str, mutations: list[Mutation], tmp_path: Path
) -> None:
    expand(tmp_path, "x_asn.fits", mutated(TABLES[base], mutations))


@inputs(0.1)
@given(mutations=st.lists(st.one_of(RAW, st.builds(
    partial, st.just(insert), where=POSITIONS, what=st.sampled_from(
        [b"[", b"{", b'"', b"null", b"1e999", b"9" * 5000, b"[" * 5000, b"\\ud800", b"../", b",",
         b'"expname":', b"NaN", b"\xff\xfe"]))), min_size=1, max_size=4))
def test_any_json_names_members_or_makes_one_error(
    mutations: list[Mutation], tmp_path: Path
) -> None:
    expand(tmp_path, "x_asn.json", mutated(JSON, mutations))


CFG = (Path(__file__).parents[2] / "configspec" / "staticmask.cfg").read_bytes()
DRIZZLE = (
    b"_task_name_ = astrodrizzle# \ninput = *flt.fits# \n[STEP 1: STATIC MASK]\nstatic = True# \n"
    b"static_sig = 4.0# \n[STEP 7: DRIZZLE FINAL COMBINED IMAGE]\nfinal_bits = 64,32# \n"
)
WORDS = st.sampled_from([
    b"[", b"]", b"[[", b"=", b"\n", b"#", b",", b'"', b"'", b'"""', b"'''", b"\\", b"%(x)s",
    b"${x}", b"static_sig", b"input", b"group", b"final_bits", b"1e999", b"nan", b"-1", b"0x1",
    b"~", b"\r", b"9" * 400, b"9" * 5000, b"[" * 500, b"\xff", b"\x00", b"\xe2\x80\xa8",
    b"_task_name_", b"sci,2",
    b"[STEP 1: STATIC MASK]", b"[STEP 7: ]", b"None", b"INDEF", b"HOT,WARM", b"(", b"," * 999,
])


@inputs(1.0)
@given(base=st.sampled_from([CFG, DRIZZLE]), mutations=st.lists(
    RAW | st.builds(partial, st.just(insert), where=POSITIONS, what=WORDS), min_size=1, max_size=5))
def test_any_cfg_gives_parameters_or_one_error(
    base: bytes, mutations: list[Mutation], tmp_path: Path
) -> None:
    path = tmp_path / "run.cfg"
    path.write_bytes(mutated(base, mutations))
    with bounded(MOST):
        assert Parameters.load(str(path)).static_sig > 0
