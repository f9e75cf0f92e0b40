"""Options that commands share, each defined once, and a ``--help`` that lists them by topic."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import TYPE_CHECKING

import click
from click.core import ParameterSource

from staticmask_cli.io.user_path import output_path, user_path

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

__all__ = [
    "TopicalCommand", "apply_to", "checkpoint", "console_options", "dq_ext", "edit", "files",
    "folders", "html", "input_path", "instrument", "jobs", "json", "keep_going", "output_dir",
    "overwrite", "parameter_options", "plot", "report", "result_path", "save_config", "scheduler",
    "sci_ext", "suffix", "update", "words_of",
]

Command = Callable[..., None]

_TOPICS = {
    "Parameters": ("config", "static", "static-sig", "sky", "agree", "final-bits",
                   "high", "least-depth", "group", "instrument", "sci-ext", "dq-ext",
                   "include", "include-bad",
                   "edit", "save-config", "save", "check", "dq-bit"),
    "Inputs": ("to", "suffix", "keep-going", "exposures", "camera"),
    "Outputs": ("brief", "sort", "history", "as", "grow", "name", "output-dir", "overwrite",
                "update", "checkpoint", "plot", "html", "report", "json", "make", "apply",
                "apply-to"),
    "Speed": ("jobs", "scheduler"),
    "Messages": ("quiet", "verbose", "log-file", "help"),
}
_OTHER_OPTIONS = "Other options"


def input_path(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Expand the path of a file to read, as the callback of an option."""
    return None if value is None else user_path(value)


def result_path(_ctx: click.Context, _option: click.Parameter, value: str | None) -> str | None:
    """Expand the path of a file or folder to write, as the callback of an option."""
    return None if value is None else output_path(value)


class TopicalCommand(click.Command):
    """A command whose ``--help`` shows its options by topic."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write each option under the heading of its topic."""
        shown: dict[str, list[tuple[str, str]]] = {
            topic: [] for topic in (*_TOPICS, _OTHER_OPTIONS)
        }
        for option in self.get_params(ctx):
            record = option.get_help_record(ctx)
            if record is not None and isinstance(option, click.Option):
                shown[_topic_of(option)].append(record)
        for topic, records in shown.items():
            if records:
                with formatter.section(topic):
                    formatter.write_dl(records)


def _topic_of(option: click.Option) -> str:
    words = {word.lstrip("-") for word in option.opts}
    topics = (topic for topic, names in _TOPICS.items() if words.intersection(names))
    return next(topics, _OTHER_OPTIONS)


