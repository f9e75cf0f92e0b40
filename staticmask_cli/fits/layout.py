"""The layout of a FITS file: where its headers and data are, checked before it is relied on.

Files are untrusted, and what reads them later allocates and inflates what their headers claim.
So each header is compared with the length of the file first.  The layout is that of the FITS
standard 4.0.
"""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from staticmask_cli.fits.header import BLOCK, CARD
from staticmask_cli.fits.inflate import Content, Inflated, LayoutError, largest_content

__all__ = ["Layout", "check_layout", "layouts"]

_EXTENSION = b"XTENSION"  # how the header of an extension begins
_BITPIX = (8, 16, 32, 64, -32, -64)
_MOST = {"NAXIS": 999, "TFIELDS": 999}  # by the standard; readers look for each of so many
_MOST_HDUS = 1024
_LONGEST_HEADER = 1 << 22  # bytes; the longest of HST and JWST have some hundred thousand
_LARGEST_HEADERS = 1 << 25  # bytes of all headers; astropy needs twenty times as much memory
_LAYOUT = rb"(?:Z?(?:NAXIS\d*|BITPIX)|ZTILE\d+|PCOUNT|GCOUNT|TFIELDS|XTENSION|GROUPS|ZIMAGE)"
_KEYWORDS = re.compile(rb"(" + _LAYOUT + rb"|EXTNAME) *$")
# Other spellings of these keywords, and of END, which astropy reads as the same.
_SPELLING = rb"\s{0,79}+(?:HIERARCH\s*)?" + _LAYOUT + rb"\s*=|END[^A-Z0-9_-]"
_OTHER_SPELLING = re.compile(_SPELLING, re.IGNORECASE)
# Cards that mean nothing here, which are nearly all; most differ in the first letter already.
_OTHERS = re.compile(
    rb"(?:[^BCEGHNPTXZ\s].{79}|(?!" + _SPELLING + rb"|EXTNAME|CONTINUE).{80})*",
    re.DOTALL | re.IGNORECASE,
)
_OPEN = re.compile(rb"&' *(/|$)")  # a string that the next card continues
_WHOLE = re.compile(rb" *([+-]?\d{1,18}) *(/|$)")  # a number
_STANDARD = re.compile(rb"SIMPLE  = *T *(/|$)")
_END = b"END".ljust(CARD)
_UP_TO_END = re.compile(rb"(?:.{80})*?" + _END, re.DOTALL)
_HEADER_LIKE = re.compile(rb"XTENSION|SIMPLE", re.IGNORECASE)


class Layout(NamedTuple):
    """The header of an HDU, and the position of its data.

    Attributes
    ----------
    header : bytes
        The whole header, with the END card and the padding; empty for bytes that follow the last
        HDU and are none.
    start : int
        The position of the first byte of the data, in the file or in what it inflates to.
    complete : bool
        Whether the file has all bytes of the last block of the data, those after the data too.
    """

    header: bytes
    start: int
    complete: bool = True


def check_layout(content: Content, size: int) -> None:
    """Refuse a FITS file whose headers contradict what it holds, as `layouts` does."""
    for _ in layouts(content, size):
        pass


def layouts(content: Content, size: int) -> Iterator[Layout]:
    """Walk through all HDUs of a FITS file and check their headers; the data are not read.

    Parameters
    ----------
    content : binary file
        The file, or what it inflates to, as `bounded` returns it; it is left at its start.
    size : int
        The length of the file on disk, in bytes.

    Raises
    ------
    LayoutError
        If the file is truncated, or a header has no end, claims more than the file holds (or may
        inflate to), has an impossible NAXIS, BITPIX, PCOUNT, GCOUNT or tile size, or if all headers
        together are too large.
    """
    start = headers = 0
    for _ in range(_MOST_HDUS):
        header = _header_at(content, start)
        headers += len(header)
        if headers > _LARGEST_HEADERS:
            msg = f"its headers have more than {_LARGEST_HEADERS} bytes"
            raise LayoutError(msg)
        if not header:
            break
        if not start and not _STANDARD.match(header[:CARD]):
            msg = f"its first card is {header[:30].decode('ascii', 'replace')!r}, not SIMPLE = T"
            raise LayoutError(msg)
        cards = _cards(header)
        data = start + len(header)
        end = data + _data_size(cards)
        following = data + math.ceil((end - data) / BLOCK) * BLOCK
        reached = _reached(content, following, size)
        if reached < end:
            msg = (f"is truncated: {_name(cards)} should end at byte {end}, "
                   f"the file ends at {reached}")
            raise LayoutError(msg)
        _number(cards, "TFIELDS", 0)  # which refuses one that is too large
        _check_tiles(cards, largest_content(size))
        yield Layout(header, data, reached == following)
        start = following
    else:
        msg = f"it has more than {_MOST_HDUS} extensions"
        raise LayoutError(msg)
    if start and _has_trailing_bytes(content, start, size):
        yield Layout(b"", start)
    content.seek(0)


def _header_at(content: Content, start: int) -> bytes:
    """Read all blocks of a header; an empty result means that no extension begins there."""
    content.seek(start)
    header = bytearray()
    while len(header) < _LONGEST_HEADER:
        block = content.read(BLOCK)
        if start and not header and not _EXTENSION.startswith(block[: len(_EXTENSION)] or b"-"):
            return b""
        header += block
        if _UP_TO_END.match(block):
            return bytes(header)
        if len(block) < BLOCK:
            _cards(bytes(header))  # which may find the card that should be END
            which = "extension" if start else "header"
            msg = f"is truncated: the {which} that begins at byte {start} is not complete"
            raise LayoutError(msg)
    msg = f"the header at byte {start} has no end within {_LONGEST_HEADER} bytes"
    raise LayoutError(msg)


