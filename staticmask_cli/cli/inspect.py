"""The command ``staticmask inspect``: show what masks on disk contain."""

import logging
from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.options import TopicalCommand, files
from staticmask_cli.io.user_path import matching_files
from staticmask_cli.terminal.console import Console
from staticmask_cli.terminal.streams import write_stdout

if TYPE_CHECKING:
    from staticmask_cli.reports.history import History

__all__ = ["inspect"]

log = logging.getLogger(__name__)

_MOST_IN_FULL = 3  # masks
_SORT_KEYS = ("name", "date", "bad", "low", "exposures", "line", "largest", "level", "noise",
              "apart")
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
              help="Show the lines of --brief, and exit with 3 if a mask stands apart.")
@click.option("--sort", type=click.Choice(_SORT_KEYS), metavar="KEY",
              help="Show the lines of --brief in the order of name or date, or with the largest "
                   "first: bad, low, exposures, line (the worst row or column), largest "
                   "(cluster), level, noise, or apart (reasons).  [default: as given]")
@click.option("--history", is_flag=True,
              help="Show the masks of each chip by date, and how many pixels became bad, good, "
                   "and bad again; --plot draws it.")
@click.option("--report", metavar="FILE", callback=options.result_path, shell_complete=files,
              help="Write the lines of --brief or --history as data, too. The suffix says how: "
                   ".json, .ecsv or .csv.")
@options.html
@options.console_options
def inspect(
    *,
    masks: tuple[str, ...],
    plot: str | None,
    json: bool,
    brief: bool | None,
    check: bool,
    sort: str | None,
    history: bool,
    report: str | None,
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
      staticmask inspect --check 'visit*/*_staticMask.fits'
      staticmask inspect --history 'visit*/*_staticMask.fits' --plot trend.png
    """
    if history and (brief or check or sort or html):
        msg = "--history shows no overview, so leave out --brief, --check, --sort and --html"
        raise click.UsageError(msg)
    if brief is False and (sort or report or html) and not history:
        msg = "--sort, --report and --html are of an overview, so leave out --no-brief"
        raise click.UsageError(msg)
    with Console(quiet=quiet, verbose=verbose, log_file=log_file):
        _check_results(plot, report, html)
        paths = matching_files(masks)
        if history:
            _history(paths, json=json, everything=verbose, plot=plot, report=report)
            return
        if brief is None:
            brief = bool(check or sort or report or html) or (
                len(paths) > _MOST_IN_FULL and not json)
        stands_apart = _overview(paths, sort, html, json=json, report=report) if brief else (
            _in_full(paths, json=json, everything=verbose))
        if plot is not None:
            from staticmask_cli.plots.draw import plot_masks

            plot_masks(paths, plot)
    if check and stands_apart:
        raise click.exceptions.Exit(_APART)


def _check_results(plot: str | None, report: str | None, html: str | None) -> None:
    """Check the names of the files to be written, before any work is done."""
    if plot is not None:
        from staticmask_cli.plots.draw import check_plot

        check_plot(plot)
    if html is not None:
        from staticmask_cli.plots.draw import check_matplotlib

        check_matplotlib(html)
    if report is not None:
        from staticmask_cli.reports.run_report import check_report

        check_report(report)


def _history(
    paths: Sequence[str], *, json: bool, everything: bool, plot: str | None, report: str | None
) -> None:
    """Show what changed in the masks of each chip from one to the next."""
    from staticmask_cli.reports.history import history_of, rows_of
    from staticmask_cli.reports.rows import write_rows
    from staticmask_cli.reports.run_report import as_json
    from staticmask_cli.terminal.history import show_history

    found = history_of(paths)
    if report is not None:
        write_rows(report, "history", found, rows_of(found))
    if json:
        write_stdout(as_json("history", found))
    else:
        show_history(found, everything=everything)
    if plot is not None:
        _plot_history(found, plot)


def _plot_history(history: "History", path: str) -> None:
    from staticmask_cli.errors import InputError
    from staticmask_cli.plots.history import Curve, plot_history

    if not history.trends:
        msg = f"{path}: is not drawn, because no mask has a date"
        raise InputError(msg)
    plot_history([
        Curve(
            trend.title, [mask.date for mask in trend.masks], [mask.bad for mask in trend.masks],
            {name: [getattr(mask, name) for mask in trend.masks[1:]]
             for name in ("new", "returned", "gone")},
        )
        for trend in history.trends
    ], path)


def _overview(
    paths: Sequence[str], sort: str | None, html: str | None, *, json: bool, report: str | None
) -> bool:
    """Show a line for each mask, write a page of them, and return whether one stands apart."""
    from staticmask_cli.reports.overview import overview_of, rows_of, sorted_by
    from staticmask_cli.reports.rows import write_rows
    from staticmask_cli.reports.run_report import as_json
    from staticmask_cli.terminal.overview import show_overview

    glances = overview_of(paths)
    if sort is not None:
        glances = sorted_by(glances, sort)
    if report is not None:
        write_rows(report, "overview", {"masks": glances}, rows_of(glances))
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
    from staticmask_cli.reports.run_report import json_pieces
    from staticmask_cli.terminal.inspections import show_inspections

    inspections = inspect_masks(paths)
    if json:
        for piece in json_pieces("inspection", inspections):
            write_stdout(piece, end="")
        write_stdout("\n")
    else:
        show_inspections(inspections, everything=everything)
    return False