def files(
    _ctx: click.Context, _option: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Let the shell complete the name of a file."""
    return [_completed_by_shell(incomplete, "file")]


def folders(
    _ctx: click.Context, _option: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Let the shell complete the name of a folder."""
    return [_completed_by_shell(incomplete, "dir")]


def _completed_by_shell(incomplete: str, kind: str) -> "CompletionItem":
    from click.shell_completion import CompletionItem

    return CompletionItem(incomplete, type=kind)


def words_of(ctx: click.Context, leave_out: Collection[str]) -> list[str]:
    """Return the options on the command line as words for another command, without some."""
    words: list[str] = []
    for option in ctx.command.params:
        name = option.name or ""
        on_command_line = ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
        if not isinstance(option, click.Option) or name in leave_out or not on_command_line:
            continue
        value = ctx.params[name]
        if option.is_flag:
            words.append(option.opts[-1] if value else option.secondary_opts[-1])
        else:
            for single in value if option.multiple else [value]:
                words += [option.opts[-1], str(single)]
    return words


_PARAMETERS = ("static", "static_sig", "sky", "agree", "final_bits", "high", "least_depth", "group",
               "name", "instrument", "sci_ext", "dq_ext", "include", "include_bad")
instrument = click.option(
    "--instrument", metavar="NAME",
    help="Name of the camera, for files without INSTRUME.")
sci_ext = click.option(
    "--sci-ext", metavar="NAMES",
    help="EXTNAME of the chips: 'CCD*' or 'S*,N*'.  [default: SCI; where there is "
         "none, all images but flags and errors]")
dq_ext = click.option(
    "--dq-ext", metavar="NAMES",
    help="EXTNAME of the DQ flags: 'BPM*'; or OLD=NEW if they are in a file "
         "whose name has NEW in the place of OLD.  "
         "[default: DQ, or BPM, MASK, FLAGS]")
# Their values are checked together with those of the .cfg, hence all are strings here.
_parameter_options = (
    click.argument("inputs", nargs=-1, metavar="INPUT...", shell_complete=files),
    click.option("-c", "--config", metavar="FILE", callback=input_path, shell_complete=files,
                 help="Read parameters from this .cfg (ours, staticMask.cfg or "
                      "astrodrizzle.cfg); options override it.  [default: none is read]"),
    click.option("--static/--no-static", default=None,
                 help="Make masks, or do nothing.  [default: static]"),
    click.option("--static-sig", metavar="SIGMA",
                 help="A pixel is low when it lies more than SIGMA rms below the mode "
                      "of its chip.  [default: 4.0]"),
    click.option("--sky", metavar="RULE",
                 help="Take mode and rms as they are for the whole chip (global) or around "
                      "each pixel (local), for fields that are not flat.  [default: global]"),
    click.option("--agree", metavar="HOW",
                 help="In how many exposures a pixel must be bad: any, all, a count (2) or "
                      "a fraction of those that vote (0.5).  With --sky local, a count or "
                      "fraction is one of pointings; 2 is best from three pointings on, and "
                      "joint, the evidence of all exposures together, from eight on.  "
                      "[default: any]"),
    click.option("--final-bits", metavar="BITS",
                 help="DQ bits that do NOT make a pixel bad: 96 or 64,32 or ~4096 or flag "
                      "names; 0: every flag does; None: DQ is not read.  [default: None]"),
    click.option("--high/--no-high", default=None,
                 help="With --agree joint, mark pixels that are too high, too.  "
                      "[default: no-high]"),
    click.option("--least-depth", metavar="NOISE",
                 help="With --agree joint, the smallest mean distance from the sky of a bad pixel, "
                      "in units of the noise of one exposure.  [default: 0.5]"),
    click.option("--group", metavar="EXT",
                 help="FITS extensions to use in every exposure: 1 or 1,4 or sci,2.  "
                      "[default: all SCI extensions]"),
    click.option("--name", metavar="NAME",
                 help="Name of a mask without _staticMask.fits, with fields of its exposures: "
                      "{signature}, {filter}, {position} of a subarray, {visit}, {exptime}.  "
                      "Exposures of different names go into different masks.  "
                      "[default: {signature}]"),
    instrument, sci_ext, dq_ext,
    click.option("--include", metavar="FILE", multiple=True, shell_complete=files,
                 help="Pixels that are bad whatever the exposures show: a mask, what export "
                      "writes, an image, a BPIXTAB or ds9 regions; MASK=FILE says for which mask.  "
                      "May be given several times.  [default: none]"),
    click.option("--include-bad", metavar="0|1",
                 help="Which value is bad in included images that do not say so: 1 (all but 0) "
                      "or 0.  [default: such images are refused]"),
)
_console_options = (
    click.option("-q", "--quiet", is_flag=True,
                 help="Say nothing but warnings and errors, no paths of results either."),
    click.option("-v", "--verbose", is_flag=True,
                 help="Say what each chip gave."),
    click.option("--log-file", metavar="FILE", callback=result_path, shell_complete=files,
                 help="Add the full story of the run, with times, to this file."),
)


def parameter_options(command: Command) -> Command:
    """Add the inputs, the ``.cfg`` and the options for all parameters of a run.

    Instead of these options the command receives the two arguments of ``Parameters.load``:
    ``config``, the path of the ``.cfg`` or None, and ``given``, a mapping of the parameters that
    are on the command line.
    """

    @wraps(command)
    def with_given(*args: object, inputs: tuple[str, ...], **options: object) -> None:
        values = {"input": inputs, **{name: options.pop(name) for name in _PARAMETERS}}
        given = {name: value for name, value in values.items() if value not in (None, ())}
        command(*args, given=given, **options)

    decorated: Command = with_given
    for option in reversed(_parameter_options):
        decorated = option(decorated)
    return decorated


def console_options(command: Command) -> Command:
    """Add how much is written to stderr, and the log file."""
    for option in reversed(_console_options):
        command = option(command)
    return command


edit = click.option(
    "--edit", is_flag=True,
    help="Edit the parameters before the run: in a form on the terminal (staticmask[gui]), or "
         "with $VISUAL or $EDITOR.")
suffix = click.option(
    "--suffix", metavar="KIND",
    help="Take files of this kind (flt, flc) where an exposure has several.")
output_dir = click.option(
    "-o", "--output-dir", default=".", metavar="FOLDER", callback=result_path,
    shell_complete=folders, help="Where the masks go; made when missing.  [default: this folder]")
overwrite = click.option(
    "--overwrite", is_flag=True,
    help="Replace a file of a mask's name even if it is no mask, or one of other pixels; and any "
         "text that is in the way of --report and --save-config.")
update = click.option(
    "--update", is_flag=True,
    help="Add the exposures to the masks that are there, made with the same parameters; members "
         "are not read again.")
checkpoint = click.option(
    "--checkpoint", type=click.IntRange(1), metavar="N",
    help="With --update, write the masks after every N exposures too: if the run is ended, the "
         "same command goes on from there.")
keep_going = click.option(
    "--keep-going", is_flag=True,
    help="Set exposures aside that are missing or unreadable, make the masks of the others, and "
         "exit with 1.")
apply_to = click.option(
    "--apply-to", metavar="FOLDER", callback=result_path, shell_complete=folders,
    help="Then write copies of the exposures to FOLDER, with the bad pixels flagged in DQ, as "
         "staticmask apply does.")
plot = click.option(
    "--plot", metavar="FILE", callback=result_path, shell_complete=files,
    help="Draw the masks to this .png, .pdf or .svg (staticmask[plot]).")
html = click.option(
    "--html", metavar="FOLDER", callback=result_path, shell_complete=folders,
    help="Write a page of all masks, index.html, with the same table and pictures to FOLDER "
         "(staticmask[plot]).")
jobs = click.option(
    "-j", "--jobs", type=click.IntRange(1, 1024), metavar="N",
    help="Work on N chips at the same time; with --scheduler, on N batches.  [default: the "
         "processors there are, up to 4; 1 if all chips are small]")
scheduler = click.option(
    "--scheduler", metavar="ADDRESS",
    help="Let a Dask cluster do it (staticmask[dask]): tcp://HOST:PORT of its scheduler, or local "
         "for processes on this machine.")
save_config = click.option(
    "--save-config", metavar="FILE", callback=result_path, shell_complete=files,
    help="Save the parameters of this run as a .cfg, then go on.")
report = click.option(
    "--report", metavar="FILE", callback=result_path, shell_complete=files,
    help="Write the run as data: parameters, versions, masks, a row for each chip. The suffix "
         "says how: .json, .ecsv or .csv.")
json = click.option(
    "--json", is_flag=True,
    help="Print the results as JSON instead; its schema is in the package.")
