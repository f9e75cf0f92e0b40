"""The command ``staticmask apply``: flag the bad pixels of masks in copies of exposures."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.options import TopicalCommand, files, folders
from staticmask_cli.terminal.console import Console
from staticmask_cli.terminal.streams import shown_progress

if TYPE_CHECKING:
    from staticmask_cli.apply.apply import Masks
    from staticmask_cli.config.parameters import Parameters

__all__ = ["apply", "apply_and_show", "copies_of"]

_TO = "--to"


class _WithSeveralInputs(TopicalCommand):
    """A command whose ``--to`` takes all words up to the next option, as a shell expands them."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Read ``--to a b`` as ``--to a --to b``."""
        words: list[str] = []
        follows = False  # an input, as no option came since --to
        for number, word in enumerate(args):
            if word == "--":
                words += args[number:]
                break
            if word.startswith("-"):
                if words and words[-1] == _TO:
                    raise click.BadOptionUsage(_TO, f"Option '{_TO}' requires an argument.", ctx)
                follows = word == _TO or word.startswith(f"{_TO}=")
            elif follows and words[-1] != _TO:
                words.append(_TO)
            words.append(word)
        return super().parse_args(ctx, words)


@click.command(cls=_WithSeveralInputs)
@click.argument("masks", nargs=-1, required=True, metavar="MASK...", shell_complete=files)
@click.option(_TO, "inputs", multiple=True, required=True, metavar="INPUT...",
              shell_complete=files,
              help="The exposures, as for create: paths, wildcards, @FILE or associations; all "
                   "words up to the next option.")
@options.instrument
@options.sci_ext
@options.dq_ext
@options.suffix
@click.option("-o", "--output-dir", required=True, metavar="FOLDER",
              callback=options.result_path, shell_complete=folders,
              help="Where the copies go; made when missing, and never the folder of an exposure.")
@click.option("--dq-bit", metavar="BITS",
              help="What to set in DQ: 4 or 4,16 or names of the instrument's flags; or a value "
                   "for each cause, low=4,line=128.  [default: the instrument's bit for a bad "
                   "pixel of the detector]")
@click.option("--grow", type=click.IntRange(0, 100), default=0, metavar="N",
              help="Flag also the pixels within N pixels of a bad one, along rows and columns.  "
                   "[default: 0]")
@click.option("-j", "--jobs", type=click.IntRange(1, 1024), metavar="N",
              help="Copy N exposures at the same time.  [default: the processors there are, up "
                   "to 4]")
@options.console_options
def apply(
    *,
    masks: tuple[str, ...],
    inputs: tuple[str, ...],
    instrument: str | None,
    sci_ext: str | None,
    dq_ext: str | None,
    suffix: str | None,
    output_dir: str,
    dq_bit: str | None,
    grow: int,
    jobs: int | None,
    quiet: bool,
    verbose: bool,
    log_file: str | None,
) -> None:
    """Flag the bad pixels of masks in the DQ of copies of exposures.

    A mask is applied to the chips of its detector, at the same detector pixels:
    masks of full frames fit subarrays too. Exposures are never changed; of a
    copy only DQ is new, with a line of HISTORY. The paths of the copies go to
    stdout. AstroDrizzle takes them with static=False.

    \b
    Examples:
      staticmask apply masks/*_staticMask.fits --to *flt.fits -o masked
      staticmask apply m.fits --to '*flt.fits' -o masked --dq-bit low=4,line=128
    """
    with Console(quiet=quiet, verbose=verbose, log_file=log_file) as console:
        apply_and_show(console, masks, inputs, output_dir=output_dir, dq_bit=dq_bit, grow=grow,
                       instrument=instrument, sci_ext=sci_ext, dq_ext=dq_ext, suffix=suffix,
                       jobs=jobs)


def apply_and_show(
    console: Console,
    masks: "Masks",
    inputs: Sequence[str],
    *,
    output_dir: str,
    dq_bit: str | None = None,
    grow: int = 0,
    instrument: str | None = None,
    sci_ext: str | None = None,
    dq_ext: str | None = None,
    suffix: str | None = None,
    jobs: int | None = None,
) -> None:
    """Apply masks, and write the paths of the copies to stdout."""
    from staticmask_cli.apply.apply import apply_masks

    with shown_progress(quiet=console.quiet) as progress:
        paths = apply_masks(
            masks, inputs, output_dir=output_dir, dq_bit=dq_bit, grow=grow,
            instrument=instrument, sci_ext=sci_ext, dq_ext=dq_ext, suffix=suffix, jobs=jobs,
            progress=progress,
        )
    console.show_paths(paths, "copies")
    console.say(f"Masks applied to copies of {len(paths)} "
                f"exposure{'s' * (len(paths) != 1)} in {output_dir}")


def copies_of(
    parameters: "Parameters", folder: str | None, suffix: str | None, *, keep_going: bool = False
) -> dict[str, str]:
    """Return the path of the copy of each exposure in a folder; none without a folder.

    It is called before anything is made, so that a wrong folder is refused at once.
    """
    if folder is None:
        return {}
    if keep_going:
        msg = ("--apply-to takes all exposures, --keep-going leaves some out; apply the masks to "
               "the others with staticmask apply")
        raise click.UsageError(msg)
    from staticmask_cli.apply.apply import check_targets

    return check_targets(parameters.input, folder, suffix=suffix)
