"""A form on the terminal to edit the parameters, made with Textual (the extra ``gui``)."""

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
from staticmask_cli.config.kinds import expected_of
from staticmask_cli.config.parameters import Parameters
from staticmask_cli.config.texts import check_texts, texts_of
from staticmask_cli.errors import StaticMaskError
from staticmask_cli.io.user_path import user_path

__all__ = ["Form", "fill_in"]

_FIRST_BYTES = b"# Parameters for: staticmask"  # of a file that Parameters.save wrote


def fill_in(parameters: Parameters, path: str | None = None) -> Parameters | None:
    """Show the form until the user runs or cancels; return None if the user cancelled.

    Raises
    ------
    ConfigError
        If a file name cannot be written in a ``.cfg``.
    """
    form = Form(parameters, path)
    edited = form.run()
    if form.return_code:
        msg = "the form failed; its traceback is above"
        raise RuntimeError(msg)
    return edited


class Form(App[Parameters]):
    """A form with a row for each parameter, which is checked while the user types.

    The result of the form is the edited parameters, or None if the user cancelled.

    Parameters
    ----------
    parameters : Parameters
        The parameters that are shown at first.
    path : str, optional
        The ``.cfg`` to which Save writes.
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
    Row.invalid Input { background: $error 30%; }
    Row Switch, Row Switch:focus { border: none; height: 1; padding: 0; margin: 0 1; }
    Row .comment { margin-left: 15; color: $text-muted; }
    Row .error { margin-left: 15; color: $error; text-style: bold; display: none; }
    Row.invalid .error { display: block; }
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
        """Create the widgets of the form."""
        self._rows = {
            name: Row(declared, self._texts[name]) for name, declared in declarations().items()
        }
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

    def _show_status(self, text: str) -> None:
        self.query_one("#status", Static).update(text)

    @on(Input.Changed)
    @on(Switch.Changed)
    def _check(self) -> None:
        """Mark the rows that are not valid, and disable Run and Save if there are any."""
        checked = check_texts({name: row.text for name, row in self._rows.items()})
        self._parameters = checked if isinstance(checked, Parameters) else None
        problems = {} if isinstance(checked, Parameters) else checked
        for name, row in self._rows.items():
            row.show_error(problems.get(name, ""))
        for button in ("#run", "#save", "#save_as"):
            self.query_one(button, Button).disabled = bool(problems)

    @on(Input.Submitted)
    def _focus_next(self) -> None:
        self.screen.focus_next()

    @on(Button.Pressed)
    async def _press(self, event: Button.Pressed) -> None:
        await self.run_action(str(event.button.id))

    def action_run(self) -> None:
        """Close the form with the parameters, if they are valid."""
        if self._are_valid():
            self.exit(self._parameters)

    def action_cancel(self) -> None:
        """Close the form without a result."""
        self.exit(None)

    def action_reset(self) -> None:
        """Reset all values to their defaults, except the input."""
        for name, text in texts_of(Parameters.load()).items():
            if self._rows[name].declared.kind != "words":
                self._rows[name].text = text

    def action_save(self) -> None:
        """Save to the ``.cfg`` of this run if staticmask wrote it, else ask for a file name."""
        if self._path is not None and _was_saved_by_staticmask(self._path):
            self._save(self._path)
        else:
            self.action_save_as()

    def action_save_as(self) -> None:
        """Ask for a file name and save."""
        if self._are_valid():
            self.push_screen(SaveAs(self._path or ""), self._save)

    def _save(self, path: str | None) -> None:
        if path is None or self._parameters is None or not self._are_valid():
            return
        try:
            self._parameters.save(path, overwrite=True)  # as the dialog announced
        except StaticMaskError as error:
            self._show_status(f"Not saved: {error}")
        else:
            self._path = path
            self._show_status(f"Saved: {path}")

    def _are_valid(self) -> bool:
        self._check()  # the event of the last key may not have been handled yet
        if self._parameters is None:
            self._show_status("Correct the marked values first.")
        return self._parameters is not None


class Row(Vertical):
    """The row of one parameter, with its name, value, meaning and error."""

    def __init__(self, declared: Declaration, text: str) -> None:
        super().__init__()
        self.declared = declared
        self._value: Input | Switch
        if declared.kind == "switch":
            self._value = Switch(text == "True", id=declared.name)
        else:
            self._value = Input(text, placeholder=declared.default or "None", id=declared.name)
        self._switch_text = Label(self.text if declared.kind == "switch" else "")
        self._error = Static("", classes="error", markup=False)

    def compose(self) -> ComposeResult:
        """Create the widgets of the row."""
        yield Horizontal(Label(self.declared.name, classes="name"), self._value, self._switch_text)
        yield Static(self.declared.comment, classes="comment", markup=False)
        yield self._error

    @property
    def text(self) -> str:
        """The value as it is written in a ``.cfg``."""
        return str(self._value.value)

    @text.setter
    def text(self, text: str) -> None:
        if isinstance(self._value, Switch):
            self._value.value = text == "True"
        else:
            self._value.value = text

    def show_error(self, text: str) -> None:
        """Mark the row as not valid and show an error, or unmark it if the text is empty."""
        self.set_class(bool(text), "invalid")
        self._error.update(text)
        if self._value.has_focus:
            self._show_expected()

    @on(Switch.Changed)
    def _show_switch_text(self) -> None:
        self._switch_text.update(self.text)

    @on(DescendantFocus)
    def _show_expected(self) -> None:
        """Show the expected values in the status line, unless the row's error shows them."""
        invalid = self.has_class("invalid")
        text = "" if invalid else f"{self.declared.name}: {expected_of(self.declared.kind)}"
        self.app.query_one("#status", Static).update(text)
        # A status line that became higher may hide the row.
        self.call_after_refresh(self.scroll_visible, animate=False)


class SaveAs(ModalScreen[str | None]):
    """A dialog that asks for a file name; its result is None if the user goes back."""

    BINDINGS: ClassVar[list[BindingType]] = [("escape", "dismiss")]
    CSS = """
    SaveAs { align: center middle; }
    SaveAs Vertical { width: 70; max-width: 90%; height: auto; padding: 1 2; background: $panel; }
    """

    def __init__(self, path: str) -> None:
        super().__init__()
        self._path = path

    def compose(self) -> ComposeResult:
        """Create the widgets of the dialog."""
        with Vertical():
            yield Label("Save as")
            yield Input(self._path, placeholder="run.cfg", id="name")
            yield Static(_note(self._path), id="note", markup=False)

    @on(Input.Changed)
    def _warn(self, event: Input.Changed) -> None:
        """Warn if a file would be replaced."""
        event.stop()
        self.query_one("#note", Static).update(_note(event.value))

    @on(Input.Submitted)
    def _submit(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip():
            self.dismiss(_expanded(event.value))


def _note(name: str) -> str:
    exists = os.path.lexists(_expanded(name))
    return f"Enter {'replaces the file that is there' if exists else 'saves'}, Escape goes back."


def _expanded(text: str) -> str:
    return user_path(text.strip())


def _was_saved_by_staticmask(path: str) -> bool:
    try:
        with open(path, "rb") as stream:
            return stream.read(len(_FIRST_BYTES)) == _FIRST_BYTES
    except OSError:
        return False
