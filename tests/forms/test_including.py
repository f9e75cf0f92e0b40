"""Which files are read, and which masks they are for."""

import os
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from astropy.io import fits
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.fits.open import astropy_silenced
from staticmask_cli.forms.export import export_masks
from staticmask_cli.forms.including import included_pixels
from staticmask_cli.forms.listed import Target
from tests.support.fits_files import fits_bytes
from tests.support.fuzzing import (
    MOST,
    MUTATIONS,
    POSITIONS,
    VALUES,
    Mutation,
    bounded,
    inputs,
    mutated,
    set_key,
)
from tests.support.masks import FACTS, target_of, write_mask, write_mask_of_drizzlepac

pytestmark = pytest.mark.usefixtures("folder")

BAD = np.zeros((20, 30), bool)
BAD[3, 4] = BAD[:, 17] = True
FIRST, SECOND = target_of(BAD), target_of(BAD, number=2, facts={**FACTS, "CCDCHIP": 1.0})
LIST = "x_from_0 y_from_0\n{0} 1\n"


def names(words: list[str], targets: list[Target] | None = None) -> dict[str, tuple[str, ...]]:
    """Return the files that are found for each mask."""
    found = included_pixels(words, 1, [FIRST, SECOND] if targets is None else targets)
    return {name: included.files for name, included in found.items()}


def image(path: str, *, shape: tuple[int, int] = (20, 30), dtype: str = "i2",
          **header: str | float) -> None:
    pixels = np.zeros(shape, dtype)
    pixels[3, 4] = 16
    fits.PrimaryHDU(pixels, fits.Header(header)).writeto(path)


# Words.


def test_words_are_paths_wildcards_and_comma_lists_with_or_without_a_mask(folder: Path) -> None:
    files = ("a.txt", "b.txt", "c,d.txt", "e=f.txt", "g_1x1_1=h.txt", "[i].txt")
    for number, name in enumerate(files):
        (folder / name).write_text(LIST.format(number))
    (folder / "sub.txt").mkdir()
    assert names(["a.txt,b.txt", "c,d.txt", "e=f.txt", "g_1x1_1=h.txt", "[i].txt"], [FIRST]) == {
        "ACSWFC_20x30_1": ("[i].txt", "a.txt", "b.txt", "c,d.txt", "e=f.txt", "g_1x1_1=h.txt")}
    assert names(["ACSWFC_20x30_2=a.txt", "ACSWFC_20x30_1_staticMask.fits=[bc]*.txt"]) == {
        "ACSWFC_20x30_2": ("a.txt",), "ACSWFC_20x30_1": ("b.txt", "c,d.txt")}
    assert names(["ACSWFC_20x30_2=a.txt,ACSWFC_20x30_1=b.txt"]) == {
        "ACSWFC_20x30_2": ("a.txt",), "ACSWFC_20x30_1": ("b.txt",)}


def test_pixels_of_several_files_are_all_bad(folder: Path) -> None:
    for number in range(3):
        (folder / f"{number}.txt").write_text(LIST.format(number))
    (found,) = included_pixels(["*.txt"], None, [FIRST]).values()
    assert np.argwhere(found.bad).tolist() == [[1, 0], [1, 1], [1, 2]]


def test_all_files_that_cannot_be_used_are_named(folder: Path) -> None:
    (folder / "a.txt").write_text("no list")
    (folder / "b.bin").write_bytes(b"text\0")
    (folder / "c.fits").write_bytes(b"SIMPLE")
    (folder / "large.txt").write_bytes(b"#" * ((1 << 26) + 1))
    os.mkfifo(folder / "pipe")
    with pytest.raises(InputError) as caught:
        names(["none.txt", "no*.txt", "a.txt", "b.bin", "c.fits", "large.txt", "pipe", "."])
    lines = str(caught.value).splitlines()
    expected = [
        "include = none.txt: no such file; expected files with lists of bad pixels, or MASK=FILE",
        "include = no*.txt: no such file",
        "a.txt: expected a static mask, an image of whole numbers, a bad pixel table of HST",
        "b.bin: is neither FITS nor text", "c.fits: ", "large.txt: is larger than 64 MiB",
        "pipe: something that is not a file", ".: something that is not a file",
    ]
    assert len(lines) == len(expected)
    for start in expected:
        assert any(line.startswith(start) for line in lines), start


# Masks.


