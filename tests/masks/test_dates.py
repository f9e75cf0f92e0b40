"""The start of an exposure is found by the keywords of any observatory, and never guessed."""

import math
from datetime import datetime

import pytest
from astropy.io import fits
from astropy.time import Time
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.masks.dates import as_text, middle_of, start_of

Cards = dict[str, str | float | bool]


def found(cards: Cards, primary: Cards | None = None) -> float:
    """Return the start of an exposure whose headers have these cards."""
    return start_of(fits.Header(cards), fits.Header(primary or {}))


@pytest.mark.parametrize(
    ("cards", "expected"),
    [
        ({"EXPSTART": 52400.25, "DATE-OBS": "2026-01-01"}, 52400.25),  # HST, and JWST
        ({"MJD-BEG": 59800.5}, 59800.5),
        ({"MJD-OBS": 56000}, 56000.0),  # the European Southern Observatory
        ({"DATE-BEG": "2022-08-12T12:00:00.000"}, 59803.5),
        ({"DATE-OBS": "2022-08-12", "TIME-OBS": "18:00:00"}, 59803.75),
        ({"DATE-OBS": "2022-08-12", "UT": "6:00:00.0"}, 59803.25),
        ({"DATE-OBS": "2022-08-12T06:00:00Z", "TIME-OBS": "18:00:00"}, 59803.25),
        ({"DATE-OBS": "2022-08-12"}, 59803.0),
        ({"DATE-OBS": "21/01/94", "UT": "12:00:00"}, 49373.5),
        # Values without sense, beside others that have one.
        ({"EXPSTART": 0.0, "DATE-OBS": "2022-08-12"}, 59803.0),
        ({"EXPSTART": "soon", "MJD-OBS": True, "DATE-OBS": "2022-08-12"}, 59803.0),
        ({"DATE-BEG": "2022-02-30", "DATE-OBS": "2022-08-12T99:99:99"}, 59803.0),
    ],
)
def test_the_start_of_an_exposure_is_found(cards: Cards, expected: float) -> None:
    assert found(cards) == found({}, cards) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    "cards",
    [
        {}, {"EXPSTART": 0.0}, {"EXPSTART": -1.0}, {"EXPSTART": 2459803.5}, {"MJD-OBS": 1e300},
        {"DATE-OBS": ""}, {"DATE-OBS": "1970-01-01T00:00:00"}, {"DATE-OBS": "0000-00-00"},
        {"DATE-OBS": "2022-13-01"}, {"DATE-OBS": "9999-12-31"}, {"DATE-OBS": 20220812},
        {"DATE-OBS": "99/99/99"}, {"TIME-OBS": "12:00:00"}, {"DATE-OBS": "yesterday"},
    ],
)
def test_a_date_without_sense_is_unknown(cards: Cards) -> None:
    assert math.isnan(found(cards))


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001 - as in headers
def test_any_date_has_its_number_of_days(moment: datetime) -> None:
    text = moment.isoformat(timespec="microseconds")
    expected = (moment - datetime(1858, 11, 17)).total_seconds() / 86400  # noqa: DTZ001
    assert found({"DATE-OBS": text}) == pytest.approx(expected, abs=1e-9)


def test_a_date_is_that_of_astropy() -> None:
    assert found({"DATE-OBS": "2026-01-31"}) == Time("2026-01-31", scale="utc").mjd


@given(st.text(max_size=30), st.text(max_size=12))
def test_no_text_is_an_error(day: str, time: str) -> None:
    headers = {"DATE-OBS": day, "TIME-OBS": time}
    assert start_of(headers, {}) is not None


@given(st.datetimes(datetime(1971, 1, 1), datetime(2099, 12, 31)))  # noqa: DTZ001 - as in headers
def test_a_date_is_written_to_the_second(moment: datetime) -> None:
    text = moment.replace(microsecond=0).isoformat()
    assert as_text(found({"DATE-OBS": text})) == text


def test_the_middle_of_dates_is_of_those_that_make_sense() -> None:
    assert middle_of([59000.0, 0.0, 59002.0, math.nan, 1e300, math.inf]) == 59001.0
    assert math.isnan(middle_of([0.0, math.nan]))
    assert math.isnan(middle_of([]))
    assert as_text(math.nan) is None
    assert as_text(51544.0 - 1e-9) == "2000-01-01T00:00:00"
