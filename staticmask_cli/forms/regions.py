"""Region files of ds9: bad pixels as boxes, and the shapes that a person draws around them.

The format is that of the ds9 reference manual, chapter Regions.  Only shapes in pixels are read:
boxes, circles, points and polygons in ``image`` or ``physical`` coordinates.
"""

import math
import re
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from staticmask_cli.errors import InputError
from staticmask_cli.forms.boxes import Work, boxes_of
from staticmask_cli.forms.known_mask import KnownMask, reason_of
from staticmask_cli.forms.listed import BadPixelList, Bits, Target
from staticmask_cli.forms.origin import facts_in, signature_in, text_lines, words_in, words_of

__all__ = ["list_of_regions", "looks_like_regions", "regions_text"]

_FRAMES = ("image", "physical")
_OTHER_FRAMES = {
    "fk4", "b1950", "fk5", "j2000", "icrs", "galactic", "ecliptic", "linear", "amplifier",
    "detector", "wcs",
}
_SHAPES = {"box": (4, 5), "circle": (3, 3), "point": (2, 2), "polygon": (6, 2000)}
_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d{1,3})?")
_COMMAND = re.compile(r"([+-]?)([A-Za-z]\w*)\s*\(?([^()]*)\)?")
_LARGEST = 1e7  # pixels, of any coordinate or size
_HELP = "save the regions from ds9 in image coordinates, as boxes, circles, points or polygons"


def regions_text(mask: KnownMask, bad: Bits) -> str:
    """Return bad pixels as a region file: a box for each line and cluster, in image coordinates.

    Parameters
    ----------
    mask : KnownMask
        The mask that the pixels are of; the cause of a box is its tag.
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.
    """
    lines = [
        "# Region file format: DS9 version 4.1",
        "# Bad pixels: those whose centres are in a box. The centre of the first pixel is (1, 1).",
        *(f"# {line}" for line in text_lines(words_of("regions", mask.signature, mask.facts))),
        "global color=red", "image",
    ]
    for x, y, width, height in boxes_of(bad).tolist():
        centre = f"{_number(x + (width + 1) / 2)},{_number(y + (height + 1) / 2)}"
        reason = reason_of(mask.causes_in(x, y, width, height))
        lines.append(f"box({centre},{width},{height},0) # tag={{{reason}}}")
    return "\n".join(lines) + "\n"


