"""What Python and notebooks show of a mask, and that nobody can change it by its views."""

import numpy as np
import pytest

from staticmask_cli import Signature, StaticMask
from staticmask_cli.masks.members import ChipLabel
from staticmask_cli.masks.rule import Agreement
from tests.support.exposures import sky

SIGNATURE = Signature("ACSWFC", (60, 80), 2)


def test_a_mask_says_what_it_is() -> None:
    mask = StaticMask(SIGNATURE)
    assert repr(mask) == ("StaticMask(ACSWFC_60x80_2, 0 exposures, static_sig = 4, sky = global, "
                          "agree = any, final_bits = None, 0 bad pixels (0.0000%))")
    data = sky()
    data[0, :3] = -99
    mask.add(data, label="a")
    mask.set_aside(ChipLabel("b"), "EXPTIME = 0")
    assert "ACSWFC_60x80_2, 1 used of 2 exposures, static_sig = 4, " in repr(mask)
    assert "3 bad pixels (0.0625%)" in repr(mask)
    assert "high = True, least_depth = 0.5" in repr(
        StaticMask(SIGNATURE, sky="local", agree="joint", high=True))


def test_a_notebook_shows_a_table_without_the_users_markup() -> None:
    mask = StaticMask(Signature("<b>", (60, 80), 2))
    html = mask._repr_html_()
    assert "<td>&lt;b&gt;_60x80_2</td>" in html
    assert "<th>bad pixels</th>" in html


@pytest.mark.parametrize("agree", ["any", "all", 1])
def test_views_of_a_mask_cannot_be_written_to(agree: Agreement) -> None:
    mask = StaticMask(SIGNATURE, final_bits="0", agree=agree)
    dq = np.zeros((60, 80), np.int16)
    dq[5] = 4
    for number in range(2):
        mask.add(sky(seed=number), label=str(number), dq=dq)
    before = mask.array
    for name in ("bad", "good", "below", "why", "votes", "flagged"):
        view = getattr(mask, name)
        if view is not None:
            with pytest.raises(ValueError, match="read-only"):
                view[20:30] = 1
    mask.array[:] = 0  # a copy
    np.testing.assert_array_equal(mask.array, before)
    dq[:] = 4  # the user's own array is not that of the mask
    np.testing.assert_array_equal(mask.array, before)
