"""Region files of ds9: which pixels a shape has, and what is refused."""

import math
import re
from pathlib import Path

import numpy as np
import pytest

from staticmask_cli.errors import InputError
from staticmask_cli.forms.including import included_pixels
from tests.support.masks import FACTS, Bits, target_of

SHAPE = (20, 30)
Y, X = np.mgrid[1 : SHAPE[0] + 1, 1 : SHAPE[1] + 1]  # of the centres of the pixels, as ds9 counts


def read(path: Path, text: str, facts: dict[str, str | float] | None = None) -> Bits:
    path.write_text(text)
    target = target_of(np.zeros(SHAPE, bool), facts=facts)
    return included_pixels([str(path)], None, [target])[target.name].bad


TURN = math.radians(30)
ALONG = (X - 12) * math.cos(TURN) + (Y - 9) * math.sin(TURN)
ACROSS = (Y - 9) * math.cos(TURN) - (X - 12) * math.sin(TURN)


@pytest.mark.parametrize(
    ("shape", "expected"),
    [
        ("box(4,3,1,1,0)", (X == 4) & (Y == 3)),
        ("box(4.5,3,2,1,0)", (X >= 4) & (X <= 5) & (Y == 3)),
        ("box(4,3,2,2)", (X == 4) & (Y == 3)),
        ("box(4,10.5,1,20,0)", X == 4),
        ("box(4,10.5,1,1000,0)", X == 4),
        ("box(12,9,7,3,30)", (np.abs(ALONG) < 3.5) & (np.abs(ACROSS) < 1.5)),
        ("circle(12,9,3.2)", np.hypot(X - 12, Y - 9) < 3.2),
        ("circle 12 9 3.2", np.hypot(X - 12, Y - 9) < 3.2),
        ("circle(1, 1, 2.5)", np.hypot(X - 1, Y - 1) < 2.5),
        ("+CIRCLE(12,9,3.2) # color=red text={a; b}", np.hypot(X - 12, Y - 9) < 3.2),
        ("point(4.4,2.6) # point=x", (X == 4) & (Y == 3)),
        ("point(30,20)", (X == 30) & (Y == 20)),
        ("polygon(2.5,2.5,8.5,2.5,8.5,5.5,2.5,5.5)", (X > 2.5) & (X < 8.5) & (Y > 2.5) & (Y < 5.5)),
        ("polygon(1.5,1.2,20.5,1.2,1.5,20.2)", (X > 1.5) & (Y > 1.2) & (X + Y < 21.7)),
        ("point(4,3); circle(12,9,3.2)",
         ((X == 4) & (Y == 3)) | (np.hypot(X - 12, Y - 9) < 3.2)),
    ],
)
def test_a_pixel_is_bad_if_its_centre_is_in_a_shape(
    shape: str, expected: Bits, tmp_path: Path
) -> None:
    text = f"# Region file format: DS9 version 4.1\nglobal color=green width=1\nimage\n{shape}\n"
    np.testing.assert_array_equal(read(tmp_path / "a.reg", text), expected)
    np.testing.assert_array_equal(read(tmp_path / "a.reg", f"image; {shape}"), expected)


def test_physical_coordinates_are_those_of_the_detector(tmp_path: Path) -> None:
    subarray: dict[str, str | float] = {**FACTS, "LTV1": -1000.0, "LTV2": -500.0}
    bad = read(tmp_path / "a.reg", "physical\npoint(1004,503)\nimage\npoint(7,8)\n", subarray)
    assert np.argwhere(bad).tolist() == [[2, 3], [7, 6]]
    full = read(tmp_path / "a.reg", "physical\npoint(4,3)\n", {})
    assert np.argwhere(full).tolist() == [[2, 3]]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('fk5\ncircle(1:2:3,4:5:6,2")\n',
         "line 1: fk5 are coordinates of the sky or of a mosaic; save the regions from ds9 in im"),
        ("image; point(1,1)\nwcsa\n", "line 2: wcsa are coordinates of the sky"),
        ("point(1,1)\n", "line 1: no line before it says in which coordinates it is; save the"),
        ("image\nellipse(4,5,6,7,0)\n",
         r"line 2: expected one of box, circle, point, polygon, found 'ellipse\(4,5,6,7,0\)'; "),
        ("image\n-circle(4,5,6)\n",
         r"line 2: excludes pixels, which lists of bad pixels do not; remove '-circle\(4,5,6\)'"),
        ("image\ncircle(4,5,6) ||\n",
         r"line 2: expected one of box, .* found 'circle\(4,5,6\) \|\|'"),
        ('image\ncircle(4,5,6")\n',
         "line 2: expected 3 numbers of pixels for a circle, found '4,5,6\"'; save the regions"),
        ("image\ncircle(4,5)\n", "line 2: expected 3 numbers of pixels for a circle, found '4,5'"),
        ("image\nbox(4,5,1)\n", "line 2: expected 4 to 5 numbers of pixels for a box"),
        ("image\npolygon(1,2,3,4,5,6,7)\n", "line 2: expected 6 to 2000 numbers of pixels for a p"),
        ("image\ncircle(1e300,5,6)\n", "line 2: expected 3 numbers of pixels"),
        ("image\ncircle(nan,5,6)\n", "line 2: expected 3 numbers of pixels"),
        ("image\npoint(31,5)\n",
         r"line 2: the point has the centre of no pixel of ACSWFC_20x30_1, whose 30 x 20 p"),
        ("image\npoint(31,5)\n", r".* pixels have centres from \(1, 1\) on"),
        ("image\npoint(5,0.4)\n", "line 2: the point has the centre of no pixel"),
        ("image\ncircle(4.5,5.5,0.3)\n", "line 2: the circle has the centre of no pixel"),
        ("image\ncircle(100,5,6)\n", "line 2: the circle has the centre of no pixel"),
        ("image\nbox(4,5,-3,1)\n", "line 2: the box has the centre of no pixel"),
        ("image\npolygon(50,50,60,50,60,60)\n", "line 2: the polygon has the centre of no pixel"),
        ("image\n" + "circle(4,5,1000)\n" * 101, "its shapes cover the mask more than 100 times"),
    ],
)
def test_other_shapes_and_coordinates_are_refused(text: str, found: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=f"^{re.escape(str(tmp_path))}/a.reg: {found}"):
        read(tmp_path / "a.reg", text)


def test_physical_coordinates_of_binned_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="physical coordinates are those of the detector, and "
                                         "ACSWFC_20x30_1 is binned; save the regions in image"):
        read(tmp_path / "a.reg", "physical\npoint(4,3)\n", {"BINAXIS1": 2.0, "BINAXIS2": 2.0})
