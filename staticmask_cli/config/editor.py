"""Edit the parameters before a run, in a form on the terminal or in a text editor."""

import os
import re
import shlex
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from staticmask_cli.config.parameters import Parameters
from staticmask_cli.errors import ConfigError, OutputError

__all__ = ["edit_parameters"]

_ERROR_COMMENT = "# error: "
_ADVICE = "(correct it and save; leave the file as it is to cancel)"
_STDERR = 2  # the file descriptor


def edit_parameters(parameters: Parameters, path: str | None = None) -> Parameters | None:
    """Show the parameters to the user, who may change them.

    If Textual is installed (the extra ``gui``) and stdin and stderr are terminals, they are
    shown in a form.  Otherwise a ``.cfg`` is opened in the editor that VISUAL or EDITOR
    names, and opened again until all its values are valid.

    Parameters
    ----------
    parameters : Parameters
        The parameters that are shown at first.
    path : str, optional
        The ``.cfg`` that holds them, to which the form saves.

    Returns
    -------
    Parameters or None
        The edited parameters.  They are None if the user cancelled: in the form, or with an
        editor that failed, an empty file, or a file that was not valid and was left unchanged.

    Raises
    ------
    ConfigError
        If there is neither a form nor an editor, the editor cannot be started, or a file name
        cannot be written in a ``.cfg``.
    OutputError
        If the temporary ``.cfg`` cannot be written.
    """
    if _form_is_possible():
        # Loaded here because Textual is optional, and slow to load.
        from staticmask_cli.config.form import fill_in  # noqa: PLC0415

        edited = fill_in(parameters, path)
    else:
        edited = _edit_as_text(parameters)
    if edited is not None and ",".join(edited.input) == ",".join(parameters.input):
        # A .cfg holds all words as one; words that were not changed remain separate.
        return edited.with_input(parameters.input)
    return edited


def _form_is_possible() -> bool:
    terminals = sys.stdin.isatty() and sys.stderr.isatty() and os.environ.get("TERM") != "dumb"
    return terminals and find_spec("textual") is not None


def _edit_as_text(parameters: Parameters) -> Parameters | None:
    command, text = _editor(), parameters.text()
    try:
        # The folder is removed with all files that an editor leaves beside the .cfg.
        with tempfile.TemporaryDirectory(prefix="staticmask-") as folder:
            return _edit_file(command, Path(folder) / "parameters.cfg", text)
    except OSError as error:
        msg = f"the temporary .cfg for the editor cannot be written: {error.strerror or error}"
        raise OutputError(msg) from error


def _edit_file(command: tuple[str, ...], file: Path, text: str) -> Parameters | None:
    """Open the editor until the file is valid; return None if the user cancels."""
    errors = ""
    while True:
        _write(file, errors + text)
        before, text = text, _without_errors(_edited_text(command, file))
        if not text.strip() or (errors and text == before):
            return None
        _write(file, text)
        try:
            return Parameters.load(str(file))
        except ConfigError as error:
            errors = _as_comments(str(error), str(file))


def _editor() -> tuple[str, ...]:
    """Return the words of the user's editor command."""
    for name in ("VISUAL", "EDITOR"):
        text = os.environ.get(name, "").strip()
        try:
            words = shlex.split(text)
        except ValueError as error:
            msg = f"{name} = {text}: is not the command of an editor: {error}"
            raise ConfigError(msg) from error
        if words:
            return tuple(words)
    msg = ("the parameters cannot be edited: install the extra staticmask[gui] and use a terminal, "
           "or set EDITOR to the command of a text editor")
    raise ConfigError(msg)


def _edited_text(command: tuple[str, ...], file: Path) -> str:
    """Run the editor and return the text of the file, or an empty text if the editor failed."""
    output = None if sys.stdout.isatty() else _STDERR  # stdout is for results
    # S603: the command is the user's own EDITOR, as words without a shell.
    try:
        with _interrupts_ignored():
            ended = subprocess.run((*command, str(file)), stdout=output, check=False)  # noqa: S603
    except OSError as error:
        msg = f"the editor {command[0]} cannot be started: {error.strerror}; set EDITOR to another"
        raise ConfigError(msg) from error
    if ended.returncode != 0 or not file.exists():
        return ""
    return file.read_text(encoding="utf-8-sig", errors="surrogateescape")


@contextmanager
def _interrupts_ignored() -> Iterator[None]:
    """Ignore Ctrl-C, which editors use; only the main thread receives it and may set handlers."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    # SIG_IGN in place of the lambda would be inherited by the editor.
    before = signal.signal(signal.SIGINT, lambda *_: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _write(file: Path, text: str) -> None:
    file.write_text(text, encoding="utf-8", errors="surrogateescape")


def _without_errors(text: str) -> str:
    lines = text.splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith(_ERROR_COMMENT))


def _as_comments(message: str, path: str) -> str:
    """Convert a message about a file to comments for the top of that file."""
    lines = [line.removeprefix(path).lstrip(": ") for line in message.splitlines()]
    shift = len(lines) + 1  # the number of lines that are inserted above those of the file
    lines = [re.sub(r"^line (\d+)", lambda m: f"line {int(m[1]) + shift}", line) for line in lines]
    return "".join(f"{_ERROR_COMMENT}{line}\n" for line in (*lines, _ADVICE))
