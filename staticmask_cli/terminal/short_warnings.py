"""The warnings of a run in short, below the closing table: a line for each cause."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from staticmask_cli.errors import first_few
from staticmask_cli.terminal.streams import write_message

if TYPE_CHECKING:
    from staticmask_cli.masks.findings import Finding

__all__ = ["show_short_warnings"]

_MOST_NAMES = 10  # of masks in a line


def show_short_warnings(findings: Sequence["Finding"]) -> None:
    """Write a line for each cause to stderr, with the masks that it is about and what to do."""
    if not findings:
        return
    subjects: dict[tuple[str, str], dict[str, None]] = {}
    for finding in findings:
        subjects.setdefault((finding.short, finding.remedy), {})[finding.name] = None
    write_message(f"{len(findings)}, in short:", "Warnings")
    for (short, remedy), names in subjects.items():
        write_message(f"- {short} ({first_few(list(names), _MOST_NAMES)}): {remedy}")
