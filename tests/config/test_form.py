"""Test the form through Textual's pilot and on a pseudo-terminal."""

import asyncio
import dataclasses
import os
import re
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Button, Input, Static, Switch

from staticmask_cli import Parameters
from staticmask_cli.config.cfgfile import declarations
from staticmask_cli.config.form import Form, Row, SaveAs
from staticmask_cli.config.kinds import expected_of
from staticmask_cli.errors import ConfigError
from tests.support.exposures import WriteExposure, digest
from tests.support.process import process_environment

pytestmark = pytest.mark.usefixtures("folder")

FormPilot = Pilot[Parameters]
Acts = Callable[[FormPilot], Awaitable[None]]

START = Parameters.load(None, {"input": "a.fits", "final_bits": "64,32"})
CHANGED = dataclasses.replace(START, static_sig=5.5)


def use(
    acts: Acts, *, start: Parameters = START, path: str | None = None,
    size: tuple[int, int] = (100, 32),
) -> Parameters | None:
    """Act on the form, which must close then, and return its result."""

    async def session() -> Parameters | None:
        form = Form(start, path)
        form.animation_level = "none"  # a scroll ends at once, also on a busy machine
        async with form.run_test(size=size) as pilot:
            await acts(pilot)
            await pilot.pause()
            assert not form.is_running
        return form.return_value

    return asyncio.run(session())


async def enter(pilot: FormPilot, name: str, text: str) -> None:
    """Replace the text of a field in one step, as a paste does."""
    field = pilot.app.screen.query_one(f"#{name}", Input)
    field.focus()
    field.value = text
    await pilot.pause()


def shown(pilot: FormPilot, selector: str) -> str:
    """Return the text of a widget, which is empty if the widget is not displayed."""
    widget = pilot.app.screen.query_one(selector, Static)
    return str(widget.render()) if widget.display else ""


def errors(pilot: FormPilot) -> dict[str, str]:
    """Return the errors below the rows, by name of the parameter."""
    found = {}
    for row in pilot.app.query(Row):
        error = row.query_one(".error", Static)
        if error.display:
            found[row.declared.name] = str(error.render())
    return found


def disabled(pilot: FormPilot) -> set[str | None]:
    """Return the identifiers of the buttons that cannot be pressed."""
    return {button.id for button in pilot.app.query(Button) if button.disabled}


def content(path: str) -> str:
    return Path(path).read_text(encoding="utf-8")


# The content of the form.


def test_there_is_a_row_for_every_parameter_with_its_value_and_meaning() -> None:
    async def acts(pilot: FormPilot) -> None:
        rows = list(pilot.app.query(Row))
        assert [row.declared for row in rows] == list(declarations().values())
        for row in rows:
            assert str(row.query_one(".name", Static).render()) == row.declared.name
            assert str(row.query_one(".comment", Static).render()) == row.declared.comment
        values = {row.declared.name: row.text for row in rows}
        assert values == {"input": "a.fits", "group": "", "name": "{signature}",
                          "static": "True", "static_sig": "4.0", "sky": "global",
                          "agree": "any", "final_bits": "64,32",
                          "high": "False", "least_depth": "0.5",
                          "include": "", "include_bad": "", "instrument": "",
                          "sci_ext": "", "dq_ext": ""}
        assert errors(pilot) == {}
        assert disabled(pilot) == set()
        await pilot.click("#cancel")

    assert use(acts) is None


def test_the_cursor_what_it_expects_its_error_and_all_buttons_are_on_a_small_screen() -> None:
    async def acts(pilot: FormPilot) -> None:
        screen = pilot.app.screen
        for declared in declarations().values():
            await pilot.pause(0.05)
            assert shown(pilot, "#status") == f"{declared.name}: {expected_of(declared.kind)}"
            assert screen.focused is not None
            assert screen.region.contains_region(screen.focused.region)
            assert screen.query_one("#rows").region.contains_region(screen.focused.region)
            await pilot.press("tab")
        await enter(pilot, "static_sig", "x")
        await pilot.pause(0.1)
        error = screen.query_one(".invalid .error")
        assert screen.query_one("#rows").region.contains_region(error.region)
        for button in screen.query(Button):
            assert screen.region.contains_region(button.region)
        await pilot.press("escape")

    assert use(acts, size=(60, 14)) is None


# Editing.


def test_run_returns_the_values_that_were_typed() -> None:
    async def acts(pilot: FormPilot) -> None:
        # Enter moves the cursor to the next row, as the tabulator does.
        await pilot.press("enter", "tab", "tab", "tab", "end", "ctrl+u", *"5.5", "ctrl+r")

    assert use(acts) == CHANGED


