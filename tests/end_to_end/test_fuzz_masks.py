"""Masks that strangers made or that were damaged: an answer or one clear error, and no harm.

As in test_fuzz_inputs.py, where STATICMASK_FUZZ says how many files are tried together.
"""

import json
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli import create_masks
from staticmask_cli.cli import cli
from staticmask_cli.masks.static_mask import StaticMask
from tests.support.exposures import coordinates, sky
from tests.support.fits_files import fits_bytes
from tests.support.fuzzing import (
    MOST,
    POSITIONS,
    RAW,
    VALUES,
    Mutation,
    bounded,
    inputs,
    insert_card,
    mutated,
    repeat,
    set_key,
    truncate,
)

CHIPS = {
    name: fits_bytes(
        fits.ImageHDU(
            sky((9, 11), seed=seed), fits.Header(coordinates(5.0 * (name == "b"))),
            name="SCI", ver=1,
        ),
        fits.ImageHDU(np.eye(9, 11, dtype=np.int16), name="DQ", ver=1), ROOTNAME=name, EXPSTART=1.0,
    )
    for seed, name in enumerate("abc")
}
NAME = "ACSWFC_9x11_1_staticMask.fits"
RULES: dict[str, dict[str, Any]] = {
    "any": {"static_sig": 1.0},
    "votes": {"static_sig": 1.0, "agree": 2, "final_bits": 0},
    "pointings": {"static_sig": 1.0, "sky": "local", "agree": 2, "final_bits": 0},
}
KEYS = st.sampled_from([
    "SIGDET", "SIGNUM", "SKY", "STATSIG", "AGREE", "FINLBITS", "NCOMBINE", "NBAD", "NCHANCE",
    "CREATOR", "DATE", "BUNIT", "CCDCHIP", "BITPIX", "NAXIS", "NAXIS1", "NAXIS2", "PCOUNT",
    "EXTNAME", "XTENSION", "TFIELDS", "THEAP", "BSCALE", "BZERO", "DATASUM", "CHECKSUM", "EXTEND",
    *(f"{key}{number}" for number in (1, 2, 3, 5, 9, 14, 15, 16, 17, 18, 21)
      for key in ("TTYPE", "TFORM", "TDIM", "TSCAL", "TNULL", "TUNIT")),
])
OURS = VALUES | st.sampled_from([
    "'any     '", "'all     '", "'0.5     '", "'local   '", "'8,16    '", "'None    '",
    "'FILE    '", "'MEMBERS '", "'VOTES   '", "'J       '", "'K       '", "'29A     '",
    "'PIXEL   '", "'POINTING'", "'POINTINGS'",
    r"'\x1b[2J'", r"'a\q'", "'[red]x[/]'", "'2J      '", "'1PA(9)  '",
])
CARDS: st.SearchStrategy[Mutation] = st.one_of(
    st.builds(partial, st.just(set_key), where=POSITIONS, key=KEYS, value=OURS),
    st.builds(partial, st.just(insert_card), where=POSITIONS, key=KEYS, value=OURS),
    st.builds(partial, st.just(repeat), where=POSITIONS, block=st.integers(0, 5)),
    st.builds(partial, st.just(truncate), where=POSITIONS),
)
MUTATIONS = st.lists(st.one_of(CARDS, CARDS, RAW), min_size=1, max_size=4)


@pytest.fixture(scope="module")
def masks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with masks of two exposures, without checksums, which would tell all changes."""
    folder = tmp_path_factory.mktemp("sound")
    for name in "ab":
        (folder / f"{name}_flt.fits").write_bytes(CHIPS[name])
    for kind, rule in RULES.items():
        (mask,) = create_masks(f"{folder}/*_flt.fits", output_dir=folder / kind, **rule)
        with fits.open(str(mask.path), disable_image_compression=True) as hdus:
            for hdu in hdus:
                del hdu.header["CHECKSUM"], hdu.header["DATASUM"]
            hdus.writeto(folder / kind / "bare.fits")
    return folder


def lay_out(folder: Path, content: bytes) -> Path:
    """Put a mask into a folder, and an exposure that is not in it."""
    (folder / "c_flt.fits").write_bytes(CHIPS["c"])
    path = folder / NAME
    path.write_bytes(content)
    return path


@inputs(0.2)
@given(kind=st.sampled_from(sorted(RULES)), mutations=MUTATIONS)
def test_any_mask_is_read_or_refused(
    kind: str, mutations: list[Mutation], masks: Path, tmp_path: Path
) -> None:
    path = lay_out(tmp_path, mutated((masks / kind / "bare.fits").read_bytes(), mutations))
    with bounded(MOST):
        mask = StaticMask.read(str(path))
        assert mask.bad.shape == mask.signature.shape
        mask.write(str(tmp_path / "again.fits"))
        again = StaticMask.read(str(tmp_path / "again.fits"))
        assert np.array_equal(again.bad, mask.bad)
        assert [str(m) for m in again.members] == [str(m) for m in mask.members]


@inputs(0.2)
@given(kind=st.sampled_from(sorted(RULES)), mutations=MUTATIONS, words=st.sampled_from(
    [["inspect"], ["inspect", "--json"], ["inspect", "-v"], ["plan", "--json", "c_flt.fits"]]))
def test_any_mask_is_shown_or_refused_in_printable_words(  # noqa: PLR0917 - from Hypothesis
    kind: str, mutations: list[Mutation], words: list[str], masks: Path,
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
) -> None:
    path = lay_out(tmp_path, mutated((masks / kind / "bare.fits").read_bytes(), mutations))
    before = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    with bounded(MOST):
        result = CliRunner().invoke(cli, [*words, *([NAME] if words[0] == "inspect" else [])])
        assert result.exit_code in {0, 1}, result.output
        assert isinstance(result.exception, SystemExit | None), result.exception
        assert result.output.replace("\n", "").isprintable()
        if result.exit_code == 0 and "--json" in words:
            json.loads(result.stdout)
    assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([NAME, "c_flt.fits"])


@inputs(0.2)
@given(kind=st.sampled_from(sorted(RULES)), mutations=MUTATIONS, update=st.booleans())
def test_any_mask_grows_or_is_replaced_or_stays(
    kind: str, mutations: list[Mutation], update: bool, masks: Path, tmp_path: Path,  # noqa: FBT001
) -> None:
    path = lay_out(tmp_path, mutated((masks / kind / "bare.fits").read_bytes(), mutations))
    before = path.read_bytes()
    done = False
    with bounded(MOST):
        (mask,) = create_masks(
            tmp_path / "c_flt.fits", output_dir=tmp_path, update=update, **RULES[kind]
        )
        done = True
        assert mask.path == str(path)
        assert set(np.unique(mask.array)) <= {0, 1}
    if done:
        assert np.array_equal(StaticMask.read(str(path)).bad, mask.array == 0)
    else:
        assert path.read_bytes() == before
    assert sorted(entry.name for entry in tmp_path.iterdir()) == sorted([NAME, "c_flt.fits"])
