"""Help by topic: the options of a command under a few headings, the same in every command."""

import click
from click.shell_completion import CompletionItem

__all__ = ["TopicalCommand", "files", "folders"]

_TOPICS = {
    "Parameters": ("config", "static", "static-sig", "sky", "agree", "final-bits", "group",
                   "edit", "save-config", "save", "check"),
    "Inputs": ("suffix", "keep-going", "exposures", "camera"),
    "Outputs": ("output-dir", "overwrite", "update", "checkpoint", "plot", "report", "json",
                "make"),
    "Speed": ("jobs", "scheduler"),
    "Messages": ("quiet", "verbose", "log-file", "help"),
}
_REST = "Other options"


class TopicalCommand(click.Command):
    """A command whose ``--help`` shows its options by topic."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the options under the heading of their topic."""
        shown: dict[str, list[tuple[str, str]]] = {topic: [] for topic in (*_TOPICS, _REST)}
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
    return next((topic for topic, names in _TOPICS.items() if words.intersection(names)), _REST)


def files(
    _ctx: click.Context, _option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete the name of a file."""
    return [CompletionItem(incomplete, type="file")]


def folders(
    _ctx: click.Context, _option: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Let the shell complete the name of a folder."""
    return [CompletionItem(incomplete, type="dir")]
