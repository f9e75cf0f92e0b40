"""Characters of names that are not seen become visible."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from staticmask_cli.io.visible import visible


@pytest.mark.parametrize("char", [
    "\x00", "\x07", "\x08", "\t", "\n", "\r", "\x1b", "\x7f", "\x85", "\x9b", "\xa0", "\xad",
    "\u200b", "\u200d", "\u200e", "\u2028", "\u202a", "\u202e", "\u2066", "\u2069", "\ufeff",
    "\u3164", "\ufe0f", "\udcff", "\U000e0101",
])
def test_characters_that_are_not_seen_are_escapes(char: str) -> None:
    assert visible(f"a{char}b") == f"a{ascii(char)[1:-1]}b"


@given(st.text(st.characters(categories=("L", "N", "P"), max_codepoint=0x17F)))
def test_what_is_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text
    assert visible(f"{text} \u4e2d\u6587") == f"{text} \u4e2d\u6587"


def test_lines_are_kept_where_they_are_meant() -> None:
    assert visible("one\ntwo\r", lines=True) == "one\ntwo\\r"
