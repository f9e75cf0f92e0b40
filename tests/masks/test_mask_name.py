"""Templates of names: what they may hold, and what untrusted values make of them."""

import os
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.errors import ExposureError
from staticmask_cli.masks.mask_name import FIELDS, SUFFIX, clean_name, filled

VALUES = {"signature": "ACSWFC_60x80_1", "filter": "F606W", "position": "c2x1y51",
          "visit": "j8bt06", "exptime": "0.5"}


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("{signature}", "ACSWFC_60x80_1"), ("{signature}_{filter}", "ACSWFC_60x80_1_F606W"),
        ("my-{visit}.{exptime}+{position}", "my-j8bt06.0.5+c2x1y51"), ("field", "field"),
        (" {signature}_staticMask.fits ", "ACSWFC_60x80_1"), ("{visit}.fits", "j8bt06"),
        ("{filter}{filter}", "F606WF606W"),
    ],
)
def test_a_template_is_filled(template: str, name: str) -> None:
    assert filled(clean_name(template), VALUES) == name + SUFFIX


@pytest.mark.parametrize("template", [
    "", " ", None, "None", "INDEF", ".", "..", ".hidden", "-o", "+x", "a/b", "../{signature}", "{}",
    "{foo}", "{signature", "signature}", "{signature!r}", "{signature:>9}", "{signature.detector}",
    "{0}", "{{signature}}", "a b", "a\nb", "a\0", "\u00e9", "a" * 101, "a:b", "a\\b", "$HOME", "~",
    "_staticMask.fits",
])
def test_what_is_no_template_is_refused(template: object) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - the caller makes the message
        clean_name(template)


@given(st.text(), st.text())
def test_values_never_lead_out_of_a_folder(first: str, second: str) -> None:
    values = {**VALUES, "filter": first, "visit": second}
    try:
        name = filled("{filter}_{visit}", values)
    except ExposureError:
        assert max(map(len, (first, second))) > 64
        return
    assert re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.+-]*_staticMask\.fits", name)
    assert os.path.basename(os.path.normpath(f"out/{name}")) == name


@pytest.mark.parametrize("value", ["", "  ", "/", "\u00e9", "\0"])
def test_a_value_of_which_nothing_is_left_is_none(value: str) -> None:
    assert filled("{filter}_x", {**VALUES, "filter": value}) == "none_x" + SUFFIX


def test_values_and_names_that_are_too_long_are_refused() -> None:
    values = {**VALUES, "filter": "F" * 65}
    assert filled("{signature}", values) == "ACSWFC_60x80_1" + SUFFIX
    with pytest.raises(ExposureError, match=r"its filter 'FFF.* at most 64 .* \{filter\} "):
        filled("{signature}_{filter}", values)
    with pytest.raises(ExposureError, match="of 201 characters; expected at most 200"):
        filled("{filter}_{filter}_{filter}_____{signature}", {**VALUES, "filter": "F" * 60})
    longest = filled("{filter}_{filter}_{filter}____{signature}", {**VALUES, "filter": "F" * 60})
    assert len(longest) == 200 + len(SUFFIX)


def test_every_field_is_known() -> None:
    assert set(FIELDS) == set(VALUES)
