"""Pointings: positions of chips on the sky, from headers, and which exposures share one."""

import math
import warnings
from collections.abc import Callable
from random import Random
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from astropy.io import fits
from astropy.wcs import WCS
from hypothesis import example, given, settings
from hypothesis import strategies as st

from staticmask_cli.fits.header import Header
from staticmask_cli.masks.members import ChipLabel, Corners
from staticmask_cli.masks.pointings import corners_on_sky, pointing_labels, pointing_numbers
from tests.support.exposures import coordinates

SHAPE = (60, 80)
PIXEL = 0.05 / 3600  # degrees


def corners(*args: float, shape: tuple[int, int] = SHAPE, **kwargs: float) -> Corners:
    return corners_on_sky(fits.Header(coordinates(*args, **kwargs)), shape)


def is_unknown(found: Corners) -> bool:
    return all(map(math.isnan, found))


def number_of_pointings(*exposures: Corners, shape: tuple[int, int] = SHAPE) -> int:
    return len(set(pointing_labels(np.array(exposures), shape).tolist()))


def as_pc(header: dict[str, Any]) -> dict[str, Any]:
    """Return the same coordinates with CDELT and PC, as JWST has them."""
    others = {key: value for key, value in header.items() if not key.startswith("CD")}
    pc = {f"PC{key[2:]}": header[key] / PIXEL for key in header if key.startswith("CD")}
    return {**others, **pc, "CDELT1": PIXEL, "CDELT2": PIXEL}


def as_crota(header: dict[str, Any]) -> dict[str, Any]:
    """Return the same coordinates with CDELT and CROTA2, as older ground-based images have them."""
    others = {key: value for key, value in header.items() if not key.startswith("CD")}
    angle = math.degrees(math.atan2(-header["CD1_2"], header["CD2_2"]))
    return {**others, "CDELT1": -PIXEL, "CDELT2": PIXEL, "CROTA2": angle}


@settings(max_examples=60)
@given(
    turn=st.floats(-180, 180), ra=st.floats(0, 360), dec=st.floats(-89.9999, 89.9999),
    form=st.sampled_from([dict, as_pc, as_crota]),
)
@example(turn=0.0, ra=0.0, dec=89.9999, form=dict)
def test_the_corners_are_where_astropy_finds_them(
    turn: float, ra: float, dec: float, form: Callable[[dict[str, Any]], dict[str, Any]]
) -> None:
    header = fits.Header(form(coordinates(turn=turn, ra=ra, dec=dec)))
    found = corners_on_sky(header, SHAPE)
    expected = WCS(header).wcs_pix2world([[0.5, 0.5], [80.5, 60.5]], 1)
    for (alpha, delta), (ra_there, dec_there) in zip(
        np.reshape(found, (2, 2)), expected, strict=True
    ):
        assert 0 <= alpha < 360
        # Near a pole the right ascension means little.
        offset = (alpha - ra_there + 180) % 360 - 180
        assert abs(offset) * math.cos(math.radians(dec_there)) < 1e-3 * PIXEL
        assert abs(delta - dec_there) < 1e-3 * PIXEL


@settings(max_examples=60)
@given(
    far=st.one_of(st.floats(2.01, 3.0), st.floats(3.0, 1e6)), near=st.floats(0, 1.99),
    way=st.floats(0, 2 * math.pi), ra=st.floats(0, 360), dec=st.floats(-90, 90),
)
@example(far=3.0, near=1.9, way=1.0, ra=0.0, dec=0.0)
@example(far=3.0, near=1.9, way=1.0, ra=360.0, dec=90.0)
def test_exposures_within_two_pixels_of_each_other_are_one_pointing(
    far: float, near: float, way: float, ra: float, dec: float
) -> None:
    here = corners(ra=ra, dec=dec)
    for distance, pointings in ((near, 1), (min(far, 1e4), 2)):
        there = corners(distance * math.cos(way), distance * math.sin(way), ra=ra, dec=dec)
        assert number_of_pointings(here, there) == pointings


def test_an_exposure_of_another_orientation_is_another_pointing() -> None:
    # The corners are 50 pixels from the centre, which stays: 2 pixels are 2.3 degrees.
    assert number_of_pointings(corners(), corners(turn=2.0)) == 1
    assert number_of_pointings(corners(), corners(turn=3.0)) == 2
    assert number_of_pointings(corners(), corners(turn=180.0)) == 2
    # About a corner of the chip, half of that moves the opposite one as far.
    for turn, pointings in ((1.0, 1), (1.5, 2)):
        header = fits.Header(coordinates(-40.5, -30.5, turn=turn))
        still = fits.Header(coordinates(-40.5, -30.5))
        assert number_of_pointings(
            corners_on_sky(header, SHAPE), corners_on_sky(still, SHAPE)
        ) == pointings


def test_exposures_are_linked_by_way_of_others() -> None:
    chain = [corners(1.5 * step) for step in range(10)]
    assert number_of_pointings(*chain) == 1
    assert number_of_pointings(chain[0], *chain[2:]) == 2


def oracle_labels(exposures: npt.NDArray[np.float64]) -> list[int]:
    """Label connected components by comparing all pairs, in pixels of the first exposure."""
    world = WCS(fits.Header(coordinates()))
    ends = [world.wcs_world2pix(exposures[:, part], 1) for part in (slice(0, 2), slice(2, 4))]
    labels = list(range(len(exposures)))
    for _ in labels:
        for i in range(len(labels)):
            for j in range(len(labels)):
                if all(math.dist(end[i], end[j]) < 2.0 for end in ends):
                    labels[i] = labels[j] = min(labels[i], labels[j])
    return labels


