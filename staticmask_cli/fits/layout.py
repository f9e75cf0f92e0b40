"""What a FITS file may claim: each of its headers, held against the file before it is believed.

Files come from strangers, and what reads them later allocates and inflates what
their headers say.  The layout of headers and data is that of the FITS standard 4.0.

Compressed content of strangers, inflated within a bound.
"""

import gzip
import io
import math
import re
from collections.abc import Iterator
from typing import IO, NamedTuple

from staticmask_cli.fits.cards import BLOCK, CARD

__all__ = [
    "BoundedGzip",
    "Layout",
    "LayoutError",
    "bounded",
    "check_claims",
    "largest_content",
    "layouts",
]

class LayoutError(ValueError):
    """A header claims what cannot be, or is not there."""


class BoundedGzip(io.BufferedIOBase):
    """The content of a gzip file, which refuses to inflate beyond a bound.

    It is no GzipFile, whose length astropy takes for 0, so that it would read damaged
    extensions without end.
    """

    def __init__(self, stream: IO[bytes], most: int) -> None:
        self._content = gzip.GzipFile(fileobj=stream, mode="rb")
        self._most = most
        self._length: int | None = None

    def readable(self) -> bool:
        """Say that it can be read."""
        return True

    def seekable(self) -> bool:
        """Say that it knows places."""
        return True

    def tell(self) -> int:
        """Place of the next byte."""
        return self._content.tell()

    def read(self, size: int | None = -1) -> bytes:
        """Read the next `size` bytes, or all there are."""
        room = self._most - self.tell() + 1
        content = self._content.read(room if size is None or size < 0 else min(size, room))
        self._check(self.tell())
        return content

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move to a byte, or to the end where that is nearer."""
        if whence == io.SEEK_END:
            if self._length is None:
                self._length = self._content.seek(self._most + 1)
                self._check(self._length)
            offset += self._length
        elif whence == io.SEEK_CUR:
            offset += self.tell()
        self._check(offset)
        return self._content.seek(offset)

    def _check(self, position: int) -> None:
        if position > self._most:
            msg = f"it would inflate to more than {self._most} bytes"
            raise LayoutError(msg)


_EXTENSION = b"XTENSION"  # how the header of an extension begins
_WIDTHS = (8, 16, 32, 64, -32, -64)  # bits of a pixel
_MOST = {"NAXIS": 999, "TFIELDS": 999}  # by the standard; readers look for each of so many
_MOST_HDUS = 1024
_LONGEST_HEADER = 1 << 22  # bytes; those of HST and JWST have some hundred thousand at most
_LARGEST_INFLATED = 1 << 28  # bytes that compressed files of any size may come to,
_MOST_INFLATION = 100  # or this many times the bytes they have
_LAYOUT = rb"(Z?(NAXIS\d*|BITPIX)|ZTILE\d+|PCOUNT|GCOUNT|TFIELDS|XTENSION|GROUPS|ZIMAGE)"
_KEYWORDS = re.compile(rb"(" + _LAYOUT + rb"|EXTNAME) *$")
# Other spellings of them, and of the end, that astropy takes for the same.
_OTHER_SPELLING = re.compile(
    rb"\s*(HIERARCH\s*)?" + _LAYOUT + rb"\s*=|END[^A-Z0-9_-]", re.IGNORECASE
)
_STANDARD = re.compile(rb"SIMPLE  = *T *(/|$)")
_END = b"END".ljust(CARD)
_HEADER_LIKE = re.compile(rb"XTENSION|SIMPLE", re.IGNORECASE)


Content = IO[bytes] | BoundedGzip


def largest_content(size: int) -> int:
    """Bytes that the pixels or the content of a compressed file of `size` bytes may come to."""
    return max(_LARGEST_INFLATED, _MOST_INFLATION * size)


def bounded(stream: IO[bytes], size: int) -> Content:
    """Look at the first bytes of a file of `size` bytes; inflate it, within bounds, if it is gzip.

    Raises
    ------
    LayoutError
        If it begins neither like FITS nor like gzip.
    """
    start = stream.read(6)
    stream.seek(0)
    if not start:
        msg = "the file is empty"
        raise LayoutError(msg)
    if start.startswith(b"\x1f\x8b"):
        return BoundedGzip(stream, largest_content(size))
    if start != b"SIMPLE":
        msg = f"it begins with {start!r}, expected SIMPLE, or gzip"
        raise LayoutError(msg)
    return stream


class Layout(NamedTuple):
    """Where an HDU is: the bytes of its header, END and padding included, and where its data begin.

    Attributes
    ----------
    header : bytes
        Empty for what follows the last HDU and is none.
    start : int
        First byte of the data, in the file or in what a compressed one inflates to.
    """

    header: bytes
    start: int


def check_claims(stream: Content, size: int) -> None:
    """Refuse a FITS file in which something does not add up; see `layouts`."""
    for _ in layouts(stream, size):
        pass


def layouts(stream: Content, size: int) -> Iterator[Layout]:
    """Walk through all HDUs of a FITS file and refuse what does not add up; read no data.

    Parameters
    ----------
    stream : file object
        As `bounded` returns it; it is left at the start.
    size : int
        Bytes of the file as it is on disk.

    Raises
    ------
    LayoutError
        If it is cut, or a header is endless, claims more than the file holds
        (or may inflate to), or has NAXIS, BITPIX, PCOUNT, GCOUNT or tiles that make no sense.
    """
    start = 0
    for _ in range(_MOST_HDUS):
        header = _header_at(stream, start)
        if not header:
            break
        if not start and not _STANDARD.match(header[:CARD]):
            msg = f"its first card is {header[:30].decode('ascii', 'replace')!r}, not SIMPLE = T"
            raise LayoutError(msg)
        cards = _cards(header)
        data = start + len(header)
        end = data + _claimed(cards)
        there = _reached(stream, end, size)
        if there < end:
            msg = f"is cut: {_name(cards)} should end at byte {end}, the file ends at {there}"
            raise LayoutError(msg)
        _number(cards, "TFIELDS", 0)  # which may be too large
        _check_tiles(cards, largest_content(size))
        yield Layout(header, data)
        start = data + math.ceil((end - data) / BLOCK) * BLOCK
    else:
        msg = f"it has more than {_MOST_HDUS} extensions"
        raise LayoutError(msg)
    if start and _has_rest(stream, start, size):
        yield Layout(b"", start)
    stream.seek(0)


def _header_at(stream: Content, start: int) -> bytes:
    """Read all blocks of a header; nothing where there is no extension any more."""
    stream.seek(start)
    header = bytearray()
    while len(header) < _LONGEST_HEADER:
        block = stream.read(BLOCK)
        if start and not header and not _EXTENSION.startswith(block[: len(_EXTENSION)] or b"-"):
            return b""
        header += block
        if any(_is_end(block[n : n + CARD]) for n in range(0, len(block), CARD)):
            return bytes(header)
        if len(block) < BLOCK:
            which = "extension" if start else "header"
            msg = f"is cut: the {which} that begins at byte {start} is not complete"
            raise LayoutError(msg)
    msg = f"the header at byte {start} has no end within {_LONGEST_HEADER} bytes"
    raise LayoutError(msg)


def _is_end(card: bytes) -> bool:
    """Whether a header ends here; refuse cards that others may read differently."""
    if card == _END:
        return True
    plain = _KEYWORDS.match(card[:8]) and card[8:10] == b"= "
    if not plain and card[:8].strip() and _OTHER_SPELLING.match(card):
        msg = f"{card.rstrip()[:CARD].decode('ascii', 'replace')!r} is not how FITS writes that"
        raise LayoutError(msg)
    return False


def _cards(header: bytes) -> dict[str, bytes]:
    """Cards that tell the layout; one that is there twice must say the same, as readers differ."""
    cards: dict[str, bytes] = {}
    for place in range(0, len(header), CARD):
        card = header[place : place + CARD]
        if card == _END:
            break
        if _KEYWORDS.match(card[:8]) and card[8:10] == b"= ":
            key, value = card[:8].decode("ascii").strip(), card[9:]
            if cards.setdefault(key, value) != value and key != "EXTNAME":
                msg = f"{key} is there twice, with different values"
                raise LayoutError(msg)
    return cards


def _number(cards: dict[str, bytes], key: str, default: int | None = None) -> int:
    """Value of a whole number >= 0 (BITPIX may be negative)."""
    if key not in cards:
        if default is None:
            msg = f"{key} is missing"
            raise LayoutError(msg)
        return default
    found = re.match(rb" *([+-]?\d{1,18}) *(/|$)", cards[key])
    number = int(found.group(1)) if found else -1
    most = _MOST.get(key.removeprefix("Z"), math.inf)
    if not 0 <= number <= most and not (found and key.endswith("BITPIX")):
        value = cards[key].partition(b"/")[0].strip().decode("ascii", "replace")
        expected = ">= 0" if most == math.inf else f"from 0 to {most}"
        msg = f"{key} = {value}: expected a whole number {expected}"
        raise LayoutError(msg)
    return number


def _pixels(cards: dict[str, bytes], prefix: str = "") -> list[int]:
    """Lengths of the axes."""
    axes = _number(cards, f"{prefix}NAXIS")
    return [_number(cards, f"{prefix}NAXIS{n}") for n in range(1, axes + 1)]


def _bytes_of_pixel(cards: dict[str, bytes], prefix: str = "") -> int:
    width = _number(cards, f"{prefix}BITPIX")
    if width not in _WIDTHS:
        msg = f"{prefix}BITPIX = {width}: expected one of {', '.join(map(str, _WIDTHS))}"
        raise LayoutError(msg)
    return abs(width) // 8


def _claimed(cards: dict[str, bytes]) -> int:
    """Bytes of data that a header claims, without padding."""
    axes, width = _pixels(cards), _bytes_of_pixel(cards)
    parameters, groups = _number(cards, "PCOUNT", 0), _number(cards, "GCOUNT", 1)
    random_groups = cards.get("GROUPS", b"").split(b"/")[0].strip() == b"T"
    is_image = b"IMAGE" in cards.get("XTENSION", b"IMAGE") and not random_groups
    if is_image and (parameters, groups) != (0, 1):
        msg = f"PCOUNT = {parameters} and GCOUNT = {groups}: expected 0 and 1 for an image"
        raise LayoutError(msg)
    if random_groups and axes and axes[0] == 0:
        axes = axes[1:]
    return width * groups * (parameters + math.prod(axes)) if axes else 0


def _check_tiles(cards: dict[str, bytes], most: int) -> None:
    """Refuse an image compressed in tiles that would be too large, or whose tiles do not fit."""
    if cards.get("ZIMAGE", b"").split(b"/")[0].strip() != b"T":
        return
    axes = _pixels(cards, "Z")
    claimed = _bytes_of_pixel(cards, "Z") * math.prod(axes)
    if claimed > most:
        msg = f"{_name(cards)} would inflate to {claimed} bytes, of more than {most} allowed"
        raise LayoutError(msg)
    for n, length in enumerate(axes, 1):
        tile = _number(cards, f"ZTILE{n}", max(length, 1))
        if not 1 <= tile <= max(length, 1):
            msg = f"ZTILE{n} = {tile}: expected 1 to {length}"
            raise LayoutError(msg)


def _reached(stream: Content, position: int, size: int) -> int:
    """Move to a byte; return it, or where the file ends before it."""
    if isinstance(stream, BoundedGzip):
        stream.seek(position)
        return stream.tell()
    return min(position, size)


def _has_rest(stream: Content, start: int, size: int) -> bool:
    """Whether anything follows the last HDU; refuse it if longer than any header, or like one.

    Astropy may find an extension in it whose claims were never checked.  Where it is
    compressed, refuse all of it, as astropy may read it again and again.
    """
    most = start if isinstance(stream, BoundedGzip) else start + _LONGEST_HEADER
    end = _reached(stream, most + 1, size)
    stream.seek(start)
    if end > most or (end > start and _HEADER_LIKE.search(stream.read(end - start))):
        msg = f"what follows its last extension, from byte {start}, is no FITS"
        raise LayoutError(msg)
    return end > start


def _name(cards: dict[str, bytes]) -> str:
    found = re.match(rb" *'([^']*)'", cards.get("EXTNAME", b""))
    text = found.group(1).decode("ascii", "replace").strip() if found else ""
    return text[:CARD] or ("an extension" if "XTENSION" in cards else "PRIMARY")
