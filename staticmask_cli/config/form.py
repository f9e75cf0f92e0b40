"""The form on the terminal in which parameters are changed; the only module that knows Textual."""

import os
from typing import ClassVar

from textual import on
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.events import DescendantFocus
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Label, Static, Switch

from staticmask_cli.config.cfgfile import Declaration, declarations
from staticmask_cli.config.parameters import Parameters, check_texts, expected_of, texts_of
from staticmask_cli.errors import StaticMaskError

__all__ = ["Form", "fill_in"]

_OURS = b"# Parameters for: staticmask"  # how a file that Parameters.save wrote begins


def fill_in(parameters: Parameters, path: str | None = None) -> Parameters | None:
    """Show the form until the user runs or cancels; None if cancelled.

    Raises
    ------
    ConfigError
        If a file name cannot be shown as it would stand in a ``.cfg``.
    """
    form = Form(parameters, path)
    edited = form.run()
    if form.return_code:
        msg = "the form failed; its traceback is above"
        raise RuntimeError(msg)
    return edited


class Form(App[Parameters]):
    """One row a parameter, checked as one types; it ends with parameters, or None.

    Parameters
    ----------
    parameters : Parameters
        To begin with.
    path : str, optional
        The ``.cfg`` that Save writes.
    """

    ENABLE_COMMAND_PALETTE = False
    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [
        ("ctrl+r", "run"), ("ctrl+s", "save"), ("escape", "cancel"),
    ]
    CSS = """
    #title { padding: 0 1; width: 100%; background: $primary; color: $text; text-style: bold; }
    #rows { padding: 1 1 0 1; }
    Row { height: auto; margin-bottom: 1; }
    Row Horizontal { height: 1; }
    Row .name { width: 14; text-style: bold; }
    Row Input, Row Input:focus { border: none; width: 1fr; height: 1; padding: 0 1; }
    Row Input:focus { background: $primary 30%; }
    Row.wrong Input { background: $error 30%; }
    Row Switch, Row Switch:focus { border: none; height: 1; padding: 0; margin: 0 1; }
    Row .comment { margin-left: 15; color: $text-muted; }
    Row .error { margin-left: 15; color: $error; text-style: bold; display: none; }
    Row.wrong .error { display: block; }
    #status { padding: 0 1; height: auto; max-height: 4; width: 100%; background: $surface; }
    #buttons { height: 1; padding: 0 1; }
    #buttons Button, #buttons Button:focus {
        border: none; height: 1; min-width: 0; width: 1fr; max-width: 16; margin-right: 1;
    }
    """

    def __init__(self, parameters: Parameters, path: str | None = None) -> None:
        super().__init__()
        self._texts = texts_of(parameters)
        self._rows: dict[str, Row] = {}
        self._path = path
        self._parameters: Parameters | None = parameters

    def compose(self) -> ComposeResult:
        """Lay the form out."""
        self._rows = {name: Row(told, self._texts[name]) for name, told in declarations().items()}
        yield Static(f"staticmask: {self._path or 'parameters'}", id="title", markup=False)
        with VerticalScroll(*self._rows.values(), id="rows") as rows:
            rows.can_focus = False
        yield Static("", id="status", markup=False)
        with Horizontal(id="buttons"):
            yield Button("Run ^r", id="run", variant="success")
            yield Button("Save ^s", id="save", variant="primary")
            yield Button("Save as", id="save_as", variant="primary")
            yield Button("Reset", id="reset")
            yield Button("Cancel esc", id="cancel", variant="error")

    def _tell(self, text: str) -> None:
        self.query_one("#status", Static).update(text)

    @on(Input.Changed)
    @on(Switch.Changed)
    def _check(self) -> None:
        """Mark the rows that are wrong; while there are any, nothing can be run or saved."""
        checked = check_texts({name: row.text for name, row in self._rows.items()})
        self._parameters = checked if isinstance(checked, Parameters) else None
        wrong = {} if isinstance(checked, Parameters) else checked
        for name, row in self._rows.items():
            row.show_error(wrong.get(name, ""))
        for button in ("#run", "#save", "#save_as"):
            self.query_one(button, Button).disabled = bool(wrong)

    @on(Input.Submitted)
    def _go_on(self) -> None:
        self.screen.focus_next()

    @on(Button.Pressed)
    async def _press(self, event: Button.Pressed) -> None:
        await self.run_action(str(event.button.id))

    def action_run(self) -> None:
        """End with the parameters, if they are right."""
        if self._are_right():
            self.exit(self._parameters)

    def action_cancel(self) -> None:
        """End with nothing."""
        self.exit(None)

    def action_reset(self) -> None:
        """Bring back the defaults; which exposures there are is not a matter of defaults."""
        for name, text in texts_of(Parameters.load()).items():
            if self._rows[name].declared.kind != "words":
                self._rows[name].text = text

    def action_save(self) -> None:
        """Save to the .cfg of this run, if we wrote it; ask before the place of any other."""
        if self._path is not None and _is_ours(self._path):
            self._save(self._path)
        else:
            self.action_save_as()

    def action_save_as(self) -> None:
        """Ask for a name and save."""
        if self._are_right():
            self.push_screen(SaveAs(self._path or ""), self._save)

    def _save(self, path: str | None) -> None:
        if path is None or self._parameters is None or not self._are_right():
            return
        try:
            self._parameters.save(path)
        except StaticMaskError as error:
            self._tell(f"Not saved: {error}")
        else:
            self._path = path
            self._tell(f"Saved: {path}")

    def _are_right(self) -> bool:
        self._check()  # what was typed last may not have been looked at yet
        if self._parameters is None:
            self._tell("Correct what is marked as wrong first.")
        return self._parameters is not None


