"""Streams that are closed, full or not read cost no mask; progress is shown when it should be."""

import os
import sys
from pathlib import Path

import pytest

from staticmask_cli import StaticMask
from staticmask_cli.terminal import streams
from staticmask_cli.terminal.streams import pace, shown_progress
from tests.support.exposures import WriteExposure
from tests.support.process import shell

NAME = "ACSWFC_60x80_1_staticMask.fits"


@pytest.mark.parametrize(
    "words",
    [
        "$MASK a_flt.fits >&-",
        "$MASK a_flt.fits <&- >&- 2>&-",
        "$MASK a_flt.fits 2>/dev/full",
        "$MASK a_flt.fits | true",
        "$MASK a_flt.fits b_flt.fits 2>&1 | head -1",
        "$MASK a_flt.fits 2> >(true)",
    ],
)
def test_a_stream_that_is_closed_or_not_read_costs_no_mask(
    words: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    inputs = [write_exposure("a_flt.fits"), write_exposure("b_flt.fits", detector="SBC")]
    before = [path.read_bytes() for path in inputs]
    process = shell(words, tmp_path)
    assert process.returncode == 0
    assert "Traceback" not in process.stdout + process.stderr
    assert (tmp_path / NAME).exists()
    StaticMask.read(str(tmp_path / NAME))  # nothing was printed into it
    assert [path.read_bytes() for path in inputs] == before


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_stdout_that_is_full_is_an_error_and_the_mask_is_there(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    write_exposure()
    process = shell("$MASK a_flt.fits >/dev/full", tmp_path)
    assert process.returncode == 1
    assert process.stderr.endswith(
        "Error: stdout: cannot be written: No space left on device; "
        "the masks are complete, only their paths are not shown\n"
    )
    assert [path.name for path in tmp_path.glob("*_staticMask.fits")] == [NAME]


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
@pytest.mark.parametrize("words", ["plan a_flt.fits", "plan --json a_flt.fits", "config"])
def test_results_that_cannot_be_written_are_an_error(
    words: str, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    write_exposure()
    process = shell(f"$MASK {words} >/dev/full", tmp_path)
    assert process.returncode == 1
    assert process.stderr == "Error: stdout: cannot be written: No space left on device\n"


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Replace the clock that progress uses."""
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


def test_a_short_run_and_a_quiet_one_show_nothing(
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


def test_a_quiet_run_shows_nothing_on_a_terminal_either(monkeypatch: pytest.MonkeyPatch) -> None:
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
