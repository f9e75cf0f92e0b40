"""The command ``staticmask plan``: show what ``create`` would read and write."""

from collections.abc import Mapping

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.apply import copies_of
from staticmask_cli.cli.options import TopicalCommand, folders
from staticmask_cli.terminal.console import Console
from staticmask_cli.terminal.streams import write_stdout

__all__ = ["plan"]

_NOT_OF_CREATE = {"json", "make", "apply", "quiet", "verbose", "log_file"}  # left out of Make rules


@click.command(cls=TopicalCommand)
@options.parameter_options
@options.suffix
@options.output_dir
@options.overwrite
@options.json
@click.option("--make", is_flag=True,
              help="Print Make rules instead: each mask depends on its exposures and on the .cfg.")
@click.option("--apply", metavar="FOLDER", callback=options.result_path, shell_complete=folders,
              help="With --make, print rules also for copies of the exposures in FOLDER, with the "
                   "masks in their DQ.")
@options.console_options
@click.pass_context
def plan(
    ctx: click.Context,
    *,
    config: str | None,
    given: Mapping[str, object],
    suffix: str | None,
    output_dir: str,
    overwrite: bool,
    json: bool,
    make: bool,
    apply: str | None,
    quiet: bool,
    verbose: bool,
    log_file: str | None,
) -> None:
    """Show what create would read and write; nothing is written.

    For each mask: its exposures, what is set aside and why, and whether it is
    missing, up to date, older than an exposure, or made from other members or
    with other parameters. Inputs and options are those of create.

    \b
    Examples:
      staticmask plan '*flt.fits' --static-sig 4
      staticmask plan -c run.cfg -o masks --make > masks.mk
    """
    if make and json:
        msg = "--make and --json are two forms of the same; choose one"
        raise click.UsageError(msg)
    if apply is not None and not make:
        msg = "--apply needs --make: it adds rules to those of the masks"
        raise click.UsageError(msg)
    from staticmask_cli.config.parameters import Parameters
    from staticmask_cli.pipeline.dry_run import dry_run_of, plan_run
    from staticmask_cli.pipeline.make_rules import make_rules
    from staticmask_cli.pipeline.plan import form_of
    from staticmask_cli.reports.run_report import as_json
    from staticmask_cli.terminal.tables import show_plan

    with Console(quiet=quiet, verbose=verbose, log_file=log_file) as console:
        parameters = Parameters.load(config, given)
        console.log_parameters(parameters)
        with console.progress():
            plans = plan_run(
                parameters, suffix=suffix, output_dir=output_dir, overwrite=overwrite
            )
        if make:
            words = options.words_of(ctx, leave_out=_NOT_OF_CREATE)
            copies = copies_of(parameters, apply, suffix) if apply is not None else None
            write_stdout(make_rules(plans, words, [config] if config else [], copies,
                                    form_of(parameters)))
        elif json:
            write_stdout(as_json("plan", dry_run_of(plans, parameters)))
        else:
            show_plan(dry_run_of(plans, parameters), everything=verbose)
