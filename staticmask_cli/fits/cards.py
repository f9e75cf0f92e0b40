"""Cards of a header that is to be changed, of which all others keep their bytes."""

import re
from collections.abc import Sequence

from staticmask_cli.fits.checksums import NO_CHECKSUM, checksum_of, sum_added, sum_of
from staticmask_cli.fits.header import BLOCK, CARD

__all__ = ["as_image", "cards_in", "has_sums", "header_of", "history", "with_history", "with_sums"]

Cards = list[bytes]

_TEXT = CARD - len("HISTORY ")
_OF_CONSTANT = (b"NPIX1", b"NPIX2", b"PIXVALUE")
_STRING = re.compile(rb"= *'(?:[^']|'')*' *")
_TO_COMMENT = 23  # bytes from the = of a card to the slash before its comment, at least


def cards_in(header: bytes) -> Cards:
    """Return the cards of a header before its END card."""
    cards = [header[start : start + CARD] for start in range(0, len(header), CARD)]
    return cards[: cards.index(b"END".ljust(CARD))]


def header_of(cards: Cards, *, length: int = 0) -> bytes:
    """Return the bytes of a header with its END card, in whole blocks and of this length at least.

    A header that had more blocks than it needs keeps them, so that what follows keeps its place.
    """
    content = b"".join((*cards, b"END"))
    return content.ljust(max(-(-len(content) // BLOCK) * BLOCK, length))


def history(text: str) -> Cards:
    """Return the HISTORY cards of a text of printable ASCII, in as many pieces as it needs."""
    pieces = [text[start : start + _TEXT] for start in range(0, len(text), _TEXT)]
    return [f"HISTORY {piece:{_TEXT}}".encode("ascii") for piece in pieces]


def with_history(cards: Cards, added: Sequence[Cards]) -> Cards:
    """Return the cards with HISTORY cards at the end, but for those that are there already.

    Blank cards at the end are room for more cards, which are put in their places.
    """
    new = [card for entry in added if not _contains(cards, entry) for card in entry]
    last = next((n for n in range(len(cards), 0, -1) if cards[n - 1].strip()), 0)
    return cards[:last] + new + cards[last + len(new) :]


def _contains(cards: Cards, entry: Cards) -> bool:
    """Whether several cards follow one another somewhere in a header."""
    size = len(entry)
    return any(cards[n : n + size] == entry for n in range(len(cards) - size + 1))


def as_image(cards: Cards, shape: tuple[int, int], bitpix: int) -> Cards:
    """Return the cards of a constant-value extension as those of an image."""
    image = []
    for card in cards:
        key = card[:8].rstrip()
        if key == b"BITPIX":
            image.append(_integer("BITPIX", bitpix))
        elif key == b"NAXIS":
            image.append(_integer("NAXIS", 2))
            image += [_integer(f"NAXIS{n}", length) for n, length in ((1, shape[1]), (2, shape[0]))]
        elif key not in _OF_CONSTANT:
            image.append(card)
    return image


def _integer(key: str, value: int) -> bytes:
    return f"{key:8}= {value:20}".ljust(CARD).encode("ascii")


def has_sums(cards: Cards) -> bool:
    """Whether a header has CHECKSUM or DATASUM."""
    return any(card[:10] in (b"CHECKSUM= ", b"DATASUM = ") for card in cards)


def with_sums(cards: Cards, datasum: int, *, length: int = 0) -> bytes:
    """Return the bytes of a header, with the right values in CHECKSUM and DATASUM if it has them.

    Parameters
    ----------
    cards : list of bytes
        The cards of the header; the comments of CHECKSUM and DATASUM are kept.
    datasum : int
        The sum of the bytes of the data, as `sum_of` computes it.
    length : int
        As in `header_of`.
    """
    def header(checksum: str) -> bytes:
        values = {b"CHECKSUM= ": checksum, b"DATASUM = ": f"{datasum:<8}"}
        return header_of(
            [_with_text(card, values[card[:10]]) if card[:10] in values else card
             for card in cards], length=length)

    return header(checksum_of(sum_added(sum_of(header(NO_CHECKSUM)), datasum)))


def _with_text(card: bytes, text: str) -> bytes:
    """Return a card with another string as its value, and the same comment."""
    found = _STRING.match(card, 8)
    comment = card[found.end() :] if found else b"".join(card[8:].partition(b"/")[1:])
    value = f"= '{text}'".encode("ascii").ljust(_TO_COMMENT)
    return (card[:8] + value + comment).ljust(CARD)[:CARD]
