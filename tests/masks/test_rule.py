"""How many votes a pixel needs, and how many it gets by chance."""

import numpy as np
import pytest

from staticmask_cli.masks.rule import (
    Agreement,
    MaskRule,
    expected_false_positives,
    votes_needed,
)


@pytest.mark.parametrize(
    ("agree", "needed"),
    [
        ("any", [1, 1, 1, 1, 1]), ("all", [1, 1, 2, 5, 10]), (1, [1, 1, 1, 1, 1]),
        (3, [3, 3, 3, 3, 3]), (0.5, [1, 1, 1, 3, 5]), (0.6, [1, 1, 2, 3, 6]),
        (0.3, [1, 1, 1, 2, 3]), (1.0, [1, 1, 2, 5, 10]), (1e-6, [1, 1, 1, 1, 1]),
    ],
)
def test_votes_that_are_needed_of_no_one_two_five_and_ten(
    agree: Agreement, needed: list[int]
) -> None:
    assert [votes_needed(agree, voters) for voters in (0, 1, 2, 5, 10)] == needed


@pytest.mark.parametrize("voters", [1, 4, 9])
@pytest.mark.parametrize("needed", [1, 2, 4])
def test_chance_is_what_noise_does(voters: int, needed: int) -> None:
    noise = np.random.default_rng(voters).standard_normal((voters, 400_000), np.float32)
    found = np.count_nonzero((noise < -1.5).sum(axis=0) >= needed)
    expected = expected_false_positives(400_000, 1.5, voters=voters, needed=needed)
    assert found == pytest.approx(expected, abs=4 * expected**0.5)


def test_chance_of_pointings_is_what_noise_in_their_exposures_does() -> None:
    noise = np.random.default_rng(1).standard_normal((3, 2, 400_000), np.float32)
    for needed in (1, 2, 3):
        found = np.count_nonzero((noise < -1.5).any(axis=1).sum(axis=0) >= needed)
        expected = expected_false_positives(400_000, 1.5, voters=3, needed=needed, exposures=6)
        assert found == pytest.approx(expected, abs=4 * expected**0.5)
    assert expected_false_positives(10, 1e-9, voters=1, exposures=4000) == pytest.approx(10)


@pytest.mark.parametrize(
    ("sky", "agree", "counts"),
    [("local", 2, True), ("local", 0.5, True), ("local", "all", False), ("local", "any", False),
     ("global", 2, False), ("global", 0.5, False)],
)
def test_counts_and_fractions_of_the_local_rule_are_of_pointings(
    sky: str, agree: Agreement, *, counts: bool
) -> None:
    assert MaskRule(4.0, sky, agree).counts_pointings == counts


def test_chance_at_the_ends() -> None:
    assert expected_false_positives(1000, 50.0, voters=3) == 0.0
    assert expected_false_positives(1000, 4.0, voters=3, needed=4) == 0.0
    assert expected_false_positives(1000, 4.0, voters=0) == 0.0
    assert expected_false_positives(10, 1e-9, voters=4000, needed=1) == pytest.approx(10)
    assert expected_false_positives(10, 1e-9, voters=4000, needed=2001) == pytest.approx(5, abs=0.2)