def test_a_list_without_a_mask_must_be_given_one_if_there_are_several(folder: Path) -> None:
    (folder / "a.txt").write_text(LIST.format(0))
    with pytest.raises(ConfigError, match=r"^a\.txt: may be of ACSWFC_20x30_1, ACSWFC_20x30_2; say "
                                          r"of which, as in --include ACSWFC_20x30_1=a\.txt$"):
        names(["a.txt"])
    with pytest.raises(ConfigError, match=r"^include = ACSWFC_20x30_3=a\.txt: no mask of this run "
                                          "has that name; there are ACSWFC_20x30_1, ACSWFC_20x30"):
        names(["ACSWFC_20x30_3=a.txt"])


@pytest.mark.parametrize(
    ("header", "mask"),
    [({"CCDCHIP": 1}, 2), ({"CCDCHIP": 2, "INSTRUME": "acs"}, 1), ({"CCDCHIP": 1.0}, 2)],
)
def test_an_image_is_found_by_its_chip(header: dict[str, Any], mask: int) -> None:
    image("bpm.fits", **header)
    assert names(["bpm.fits"]) == {f"ACSWFC_20x30_{mask}": ("bpm.fits",)}


@pytest.mark.parametrize(
    ("header", "found"),
    [({"CCDCHIP": 3}, "ACSWFC_20x30_1: CCDCHIP is 3 instead of 2.0, ACSWFC_20x30_2: CCDCHIP is 3"),
     ({"DETECTOR": "HRC"}, "ACSWFC_20x30_1: DETECTOR is HRC instead of WFC"),
     ({"shape": (30, 20)}, r"ACSWFC_20x30_1: shape is \(30, 20\) instead of \(20, 30\)")],
)
def test_an_image_that_belongs_to_no_mask_is_refused(
    header: dict[str, Any], found: str
) -> None:
    image("bpm.fits", **header)
    with pytest.raises(InputError, match=rf"^bpm\.fits: belongs to no mask of this run; {found}"):
        names(["bpm.fits"])


def test_images_of_several_chips_are_found_by_extver(folder: Path) -> None:
    pixels = [np.zeros((20, 30), np.uint16) for _ in range(3)]
    pixels[0][1, 2] = pixels[1][3, 4] = 40000
    (folder / "dq.fits").write_bytes(fits_bytes(
        *(fits.ImageHDU(data, name="DQ", ver=number) for number, data in enumerate(pixels, 1)),
        fits.ImageHDU(np.zeros((20, 30), np.float32), name="ERR"),
    ))
    found = included_pixels(["dq.fits"], 1, [FIRST, SECOND])
    assert {name: np.argwhere(one.bad).tolist() for name, one in found.items()} == {
        "ACSWFC_20x30_1": [[1, 2]], "ACSWFC_20x30_2": [[3, 4]]}
    assert names(["ACSWFC_20x30_2=dq.fits"]) == {"ACSWFC_20x30_2": ("dq.fits",)}


def test_a_mask_of_drizzlepac_is_known_by_its_name(folder: Path) -> None:
    path = write_mask_of_drizzlepac(folder / "j8bt06nyq_20x30_2_staticMask.fits", BAD)
    (found,) = included_pixels([path], None, [FIRST, SECOND]).items()
    assert found[0] == "ACSWFC_20x30_2"
    np.testing.assert_array_equal(found[1].bad, BAD)
    Path(path).rename("mask.fits")
    with pytest.raises(ConfigError, match=r"mask\.fits: does not say whether 0 is a good pixel or"):
        included_pixels(["ACSWFC_20x30_2=mask.fits"], None, [FIRST, SECOND])
    (found,) = included_pixels(["ACSWFC_20x30_2=mask.fits"], 0, [FIRST, SECOND]).items()
    np.testing.assert_array_equal(found[1].bad, BAD)


@pytest.mark.parametrize("dtype", ["f4", "f8"])
def test_images_of_other_numbers_are_refused(dtype: str) -> None:
    image("bpm.fits", dtype=dtype)
    with pytest.raises(InputError, match=r"^bpm\.fits: has no list of bad pixels; expected a"):
        names(["bpm.fits"])
    fits.PrimaryHDU(np.zeros((2, 20, 30), np.uint8)).writeto("cube.fits")
    with pytest.raises(InputError, match=r"^cube\.fits: has no list of bad pixels"):
        names(["cube.fits"])


