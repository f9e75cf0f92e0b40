"""When exposures started, by the keywords of HST, of JWST and of the ground, and as a text."""

import math
import re
from collections.abc import Iterable
from datetime import date

import numpy as np

from staticmask_cli.fits.header import AnyHeader, header_float, header_str

__all__ = ["as_text", "middle_of", "start_of"]

_MJD_KEYS = ("EXPSTART", "MJD-BEG", "MJD-OBS")  # of HST and JWST, of the FITS standard, of others
_DATE_KEYS = ("DATE-BEG", "DATE-OBS")
_TIME_KEYS = ("TIME-OBS", "UT")
_DATE = re.compile(r"(\d{4})-(\d\d)-(\d\d)(?:T(.+))?")
_OLD_DATE = re.compile(r"(\d\d)/(\d\d)/(\d\d)")  # day, month and year of a file older than 2000
_TIME = re.compile(r"([01]?\d|2[0-3]):([0-5]?\d):([0-6]?\d(?:\.\d*)?)")
_FIRST, _END = 40588.0, 88069.0  # from the second day of 1970, as 0 is no date, until 2100
_DAY_0 = 678576  # of the modified Julian date, as `date.toordinal` counts days
_DAY = 86400.0  # seconds


def start_of(header: AnyHeader, primary: AnyHeader) -> float:
    """Return the start of an exposure as a modified Julian date, in days.

    The first of these that has a value from 1970-01-02 until 2100 counts: EXPSTART, MJD-BEG and
    MJD-OBS; DATE-BEG, and DATE-OBS with the time that it has itself, or that TIME-OBS or UT has.
    A date without a time is that of its midnight.

    Parameters
    ----------
    header, primary : Header or astropy.io.fits.Header
        The header of a chip and the primary header; untrusted.

    Returns
    -------
    float
        The date in the time system of the header; NaN if there is none.
    """
    for key in _MJD_KEYS:
        if _is_sane(found := header_float(header, primary, key)):
            return float(found)
    clock = next(filter(None, (_text(header, primary, key) for key in _TIME_KEYS)), "")
    for key in _DATE_KEYS:
        if _is_sane(found := _from_texts(_text(header, primary, key), clock)):
            return found
    return math.nan


def middle_of(dates: Iterable[float]) -> float:
    """Return the median of the dates that make sense, as `start_of`; NaN if there are none."""
    found = [days for days in dates if _is_sane(days)]
    return float(np.median(found)) if found else math.nan


def as_text(days: float) -> str | None:
    """Return a modified Julian date as ``2026-01-31T12:00:00``; None if it is NaN."""
    if math.isnan(days):
        return None
    whole, seconds = divmod(round(days * _DAY), round(_DAY))
    clock = f"{seconds // 3600:02}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    return f"{date.fromordinal(whole + _DAY_0).isoformat()}T{clock}"


def _text(header: AnyHeader, primary: AnyHeader, key: str) -> str:
    return header_str(header, key) or header_str(primary, key)


def _is_sane(days: float) -> bool:
    return _FIRST <= days < _END  # which no NaN is


def _from_texts(day: str, clock: str) -> float:
    """Return the date of texts such as ``2026-01-31T12:00:00``; NaN if they are none."""
    found, old = _DATE.fullmatch(day), _OLD_DATE.fullmatch(day)
    if old:
        numbers = (1900 + int(old[3]), int(old[2]), int(old[1]))
    elif found:
        numbers = (int(found[1]), int(found[2]), int(found[3]))
        clock = found[4] or clock
    else:
        return math.nan
    try:
        days = date(*numbers).toordinal() - _DAY_0
    except ValueError:  # there is no such day
        return math.nan
    time = _TIME.fullmatch(clock.removesuffix("Z"))
    if time is None:
        return float(days)
    return days + (3600 * int(time[1]) + 60 * int(time[2]) + float(time[3])) / _DAY
