"""Ways in which an exposure can be damaged, each with the message that it causes."""

import gzip
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from astropy.io import fits

from staticmask_cli import create_masks


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


def replace_bytes(old: bytes, new: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new))
    return damage


def insert_card(card: bytes) -> Callable[[Path], None]:
    """Put a card before NAXIS in the first header."""
    def damage(path: Path) -> None:
        content = bytearray(path.read_bytes())
        place, end = content.index(b"NAXIS   ="), content.index(b" " * 80)
        content[place : end + 80] = card.ljust(80) + content[place:end]
        path.write_bytes(content)
    return damage


def gzipped(*start: bytes, after: bytes = b"") -> Callable[[Path], None]:
    """Put other cards in the place of the first ones, or add something, and compress the file."""
    def damage(path: Path) -> None:
        content = path.read_bytes()
        cards = b"".join(card.ljust(80) for card in start)
        path.write_bytes(gzip.compress(cards + content[len(cards) :] + after))
    return damage


def folder_instead(path: Path) -> None:
    path.unlink()
    path.mkdir()


def pipe_instead(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def without_pixels(path: Path) -> None:
    header = fits.Header({"INSTRUME": "ACS"})
    empty = fits.ImageHDU(name="SCI")
    fits.HDUList([fits.PrimaryHDU(header=header), empty]).writeto(path, overwrite=True)


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
    "cut in the first header": (overwrite(b"SIMPLE  =                    T"),
                                "is truncated: the header"),
    "cut in SCI": (cut(0.6), "is truncated: SCI should end at byte .*, the file ends at"),
    "cut after SCI's header": (cut(0.24), "is truncated: SCI|neither|cannot be read"),
    "noise": (overwrite(np.random.default_rng(5).bytes(9000)), "cannot be read as FITS"),
    "negative NAXIS": (replace_bytes(b"NAXIS   =                    2",
                                     b"NAXIS   =                   -2"), "cannot be read as FITS"),
    "petabytes": (replace_bytes(b"NAXIS1  =                   80",
                                b"NAXIS1  =           8000000000"),
                  "is truncated: SCI should end at"),
    # astropy would read these without end
    "gzip without SIMPLE": (gzipped(b"LTV1    =", b"SIMPLE  ="), "first card is 'LTV1"),
    "gzip of SIMPLE = 1": (gzipped(b"SIMPLE  =                    1"), "not SIMPLE = T"),
    "gzip with more at its end": (gzipped(after=b"ZBLANK  =".ljust(2880)), "follows its last ext"),
    "an extension after a gap": (replace_bytes(b"XTENSION", bytes(2880) + b"XTENSION"),
                                 "what follows its last extension, from byte 2880, is no FITS"),
    "HIERARCH NAXIS": (insert_card(b"HIERARCH NAXIS = 999999999"), "is not how FITS writes that"),
    "NAXIS in small letters": (insert_card(b"naxis   =  999999999"), "is not how FITS writes that"),
    "a second NAXIS": (insert_card(b"NAXIS= 999999999"), "is not how FITS writes that"),
    "NAXIS twice": (replace_bytes(b"EXPTIME =                100.0",
                                  b"NAXIS   =            999999999"), "NAXIS is there twice"),
    "a number that is continued": (insert_card(b"CONTINUE  '0'"), "BITPIX is continued by a CONT"),
    "an END of another kind": (insert_card(b"END     ="), "is not how FITS writes that"),
    "END in small letters": (replace_bytes(b"END".ljust(80), b"end".ljust(80)),
                             "is not how FITS writes that"),
    "no end": (overwrite(b"SIMPLE  =                    T".ljust(80)
                         + b"COMMENT".ljust(80) * 60_000), "has no end within 4194304 bytes"),
    "endless continuation": (overwrite(b"SIMPLE  =                    T".ljust(80)
                                       + b"CONTINUE  'x&'".ljust(80) * 60_000), "has no end"),
    "folder": (folder_instead, "is a folder, expected files such as"),
    "pipe": (pipe_instead, "something that is not a file"),
    "cube": (replace_image(3, 4, 5), r"expected an image of two dimensions, found shape \(3, 4, 5"),
    "row": (replace_image(5), r"expected an image of two dimensions, found shape \(5,\)"),
    "no pixels": (replace_image(0, 5), "expected an image of two dimensions, found shape"),
    "empty SCI": (without_pixels, "expected an image of two dimensions, found no pixels"),
    "no image": (table_instead, "expected an image of two dimensions, found a table"),
    "no INSTRUME": (rewrite(INSTRUME=None), "expected INSTRUME in the primary header, found none"),
    "blank INSTRUME": (rewrite(INSTRUME="   "), "expected INSTRUME in the primary header"),
    "INSTRUME that is no text": (rewrite(INSTRUME=4.5), "expected INSTRUME in the primary header"),
    "INSTRUME of dots": (rewrite(INSTRUME="..", DETECTOR=""), "cannot name a mask"),
    "INSTRUME of marks": (rewrite(INSTRUME="//", DETECTOR=""), "cannot name a mask"),
    "endless INSTRUME": (rewrite(INSTRUME="A" * 200), "cannot name a mask: expected 1 to 64"),
    "mask": (mask_instead, "is a static mask, expected an exposure; leave it out"),
}