def test_every_parameter_can_be_changed() -> None:
    async def acts(pilot: FormPilot) -> None:
        await pilot.click("#static")  # while it is in view
        await pilot.pause()
        assert not pilot.app.query_one("#static", Switch).value
        await enter(pilot, "input", "*flt.fits")
        await enter(pilot, "group", "sci,2")
        await enter(pilot, "name", "{visit}_{signature}")
        await enter(pilot, "sky", "local")
        await enter(pilot, "agree", "2")
        await enter(pilot, "final_bits", "")
        await enter(pilot, "include", "a.reg")
        await enter(pilot, "include_bad", "1")
        await enter(pilot, "instrument", "GMOS-S")
        await enter(pilot, "sci_ext", "CCD*")
        await enter(pilot, "dq_ext", "BPM*")
        await pilot.click("#run")

    assert use(acts) == Parameters(
        ("*flt.fits",), (("SCI", 2),), "{visit}_{signature}", static=False, static_sig=4.0,
        sky="local", agree=2, final_bits=None, high=False, least_depth=0.5,
        include=("a.reg",), include_bad=1,
        instrument="GMOS-S", sci_ext="CCD*", dq_ext="BPM*")


def test_an_invalid_value_is_refused_until_it_is_corrected() -> None:
    async def acts(pilot: FormPilot) -> None:
        for name, text in (("static_sig", "big"), ("group", "sci"), ("final_bits", "8,")):
            await enter(pilot, name, text)
            assert errors(pilot) == {name: f"expected {expected_of(declarations()[name].kind)}"}
            await enter(pilot, name, "2")
            assert errors(pilot) == {}
        await enter(pilot, "static_sig", "0")
        assert errors(pilot).keys() == {"static_sig"}
        assert shown(pilot, "#status") == ""
        assert disabled(pilot) == {"run", "save", "save_as"}
        for key in ("ctrl+r", "ctrl+s"):
            await pilot.press(key)
            await pilot.pause()
            assert shown(pilot, "#status") == "Correct the marked values first."
        assert isinstance(pilot.app.screen.query_one("#static_sig"), Input)
        await pilot.click("#run")
        await enter(pilot, "static_sig", "2")
        assert errors(pilot) == {}
        assert disabled(pilot) == set()
        await pilot.press("ctrl+r")

    names = ("static_sig", "group", "final_bits")
    corrected = Parameters.load(None, {"input": "a.fits", **dict.fromkeys(names, "2")})
    assert use(acts, path="run.cfg") == corrected
    assert not Path("run.cfg").exists()


def test_the_last_change_is_checked_and_reset_restores_all_but_the_exposures() -> None:
    async def acts(pilot: FormPilot) -> None:
        pilot.app.query_one("#static_sig", Input).value = "x"
        await pilot.app.run_action("run")  # before the form has seen the change
        assert errors(pilot).keys() == {"static_sig"}
        await pilot.click("#static")
        await pilot.click("#reset")
        await pilot.pause()
        assert errors(pilot) == {}
        await pilot.press("ctrl+r")

    start = dataclasses.replace(START, group=(1,))
    assert use(acts, start=start) == Parameters.load(None, {"input": "a.fits"})


def test_cancel_returns_none_and_leaves_no_file(folder: Path) -> None:
    async def acts(pilot: FormPilot) -> None:
        await enter(pilot, "static_sig", "5.5")
        await pilot.press("ctrl+q")

    assert use(acts, path="run.cfg") is None
    assert list(folder.iterdir()) == []


def test_a_name_that_a_cfg_cannot_hold_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"cannot be written in a \.cfg"):
        Form(START.with_input(("a'\"b.fits",)))


# Saving.


def test_save_writes_the_cfg_of_the_run() -> None:
    async def acts(pilot: FormPilot) -> None:
        for text, way in (("7", pilot.press("ctrl+s")), ("5.5", pilot.click("#save"))):
            await enter(pilot, "static_sig", text)
            await way
            await pilot.pause()
            assert shown(pilot, "#status") == "Saved: run.cfg"
            saved = dataclasses.replace(START, static_sig=float(text))
            assert content("run.cfg") == saved.text()
            assert Parameters.load("run.cfg") == saved
        await pilot.press("escape")

    START.save("run.cfg")
    assert use(acts, path="run.cfg") is None


def test_a_cfg_of_another_program_is_replaced_only_if_that_is_confirmed() -> None:
    other = "[STEP 1: STATIC MASK]\nstatic_sig = 4.0\n[STEP 2: SKY SUBTRACTION]\nskysub = True\n"

    async def acts(pilot: FormPilot) -> None:
        await enter(pilot, "static_sig", "5.5")
        for answer, expected in (("escape", other), ("enter", CHANGED.text())):
            await pilot.press("ctrl+s")
            await pilot.pause()
            assert shown(pilot, "#note").startswith("Enter replaces the file that is there")
            await pilot.press(answer)
            await pilot.pause()
            assert content("drizzle.cfg") == expected
        await pilot.press("ctrl+r")

    Path("drizzle.cfg").write_text(other, encoding="utf-8")
    assert use(acts, path="drizzle.cfg") == CHANGED


