"""The command ``staticmask export``: write masks in the forms of other tools."""

import click

from staticmask_cli.cli import options
from staticmask_cli.cli.options import TopicalCommand, files, folders
from staticmask_cli.terminal.console import Console

__all__ = ["export"]

_FORMS = ("dq", "flag", "weight", "regions", "defects", "pixels")


@click.command(cls=TopicalCommand)
@click.argument("masks", nargs=-1, required=True, metavar="MASK...", shell_complete=files)
@click.option("--as", "forms", type=click.Choice(_FORMS), multiple=True, required=True,
              help="The form; may be given several times.")
@click.option("--grow", type=click.IntRange(0, 100), default=0, metavar="N",
              help="Take pixels up to N from a bad one as bad too, for detectors whose pixels "
                   "share their charge.")
@click.option("-o", "--output-dir", default=".", metavar="FOLDER",
              callback=options.result_path, shell_complete=folders,
              help="Where the files go; made when missing.  [default: this folder]")
@click.option("--overwrite", is_flag=True,
              help="Replace a file of the same name even if export did not write it.")
@options.console_options
def export(
    *,
    masks: tuple[str, ...],
    forms: tuple[str, ...],
    grow: int,
    output_dir: str,
    overwrite: bool,
    quiet: bool,
    verbose: bool,
    log_file: str | None,
) -> None:
    """Write masks in the forms of other tools; their paths go to stdout.

    \b
      dq       image, 0 good, else the DQ bits of a bad pixel (jwst, grizli)
      flag     image, 0 good, 1 bad (FLAG_IMAGE of SExtractor, masks of photutils)
      weight   image, 1 good, 0 bad (MAP_WEIGHT of SExtractor and SWarp)
      regions  boxes in image coordinates, for ds9
      defects  table of boxes with their causes, x0 and y0 from 0, as of LSST
      pixels   table of pixels with their causes, counted from 0 and from 1

    Each says in its header which value is bad, and create --include reads all of
    them. The names are those of the masks, with the form for _staticMask. Masks
    of drizzlepac are taken too. Files that export did not write are kept.

    \b
    Examples:
      staticmask export ACSWFC_400x500_1_staticMask.fits --as regions
      staticmask export masks/*_staticMask.fits --as dq --as flag -o lists
    """
    from staticmask_cli.forms.export import export_masks

    with Console(quiet=quiet, verbose=verbose, log_file=log_file) as console:
        paths = export_masks(masks, forms, output_dir=output_dir, grow=grow, overwrite=overwrite)
        console.show_paths(paths, "files")
