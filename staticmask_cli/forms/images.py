"""Images of bad pixels: DQ flags, flags of 0 and 1, and weights."""

from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ConfigError, InputError
from staticmask_cli.exposures.instruments import instrument_of
from staticmask_cli.fits.open import pixels_of
from staticmask_cli.fits.writer import Card, NewHDU, image
from staticmask_cli.forms.known_mask import KnownMask
from staticmask_cli.forms.listed import BadPixelList, Bits
from staticmask_cli.forms.origin import is_ours, words_of
from staticmask_cli.masks.mask_cards import DETECTOR_FACTS, facts_of, signature_of
from staticmask_cli.masks.members_table import as_ascii

__all__ = ["IMAGES", "image_of", "lists_in_images"]

IMAGES = ("dq", "flag", "weight")
"""The names of the forms that are images."""

_COMMENTS = {
    "CREATOR": "program that made this image", "FORM": "form of this list of bad pixels",
    "SIGDET": "signature: instrument and detector", "SIGNUM": "signature: number of the chip",
    **DETECTOR_FACTS,
}
_MOST_HDUS = 1000
_LARGEST_INT16 = 0x7FFF


def image_of(form: str, mask: KnownMask, bad: Bits) -> NewHDU:
    """Return bad pixels as the only image of a file.

    Parameters
    ----------
    form : str
        ``dq``: 0 is good, and a bad pixel has the bits that the DQ flags of the instrument have
        for one; int16, or uint32 for JWST.  ``flag``: uint8, 0 good and 1 bad.  ``weight``:
        uint8, 1 good and 0 bad.
    mask : KnownMask
        The mask that the pixels are of.
    bad : numpy.ndarray of bool, shape (ny, nx)
        True = bad.

    Raises
    ------
    InputError
        If the DQ flags of the instrument are not known.
    """
    good_value, bad_value = (1, 0) if form == "weight" else (0, 1)
    dtype: type[np.integer[Any]] = np.uint8
    if form == "dq":
        bad_value = _bits_of(mask)
        dtype = np.int16 if bad_value <= _LARGEST_INT16 else np.uint32
    pixels: npt.NDArray[Any] = np.where(bad, dtype(bad_value), dtype(good_value))
    cards: list[Card] = [
        (key, as_ascii(value) if isinstance(value, str) else value, _COMMENTS[key])
        for key, value in words_of(form, mask.signature, mask.facts).items() if key in _COMMENTS
    ]
    cards += [("GOODVAL", good_value, "value of a good pixel; all others are bad"),
              ("BADVAL", bad_value, "value of a bad pixel")]
    return image(pixels, cards, comment=f"{good_value} = good, {bad_value} = bad.")


def _bits_of(mask: KnownMask) -> int:
    instrument = str(mask.facts.get("INSTRUME", ""))
    bits = instrument_of(instrument).bad_pixel_bits
    if not bits:
        found = f"INSTRUME {instrument}" if instrument else "no INSTRUME in its header"
        msg = (f"{mask.path}: the DQ bit of a bad detector pixel is known for HST and JWST alone, "
               f"found {found}; use --as flag, 0 good and 1 bad")
        raise InputError(msg)
    return bits


def lists_in_images(
    path: str, hdus: Any, bad_value: int | None  # noqa: ANN401 - an HDUList
) -> list[BadPixelList]:
    """Return the lists in the images of a FITS file that is no mask of ours.

    Parameters
    ----------
    path : str
        The path of the file.
    hdus : astropy.io.fits.HDUList
        Its HDUs.
    bad_value : int or None
        1 if all values but 0 are bad in images that do not say so, 0 if 0 is bad in them.

    Raises
    ------
    ConfigError
        If an image does not say which value is bad, and `bad_value` is None.
    InputError
        If more than half of the pixels would be bad by `bad_value`.
    """
    primary = hdus[0].header
    if is_ours(primary):
        return [_exported(path, hdus[0])]
    planes = [hdu for _, hdu in zip(range(_MOST_HDUS), hdus, strict=False) if _is_plane(hdu)]
    several = len(planes) > 1
    return [
        _list_of(hdu, f"{path}[{hdu.name},{hdu.ver}]" if several else path, path, bad_value,
                 number=hdu.ver if several else None, facts=facts_of(primary))
        for hdu in planes
    ]


def _is_plane(hdu: Any) -> bool:  # noqa: ANN401 - any HDU
    """Whether an HDU is an image of whole numbers with two dimensions, or a constant one."""
    header = hdu.header
    if not hdu.is_image or header.get("BITPIX", 0) < 0:
        return False
    return bool(header.get("NAXIS") == 2 or (header.get("NAXIS") == 0 and "PIXVALUE" in header))  # noqa: PLR2004


def _list_of(
    hdu: Any, source: str, path: str, bad_value: int | None, *,  # noqa: ANN401 - any image HDU
    number: int | None, facts: dict[str, str | float],
) -> BadPixelList:
    """Return the list in an image whose polarity the user must have said."""
    pixels = pixels_of(hdu, path)
    if pixels.dtype.kind not in "iu" or not pixels.size:
        msg = f"{source}: expected an image of whole numbers, found {pixels.dtype.name}"
        raise InputError(msg)
    if bad_value is None:
        msg = (f"{source}: does not say whether 0 is a good pixel or a bad one; say which value is "
               "bad: --include-bad 1 (include_bad = 1) if every value but 0 is, "
               "--include-bad 0 if 0 is")
        raise ConfigError(msg)
    bad: Bits = pixels != 0 if bad_value else pixels == 0
    count = int(np.count_nonzero(bad))
    if 2 * count > bad.size:
        msg = (f"{source}: with include_bad = {bad_value}, {count} of its {bad.size} pixels would "
               f"be bad; is {1 - bad_value} the bad value?")
        raise InputError(msg)
    own = {key: value for key, value in {**facts, **facts_of(hdu.header)}.items()
           if key in DETECTOR_FACTS}
    return BadPixelList(source, lambda _: bad, shape=(bad.shape[0], bad.shape[1]), number=number,
                        facts=own, needs_polarity=True)


def _exported(path: str, hdu: Any) -> BadPixelList:  # noqa: ANN401 - the primary HDU
    """Return the list in an image that export wrote, whose header says what is good."""
    header, pixels = hdu.header, pixels_of(hdu, path)
    good = header.get("GOODVAL")
    known = isinstance(good, int) and not isinstance(good, bool) and header["FORM"] in IMAGES
    if not known or pixels.ndim != 2 or pixels.dtype.kind not in "iu" or not pixels.size:  # noqa: PLR2004
        msg = (f"{path}: says that staticmask wrote it, but it is none of its images of whole "
               f"numbers ({', '.join(IMAGES)}) with the good value in GOODVAL")
        raise InputError(msg)
    bad: Bits = pixels != good
    shape = (bad.shape[0], bad.shape[1])
    facts = {key: value for key, value in facts_of(header).items() if key in DETECTOR_FACTS}
    signature = signature_of(header, shape) if "SIGDET" in header else None
    return BadPixelList(path, lambda _: bad, signature, shape, facts=facts,
                        stated_bad=int(good == 0))
