"""The mask file: what other readers see in it, and that it is whole or not there."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli import Signature, StaticMask, __version__
from staticmask_cli.errors import InputError, OutputError
from staticmask_cli.mask import ChipLabel
from staticmask_cli.maskfile import write_masks
from tests.conftest import digest, sky

SIGNATURE = Signature("ACSWFC", (60, 80), 1)
FACTS: dict[str, str | float] = {
    "TELESCOP": "HST", "INSTRUME": "ACS", "DETECTOR": "WFC", "BUNIT": "ELECTRONS",
    "CCDCHIP": 2, "LTV1": -3.0, "LTV2": 0.0,
}


def made(*, files: tuple[str, ...] = ("a_flt.fits", "b_flt.fits"), **facts: Any) -> StaticMask:  # noqa: ANN401
    mask = StaticMask(SIGNATURE, static_sig=3.0, final_bits="64,32", facts={**FACTS, **facts})
    dq = np.zeros(SIGNATURE.shape, np.int16)
    dq[5, 6] = 16
    for number, file in enumerate(files):
        label = ChipLabel(file, 1, f"root{number}", 100.0 + number)
        mask.add(sky(seed=number), static_sig=3.0, label=label, dq=dq, good_bits=96)
    mask.add(np.full((60, 80), 7.0), static_sig=3.0, label="flat_flt.fits")
    return mask


def test_readers_of_the_references_masks_can_read_ours(tmp_path: Path) -> None:
    mask, path = made(), tmp_path / SIGNATURE.filename
    mask.write(str(path))
    with fits.open(path, checksum=True) as hdus:  # a bad checksum would warn, hence fail
        assert [hdu.name for hdu in hdus] == ["PRIMARY", "MEMBERS"]
        assert hdus[0].header["BITPIX"] == 16
        assert hdus[0].data.shape == (60, 80)
        np.testing.assert_array_equal(hdus[0].data, mask.array)
        assert set(np.unique(hdus[0].data)) == {0, 1}
        assert hdus[0].data[5, 6] == 0
        assert {"CHECKSUM", "DATASUM", "DATE"} <= set(hdus[0].header) & set(hdus[0].header)
        expected = {
            **FACTS, "STATSIG": 3.0, "FINLBITS": "64,32", "NCOMBINE": 2,
            "NBAD": np.count_nonzero(~mask.good), "CREATOR": f"staticmask {__version__}",
            "SIGDET": "ACSWFC", "SIGNUM": 1,
        }
        assert {key: hdus[0].header[key] for key in expected} == expected
        assert path.stat().st_size % 2880 == 0


def test_members_has_a_row_for_each_chip(tmp_path: Path) -> None:
    mask, path = made(), tmp_path / "m.fits"
    mask.write(str(path))
    with fits.open(path) as hdus:
        rows, columns = hdus["MEMBERS"].data, hdus["MEMBERS"].columns
        assert list(rows["FILE"]) == ["a_flt.fits", "b_flt.fits", "flat_flt.fits"]
        assert list(rows["ROOTNAME"]) == ["root0", "root1", ""]
        assert list(rows["USED"]) == [True, True, False]
        assert rows["WHYNOT"][2].startswith("its pixels fill fewer than two histogram bins")
        for name, attribute in (("MODE", "mode"), ("RMS", "rms"), ("THRESH", "threshold"),
                                ("NBELOW", "below"), ("NDQ", "flagged")):
            assert list(rows[name][:2]) == [getattr(m, attribute) for m in mask.members[:2]]
        assert list(rows["NDQ"]) == [1, 1, 0]
        assert rows["DQBITS"][0] in {"16:1", ""}
        units = {name: columns[name].unit for name in ("EXPTIME", "MODE", "RMS", "NBELOW")}
    assert units == {"EXPTIME": "s", "MODE": "ELECTRONS", "RMS": "ELECTRONS", "NBELOW": "pixel"}


def test_what_was_written_is_read_back(tmp_path: Path) -> None:
    mask = made()
    mask.write(str(tmp_path / "m.fits"))
    read = StaticMask.read(str(tmp_path / "m.fits"))
    assert (read.signature, read.static_sig, read.final_bits) == (SIGNATURE, 3.0, "64,32")
    np.testing.assert_array_equal(read.array, mask.array)
    assert read.members[:2] == mask.members[:2]
    assert read.members[2].unused == mask.members[2].unused
    assert read.path == str(tmp_path / "m.fits")


def test_same_members_and_parameters_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "86400")
    for name in "ab":
        made().write(str(tmp_path / name))
    assert digest(tmp_path / "a") == digest(tmp_path / "b")
    assert fits.getheader(tmp_path / "a")["DATE"] == "1970-01-02T00:00:00"
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "nonsense")
    made().write(str(tmp_path / "c"))
    headers = [fits.getheader(tmp_path / name) for name in "ac"]
    differ = {key for key in headers[0] if headers[0][key] != headers[1][key]}
    assert differ == {"DATE", "CHECKSUM"}


@settings(max_examples=30, deadline=None)
@given(file=st.text(min_size=1, max_size=20), unit=st.text(max_size=9))
def test_any_name_survives_as_printable_ascii(
    file: str, unit: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("any") / "m.fits"
    made(files=(file,), BUNIT=unit).write(str(path))
    with fits.open(path, checksum=True) as hdus:
        stored = hdus["MEMBERS"].data["FILE"][0]
    assert stored.isascii()
    spelled = file.encode("unicode_escape").decode("ascii")
    assert stored == spelled.rstrip(" ")


def test_several_masks_are_written_all_or_none(tmp_path: Path) -> None:
    first, second = tmp_path / "first.fits", tmp_path / "second.fits"
    made().write(str(first))
    second.mkdir()
    before = digest(first)
    with pytest.raises(OutputError, match=r"second\.fits: cannot be written: Is a directory"):
        write_masks({str(first): made(files=("c.fits",)), str(second): made()})
    assert digest(first) == before
    with pytest.raises(OutputError, match="cannot be written: No such file or directory"):
        write_masks({str(first): made(), str(tmp_path / "no" / "m.fits"): made()})
    assert digest(first) == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["first.fits", "second.fits"]


@pytest.mark.parametrize("content", [b"", b"text", b"SIMPLE  =                    T"])
def test_what_is_not_a_mask_is_not_read(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.fits"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"x\.fits: .*; expected a mask that staticmask wrote"):
        StaticMask.read(str(path))
    fits.PrimaryHDU(np.zeros((3, 4), np.int16)).writeto(path, overwrite=True)
    with pytest.raises(InputError, match=r"x\.fits: .*; expected a mask that staticmask wrote"):
        StaticMask.read(str(path))
