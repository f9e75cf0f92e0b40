"""What stands apart: blocks of low pixels, and exposures that could not be opened."""

import numpy as np
import pytest

from staticmask_cli.masks.members import unopened_beside
from staticmask_cli.reports.apart import Numbers, block_of, reasons

USUAL = Numbers("ACSWFC", "rule", 4, (), 0.002, 3, 80.0, 10.0)


@pytest.mark.parametrize(("shape", "expected"), [
    ((40, 61), "2440 low pixels are one block, in columns 51 to 111 and rows 21 to 60"),
    ((1, 200), ""), ((150, 2), ""), ((10, 12), ""),
], ids=["block", "row", "columns", "small"])
def test_a_block_is_many_low_pixels_in_rows_and_columns(
    shape: tuple[int, int], expected: str
) -> None:
    low = np.random.default_rng(1).random((200, 301)) < 0.002
    low[15:70, 45:120] = False
    low[20 : 20 + shape[0], 50 : 50 + shape[1]] = True
    assert block_of(low) == expected


def test_a_border_all_around_is_no_block() -> None:
    low = np.ones((200, 301), np.bool_)
    low[20:-20, 20:-20] = False
    assert block_of(low) == ""


def test_low_pixels_everywhere_are_no_block() -> None:
    assert block_of(np.random.default_rng(1).random((200, 301)) < 0.3) == ""


def test_an_exposure_that_could_not_be_opened_is_a_reason_for_masks_that_lack_it() -> None:
    rows = [("v1/a.fits", 1), ("v1/b.fits", 0), ("v2/c.fits", 0)]
    assert unopened_beside(rows) == ("v1/b.fits",)
    lacks = USUAL._replace(exposures=3, unopened=("v1/b.fits",))
    assert reasons([USUAL] * 3 + [lacks]) == {
        3: ["it has 3 exposures, where 4 are usual", "v1/b.fits could not be opened"]}
    listed = USUAL._replace(unopened=("b.fits",))  # by all masks of a run
    assert reasons([listed] * 4) == {}


def test_no_number_of_exposures_is_usual_if_most_masks_have_others() -> None:
    assert reasons([USUAL._replace(exposures=number) for number in (2, 3, 4, 5)]) == {}
