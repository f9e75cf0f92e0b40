"""Parameters as texts that a person types."""

import dataclasses

import pytest

from staticmask_cli import Parameters
from staticmask_cli.config import expected_of
from staticmask_cli.errors import ConfigError
from staticmask_cli.fields import check_texts, texts_of
from staticmask_cli.parameterspec import declarations

DEFAULTS = Parameters.load()
OTHERS = Parameters(("a b.fits",), (1, ("SCI", 2)), static=False, static_sig=0.1, sky="local",
                    agree=0.5, final_bits="~64")


def test_there_is_a_text_for_every_parameter() -> None:
    assert list(texts_of(DEFAULTS)) == list(declarations())
    assert texts_of(OTHERS) == {
        "input": '"a b.fits"', "group": "1,sci,2", "static": "False", "static_sig": "0.1",
        "sky": "local", "agree": "0.5", "final_bits": "~64",
    }


@pytest.mark.parametrize("parameters", [DEFAULTS, OTHERS])
def test_texts_are_read_back_to_the_same_parameters(parameters: Parameters) -> None:
    assert check_texts(texts_of(parameters)) == parameters


@pytest.mark.parametrize("text", ["", "  ", "None", "INDEF"])
def test_a_blank_text_asks_for_the_default(text: str) -> None:
    assert check_texts(dict.fromkeys(texts_of(DEFAULTS), text)) == DEFAULTS


def test_a_name_with_blanks_needs_no_quotes() -> None:
    assert check_texts({"input": "a b.fits"}) == DEFAULTS.with_input(("a b.fits",))


def test_every_text_that_is_wrong_is_named_with_what_was_expected() -> None:
    texts = {**texts_of(OTHERS), "group": "sci", "static_sig": "big", "final_bits": "8,"}
    assert check_texts(texts) == {
        "group": f"expected {expected_of('group')}",
        "static_sig": "expected a number > 0",
        "final_bits": f"expected {expected_of('bits')}",
    }
    right = {"group": "sci,3", "static_sig": "2", "final_bits": "8"}
    assert check_texts({**texts, **right}) == dataclasses.replace(
        OTHERS, group=(("SCI", 3),), static_sig=2.0, final_bits="8")


def test_a_name_that_a_cfg_cannot_hold_has_no_text() -> None:
    with pytest.raises(ConfigError, match=r"cannot be written in a \.cfg; .* in an @list"):
        texts_of(DEFAULTS.with_input(("a'\"b.fits",)))
