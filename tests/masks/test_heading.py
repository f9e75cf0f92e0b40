"""The heading of a mask file equals what reading all of the mask returns, without its pixels."""

from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli.errors import StaticMaskError
from staticmask_cli.masks.heading import read_heading
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from tests.support.exposures import sky
from tests.support.process import run_python

FILES = ("é and ü_flt.fits", "back\\slash_flt.fits", "blank at the end ", "x" * 300)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a mask whose members have odd names, one of which was set aside."""
    mask = StaticMask(Signature("ACSWFC", (60, 80), 2), static_sig=5.0, sky="local", agree=2,
                      final_bits="HOT", facts={"INSTRUME": "ACS", "CCDCHIP": 2, "LTV1": -3.5})
    for number, file in enumerate(FILES):
        mask.add(sky(seed=number), label=ChipLabel(file, 2, f"root{number}", 9.0))
    mask.set_aside(ChipLabel("unopened_flt.fits", 0), "gone")
    mask.write(str(tmp_path / "mask.fits"))
    return tmp_path / "mask.fits"


def test_the_heading_is_that_of_the_mask(path: Path) -> None:
    heading, mask = read_heading(str(path)), StaticMask.read(str(path))
    assert heading.used == tuple(member.label for member in mask.used)
    assert [label.file for label in heading.used] == list(FILES)
    assert (heading.signature, heading.rule) == (mask.signature, mask.rule)
    assert heading.grid == mask.grid == {"CCDCHIP": 2, "LTV1": -3.5}


def test_the_heading_is_read_without_astropy(path: Path) -> None:
    code = ("import sys; from staticmask_cli.masks.heading import read_heading; "
            f"print(len(read_heading({str(path)!r}).used), 'astropy.io.fits' in sys.modules)")
    assert run_python("-c", code, cwd=path.parent).stdout == "4 False\n"


@pytest.mark.parametrize("missing", ["MEMBERS", "STATSIG", "FILE", "all"])
def test_what_staticmask_did_not_write_is_an_error(missing: str, path: Path) -> None:
    with fits.open(path) as hdus:
        if missing == "MEMBERS":
            del hdus["MEMBERS"]
        elif missing == "FILE":
            hdus["MEMBERS"].columns["FILE"].name = "FILES"
        elif missing == "all":
            del hdus[1:]
            hdus[0] = fits.PrimaryHDU(np.ones((60, 80), np.int16))
        else:
            del hdus[0].header["STATSIG"]
        hdus.writeto(path.parent / "other.fits")
    with pytest.raises(StaticMaskError, match=r"other\.fits: "):
        read_heading(str(path.parent / "other.fits"))
