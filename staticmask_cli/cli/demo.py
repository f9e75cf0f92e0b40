"""The command ``staticmask demo``: make masks of simulated exposures with known defects."""

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.options import TopicalCommand, folders
from staticmask_cli.terminal.console import Console

__all__ = ["demo"]


@click.command(cls=TopicalCommand)
@click.argument("folder", default=".", callback=options.result_path, shell_complete=folders)
@click.option("--exposures", type=click.IntRange(1, 100), default=4, metavar="N",
              show_default=True, help="Simulate N exposures.")
@click.option("--camera", default="ACS/WFC", metavar="NAME", show_default=True,
              help="Simulate this camera: any in examples/instruments/README.md.")
@options.console_options
def demo(
    *, folder: str, exposures: int, camera: str, quiet: bool, verbose: bool, log_file: str | None
) -> None:
    """Simulate a few exposures in FOLDER and make their masks.

    The exposures are small (chips of 400 x 500 pixels), with stars, cosmic
    rays, DQ flags and low pixels at known positions. The closing line says how
    many of those are in the masks. No file that is in FOLDER already is changed.

    \b
    Examples:
      staticmask demo
      staticmask demo try --exposures 8 --camera WFC3/IR
    """
    from staticmask_cli.simulate.demo import demonstrate

    with Console(quiet=quiet, verbose=verbose, log_file=log_file) as console:
        with console.progress() as progress:
            outcome = demonstrate(folder, exposures, camera, progress=progress)
        console.show_masks(outcome.masks)
        for line in str(outcome).split("\n"):
            console.say(line)
