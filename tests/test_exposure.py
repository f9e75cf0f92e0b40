"""What is taken as an exposure, what is refused, and that nothing is ever changed."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits

from staticmask_cli import create_masks
from staticmask_cli.errors import ExposureError, InputError, StaticMaskError
from staticmask_cli.exposure import read_exposure, read_pixels
from staticmask_cli.fitsfile import astropy_silenced
from tests.conftest import WriteExposure, digest, sky
from tests.oracle import oracle_mask


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Work in an empty folder, where masks go by default."""
    monkeypatch.chdir(tmp_path)


def cut(fraction: float) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(path.read_bytes()[: int(path.stat().st_size * fraction)])
    return damage


def overwrite(content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        path.write_bytes(content)
    return damage


def rewrite(**primary: Any) -> Callable[[Path], None]:  # noqa: ANN401
    def damage(path: Path) -> None:
        with fits.open(path, mode="update") as hdus:
            for key, value in primary.items():
                hdus[0].header[key] = value
                if value is None:
                    del hdus[0].header[key]
    return damage


def replace_image(*shape: int) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "WFC"})
        image = fits.ImageHDU(np.zeros(shape, np.float32), name="SCI")
        hdus = fits.HDUList([fits.PrimaryHDU(header=header), image])
        hdus.writeto(path, overwrite=True)
    return damage


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def table_instead(path: Path) -> None:
    table = fits.BinTableHDU.from_columns([fits.Column("X", "J", array=[1])], name="SCI")
    header = fits.Header({"INSTRUME": "ACS"})
    fits.HDUList([fits.PrimaryHDU(header=header), table]).writeto(path, overwrite=True)


def mask_instead(path: Path) -> None:
    (mask,) = create_masks(path, output_dir=path.parent / "elsewhere")
    path.write_bytes(Path(str(mask.path)).read_bytes())


