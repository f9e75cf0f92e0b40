"""The header of an image that is compressed in tiles, from that of the table which holds them."""

import re

from staticmask_cli.fits.header import CARD, Header

__all__ = ["image_header"]

# Keywords that the table and the image both need; those of the image stand there with a Z.
_OF_BOTH = re.compile(rb"(Z?)(BITPIX|NAXIS\d{0,3}|PCOUNT|GCOUNT|CHECKSUM|DATASUM) *")
_OF_TABLE = re.compile(rb"XTENSION|ZIMAGE  |TFIELDS |THEAP   ")
_NO_NAME = re.compile(rb"EXTNAME = 'COMPRESSED_IMAGE' *(/|$)")  # of an image that has none


def image_header(cards: bytes) -> Header:
    """Return the header of an image, as astropy has it but for its order.

    Keywords of the columns and of the compression are kept, as they mean nothing in an image.

    Parameters
    ----------
    cards : bytes
        The header of the table (FITS standard 4.0, section 10).
    """
    kept = []
    for start in range(0, len(cards), CARD):
        card = cards[start : start + CARD]
        of_both = _OF_BOTH.fullmatch(card[:8])
        if of_both and of_both[1]:
            kept.append(of_both[2].ljust(8) + card[8:])
        elif not (of_both or _OF_TABLE.match(card) or _NO_NAME.match(card)):
            kept.append(card)
    return Header(b"".join(kept))
