"""The command ``staticmask create``: make static masks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.apply import apply_and_show, copies_of
from staticmask_cli.cli.options import TopicalCommand
from staticmask_cli.terminal.console import Console

if TYPE_CHECKING:
    from staticmask_cli.config.parameters import Parameters

__all__ = ["create"]


@click.command(cls=TopicalCommand)
@options.parameter_options
@options.edit
@options.suffix
@options.output_dir
@options.overwrite
@options.update
@options.checkpoint
@options.keep_going
@options.apply_to
@options.plot
@options.jobs
@options.scheduler
@options.save_config
@options.report
@options.console_options
def create(
    *,
    config: str | None,
    given: Mapping[str, object],
    edit: bool,
    suffix: str | None,
    output_dir: str,
    overwrite: bool,
    update: bool,
    checkpoint: int | None,
    keep_going: bool,
    apply_to: str | None,
    plot: str | None,
    jobs: int | None,
    scheduler: str | None,
    save_config: str | None,
    report: str | None,
    quiet: bool,
    verbose: bool,
    log_file: str | None,
) -> None:
    """Make one static mask for every detector chip among the exposures.

    INPUT is a path, a wildcard in quotes, an association table (_asn.fits,
    _asc.fits, .json), several of these joined by commas, or @FILE, a list
    with one input a line. Exposures are never changed. The paths of the masks
    go to stdout, everything else to stderr.

    \b
    Examples:
      staticmask '*flt.fits' --static-sig 4
      staticmask -c run.cfg --final-bits 64,32 -o masks @visit.lst
    """
    from staticmask_cli.config.parameters import Parameters
    from staticmask_cli.parallel.dask_cluster import connected_executor
    from staticmask_cli.pipeline.create import make_masks

    with Console(quiet=quiet, verbose=verbose, log_file=log_file) as console:
        loaded = Parameters.load(config, given)
        parameters: Parameters | None = loaded
        if edit:
            from staticmask_cli.config.editor import edit_parameters

            parameters = edit_parameters(loaded, config)
        if parameters is None:
            console.say("Cancelled: nothing was made.")
            return
        console.log_parameters(parameters)
        _check_targets(parameters, config, report, save_config, plot, overwrite=overwrite)
        targets = copies_of(parameters, apply_to, suffix, keep_going=keep_going)
        if save_config is not None:
            parameters.save(save_config, overwrite=overwrite)
        with connected_executor(scheduler, jobs=jobs) as executor, console.progress() as progress:
            masks = make_masks(
                parameters, suffix=suffix, output_dir=output_dir, overwrite=overwrite,
                update=update, checkpoint=checkpoint, keep_going=keep_going, plot=plot,
                jobs=jobs, executor=executor, progress=progress,
            )
        console.show_masks(masks)
        console.show_left_out(masks.left_out)
        console.show_findings(masks.findings)
        if report is not None:
            from staticmask_cli.reports.run_report import Course, write_report

            course = Course(masks.findings, masks.left_out, masks.seconds)
            write_report(report, parameters, masks, course, overwrite=overwrite)
        if apply_to is not None and masks:
            members = {member.label.file for mask in masks for member in mask.members}
            apply_and_show(console, masks, [path for path in targets if path in members],
                           output_dir=apply_to, instrument=parameters.instrument,
                           sci_ext=parameters.sci_ext, dq_ext=parameters.dq_ext, jobs=jobs)
    if masks.left_out:
        raise click.exceptions.Exit(1)


def _check_targets(
    parameters: "Parameters", config: str | None, report: str | None, save_config: str | None,
    plot: str | None, *, overwrite: bool,
) -> None:
    """Refuse to write over an input, or a report over another text, before any work is done."""
    targets = {"--report": report, "--save-config": save_config, "--plot": plot}
    if any(targets.values()):
        from staticmask_cli.pipeline.kept_inputs import refuse_inputs

        refuse_inputs(parameters, config, targets)
    if report is not None:
        from staticmask_cli.reports.run_report import check_report

        check_report(report, overwrite=overwrite)