DAMAGES: dict[str, tuple[Callable[[Path], Any], str]] = {
    "missing": (Path.unlink, "no such file"),
    "empty": (overwrite(b""), "cannot be read as FITS: .*[Ee]mpty"),
    "text": (overwrite(b"no FITS at all\n" * 400), "cannot be read as FITS"),
    "cut in the first header": (overwrite(b"SIMPLE  =                    T"), "cannot be read"),
    "cut in SCI": (cut(0.6), "is cut: SCI should end at byte .*, the file ends at"),
    "cut after SCI's header": (cut(0.24), "is cut: SCI|neither|cannot be read"),
    "folder": (folder_instead, "is a folder, expected files such as"),
    "pipe": (pipe_instead, "something that is not a file"),
    "cube": (replace_image(3, 4, 5), r"expected an image of two dimensions, found shape \(3, 4, 5"),
    "row": (replace_image(5), r"expected an image of two dimensions, found shape \(5,\)"),
    "no pixels": (replace_image(0, 5), "expected an image of two dimensions, found shape"),
    "no image": (table_instead, "expected an image of two dimensions"),
    "no INSTRUME": (rewrite(INSTRUME=None), "expected INSTRUME in the primary header, found none"),
    "blank INSTRUME": (rewrite(INSTRUME="   "), "expected INSTRUME in the primary header"),
    "INSTRUME of marks": (rewrite(INSTRUME="//", DETECTOR=""), "cannot name a mask"),
    "endless INSTRUME": (rewrite(INSTRUME="A" * 200), "cannot name a mask: expected 1 to 64"),
    "mask": (mask_instead, "is a static mask, expected an exposure; leave it out"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_bad_input_is_named_and_nothing_is_written_or_changed(
    damage: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    good, bad = write_exposure("good_flt.fits"), write_exposure("bad_flt.fits")
    out = tmp_path / "out"
    create_masks(good, output_dir=out)
    spoil, message = DAMAGES[damage]
    spoil(bad)
    before = {path: digest(path) for path in tmp_path.rglob("*.fits") if path.is_file()}
    with pytest.raises(StaticMaskError, match=message) as caught:
        create_masks([good, bad], output_dir=out)
    assert isinstance(caught.value, InputError | ExposureError)
    assert str(bad) in str(caught.value) or "INSTRUME and DETECTOR" in str(caught.value)
    assert str(good) not in str(caught.value)
    after = {path: digest(path) for path in tmp_path.rglob("*.fits") if path.is_file()}
    assert before == after


def test_every_bad_input_is_named_at_once(write_exposure: WriteExposure) -> None:
    paths = [write_exposure(f"{n}_flt.fits") for n in range(3)]
    paths[0].write_bytes(b"")
    rewrite(INSTRUME=None)(paths[2])
    with pytest.raises(InputError) as caught:
        create_masks(paths)
    assert [line.partition(":")[0] for line in str(caught.value).splitlines()] == [
        str(paths[0]), str(paths[2])
    ]


@pytest.mark.parametrize(
    ("instrume", "name"),
    [
        ("../../x", "xWFC"), ("/etc/passwd", "etcpasswdWFC"), ("-rf", "rfWFC"),
        (".hidden", "hiddenWFC"), ("A C\tS", "ACSWFC"), ("$(touch x)", "touchxWFC"),
        ("HAWK_I", "HAWKIWFC"),
    ],
)
def test_a_hostile_instrume_escapes_nowhere(
    instrume: str, name: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    path = write_exposure(instrume=instrume.replace("\t", " "))
    before = set(tmp_path.rglob("*"))
    (mask,) = create_masks(path, output_dir=tmp_path / "deep" / "out")
    expected = tmp_path / "deep" / "out" / f"{name}_60x80_1_staticMask.fits"
    assert Path(str(mask.path)) == expected
    new = set(tmp_path.rglob("*")) - before
    assert new == {tmp_path / "deep", tmp_path / "deep" / "out", expected}


def test_an_absurd_chip_number_is_refused(write_exposure: WriteExposure) -> None:
    path = write_exposure(instrume="STIS", chips=[{"data": sky(), "CCDCHIP": 1e300}])
    with pytest.raises(ExposureError, match=r"chip number .* cannot name a mask"):
        create_masks(path)


def test_only_sci_is_read_unless_dq_is_asked_for(
    write_exposure: WriteExposure, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros((60, 80), np.float32)}])
    opened: list[str] = []
    original = fits.open

    def spy(name: Any, mode: str = "readonly", **keywords: Any) -> Any:  # noqa: ANN401
        opened.append(mode)
        return original(name, mode=mode, **keywords)

    monkeypatch.setattr(fits, "open", spy)
    (chip,) = read_exposure(str(path), dq=False).chips
    data, flags = read_pixels(chip)
    assert flags is None
    np.testing.assert_array_equal(data, sky())
    assert opened == ["readonly", "readonly"]
    (chip,) = read_exposure(str(path)).chips
    with pytest.raises(ExposureError, match=r"expected integer DQ flags .*, found float32"):
        read_pixels(chip)


def test_dq_of_another_shape_is_an_error(write_exposure: WriteExposure) -> None:
    path = write_exposure(chips=[{"data": sky(), "dq": np.zeros((9, 8), np.int16)}])
    assert create_masks(path)[0].flagged is None
    with pytest.raises(ExposureError, match=r"DQ flags of shape \(60, 80\), found int16 of shape"):
        create_masks(path, final_bits=0)


def test_dq_is_matched_by_extver_in_any_order(tmp_path: Path) -> None:
    flags = [np.zeros((60, 80), np.int16) for _ in range(2)]
    flags[0][1, 1], flags[1][2, 2] = 8, 8
    header = fits.Header({"INSTRUME": "ACS", "DETECTOR": "WFC"})
    path = tmp_path / "x_flt.fits"
    fits.HDUList([
        fits.PrimaryHDU(header=header),
        fits.ImageHDU(flags[1], name="DQ", ver=2), fits.ImageHDU(flags[0], name="DQ", ver=1),
        *(fits.ImageHDU(sky(seed=ver), name="SCI", ver=ver) for ver in (2, 1)),
    ]).writeto(path)
    masks = create_masks(path, final_bits=0, output_dir=tmp_path)
    for extver, mask in enumerate(masks, 1):
        assert mask.flagged is not None
        assert np.argwhere(mask.flagged).tolist() == [[extver, extver]]


def test_an_image_in_the_primary_hdu_is_one_chip(tmp_path: Path) -> None:
    path = tmp_path / "plain.fits"
    fits.PrimaryHDU(sky(), fits.Header({"INSTRUME": "MOSAIC3"})).writeto(path)
    (mask,) = create_masks(path, static_sig=3.0, output_dir=tmp_path)
    assert Path(str(mask.path)).name == "MOSAIC3_60x80_1_staticMask.fits"
    np.testing.assert_array_equal(mask.array, oracle_mask([sky()], 3.0))


def test_a_file_that_shrinks_after_its_headers_were_read_is_an_error(
    write_exposure: WriteExposure,
) -> None:
    path = write_exposure()
    (chip,) = read_exposure(str(path)).chips
    cut(0.5)(path)
    with astropy_silenced(), pytest.raises(InputError, match=r"is cut|cannot be read"):
        read_pixels(chip)
