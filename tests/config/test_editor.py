"""Test the editing of parameters in a text editor, and the choice between it and the form."""

import dataclasses
import shlex
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from staticmask_cli import Parameters
from staticmask_cli.config.editor import edit_parameters
from staticmask_cli.errors import ConfigError, OutputError
from tests.support.editor import Editor

START = Parameters.load(None, {"input": ["@a.lst", "b*.fits"], "final_bits": "64,32"})
CHANGED = dataclasses.replace(START, static_sig=5.0)
INVALIDATE = ("static_sig = 4.0", "static_sig = big")
CORRECT = ("static_sig = big", "static_sig = 5")


@pytest.fixture(autouse=True)
def folder_for_temporary_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the folder of temporary files, which must be empty after the test."""
    folder = tmp_path / "temporary files"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    yield folder
    assert list(folder.iterdir()) == []


def errors_in(text: str) -> list[str]:
    """Return the comments about errors, which must precede all other lines."""
    lines = text.splitlines()
    errors = [line for line in lines if line.startswith("# error: ")]
    assert errors == lines[: len(errors)]
    return errors


def test_a_change_in_the_editor_is_returned(editor: Editor) -> None:
    editor.does(("static_sig = 4.0", "static_sig = 5"))
    assert edit_parameters(START) == CHANGED
    assert editor.saw == [START.text()]


def test_an_unchanged_file_returns_the_same_parameters(editor: Editor) -> None:
    editor.does(("", ""))
    assert edit_parameters(START) == START


def test_other_exposures_can_be_named(editor: Editor) -> None:
    editor.does(("@a.lst,", "c.fits,"))
    assert edit_parameters(START) == START.with_input(("c.fits,b*.fits",))


def test_an_invalid_file_is_opened_again_with_its_errors_at_the_top(editor: Editor) -> None:
    editor.does(INVALIDATE, CORRECT)
    assert edit_parameters(START) == CHANGED
    first, *rest = errors_in(editor.saw[1])
    assert first == "# error: [STEP 1: STATIC MASK] static_sig = big: expected a number > 0"
    assert rest == ["# error: (correct it and save; leave the file as it is to cancel)"]
    assert editor.saw[1].endswith(START.text().replace(*INVALIDATE))


def test_new_errors_replace_the_old_ones(editor: Editor) -> None:
    editor.does(INVALIDATE, ("= big", "= 0"), ("static_sig = 0", "static_sig = 5"))
    assert edit_parameters(START) == CHANGED
    assert "static_sig = big" not in editor.saw[2]
    assert "static_sig = 0: expected a number > 0" in errors_in(editor.saw[2])[0]


def test_every_error_is_shown_with_the_line_number_in_the_file_as_shown(
    editor: Editor,
) -> None:
    editor.does(("group = None", "gruop = 1\nnonsense"), ("gruop = 1\nnonsense\n", ""))
    assert edit_parameters(START) == START
    errors = "\n".join(errors_in(editor.saw[1]))
    assert "# error: gruop = 1: no such parameter; did you mean group?" in errors
    number = editor.saw[1].splitlines().index("nonsense") + 1
    assert f"# error: line {number}: nonsense: expected 'name = value'" in errors


def test_a_file_that_is_not_a_text_is_opened_again_with_an_error(editor: Editor) -> None:
    editor.does(("group", "\udcff"), ("\udcff", "group"))
    assert edit_parameters(START) == START
    assert "found a binary file" in errors_in(editor.saw[1])[0]


@pytest.mark.parametrize(
    "steps",
    [(1,), (-signal.SIGKILL,), (INVALIDATE, ("", "")), (INVALIDATE, 3), ((None, " \n"),),
     ((None, None),)],
    ids=["exit-status", "killed", "left-invalid", "exit-status-later", "emptied", "removed"],
)
def test_the_user_can_cancel(
    editor: Editor, steps: tuple[int | tuple[str | None, str | None], ...]
) -> None:
    editor.does(*steps)
    assert edit_parameters(START) is None
    assert len(editor.saw) == len(steps)


def test_visual_has_precedence_over_editor(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    editor.does(("", ""))
    monkeypatch.setenv("VISUAL", editor.command)
    monkeypatch.setenv("EDITOR", "false")
    assert edit_parameters(START) == START
    monkeypatch.setenv("VISUAL", " ")
    assert edit_parameters(START) is None


def test_the_command_is_not_run_in_a_shell(editor: Editor, monkeypatch: pytest.MonkeyPatch) -> None:
    editor.does(("", ""))
    monkeypatch.setenv("EDITOR", f"{editor.command} --wait '; $(touch x)'")
    assert edit_parameters(START) == START
    assert editor.words == ["--wait", "; $(touch x)"]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("", r"install the extra staticmask\[gui\] and use a terminal, or set EDITOR"),
        ("no-such-editor -w", "no-such-editor cannot be started: No such file .*set EDITOR"),
        (shlex.quote(tempfile.gettempdir()), "cannot be started: Permission denied; set EDITOR"),
        ("vi 'x", "EDITOR = vi 'x: is not the command of an editor: No closing quotation"),
    ],
)
def test_an_unusable_editor_is_an_error_with_a_remedy(
    monkeypatch: pytest.MonkeyPatch, editor: Editor, command: str, message: str
) -> None:
    editor.does()
    monkeypatch.setenv("EDITOR", command)
    with pytest.raises(ConfigError, match=message):
        edit_parameters(START)


def test_a_name_that_a_cfg_cannot_hold_is_refused_before_the_editor_starts(editor: Editor) -> None:
    editor.does(("", ""))
    with pytest.raises(ConfigError, match=r"cannot be written in a \.cfg"):
        edit_parameters(START.with_input(("a\tb.fits",)))
    assert editor.saw == []


def test_a_full_or_missing_temporary_folder_is_an_output_error(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    editor.does(("", ""))
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "missing"))
    with pytest.raises(OutputError, match=r"temporary \.cfg .* cannot be written: No such file"):
        edit_parameters(START)


def test_output_of_the_editor_goes_to_stderr(
    editor: Editor, capfd: pytest.CaptureFixture[str]
) -> None:
    editor.does(("", ""), prints="hello")
    assert edit_parameters(START) == START
    assert capfd.readouterr() == ("", "hello\n")


def test_an_interrupt_reaches_the_editor_only(editor: Editor) -> None:
    before = signal.getsignal(signal.SIGINT)
    editor.does(INVALIDATE, CORRECT, interrupts=True)
    assert edit_parameters(START) == CHANGED
    assert signal.getsignal(signal.SIGINT) is before


def test_parameters_can_be_edited_in_a_thread(editor: Editor) -> None:
    editor.does(INVALIDATE, CORRECT)
    with ThreadPoolExecutor() as executor:
        assert executor.submit(edit_parameters, START).result() == CHANGED


@pytest.mark.parametrize(
    ("installed", "term", "form"), [(True, "xterm", True), (False, "xterm", False),
                                    (True, "dumb", False)]
)
def test_on_a_terminal_the_form_is_shown_if_textual_is_installed(
    editor: Editor, monkeypatch: pytest.MonkeyPatch, term: str, *, installed: bool, form: bool
) -> None:
    def fill_in(parameters: Parameters, path: str | None) -> Parameters:
        assert path == "run.cfg"
        return dataclasses.replace(parameters, static_sig=7.0)

    def find_spec(name: str) -> object:
        assert name == "textual"
        return sys if installed else None

    yes: Callable[[], bool] = lambda: True  # noqa: E731
    editor.does(("", ""))
    monkeypatch.setattr("staticmask_cli.config.form.fill_in", fill_in)
    monkeypatch.setattr("staticmask_cli.config.editor.find_spec", find_spec)
    monkeypatch.setattr(sys.stdin, "isatty", yes)
    monkeypatch.setattr(sys.stderr, "isatty", yes)
    monkeypatch.setenv("TERM", term)
    edited = edit_parameters(START, "run.cfg")
    assert edited is not None
    assert (edited.static_sig == 7.0) is form
    assert len(editor.saw) == (0 if form else 1)
