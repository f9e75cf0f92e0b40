"""DQ flags: the meaning of ``final_bits``, and the pixels that are bad by it."""

import re
import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from staticmask_cli.errors import ChipError, ConfigError, described
from staticmask_cli.fits.header import avoid_closed_home

__all__ = ["EXPECTED_BITS", "bad_by_dq", "clean_final_bits", "good_bits", "pixels_by_bit",
           "with_good_bits"]

EXPECTED_BITS = (
    "None (DQ is not read), 0 (every flag is bad), a number (96), "
    "bits joined by ',' or '+' (64,32 or 64+32), '~' before them for all other bits (~4096), "
    "or names of the instrument's flags (WARMPIX,HOTPIX)"
)
_NAMES = re.compile(r"~?\(?\s*[A-Za-z_]\w*\s*([,+|]\s*[A-Za-z_]\w*\s*)*\)?")
_NUMBERS = re.compile(r"~?[0-9]{1,9}(,[0-9]{1,9})*")
_NOTHING = {"", "none", "indef"}


def clean_final_bits(value: object) -> str | None:
    """Check the syntax of ``final_bits`` and return it as one string.

    Parameters
    ----------
    value : str, int, list or None
        The value from a user, a script or a ``.cfg``.

    Returns
    -------
    str or None
        None if the DQ arrays are not to be read.

    Raises
    ------
    ConfigError
        If it does not follow the syntax of astropy's ``interpret_bit_flags``.
    """
    if value is None:
        return None
    if isinstance(value, list | tuple):
        if any(isinstance(item, bool) for item in value):
            raise ConfigError(_message(value))
        value = ",".join(str(item) for item in value)
    if isinstance(value, bool) or not isinstance(value, str | int | np.integer):
        raise ConfigError(_message(value))
    text = str(value).strip()
    if text.lower() in _NOTHING:
        return None
    if not _NAMES.fullmatch(text) or text.strip("~() ").lower() in _NOTHING:
        _interpret(text, None)
    return text


def good_bits(final_bits: str | None, instrument: str, flags: Mapping[str, int]) -> int | None:
    """Return the bits that do not make a pixel bad, as one number.

    Parameters
    ----------
    final_bits : str or None
        In any syntax of astropy's ``interpret_bit_flags``.
    instrument : str
        The INSTRUME of the exposures, for the message of an error.
    flags : mapping of str to int
        The bits of the instrument's flags by name; may be empty.

    Returns
    -------
    int or None
        Negative if the bits were complemented by ``~``; None if `final_bits` is None.

    Raises
    ------
    ConfigError
        If a name is not one of `flags`, or the syntax is wrong.
    """
    if final_bits is None:
        return None
    if not _NAMES.fullmatch(final_bits):
        return _interpret(final_bits, None)
    try:
        return _interpret(final_bits, dict(flags))
    except ConfigError as error:
        known = ", ".join(f"{name} ({bit})" for name, bit in flags.items()) or "none"
        msg = f"{error}; flags of {instrument}: {known}"
        raise ConfigError(msg) from error


def with_good_bits(final_bits: object, more: object) -> str | None:
    """Return ``final_bits`` with more good bits; None if one of both names bits by their flags.

    Raises
    ------
    ConfigError
        If one of both does not follow the syntax of `clean_final_bits`.
    """
    text, added = clean_final_bits(final_bits), clean_final_bits(more)
    if text is None or added is None:
        return text
    if _NAMES.fullmatch(text) or _NAMES.fullmatch(added):
        return None
    before = _interpret(text, None)
    good = before | _interpret(added, None)
    if good == before:
        return text
    return str(good) if good >= 0 else f"~{~good}"


def bad_by_dq(dq: npt.NDArray[Any], good: int) -> npt.NDArray[np.bool_]:
    """Return the pixels with a DQ bit set that is not one of the good ones.

    Parameters
    ----------
    dq : numpy.ndarray of integer or bool, shape (ny, nx)
        DQ flags.  Negative numbers are bit patterns: -32768 is bit 32768.  Booleans are no flags
        but a mask, True = bad.
    good : int
        The good bits, from `good_bits`; without meaning for booleans.

    Returns
    -------
    numpy.ndarray of bool, shape (ny, nx)
        True = bad.

    Raises
    ------
    ChipError
        If `dq` is neither of an integer dtype nor boolean.
    """
    pattern = _bit_pattern(dq)
    bad: npt.NDArray[np.bool_] = (pattern & pattern.dtype.type(_bad_bits(dq, good))) != 0
    return bad


def pixels_by_bit(
    dq: npt.NDArray[Any], good: int, among: npt.NDArray[np.bool_]
) -> dict[int, int]:
    """Count, for every bad bit that occurs, the pixels of `among` that carry it; True is bit 1."""
    pattern = _bit_pattern(dq)[among]
    bad = _bad_bits(dq, good)
    occurring = int(np.bitwise_or.reduce(pattern, initial=0)) & bad
    bits = [1 << k for k in range(occurring.bit_length()) if occurring >> k & 1]
    return {bit: int(np.count_nonzero(pattern & pattern.dtype.type(bit))) for bit in bits}


def _bit_pattern(dq: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return the flags as unsigned integers of the same width and byte order, as a view."""
    if dq.dtype.kind not in "biu":
        msg = f"a DQ array must be of an integer dtype, found {dq.dtype}"
        raise ChipError(msg)
    return dq.view(f"{dq.dtype.byteorder}u{dq.dtype.itemsize}")


def _bad_bits(dq: npt.NDArray[Any], good: int) -> int:
    if not isinstance(good, int | np.integer):
        msg = f"good_bits = {described(good)}: expected a whole number"
        raise ChipError(msg)
    return 1 if dq.dtype.kind == "b" else int(~good & ((1 << 8 * dq.dtype.itemsize) - 1))


def _interpret(text: str, flags: dict[str, int] | None) -> int:
    """Interpret bits by astropy, with one message about what it allows."""
    if (number := _as_number(text)) is not None:
        return number
    avoid_closed_home()
    # Imported here because it loads a quarter of astropy, which takes as long as two exposures.
    from astropy.nddata.bitmask import (  # noqa: PLC0415
        extend_bit_flag_map,
        interpret_bit_flags,
    )

    names = None if flags is None else extend_bit_flag_map("DQFlags", **flags)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a bit may be named twice
            bits = interpret_bit_flags(text, flag_name_map=names)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ConfigError(_message(text)) from error
    if bits is None:
        raise ConfigError(_message(text))
    return int(bits)


def _as_number(text: str) -> int | None:
    """Interpret what most users give, a number or powers of 2 between commas; None if it is not."""
    if not _NUMBERS.fullmatch(text):
        return None
    numbers = {int(word) for word in text.lstrip("~").split(",")}
    if "," in text and not all(number > 0 and number & (number - 1) == 0 for number in numbers):
        return None
    return ~sum(numbers) if text.startswith("~") else sum(numbers)


def _message(value: object) -> str:
    return f"final_bits = {described(value)}: expected {EXPECTED_BITS}"
