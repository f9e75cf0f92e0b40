"""Masks are read without astropy as astropy reads them, and whatever is unusual is left to it."""

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given, settings
from hypothesis import strategies as st

from staticmask_cli.errors import InputError
from staticmask_cli.fits.open import astropy_silenced, checksums_of, opened
from staticmask_cli.fits.plain import PlainHDUs, checksums_in, opened_plain
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.signature import Signature
from staticmask_cli.masks.static_mask import StaticMask
from tests.support.exposures import sky


def write(
    path: Path, *, shape: tuple[int, int] = (60, 80), chips: int = 3, agree: str | int = 2
) -> str:
    """Write a mask with members of many kinds of names, and the images WHY and VOTES."""
    mask = StaticMask(Signature("ACSWFC", shape, 1), agree=agree, final_bits="0")
    for number in range(chips):
        data, flags = sky(shape, seed=number), np.zeros(shape, np.int16)
        data[:: number + 2, ::7] = 0
        flags[:, number % shape[1]] = 1
        mask.add(data, label=ChipLabel(f"é {number}_flt.fits", number), dq=flags)
    mask.set_aside(ChipLabel("last.fits", 0), "is truncated: ends with a blank ")
    mask.write(path)
    return str(path)


@settings(max_examples=5)
@given(shape=st.tuples(st.integers(1, 9), st.integers(1, 9)) | st.just((700, 120)),
       agree=st.sampled_from(["any", 2]), chips=st.integers(2, 4))
def test_the_data_are_those_of_astropy(
    shape: tuple[int, int], agree: str | int, chips: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = write(tmp_path_factory.mktemp("any") / "m.fits", shape=shape, agree=agree, chips=chips)
    with opened(path) as expected, opened_plain(path) as hdus:
        assert isinstance(hdus, PlainHDUs)
        names = [hdu.name for hdu in expected]
        assert [hdu.name or "PRIMARY" for hdu in hdus] == names
        for name, hdu in zip(names[1:], list(expected)[1:], strict=True):
            found = hdus[name].data
            assert found is not None
            if name == "MEMBERS":
                assert found.dtype.names == hdu.data.dtype.names
                for column in hdu.data.dtype.names:
                    np.testing.assert_array_equal(found[column], hdu.data[column])
            else:
                assert found.dtype == hdu.data.dtype
                np.testing.assert_array_equal(found, hdu.data)
        np.testing.assert_array_equal(hdus[0].data, expected[0].data)


def test_checksums_are_judged_as_by_astropy(tmp_path: Path) -> None:
    content = Path(write(tmp_path / "m.fits")).read_bytes()
    rng = np.random.default_rng(1)
    verdicts = []
    for _ in range(40):
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= rng.choice([0, 1])
        (tmp_path / "x.fits").write_bytes(changed)
        with astropy_silenced(), suppress(InputError):
            with opened(str(tmp_path / "x.fits")) as hdus:
                verdicts.append(checksums_of(hdus))
            with opened_plain(str(tmp_path / "x.fits")) as hdus:
                assert checksums_in(hdus) == verdicts[-1]
    assert {"right", "wrong"} <= set(verdicts)
    with fits.open(tmp_path / "m.fits") as hdus:
        for hdu in hdus:
            for key in ("CHECKSUM", "DATASUM"):
                hdu.header.remove(key, ignore_missing=True)
        hdus[:2].writeto(tmp_path / "none.fits")
    with opened_plain(str(tmp_path / "none.fits")) as hdus:
        assert checksums_in(hdus) == "none"


def _scaled(hdus: fits.HDUList) -> None:
    hdus[0].header["BZERO"] = 1


def _with_another_type(hdus: fits.HDUList) -> None:
    hdus[0].data = hdus[0].data.astype(np.float32)


def _with_an_array_column(hdus: fits.HDUList) -> None:
    columns = hdus["MEMBERS"].columns + fits.ColDefs([
        fits.Column("MORE", "2D", array=np.ones((4, 2)))])
    hdus["MEMBERS"] = fits.BinTableHDU.from_columns(columns, name="MEMBERS")


@pytest.mark.parametrize("change", [_scaled, _with_another_type, _with_an_array_column])
def test_what_is_unusual_is_left_to_astropy(
    change: Callable[[fits.HDUList], None], tmp_path: Path
) -> None:
    write(tmp_path / "m.fits")
    with fits.open(tmp_path / "m.fits") as hdus:
        change(hdus)
        hdus.writeto(tmp_path / "x.fits")
    with opened_plain(str(tmp_path / "x.fits")) as hdus:
        assert isinstance(hdus, fits.HDUList)


@settings(max_examples=40)
@given(position=st.integers(0, 10**6), value=st.integers(0, 255), length=st.integers(1, 9))
def test_a_damaged_mask_is_read_or_refused(
    position: int, value: int, length: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.getbasetemp()
    path = folder / "sound.fits"
    if not path.exists():
        write(path)
    content = bytearray(path.read_bytes())
    start = position % len(content)
    content[start : start + length] = bytes([value]) * length
    (folder / "damaged.fits").write_bytes(content[: len(path.read_bytes())])
    with suppress(InputError):  # and no other error
        mask = StaticMask.read(folder / "damaged.fits")
        assert mask.bad.shape == mask.signature.shape