class Row(Vertical):
    """One parameter: its name, its value, what it means, what is wrong."""

    def __init__(self, declared: Declaration, text: str) -> None:
        super().__init__()
        self.declared = declared
        self._value: Input | Switch
        if declared.kind == "switch":
            self._value = Switch(text == "True", id=declared.name)
        else:
            self._value = Input(text, placeholder=declared.default or "None", id=declared.name)
        self._answer = Label(self.text if declared.kind == "switch" else "")
        self._error = Static("", classes="error", markup=False)

    def compose(self) -> ComposeResult:
        """Lay the row out."""
        yield Horizontal(Label(self.declared.name, classes="name"), self._value, self._answer)
        yield Static(self.declared.comment, classes="comment", markup=False)
        yield self._error

    @property
    def text(self) -> str:
        """The value, as a ``.cfg`` would have it."""
        return str(self._value.value)

    @text.setter
    def text(self, text: str) -> None:
        if isinstance(self._value, Switch):
            self._value.value = text == "True"
        else:
            self._value.value = text

    def show_error(self, text: str) -> None:
        """Mark the row as wrong, or as right if there is no text."""
        self.set_class(bool(text), "wrong")
        self._error.update(text)
        if self._value.has_focus:
            self._say_what_is_expected()

    @on(Switch.Changed)
    def _say_the_answer(self) -> None:
        self._answer.update(self.text)

    @on(DescendantFocus)
    def _say_what_is_expected(self) -> None:
        """Tell in the status line what this parameter may be, unless the error does."""
        wrong = self.has_class("wrong")
        text = "" if wrong else f"{self.declared.name}: {expected_of(self.declared.kind)}"
        self.app.query_one("#status", Static).update(text)
        # The status may have grown over the row.
        self.call_after_refresh(self.scroll_visible, animate=False)


class SaveAs(ModalScreen[str | None]):
    """Ask for the name of a file; ends with None if the user goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss")]
    CSS = """
    SaveAs { align: center middle; }
    SaveAs Vertical { width: 70; max-width: 90%; height: auto; padding: 1 2; background: $panel; }
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def compose(self) -> ComposeResult:
        """Lay the question out."""
        with Vertical():
            yield Label("Save as")
            yield Input(self._path, placeholder="run.cfg", id="name")
            yield Static(_note(self._path), id="note", markup=False)

    @on(Input.Changed)
    def _warn(self, event: Input.Changed) -> None:
        """Say so where a file would be replaced."""
        event.stop()
        self.query_one("#note", Static).update(_note(event.value))

    @on(Input.Submitted)
    def _take(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.dismiss(_full(event.value))


def _note(name: str) -> str:
    there = os.path.lexists(_full(name))
    return f"Enter {'replaces the file that is there' if there else 'saves'}, Escape goes back."


def _full(text: str) -> str:
    return os.path.expanduser(text.strip())


def _is_ours(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(len(_OURS)) == _OURS
    except OSError:
        return False
