"""The command line: one module for each command; errors become exit codes here and only here."""

import os
import re
import signal
import sys
import traceback
from types import FrameType
from typing import IO, TYPE_CHECKING, Any, NoReturn

import click

from staticmask_cli._version import __version__
from staticmask_cli.cli.apply import apply
from staticmask_cli.cli.config import config
from staticmask_cli.cli.create import create
from staticmask_cli.cli.demo import demo
from staticmask_cli.cli.export import export
from staticmask_cli.cli.inspect import inspect
from staticmask_cli.cli.options import files
from staticmask_cli.cli.plan import plan
from staticmask_cli.errors import ConfigError, Lines, StaticMaskError, in_words
from staticmask_cli.terminal.streams import ensure_streams, write_message, write_stderr

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = ["cli", "main"]

_INTERRUPTED, _TERMINATED = 130, 143
_VERSION = ("-V", "--version")


class _Terminated(KeyboardInterrupt):
    """The process received SIGTERM; it ends as after Ctrl-C, but with another exit code."""


def _terminate(_signal: int, _frame: FrameType | None) -> NoReturn:
    raise _Terminated


class _Failed(click.ClickException):
    """The run failed, for instance because of bad data or an unreadable file."""

    exit_code = 1

    def show(self, file: IO[Any] | None = None) -> None:  # noqa: ARG002 - always stderr
        """Write the message to stderr."""
        write_message(self.message, "Error", lines=isinstance(self.message, Lines))


class _Refused(_Failed):
    """The usage or the configuration is wrong."""

    exit_code = 2


class _Commands(click.Group):
    """The group of commands: `create` is its default, and errors become exit codes."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read ``INPUT...`` as ``create INPUT...``, and ``help COMMAND`` as ``COMMAND --help``."""
        if args and args[0] == "help":
            args = [*args[1:2], "--help"]
        first_words = {*self.commands, *_VERSION, *ctx.help_option_names}
        if args and args[0] not in first_words:
            self._refuse_misspelt(args[0], ctx)
            args = ["create", *args]
        return super().parse_args(ctx, args)

    def _refuse_misspelt(self, word: str, ctx: click.Context) -> None:
        """Refuse a first word that looks like a command, if there is no file of that name."""
        if re.fullmatch("[A-Za-z]+", word) and not os.path.lexists(word):
            from staticmask_cli.config.cfgfile import nearest

            ctx.fail(f"{word}: no such command, and no such file{nearest(word, self.commands)}")

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's method
        """List the commands in the order in which they were added."""
        return list(self.commands)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> "list[CompletionItem]":
        """Complete commands, and the options and files that `create` would accept here."""
        of_create = create.shell_complete(click.Context(create, parent=ctx), incomplete)
        if not incomplete.startswith("-"):
            of_create += files(ctx, create.params[0], incomplete)
        # Files come first: the shell falls back on them if none of the words fits.
        return [*of_create, *super().shell_complete(ctx, incomplete)]

    def invoke(self, ctx: click.Context) -> Any:  # noqa: ANN401 - whatever the command returns
        """Run a command; exit with 1 if it failed, with 2 if it was used wrongly."""
        try:
            return super().invoke(ctx)
        except StaticMaskError as error:
            kind = _Refused if isinstance(error, ConfigError) else _Failed
            text = error.args[0] if error.args and isinstance(error.args[0], Lines) else str(error)
            raise kind(text) from error
        except KeyboardInterrupt as error:
            state = "the masks are all as they were, or all new"
            if ctx.invoked_subcommand == "apply":
                state = "each copy is as it was, or new"
            write_stderr(f"Interrupted: {state}.")
            ctx.exit(_TERMINATED if isinstance(error, _Terminated) else _INTERRUPTED)


@click.group(
    cls=_Commands,
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__, *_VERSION, message="staticmask %(version)s")
def cli() -> None:
    """Build static bad-pixel masks from calibrated exposures.

    staticmask INPUT... is short for staticmask create INPUT...; for its options
    see staticmask create --help.

    \b
    Examples:
      staticmask '*flt.fits' --static-sig 4
      staticmask demo

    \b
    For words completed by the Tab key, add a line to the shell's start-up file:
      bash, ~/.bashrc:  eval "$(_STATICMASK_COMPLETE=bash_source staticmask)"
      zsh, ~/.zshrc:    eval "$(_STATICMASK_COMPLETE=zsh_source staticmask)"
      fish, config.fish:  _STATICMASK_COMPLETE=fish_source staticmask | source
    """


for command in (create, plan, inspect, apply, export, config, demo):
    cli.add_command(command)


def main() -> NoReturn:
    """Run the command line; an error that a user cannot cause is reported as a bug."""
    ensure_streams()
    # Otherwise OpenBLAS, which numpy loads, starts a thread for each processor. That takes time,
    # and nothing here is linear algebra.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    signal.signal(signal.SIGTERM, _terminate)
    try:
        cli(prog_name="staticmask")
    except Exception as error:  # noqa: BLE001 - the last resort
        if fault := _fault_of_system(error):
            write_message(fault, "Error")
            sys.exit(1)
        write_stderr(traceback.format_exc().rstrip())
        write_stderr(
            "staticmask: this is a bug in staticmask, not in your data; "
            "please report it with the lines above."
        )
    sys.exit(1)


def _fault_of_system(error: BaseException) -> str:
    """Describe what the system could not do, such as read a module; empty if it is not at fault."""
    if isinstance(error, MemoryError):
        return f"staticmask: {in_words(error)}"
    if isinstance(error, OSError) and error.strerror:
        named = f"{error.filename}: " if isinstance(error.filename, str) else ""
        return f"{named}{in_words(error)}"
    if isinstance(error, ImportError):  # packages explain theirs in many lines
        cause = error.__cause__ or error.__context__
        reason = str(error).strip().partition("\n")[0]
        return (cause and _fault_of_system(cause)) or f"a package cannot be imported: {reason}"
    return ""