def _number(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def looks_like_regions(line: str) -> bool:
    """Whether a line, the first of a file that is no comment, is one of a region file."""
    found = re.match(r"[+-]?([a-z]\w*)", line.strip().lower())
    return found is not None and found[1] in {"global", *_FRAMES, *_OTHER_FRAMES, *_SHAPES}


def list_of_regions(path: str, text: str) -> BadPixelList:
    """Return the list of bad pixels in a region file.

    A pixel is bad if its centre lies in a shape; a point marks the pixel in which it lies.

    Raises
    ------
    InputError
        If a line is not understood, or has a shape or coordinates of another kind.
    """
    lines = text.splitlines()
    words = words_in(lines)
    shapes = list(_shapes_in(path, lines))
    return BadPixelList(
        path, lambda target: _painted(path, shapes, target), signature_in(words),
        facts=facts_in(words),
    )


@dataclass(frozen=True)
class _Shape:
    """A shape of a region file, with the numbers as they stand in its line."""

    line: int
    kind: str
    frame: str
    numbers: tuple[float, ...]


def _shapes_in(path: str, lines: list[str]) -> Iterator[_Shape]:
    frame = ""
    for number, line in enumerate(lines, 1):
        for command in line.partition("#")[0].split(";"):
            word = command.strip()
            if not word or word.lower().startswith("global"):
                continue
            where = f"{path}: line {number}"
            if word.lower() in _FRAMES:
                frame = word.lower()
            elif word.lower() in _OTHER_FRAMES or re.fullmatch(r"wcs[a-z]", word.lower()):
                msg = f"{where}: {word} are coordinates of the sky or of a mosaic; {_HELP}"
                raise InputError(msg)
            else:
                yield _shape(where, number, frame, word)


def _shape(where: str, line: int, frame: str, word: str) -> _Shape:
    """Read one shape."""
    found = _COMMAND.fullmatch(word)
    kind = found[2].lower() if found else ""
    if found is None or kind not in _SHAPES:
        msg = f"{where}: expected one of {', '.join(_SHAPES)}, found {word[:60]!r}; {_HELP}"
        raise InputError(msg)
    if found[1] == "-":
        msg = f"{where}: excludes pixels, which lists of bad pixels do not; remove {word[:60]!r}"
        raise InputError(msg)
    if not frame:
        msg = f"{where}: no line before it says in which coordinates it is; {_HELP}"
        raise InputError(msg)
    texts = [part for part in re.split(r"[\s,]+", found[3].strip()) if part]
    numbers = tuple(float(part) for part in texts if _NUMBER.fullmatch(part))
    fewest, most = _SHAPES[kind]
    wrong = len(numbers) != len(texts) or not fewest <= len(numbers) <= most
    if wrong or (kind == "polygon" and len(numbers) % 2) or any(
            abs(value) > _LARGEST for value in numbers):
        msg = (f"{where}: expected {fewest}{'' if most == fewest else f' to {most}'} numbers of "
               f"pixels for a {kind}, found {found[3][:60]!r}; {_HELP}")
        raise InputError(msg)
    return _Shape(line, kind, frame, numbers)


def _painted(path: str, shapes: list[_Shape], target: Target) -> Bits:
    """Return the pixels of a target whose centres lie in a shape."""
    bad = np.zeros(target.signature.shape, np.bool_)
    work = Work(path, bad.size)
    for shape in shapes:
        offset = _offset(path, shape, target)
        if not _paint(bad, shape, offset, work):
            ny, nx = bad.shape
            msg = (f"{path}: line {shape.line}: the {shape.kind} has the centre of no pixel of "
                   f"{target.name}, whose {nx} x {ny} pixels have centres from (1, 1) on; "
                   "move it, or make it larger")
            raise InputError(msg)
    return bad


def _offset(path: str, shape: _Shape, target: Target) -> tuple[float, float]:
    """Return what is added to x and y to count pixels from 0."""
    if shape.frame == "image":
        return -1.0, -1.0
    if target.is_binned:
        msg = (f"{path}: line {shape.line}: physical coordinates are those of the detector, and "
               f"{target.name} is binned; save the regions in image coordinates")
        raise InputError(msg)
    return target.offset("LTV1") - 1.0, target.offset("LTV2") - 1.0


def _paint(bad: Bits, shape: _Shape, offset: tuple[float, float], work: Work) -> bool:
    """Mark the pixels in a shape; return whether there was any."""
    corners = len(shape.numbers) if shape.kind == "polygon" else 2
    xs = [value + offset[0] for value in shape.numbers[0:corners:2]]
    ys = [value + offset[1] for value in shape.numbers[1:corners:2]]
    if shape.kind == "point":
        xs, ys = [math.floor(xs[0] + 0.5)], [math.floor(ys[0] + 0.5)]
    reach = _reach(shape)
    columns = _centres_between(min(xs) - reach[0], max(xs) + reach[0], bad.shape[1])
    rows = _centres_between(min(ys) - reach[1], max(ys) + reach[1], bad.shape[0])
    npix = (columns.stop - columns.start) * (rows.stop - rows.start)
    work.spend(npix * len(xs))
    if shape.kind in ("circle", "polygon") or any(shape.numbers[4:]):
        dx = np.arange(columns.start, columns.stop)[None, :] - xs[0]
        dy = np.arange(rows.start, rows.stop)[:, None] - ys[0]
        within = _within(shape, dx, dy, np.array(xs) - xs[0], np.array(ys) - ys[0])
        bad[rows, columns] |= within
        return bool(within.any())
    bad[rows, columns] = True
    return bool(npix)


def _reach(shape: _Shape) -> tuple[float, float]:
    """Return how far a shape reaches along x and y beyond its coordinates."""
    if shape.kind == "circle":
        return shape.numbers[2], shape.numbers[2]
    if shape.kind == "box":
        width, height, *turn = shape.numbers[2:]
        angle = math.radians(turn[0]) if turn else 0.0
        cos, sin = abs(math.cos(angle)), abs(math.sin(angle))
        return (width * cos + height * sin) / 2, (width * sin + height * cos) / 2
    return 0.5, 0.5  # for a point its pixel, and for a polygon its edges


def _centres_between(low: float, high: float, size: int) -> slice:
    """Return the pixels, counted from 0, whose centres lie between two coordinates."""
    start = min(max(math.floor(low) + 1, 0), size)
    return slice(start, max(start, min(math.ceil(high), size)))


def _within(shape: _Shape, dx: np.ndarray, dy: np.ndarray, xs: np.ndarray, ys: np.ndarray) -> Bits:
    """Whether the points at these distances from the first coordinates lie within a shape."""
    if shape.kind == "circle":
        within: Bits = dx**2 + dy**2 < shape.numbers[2] ** 2
        return within
    if shape.kind == "box":
        width, height, *turn = shape.numbers[2:]
        angle = math.radians(turn[0]) if turn else 0.0
        along = dx * math.cos(angle) + dy * math.sin(angle)
        across = dy * math.cos(angle) - dx * math.sin(angle)
        return (np.abs(along) < width / 2) & (np.abs(across) < height / 2)
    inside = np.zeros((dy.size, dx.size), np.bool_)
    for x1, y1, x2, y2 in zip(xs, ys, np.roll(xs, 1), np.roll(ys, 1), strict=True):
        if y1 != y2:
            crossing = (x2 - x1) * (dy - y1) / (y2 - y1) + x1
            inside ^= ((y1 > dy) != (y2 > dy)) & (dx < crossing)
    return inside