def test_save_asks_for_a_name_once(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def acts(pilot: FormPilot) -> None:
        await pilot.press("ctrl+s")
        await pilot.pause()
        assert isinstance(pilot.app.screen, SaveAs)
        await pilot.press("enter", "ctrl+r")  # without a name, nothing happens
        await enter(pilot, "name", "~/new.cfg")
        assert shown(pilot, "#note").startswith("Enter saves")
        await pilot.press("enter")
        await pilot.pause()
        assert Parameters.load("home/new.cfg") == START
        await enter(pilot, "static_sig", "5.5")
        await pilot.press("ctrl+s", "ctrl+r")

    (folder / "home").mkdir()
    monkeypatch.setenv("HOME", str(folder / "home"))
    assert use(acts) == CHANGED
    assert Parameters.load("home/new.cfg") == CHANGED


def test_going_back_from_the_dialog_saves_nothing_and_does_not_cancel(folder: Path) -> None:
    async def acts(pilot: FormPilot) -> None:
        await pilot.click("#save_as")
        await pilot.pause()
        await pilot.press(*"new.cfg", "escape")
        await pilot.pause()
        await pilot.press("ctrl+r")

    assert use(acts) == START
    assert list(folder.iterdir()) == []


def test_a_failed_save_is_shown_and_the_form_stays_open(
    write_exposure: WriteExposure, folder: Path
) -> None:
    exposure = write_exposure("a.fits")
    before = digest(exposure)

    async def acts(pilot: FormPilot) -> None:
        for name, reason in (("no/run.cfg", "No such file"), ("a.fits", "is not a text file")):
            await pilot.click("#save_as")
            await pilot.pause()
            await enter(pilot, "name", name)
            await pilot.press("enter")
            await pilot.pause()
            assert re.match(f"Not saved: {name}: .*{reason}", shown(pilot, "#status"))
        await enter(pilot, "input", "a'\"b.fits")
        await pilot.press("ctrl+s")
        await pilot.pause()
        await enter(pilot, "name", "run.cfg")
        await pilot.press("enter")
        await pilot.pause()
        assert "cannot be written in a .cfg" in shown(pilot, "#status")
        await pilot.press("ctrl+r")

    assert use(acts) == START.with_input(("a'\"b.fits",))
    assert digest(exposure) == before
    assert list(folder.iterdir()) == [exposure]


# On a terminal.


def on_a_terminal(*words: str, keys: bytes = b"") -> tuple[int, str, str]:
    """Run Python with stdin and stderr on a terminal; the keys are pressed when a form is shown.

    Returns the exit code, stdout, and the output on the terminal.
    """
    controller, terminal = os.openpty()
    output = b""
    try:
        with subprocess.Popen(
            [sys.executable, *words], stdin=terminal, stderr=terminal, stdout=subprocess.PIPE,
            env=process_environment(TERM="xterm-256color", COLUMNS="100", LINES="32"),
        ) as process:
            os.close(terminal)
            while True:
                try:
                    part = os.read(controller, 65536)
                except OSError:  # Linux reports the end of the process so
                    break
                if not part:
                    break
                output += part
                if keys and b"Cancel" in output:
                    time.sleep(0.1)
                    os.write(controller, keys)
                    keys = b""
            assert process.stdout is not None
            stdout = process.stdout.read().decode()
        return process.returncode, stdout, output.decode(errors="replace")
    finally:
        os.close(controller)


@pytest.mark.parametrize(
    ("keys", "code", "closing"),
    [(b"\x1b", 0, "Cancelled: nothing was made."),
     (b"\x12", 1, "nowhere_flt.fits: no such file")],
    ids=["escape", "ctrl+r"],
)
def test_the_command_shows_the_form_on_a_terminal(
    folder: Path, keys: bytes, code: int, closing: str
) -> None:
    words = ("-m", "staticmask_cli", "nowhere_flt.fits", "--edit")
    ended, stdout, terminal = on_a_terminal(*words, keys=keys)
    assert (ended, stdout) == (code, "")
    assert closing in terminal
    assert "Traceback" not in terminal
    assert list(folder.iterdir()) == []


def test_a_form_that_fails_raises_an_error_and_does_not_cancel() -> None:
    code, stdout, terminal = on_a_terminal("-c", (
        "from staticmask_cli import Parameters\nfrom staticmask_cli.config import form\n"
        "form.Row.show_error = None\n"
        "print(form.fill_in(Parameters.load()))"
    ))
    assert (code, stdout) == (1, "")
    assert "RuntimeError" in terminal
    assert "the form failed; its traceback is above" in terminal  # in colours, from Python 3.13 on
