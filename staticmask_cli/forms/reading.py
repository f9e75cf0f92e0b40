"""Read lists of bad pixels from a file, whatever its form; files are untrusted."""

import os

from staticmask_cli.errors import InputError
from staticmask_cli.fits.open import opened
from staticmask_cli.forms.bpixtab import list_of_bpixtab
from staticmask_cli.forms.images import lists_in_images
from staticmask_cli.forms.known_mask import is_named_as_mask, number_in_name, read_known_mask
from staticmask_cli.forms.listed import BadPixelList
from staticmask_cli.forms.origin import is_ours
from staticmask_cli.forms.regions import list_of_regions, looks_like_regions
from staticmask_cli.forms.tables import list_of_table, looks_like_table
from staticmask_cli.io.paths import is_remote, open_file, size_of

__all__ = ["read_lists"]

_LARGEST_TEXT = 1 << 26  # bytes; single boxes for a tenth of a chip of ACS/WFC have half
_FITS_STARTS = (b"SIMPLE", b"\x1f\x8b", b"BZh", b"\x1f\x9d")

_EXPECTED = (
    "a static mask, an image of whole numbers, a bad pixel table of HST, a region file of ds9, "
    "or a table with the columns x0, y0, width and height (boxes, from 0), x_from_0 and y_from_0, "
    "or x_from_1 and y_from_1 (pixels)"
)


def read_lists(path: str, bad_value: int | None) -> list[BadPixelList]:
    """Read the lists of bad pixels in a file.

    Parameters
    ----------
    path : str
        The path of the file, which is opened read-only.
    bad_value : int or None
        1 if all values but 0 are bad in an image that does not say so, 0 if 0 is; None if the
        user has not said it.

    Returns
    -------
    list of BadPixelList
        Usually one; several if a file has several images.

    Raises
    ------
    InputError
        If the file cannot be read, is absurdly large or has no list of bad pixels.
    ConfigError
        If an image does not say which value is bad, and `bad_value` is None.
    """
    if not is_remote(path) and not os.path.isfile(path):
        found = "something that is not a file" if os.path.lexists(path) else "no such file"
        msg = f"{path}: {found}; expected {_EXPECTED}"
        raise InputError(msg)
    try:
        with open_file(path) as stream:
            start: bytes = stream.read(6)
            is_fits = start.startswith(_FITS_STARTS)
            too_large = not is_fits and size_of(path) > _LARGEST_TEXT
            content = b"" if is_fits or too_large else start + stream.read()
    except OSError as error:
        msg = f"{path}: cannot be read: {error.strerror or error}"
        raise InputError(msg) from error
    if is_fits:
        return _lists_in_fits(path, bad_value)
    if too_large or b"\0" in content:
        why = "is larger than 64 MiB" if too_large else "is neither FITS nor text"
        msg = f"{path}: {why}; expected {_EXPECTED}"
        raise InputError(msg)
    return [_list_in_text(path, content.decode("utf-8-sig", "replace"))]


def _lists_in_fits(path: str, bad_value: int | None) -> list[BadPixelList]:
    with opened(path) as hdus:
        header = hdus[0].header
        is_mask = "FORM" not in header if is_ours(header) else is_named_as_mask(path)
        if not is_mask:
            table = list_of_bpixtab(path, hdus)
            lists = [table] if table else lists_in_images(path, hdus, bad_value)
            if not lists:
                msg = f"{path}: has no list of bad pixels; expected {_EXPECTED}"
                raise InputError(msg)
            return lists
    mask = read_known_mask(path)
    ny, nx = mask.bad.shape
    number = None if mask.signature else number_in_name(path)
    facts = {key: value for key, value in mask.facts.items() if key != "BUNIT"}
    return [BadPixelList(path, lambda _: mask.bad, mask.signature, (ny, nx), number, facts,
                         stated_bad=0)]


def _list_in_text(path: str, text: str) -> BadPixelList:
    first = next((line for line in text.splitlines()
                  if line.strip() and not line.lstrip().startswith("#")), "")
    if looks_like_table(first):
        return list_of_table(path, text)
    if looks_like_regions(first):
        return list_of_regions(path, text)
    msg = f"{path}: expected {_EXPECTED}; its first line is {first[:60]!r}"
    raise InputError(msg)
