"""How far a run is: what is shown, and when."""

import sys

import pytest

from staticmask_cli.terminal import streams
from staticmask_cli.terminal.streams import pace, shown_progress


class Clock:
    """A clock that a test turns."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Return the clock that progress goes by."""
    clock = Clock()
    monkeypatch.setattr(streams, "time", clock)
    return clock


def test_without_a_terminal_there_is_a_plain_line_now_and_then(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    with shown_progress() as report:
        assert report is not None
        clock.now += 12  # reading headers
        report(0, 4000)
        for done in range(1, 4001):
            clock.now += 0.025
            report(done, 4000)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.splitlines() == [
        "720 of 4000 chips, 40/s, 1:22 left", "1920 of 4000 chips, 40/s, 0:52 left",
        "3120 of 4000 chips, 40/s, 0:22 left",
    ]


def test_a_short_run_and_a_quiet_one_say_nothing(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    for quiet in (False, True):
        with shown_progress(quiet=quiet) as report:
            assert (report is None) is quiet
            for done in range(9):
                clock.now += 3
                if report is not None:
                    report(done, 8)
    assert capsys.readouterr() == ("", "")


def test_a_quiet_run_says_nothing_on_a_terminal_either(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    with shown_progress(quiet=True) as report:
        assert report is None


@pytest.mark.parametrize(
    ("done", "seconds", "words"),
    [
        (0, 0.0, ""), (0, 9.0, ""), (5, 0.0, ""), (1, 0.001, "1000/s, 0:04 left"),
        (4000, 100.0, "40/s, 0:00 left"), (38, 4.0, "9.5/s, 6:57 left"),
        (1, 10.0, "0.1/s, 11:06:30 left"),
    ],
)
def test_pace_is_a_rate_and_the_time_that_is_left(done: int, seconds: float, words: str) -> None:
    assert pace(done, 4000, seconds) == words
