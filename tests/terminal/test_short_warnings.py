"""Messages on a terminal are broken between words, and warnings are repeated in short."""

import io
import re

import pytest

from staticmask_cli.masks.findings import Finding
from staticmask_cli.terminal.short_warnings import show_short_warnings
from staticmask_cli.terminal.streams import write_message
from tests.support.command import run
from tests.support.exposures import WriteExposure

MESSAGE = ("ACSWFC_2048x4096_1: 4 of 4 chips: rms 819.4 is 80.2 times the noise that neighbouring "
           "pixels show, in /archive/a-very-long-path/of-an/exposure/jabc01x1q_flt.fits[SCI,1]")
COLOUR = re.compile(r"\x1b\[[\d;]*m")


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


def shown(width: int, monkeypatch: pytest.MonkeyPatch) -> str:
    """Return what a terminal of so many columns shows of the message."""
    terminal = Terminal()
    monkeypatch.setattr("sys.stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", str(width))
    write_message(MESSAGE, "Warning")
    return terminal.getvalue()


@pytest.mark.parametrize("width", [40, 80, 120])
def test_a_message_is_broken_between_words_and_its_label_is_in_colour(
    width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    text = shown(width, monkeypatch)
    assert re.match(r"(\x1b\[[\d;]*m)+Warning:\x1b\[0m ", text)
    plain = COLOUR.sub("", text)
    assert plain.split() == ["Warning:", *MESSAGE.split()]
    lines = plain.splitlines()
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines)
    assert all(line.startswith("  ") for line in lines[1:])


def test_nothing_is_broken_or_in_colour_where_that_is_not_wanted(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_message(MESSAGE, "Warning")
    assert capsys.readouterr().err == f"Warning: {MESSAGE}\n"  # which is no terminal
    monkeypatch.setenv("NO_COLOR", "1")
    text = shown(60, monkeypatch)
    assert "\x1b" not in text
    assert text.count("\n") > 1


def test_warnings_are_repeated_in_short_once_for_each_cause(
    capsys: pytest.CaptureFixture[str]
) -> None:
    show_short_warnings([
        *(Finding(f"v{n}_staticMask.fits", f"rms {n}", "the sky is not flat", "try --sky local")
          for n in range(12)),
        Finding("v1_staticMask.fits", "90%", "DQ removes many pixels", "use --final-bits"),
    ])
    assert capsys.readouterr().err == (
        "Warnings: 13, in short:\n"
        "- the sky is not flat (v0, v1, v2, v3, v4, v5, v6, v7, v8, v9 and 2 more): try --sky "
        "local\n- DQ removes many pixels (v1): use --final-bits\n"
    )
    show_short_warnings([])
    assert capsys.readouterr().err == ""


@pytest.mark.usefixtures("write_exposure")
def test_no_name_forges_a_line(write_exposure: WriteExposure) -> None:
    path = write_exposure("a_flt.fits", EXPTIME=0.0)
    forged = path.rename(path.with_name("a\nError: b\r\x1b[31m\u202e_flt.fits"))
    good = write_exposure("c_flt.fits")
    for words in ((forged, good), (forged,), (f"{forged}x", "y.fits"), (f"{forged}x",)):
        result = run(*words, "-o", path.parent)
        assert result.stderr.replace("\n", "").isprintable()
        assert not [line for line in result.stderr.splitlines() if line.startswith("Error: b")]
        assert r"a\nError: b\r\x1b[31m\u202e_flt.fits" in result.stderr
