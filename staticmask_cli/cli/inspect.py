"""The command ``staticmask inspect``: show what masks on disk contain."""

import logging
from collections.abc import Sequence

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.options import TopicalCommand, files
from staticmask_cli.io.user_path import matching_files
from staticmask_cli.terminal.console import Console
from staticmask_cli.terminal.streams import write_stdout

__all__ = ["inspect"]

log = logging.getLogger(__name__)

_MOST_IN_FULL = 3  # masks
_APART = 3  # exit code


@click.command(cls=TopicalCommand)
@click.argument("masks", nargs=-1, required=True, metavar="MASK...",
                shell_complete=files)
@options.plot
@options.json
@click.option("--brief/--no-brief", default=None,
              help="Show a line for each mask, and which stand apart from the others of their "
                   "chip.  [default: brief for more than three masks, and not with --json]")
@click.option("--check", is_flag=True,
              help="Do the same, and exit with 3 if a mask stands apart.")
@options.html
@options.console_options
def inspect(
    *,
    masks: tuple[str, ...],
    plot: str | None,
    json: bool,
    brief: bool | None,
    check: bool,
    html: str | None,
    quiet: bool,
    verbose: bool,
    log_file: str | None,
) -> None:
    """Show what masks contain, also masks of drizzlepac.

    Header facts, bad pixels, the worst rows and columns (counted from 1, as in
    FITS), clusters of bad pixels by size (pixels that touch, also at a corner),
    the members and how the outliers among them differ, and whether the checksums
    are correct. Two masks of one chip are compared: what the second added and
    removed. --html writes a page with many masks and their pictures.

    \b
    Examples:
      staticmask inspect old/ACSHRC_1024x1024_1_staticMask.fits new.fits
      staticmask inspect --check 'visit*/*_staticMask.fits'
    """
    from staticmask_cli.plots.draw import check_matplotlib, check_plot, plot_masks

    with Console(quiet=quiet, verbose=verbose, log_file=log_file):
        if plot is not None:
            check_plot(plot)
        if html is not None:
            check_matplotlib(html)
        paths = matching_files(masks)
        if brief is None:
            brief = check or (len(paths) > _MOST_IN_FULL and not json)
        brief = brief or html is not None
        stands_apart = _overview(paths, html, json=json) if brief else _in_full(
            paths, json=json, everything=verbose)
        if plot is not None:
            plot_masks(paths, plot)
    if check and stands_apart:
        raise click.exceptions.Exit(_APART)


def _overview(paths: Sequence[str], html: str | None, *, json: bool) -> bool:
    """Show a line for each mask, write a page of them, and return whether one stands apart."""
    from staticmask_cli.reports.overview import overview_of
    from staticmask_cli.reports.run_report import as_json
    from staticmask_cli.terminal.overview import show_overview

    glances = overview_of(paths)
    if html is not None:
        from staticmask_cli.plots.draw import draw_each
        from staticmask_cli.reports.qa_page import write_page

        log.info("%s: written", write_page(glances, html, draw_each))
    if json:
        write_stdout(as_json("overview", {"masks": glances}))
    else:
        show_overview(glances)
    return any(glance.apart for glance in glances)


def _in_full(paths: Sequence[str], *, json: bool, everything: bool) -> bool:
    """Show all that is in masks, and return False, as they are not compared."""
    from staticmask_cli.reports.inspection import inspect_masks
    from staticmask_cli.reports.run_report import as_json
    from staticmask_cli.terminal.inspections import show_inspections

    inspections = inspect_masks(paths)
    if json:
        write_stdout(as_json("inspection", inspections))
    else:
        show_inspections(inspections, everything=everything)
    return False