@settings(max_examples=60)
@given(
    offsets=st.lists(
        st.tuples(st.integers(0, 12), st.integers(0, 12), st.integers(0, 4)),
        min_size=1, max_size=14,
    ),
    order=st.randoms(use_true_random=False),
)
def test_pointings_are_connected_components_in_any_order(
    offsets: list[tuple[int, int, int]], order: Random
) -> None:
    exposures = np.array([
        corners(0.7 * dx, 0.7 * dy, turn=0.6 * turn) for dx, dy, turn in offsets
    ])
    expected = [ChipLabel(f"{n:02}", 1, "", 1.0, *row) for n, row in enumerate(exposures.tolist())]
    labels = oracle_labels(exposures)
    numbers = {label: n for n, label in enumerate(dict.fromkeys(labels), 1)}
    shuffled = list(enumerate(expected))
    order.shuffle(shuffled)
    found = pointing_numbers([label for _, label in shuffled], SHAPE)
    assert found == [numbers[labels[n]] for n, _ in shuffled]


def test_thousands_of_dithers_are_grouped_as_pairs_are() -> None:
    rng = np.random.default_rng(1)
    offsets = np.repeat(20.0 * np.arange(1500), 2) + rng.uniform(-0.5, 0.5, 3000)
    exposures = np.array([corners(float(dx)) for dx in offsets])
    labels = pointing_labels(exposures, SHAPE)
    np.testing.assert_array_equal(labels[::2], labels[1::2])
    assert np.unique(labels).size == 1500


def test_exposures_of_unknown_position_are_pointings_of_their_own() -> None:
    known = [ChipLabel(name, 1, "", 1.0, *corners()) for name in "ad"]
    unknown = [ChipLabel(name) for name in "cb"]
    assert pointing_numbers([*known, *unknown], SHAPE) == [1, 1, 3, 2]
    assert pointing_numbers([], SHAPE) == []


KEYS = ("CTYPE1", "CTYPE2", "CRVAL1", "CRVAL2", "CRPIX1", "CRPIX2",
        "CD1_1", "CD1_2", "CD2_1", "CD2_2")


@pytest.mark.parametrize(
    "changes",
    [
        {"CTYPE1": None}, {"CTYPE1": "DEC--TAN"}, {"CTYPE1": "WAVE"}, {"CTYPE2": "DEC--SIN"},
        {"CTYPE1": 7}, {"CRVAL1": None}, {"CRVAL2": "north"}, {"CRPIX1": True},
        {"CRVAL1": math.nan}, {"CRPIX2": math.inf}, {"CD1_1": 0.0, "CD1_2": 0.0},
        dict.fromkeys(KEYS[6:], 1e-05), dict.fromkeys(KEYS[6:]), {"CD1_1": "x"},
        {"CRPIX1": 1e308, "CD1_1": 1e308}, {"CRVAL1": 10**400}, dict.fromkeys(KEYS[6:], 0.0),
        {"CD1_1": 1e-300, "CD1_2": 0.0, "CD2_1": 0.0, "CD2_2": 1e-20},
    ],
    ids=str,
)
def test_coordinates_of_no_use_are_unknown(changes: dict[str, Any]) -> None:
    header = {**coordinates(), **changes}
    assert is_unknown(corners_on_sky(
        {key: value for key, value in header.items() if value is not None}, SHAPE
    ))


def test_coordinates_that_cannot_be_parsed_are_unknown() -> None:
    cards = fits.Header(coordinates()).tostring()
    number = cards.index("CRVAL1") + 10
    damaged = f"{cards[:number]}{'1.2.3':>20}{cards[number + 20:]}"
    for header in (Header(damaged.encode()), fits.Header.fromstring(damaged)):
        assert is_unknown(corners_on_sky(header, SHAPE))
    assert not is_unknown(corners_on_sky(Header(cards.encode()), SHAPE))


VALUES = st.one_of(
    st.floats(), st.floats(-400, 400), st.integers(), st.text(max_size=9), st.booleans(),
    st.sampled_from(["RA---TAN", "DEC--TAN-SIP", 1e308, -1e308, 5e-324, math.nan, 0, -0.0]),
)


@settings(max_examples=100)
@given(changes=st.lists(st.dictionaries(
    st.sampled_from([*KEYS, "CDELT1", "CDELT2", "PC1_1", "PC2_1", "CROTA2"]), VALUES,
    max_size=8,
), min_size=1, max_size=4), without_cd=st.booleans())
def test_any_header_is_grouped_without_an_error_or_a_warning(
    changes: list[dict[str, Any]], *, without_cd: bool
) -> None:
    base = coordinates()
    if without_cd:
        base = {key: value for key, value in base.items() if not key.startswith("CD")}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = [corners_on_sky({**base, **change}, SHAPE) for change in changes]
        assert all(is_unknown(one) or all(map(math.isfinite, one)) for one in found)
        labels = [ChipLabel(f"{n}", 1, "", 1.0, *one) for n, one in enumerate(found)]
        numbers = pointing_numbers(labels, SHAPE)
    assert numbers[0] == 1
    assert set(numbers) == set(range(1, max(numbers) + 1))
    backwards = pointing_numbers(labels[::-1], SHAPE)
    assert backwards[::-1] == numbers
