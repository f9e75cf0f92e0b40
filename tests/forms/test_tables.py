"""Tables of boxes and of pixels, ours and those of others."""

from pathlib import Path

import numpy as np
import pytest
from astropy.table import Table

from staticmask_cli.errors import InputError
from staticmask_cli.forms.including import included_pixels
from tests.support.masks import Bits, target_of

SHAPE = (20, 30)


def read(path: Path, text: str | None = None) -> Bits:
    if text is not None:
        path.write_text(text)
    target = target_of(np.zeros(SHAPE, bool))
    return included_pixels([str(path)], None, [target])[target.name].bad


@pytest.mark.parametrize(
    "text",
    [
        "x0 y0 width height\n4 2 3 1\n",
        '# a comment\n\nname,x0,y0,width,height\n"a, b",4,2,3,1\n',
        "height\twidth\ty0\tx0\n1\t3\t2\t4\n",
        "x_from_0,y_from_0\n4,2\n5,2\n6,2\n",
        "x_from_1 y_from_1 note\n5 3 a\n 6   3 b\n7 3\n# the end\n",
        "\ufeffx_from_1,y_from_1,x_from_0,y_from_0\r\n5,3,4,2\r\n6,3,5,2\r\n7,3,6,2\r\n",
    ],
)
def test_columns_say_what_the_numbers_are(text: str, tmp_path: Path) -> None:
    expected = np.zeros(SHAPE, bool)
    expected[2, 4:7] = True
    np.testing.assert_array_equal(read(tmp_path / "a.txt", text), expected)


def test_defects_as_lsst_writes_them_are_read(tmp_path: Path) -> None:
    table = Table({"x0": [4, 9], "y0": [2, 0], "width": [3, 1], "height": [1, 20]},
                  meta={"OBSTYPE": "defects", "DEFECTS_SCHEMA": "Simple", "INSTRUME": "LSSTCam"})
    table.write(tmp_path / "defects.ecsv", format="ascii.ecsv")
    expected = np.zeros(SHAPE, bool)
    expected[2, 4:7] = expected[:, 9] = True
    np.testing.assert_array_equal(read(tmp_path / "defects.ecsv"), expected)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("x,y\n1,2\n", "expected a static mask, an image of whole numbers, a bad pixel table of"),
        ("x,y\n1,2\n", r".*, or x_from_1 and y_from_1 \(pixels\); its first line is 'x,y'"),
        ("4 2\n5 2\n", ".*; its first line is '4 2'"),
        ("", ".*; its first line is ''"),
        ("x0 y0 width\n1 2 3\n", ".*; its first line is 'x0 y0 width'"),
        ("x0 y0 width height\n1 2 3\n",
         "line 2: expected whole numbers in the columns x0, y0, width, height.* found '1 2 3'"),
        ("x0 y0 width height\n1 2 3 4.5\n", "line 2: expected whole numbers"),
        ("x0 y0 width height\n1 2 3 1e3\n", "line 2: expected whole numbers"),
        ("x0 y0 width height\n1 2 9999999999 1\n", "line 2: expected whole numbers"),
        ("x0 y0 width height\n25 2 6 1\n",
         r"6 x 1 pixels at x = 25, y = 2 \(counted from 0\) do not lie within the 30 x 20 pixels"),
        ("x_from_1 y_from_1\n0 1\n", r"1 x 1 pixels at x = -1, y = 0 .counted from 0. do not"),
        ("x_from_0 y_from_0\n30 1\n", r"1 x 1 pixels at x = 30, y = 1 .counted from 0. do not"),
        ("x_from_0,y_from_0,x_from_1,y_from_1\n3,4,3,5\n", "line 2: .* of one and the same pixel"),
    ],
)
def test_what_is_no_such_table_is_refused(text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=rf"^{tmp_path}/a\.txt: {found}"):
        read(tmp_path / "a.txt", text)


@pytest.mark.parametrize(
    "words",
    ['CREATOR: "staticmask 9"\n# SIGDET: 3\n# SIGNX: 30\n# SIGNY: 20\n# SIGNUM: 1',
     'CREATOR: "staticmask 9"\n# SIGDET: "ACSWFC"\n# SIGNX: "30"\n# SIGNY: 20\n# SIGNUM: 1',
     'CREATOR: "staticmask 9"\n# SIGDET: "ACSWFC"\n# SIGNX: 30.5\n# SIGNY: 20\n# SIGNUM: 1',
     'CREATOR: "staticmask 9"\n# SIGDET: "../.."\n# SIGNX: 30\n# SIGNY: 20\n# SIGNUM: 1',
     'CREATOR: "staticmask 9"\n# SIGDET: "A"\n# SIGNX: 30\n# SIGNY: 20\n# SIGNUM: -1'],
)
def test_words_that_are_of_no_mask_are_refused(words: str, tmp_path: Path) -> None:
    with pytest.raises(InputError):
        read(tmp_path / "a.txt", f"# {words}\nx_from_0 y_from_0\n1 1\n")


def test_words_of_other_programs_are_comments(tmp_path: Path) -> None:
    words = "# - {SIGDET: 3}\n# - {CREATOR: me}\n# LTV1: -5\n# INSTRUME: [[[[\n"
    assert read(tmp_path / "a.txt", f"{words}x_from_0 y_from_0\n1 1\n").sum() == 1