@pytest.mark.parametrize("dtype", ["u1", "i2", "i4", "u4", "i8"])
@pytest.mark.parametrize("packing", [".gz", ".fz", ""])
def test_images_of_all_whole_numbers_are_read(dtype: str, packing: str) -> None:
    path = f"bpm.fits{packing}"
    if packing == ".fz":
        hdus = fits.CompImageHDU(BAD.astype(dtype if dtype != "i8" else "i4"))
        fits.HDUList([fits.PrimaryHDU(), hdus]).writeto(path)
    else:
        fits.PrimaryHDU(BAD.astype(dtype)).writeto(path)
    (found,) = included_pixels([path], 1, [FIRST]).values()
    np.testing.assert_array_equal(found.bad, BAD)


# Untrusted files.


@inputs(0.5)
@given(st.one_of(
    st.text(max_size=200),
    st.lists(st.sampled_from([
        "image", "physical", "fk5", "box(", "circle(", "polygon(", "point(", "1", "1e7", "-5",
        "nan", "9" * 30, ",", ")", "\n", ";", "#", " ", "x0,y0,width,height\n",
        "x_from_0 y_from_0\n", '"',
        '# CREATOR: "staticmask 1"\n', '# SIGDET: "A"\n', "# SIGNX: 30\n", "# SIGNUM: 1e999\n",
        "# SIGNY: " + "[" * 400 + "\n", "||", "global", "{", "}", "\0", "é",
    ]), max_size=40).map("".join),
))
def test_any_text_is_a_list_or_one_clear_error(text: str) -> None:
    Path("a.txt").write_text(text, encoding="utf-8", errors="replace")
    with bounded(MOST):
        for included in included_pixels(["a.txt"], None, [FIRST]).values():
            assert included.bad.shape == (20, 30)


@pytest.mark.parametrize("text", [
    "image\n" + "circle(15,10,1e7)\n" * 5_000,
    "image\npolygon(" + "1,2," * 50_000 + ")\n",
    "image\nbox" + " " * 1_000_000 + "(1,2,3,4)\n",
    "image\nbox(" + "1" * 1_000_000 + ",2,3,4)\n",
    "image\n" + "(" * 1_000_000,
    "x0 y0 width height\n" + "0 0 30 20\n" * 20_000,
    "# " + "A: " * 500_000 + "\nx0 y0 width height\n",
    'x0 y0 width height\n"' + "\n" * 300_000,
])
def test_texts_that_are_made_to_keep_a_run_busy_do_not(text: str) -> None:
    Path("a.txt").write_text(text)
    with bounded(16 * MOST):
        included_pixels(["a.txt"], None, [FIRST])


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with files that are read as lists: ours, a table, and an image of others."""
    folder = tmp_path_factory.mktemp("sound")
    mask = write_mask(folder, BAD)
    paths = [mask, *export_masks([mask], ["dq", "flag", "weight"], output_dir=str(folder))]
    columns = [fits.Column(name, "J", array=np.array([1, 2, 1], np.int32))
               for name in ("PIX1", "PIX2", "LENGTH", "AXIS", "VALUE", "CCDCHIP")]
    table = fits.BinTableHDU.from_columns(columns)
    table.header["SIZAXIS1"], table.header["SIZAXIS2"] = 30, 20
    contents = [*(Path(path).read_bytes() for path in paths), fits_bytes(table),
                fits_bytes(fits.ImageHDU(BAD.astype(np.uint16), name="DQ"))]
    for number, content in enumerate(contents):
        (folder / str(number)).write_bytes(content)
    return folder


WORDS: st.SearchStrategy[Mutation] = st.builds(
    partial, st.just(set_key), where=POSITIONS,
    key=st.sampled_from(["CREATOR", "FORM", "GOODVAL", "BADVAL", "SIGDET", "SIGNUM", "SIZAXIS1",
                         "SIZAXIS2", "TTYPE1", "TFORM1", "TFORM4", "TTYPE6", "NAXIS2", "EXTVER"]),
    value=VALUES,
)


@inputs(1)
@given(number=st.integers(0, 5), bad_value=st.sampled_from([None, 0, 1]),
       mutations=MUTATIONS | st.lists(WORDS, min_size=1, max_size=3))
def test_any_fits_file_is_a_list_or_one_clear_error(
    number: int, bad_value: int | None, mutations: list[Mutation], sound: Path
) -> None:
    Path("a.fits").write_bytes(mutated((sound / str(number)).read_bytes(), mutations))
    with bounded(MOST), astropy_silenced():
        for included in included_pixels(["a.fits"], bad_value, [FIRST, SECOND]).values():
            assert included.bad.shape == (20, 30)
