"""The command ``staticmask config``: print, save or check the parameters of a run."""

from collections.abc import Mapping

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.options import TopicalCommand, files
from staticmask_cli.terminal.console import Console
from staticmask_cli.terminal.streams import write_stdout

__all__ = ["config"]


@click.command("config", cls=TopicalCommand)
@options.parameter_options
@click.option("--save", metavar="FILE", callback=options.result_path, shell_complete=files,
              help="Save the parameters as a .cfg instead of printing them.")
@click.option("--check", metavar="FILE", callback=options.input_path, shell_complete=files,
              help="Check this .cfg and do nothing else: exit 0 if it is valid, else 2.")
@options.console_options
def config(
    *,
    config: str | None,
    given: Mapping[str, object],
    save: str | None,
    check: str | None,
    quiet: bool,
    verbose: bool,
    log_file: str | None,
) -> None:
    """Print the parameters that create would use, as a commented .cfg.

    They come from the defaults, then from the .cfg that -c names (ours, a
    staticMask.cfg or an astrodrizzle.cfg of drizzlepac), then from the options.

    \b
    Examples:
      staticmask config -c astrodrizzle.cfg --save run.cfg
      staticmask config --check run.cfg
    """
    if check is not None and (save or config or "input" in given):
        msg = "--check does nothing else: name one .cfg with it, and no other option"
        raise click.UsageError(msg)
    from staticmask_cli.config.parameters import Parameters

    with Console(quiet=quiet, verbose=verbose, log_file=log_file) as console:
        if check is not None:
            Parameters.load(check)
            console.say(f"{check}: is valid")
            return
        parameters = Parameters.load(config, given)
        console.log_parameters(parameters)
        if save is None:
            write_stdout(parameters.text())
        else:
            from staticmask_cli.pipeline.kept_inputs import refuse_inputs

            refuse_inputs(parameters, None, {"--save": save})
            parameters.save(save)
            console.say(f"{save}: saved")
