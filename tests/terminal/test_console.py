"""The closing table, the bar and colours, and where they are left out."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from staticmask_cli import StaticMask, create_masks
from staticmask_cli.reports.inspection import inspect_masks
from staticmask_cli.simulate.visit import Visit
from staticmask_cli.terminal.console import Console
from staticmask_cli.terminal.inspections import show_inspections
from tests.support.exposures import WriteExposure, coordinates, sky
from tests.support.process import process_environment, shell

COLOUR = re.compile(r"\x1b\[(?:\d+;)*(?:3[0-8]|4[0-8]|9[0-7])(?:;\d+)*m")


def shown(masks: list[StaticMask], capsys: pytest.CaptureFixture[str]) -> dict[str, list[str]]:
    """Return the cells of the closing table and of its titles, by the first cell of each line."""
    Console().show_masks(masks)
    lines = capsys.readouterr().err.splitlines()
    assert lines[1].strip() == "expected"
    assert lines[1].index("expected") == lines[2].index("by noise")
    lines[2] = lines[2].replace("by noise", "expected by noise")
    rows = [re.split(r"\s{2,}", line.strip()) for line in lines]
    return {row[0]: row[1:] for row in rows if len(row) in (8, 9)}


def ends(values: list[float]) -> list[str]:
    """Return the smallest and the largest value as in the table, or one if they are the same."""
    return list(dict.fromkeys(f"{value:.4g}" for value in (min(values), max(values))))


@pytest.mark.parametrize("final_bits", [None, "0"])
def test_the_table_shows_the_numbers_of_the_masks(
    visit: Visit, tmp_path: Path, capsys: pytest.CaptureFixture[str], final_bits: str | None
) -> None:
    masks = create_masks(visit.paths, final_bits=final_bits, output_dir=tmp_path)
    rows = shown(masks, capsys)
    titles = ["exposures", "mode", "rms", "below", "expected by noise", "by DQ", "bad"]
    assert rows.pop("mask") == titles
    assert len(rows) == len(masks) == 2
    for mask in masks:
        exposures, mode, rms, *counts = rows[f"ACSWFC_150x220_{mask.signature.number}"]
        assert exposures == "4"
        assert re.split(r"\.\.| to ", mode) == ends([member.mode for member in mask.members])
        assert re.split(r"\.\.| to ", rms) == ends([member.rms for member in mask.members])
        bad, below = np.count_nonzero(mask.array == 0), np.count_nonzero(mask.below)
        assert bad >= below > 0
        by_dq = "-" if final_bits is None else str(bad - below)
        share = f"{100 * bad / mask.array.size:.4f}%"
        assert counts == [str(below), f"{mask.chance:.3g}", by_dq, share]


def test_the_table_counts_the_exposures_that_were_used(
    write_exposure: WriteExposure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    used = write_exposure("a_flt.fits")
    unused = write_exposure("b_flt.fits", chips=[{"data": np.ones_like(sky())}])
    masks = create_masks([used, unused], output_dir=tmp_path)
    row = shown(masks, capsys)["ACSWFC_60x80_1"]
    member = masks[0].used[0]
    assert row[:3] == ["1 of 2", f"{member.mode:.4g}", f"{member.rms:.4g}"]


def test_a_file_that_cannot_be_opened_counts_for_the_masks_of_its_folder(
    write_exposure: WriteExposure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    paths = []
    for visit in ("v1", "v2"):
        (tmp_path / visit).mkdir()
        paths.append(write_exposure(f"{visit}/{visit}000a_flt.fits", ROOTNAME=f"jx01{visit}aaq"))
    (tmp_path / "v1" / "cut_flt.fits").write_bytes(b"SIMPLE")
    paths.append(tmp_path / "v1" / "cut_flt.fits")
    masks = create_masks(paths, name="{signature}_{visit}", keep_going=True, output_dir=tmp_path)
    rows = shown(masks, capsys)
    assert [row[0] for name, row in rows.items() if name.startswith("ACSWFC")] == ["1 of 2", "1"]


def test_the_table_counts_pixels_that_are_not_finite(
    write_exposure: WriteExposure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    data = sky()
    data[:3] = np.nan
    paths = [write_exposure("a_flt.fits", chips=[{"data": data}]), write_exposure("b_flt.fits")]
    rows = shown(create_masks(paths, output_dir=tmp_path), capsys)
    assert rows["mask"][-3:] == ["by DQ", "NaN", "bad"]
    assert rows["ACSWFC_60x80_1"][-2] in ("0..240", "0 to 240")


@pytest.mark.parametrize(("agree", "exposures"), [("any", "3"), (2, "3, 2 pointings")])
def test_the_table_counts_pointings_where_exposures_share_them(
    agree: str | int, exposures: str, write_exposure: WriteExposure, tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [
        write_exposure(f"{number}_flt.fits", chips=[{"data": sky(), **coordinates(dx)}])
        for number, dx in enumerate((0.0, 0.5, 9.0))
    ]
    masks = create_masks(paths, sky="local", agree=agree, output_dir=tmp_path)
    assert shown(masks, capsys)["ACSWFC_60x80_1"][0] == exposures
    show_inspections(inspect_masks([str(masks[0].path)]))
    output = capsys.readouterr().out
    assert re.search(r"pointings +2\n", output)
    assert re.search(r"file +ver +pointing +exptime", output)
    assert [line.split()[2] for line in output.splitlines() if "_flt" in line] == ["1", "1", "2"]


def test_pixels_are_counted_by_dq_bit_in_one_plain_line_for_each_mask(
    write_exposure: WriteExposure, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flags = np.zeros((60, 80), np.int16)
    flags[3, :5], flags[4, :7] = 16, 64
    path = write_exposure(chips=[{"data": np.abs(sky()), "dq": flags}])
    folder = tmp_path / f"[bold]:bug:{'long' * 45}"
    masks = create_masks(path, final_bits="0", static_sig=9, output_dir=folder)
    Console().show_masks(masks)
    captured = capsys.readouterr()
    assert captured.out == f"{masks[0].path}\n"
    line = "ACSWFC_60x80_1: pixels that each DQ bit added in all exposures: 16: 5, 64: 7"
    assert line in captured.err.splitlines()


@pytest.mark.parametrize(
    ("dithers", "parameters"),
    [((0, 9, 18), {"sky": "local"}), ((0, 9, 9), {"sky": "local"}),
     ((0, 9, 18), {"sky": "local", "agree": 2}), ((0, 9, 18), {"sky": "global"})],
    ids=["three pointings", "two pointings", "agree is given", "global rule"],
)
def test_a_run_is_advised_once_to_let_three_pointings_agree(
    dithers: tuple[int, ...], parameters: dict[str, Any], write_exposure: WriteExposure,
    tmp_path: Path, capsys: pytest.CaptureFixture[str],
) -> None:
    paths = [
        write_exposure(f"{number}_flt.fits", chips=[{"data": sky(), **coordinates(dx)}] * 2)
        for number, dx in enumerate(dithers)
    ]
    masks = create_masks(paths, output_dir=tmp_path, **parameters)
    assert len(masks) == 2
    Console().show_masks(masks)
    is_advised = dithers == (0, 9, 18) and parameters == {"sky": "local"}
    advice = "3 pointings can confirm each other: --agree 2 keeps what two of them find"
    assert capsys.readouterr().err.count(advice) == is_advised
    Console(quiet=True).show_masks(masks)
    assert capsys.readouterr().err == ""


def test_quiet_shows_nothing(
    visit: Visit, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    masks = create_masks(visit.paths, output_dir=tmp_path)
    console = Console(quiet=True)
    console.show_masks(masks)
    console.say("not to be shown")
    assert capsys.readouterr() == ("", "")


def test_no_mask_no_table(capsys: pytest.CaptureFixture[str]) -> None:
    Console().show_masks([])
    assert capsys.readouterr() == ("", "")


def _received(terminal: int) -> Iterator[bytes]:
    """Yield what a terminal receives until its other end is closed."""
    while True:
        try:
            part = os.read(terminal, 65536)
        except OSError:  # Linux's way to say that it is over
            return
        if not part:
            return
        yield part


def on_a_terminal(folder: Path, *words: str, **environment: str) -> tuple[str, str]:
    """Run the command with stderr on a terminal; return its stdout and what the terminal got."""
    ours, theirs = os.openpty()
    variables = {"TERM": "xterm-256color", "COLUMNS": "150", "LINES": "50", **environment}
    try:
        with subprocess.Popen(
            [sys.executable, "-m", "staticmask_cli", *words], cwd=folder,
            env=process_environment(**variables), stdout=subprocess.PIPE, stderr=theirs, text=True,
        ) as process:
            os.close(theirs)
            text = b"".join(_received(ours)).decode()
            assert process.stdout is not None
            stdout = process.stdout.read()
        assert process.returncode == 0, text
    finally:
        os.close(ours)
    return stdout, text


def test_a_terminal_gets_a_bar_and_then_the_closing_lines(tmp_path: Path) -> None:
    stdout, text = on_a_terminal(tmp_path, "demo", "try", "--exposures", "3")
    names = ["ACSWFC_400x500_1_staticMask.fits", "ACSWFC_400x500_2_staticMask.fits"]
    assert stdout.split("\n") == [*(f"try/{name}" for name in names), ""]
    assert "\x1b[?25l" in text  # the bar hides the cursor
    assert text.rindex("\x1b[?25h") < text.index("exposures") < text.index("Found ")
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
    assert re.search(r"chips .*━.* 6/6 +\d+(\.\d)?/s, 0:00 left", plain)
    assert re.search(r"headers .*━", plain)
    assert re.search(r"Found \d+ of \d+ low pixels", plain)
    assert COLOUR.search(text)


def test_no_color_is_honoured_on_a_terminal(tmp_path: Path) -> None:
    _, text = on_a_terminal(tmp_path, "demo", "try", "--exposures", "1", NO_COLOR="1")
    assert "Found " in text
    assert COLOUR.findall(text) == []


def test_quiet_leaves_a_terminal_empty(tmp_path: Path) -> None:
    stdout, text = on_a_terminal(tmp_path, "demo", "try", "--exposures", "1", "-q")
    assert (stdout, text) == ("", "")


def test_a_warning_stays_on_the_terminal_beside_the_bar(
    visit: Visit, write_exposure: WriteExposure, tmp_path: Path
) -> None:
    flat = np.ones((150, 220), np.float32)
    write_exposure("flat_flt.fits", chips=[{"data": flat, "CCDCHIP": 2, "LTV1": 0.0, "LTV2": 0.0,
                                            "BINAXIS1": 1, "BINAXIS2": 1}])
    _, text = on_a_terminal(tmp_path, "flat_flt.fits", *visit.paths)
    plain = re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", text)
    words = " ".join(plain.split())
    assert re.search(r"Warning: flat_flt\.fits\[SCI,1\]: set aside: its pixels fill", words)
    before = re.split(r"(?:\x1b\[[\d;]*m)*Warning:", text)[0]
    assert before.endswith("\r\x1b[2K")  # the bar is wiped away, and drawn again below
    assert plain.index("Warning: ") < plain.index("4 of 5")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="a device of Linux")
def test_a_log_file_that_cannot_be_written_is_reported_once_and_costs_no_mask(
    write_exposure: WriteExposure, tmp_path: Path
) -> None:
    write_exposure()
    process = shell("$MASK -q a_flt.fits --log-file /dev/full", tmp_path)
    assert (process.returncode, process.stdout) == (0, "")
    assert (tmp_path / "ACSWFC_60x80_1_staticMask.fits").exists()
    assert process.stderr == (
        "Warning: /dev/full: the log cannot be written: [Errno 28] No space left on device\n"
    )


def test_what_the_table_needs_is_imported_when_all_chips_are_done_and_not_before(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loaded = threading.Event()
    monkeypatch.setattr("staticmask_cli.terminal.console.import_module", lambda _: loaded.set())
    with Console().progress() as report:
        assert report is not None
        report(0, 2)
        report(1, 2)
        assert not loaded.is_set()
        report(2, 2)
        assert loaded.wait(20)
    with Console(quiet=True).progress() as report:
        assert report is None