def _cards(header: bytes) -> dict[str, bytes]:
    """Return the cards that define the layout, by keyword.

    A keyword that occurs twice must have the same value, and only a string that ends with ``&``
    may be continued, as readers differ in what they use otherwise.  Cards that other readers may
    read as one of these, or as END, are refused.
    """
    cards: dict[str, bytes] = {}
    start = 0
    while (found := _OTHERS.match(header, start)) and found.end() < len(header):
        start = found.end() + CARD
        before, card = header[start - 2 * CARD : start - CARD], header[start - CARD : start]
        if card == _END:
            break
        if _KEYWORDS.match(card[:8]) and card[8:10] == b"= ":
            key, value = card[:8].decode("ascii").strip(), card[9:]
            if cards.setdefault(key, value) != value and key != "EXTNAME":
                msg = f"{key} is there twice, with different values"
                raise LayoutError(msg)
        elif card[:8] == b"CONTINUE" and _KEYWORDS.match(before[:8]) and not _OPEN.search(before):
            key = before[:8].decode("ascii").strip()
            msg = f"{key} is continued by a CONTINUE card, but is no string that ends with &"
            raise LayoutError(msg)
        elif _OTHER_SPELLING.match(card) and card[:8].strip():
            msg = f"{card.rstrip().decode('ascii', 'replace')!r} is not how FITS writes that"
            raise LayoutError(msg)
    return cards


def _number(cards: dict[str, bytes], key: str, default: int | None = None) -> int:
    """Return an integer >= 0 from a card (BITPIX may be negative)."""
    if key not in cards:
        if default is None:
            msg = f"{key} is missing"
            raise LayoutError(msg)
        return default
    found = _WHOLE.match(cards[key])
    number = int(found.group(1)) if found else -1
    most = _MOST.get(key.removeprefix("Z"), math.inf)
    if not 0 <= number <= most and not (found and key.endswith("BITPIX")):
        value = cards[key].partition(b"/")[0].strip().decode("ascii", "replace")
        expected = ">= 0" if most == math.inf else f"from 0 to {most}"
        msg = f"{key} = {value}: expected a whole number {expected}"
        raise LayoutError(msg)
    return number


def _axes(cards: dict[str, bytes], prefix: str = "") -> list[int]:
    """Return the lengths of the axes."""
    naxis = _number(cards, f"{prefix}NAXIS")
    return [_number(cards, f"{prefix}NAXIS{n}") for n in range(1, naxis + 1)]


def _bytes_of_pixel(cards: dict[str, bytes], prefix: str = "") -> int:
    bitpix = _number(cards, f"{prefix}BITPIX")
    if bitpix not in _BITPIX:
        msg = f"{prefix}BITPIX = {bitpix}: expected one of {', '.join(map(str, _BITPIX))}"
        raise LayoutError(msg)
    return abs(bitpix) // 8


def _data_size(cards: dict[str, bytes]) -> int:
    """Return how many bytes of data a header claims, without padding."""
    axes, width = _axes(cards), _bytes_of_pixel(cards)
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
    """Refuse an image compressed in tiles that is too large, or whose tiles do not fit into it."""
    if cards.get("ZIMAGE", b"").split(b"/")[0].strip() != b"T":
        return
    axes = _axes(cards, "Z")
    claimed = _bytes_of_pixel(cards, "Z") * math.prod(axes)
    if claimed > most:
        msg = f"{_name(cards)} would inflate to {claimed} bytes, more than the {most} allowed"
        raise LayoutError(msg)
    for n, length in enumerate(axes, 1):
        tile = _number(cards, f"ZTILE{n}", max(length, 1))
        if not 1 <= tile <= max(length, 1):
            msg = f"ZTILE{n} = {tile}: expected 1 to {length}"
            raise LayoutError(msg)


def _reached(content: Content, position: int, size: int) -> int:
    """Return a position, or that of the end if the content ends before it."""
    if isinstance(content, Inflated):
        content.seek(position)
        return content.tell()
    return min(position, size)


def _has_trailing_bytes(content: Content, start: int, size: int) -> bool:
    """Whether anything follows the last HDU.

    It is refused if it is longer than any header, or looks like one, as astropy may find an
    extension in it whose header was never checked.  In a compressed file it is always refused, as
    astropy may read it again and again.
    """
    most = start if isinstance(content, Inflated) else start + _LONGEST_HEADER
    end = _reached(content, most + 1, size)
    content.seek(start)
    if end > most or (end > start and _HEADER_LIKE.search(content.read(end - start))):
        msg = f"what follows its last extension, from byte {start}, is no FITS"
        raise LayoutError(msg)
    return end > start


def _name(cards: dict[str, bytes]) -> str:
    """Return how messages call an HDU."""
    found = re.match(rb" *'([^']*)'", cards.get("EXTNAME", b""))
    text = found.group(1).decode("ascii", "replace").strip() if found else ""
    return text[:CARD] or ("an extension" if "XTENSION" in cards else "PRIMARY")
