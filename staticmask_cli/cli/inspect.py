"""The command ``staticmask inspect``: show what masks on disk contain."""

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.options import TopicalCommand, files
from staticmask_cli.io.user_path import matching_files
from staticmask_cli.terminal.console import Console
from staticmask_cli.terminal.streams import write_stdout

__all__ = ["inspect"]


@click.command(cls=TopicalCommand)
@click.argument("masks", nargs=-1, required=True, metavar="MASK...",
                shell_complete=files)
@options.plot
@options.json
@options.console_options
def inspect(
    *,
    masks: tuple[str, ...],
    plot: str | None,
    json: bool,
    quiet: bool,
    verbose: bool,
    log_file: str | None,
) -> None:
    """Show what masks contain, also masks of drizzlepac.

    Header facts, bad pixels, the worst rows and columns (counted from 1, as in
    FITS), clusters of bad pixels by size (pixels that touch, also at a corner),
    the members and how the outliers among them differ, and whether the checksums
    are correct. Two masks of one chip are compared: what the second added and
    removed.

    \b
    Examples:
      staticmask inspect ACSWFC_2048x4096_1_staticMask.fits
      staticmask inspect old/ACSHRC_1024x1024_1_staticMask.fits new.fits
    """
    from staticmask_cli.plots.draw import check_plot, plot_masks
    from staticmask_cli.reports.inspection import inspect_masks
    from staticmask_cli.reports.run_report import as_json
    from staticmask_cli.terminal.inspections import show_inspections

    with Console(quiet=quiet, verbose=verbose, log_file=log_file):
        if plot is not None:
            check_plot(plot)
        paths = matching_files(masks)
        inspections = inspect_masks(paths)
        if plot is not None:
            plot_masks(paths, plot)
        if json:
            write_stdout(as_json("inspection", inspections))
        else:
            show_inspections(inspections, everything=verbose)
