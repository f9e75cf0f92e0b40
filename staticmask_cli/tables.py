"""Tables as the results of a command, on stdout."""

import importlib
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from staticmask_cli.streams import hand_out

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.table import Table
    from rich.text import Text

__all__ = ["keep_whole", "load_tables", "new_table", "show", "size", "text"]

_WIDTH_OF_FILES = 200  # columns where there is no terminal to ask
_KILO = 1000


def load_tables() -> None:
    """Import what tables take, which would else be done when the first one is made."""
    importlib.import_module("rich.console")
    importlib.import_module("rich.table")


def show(*parts: "RenderableType") -> None:
    """Show tables and texts on stdout, without colours where that is no terminal."""
    console = _console()
    with console.capture() as captured:
        for part in parts:
            console.print(part, highlight=False, markup=False, emoji=False, soft_wrap=False)
    lines = [line.rstrip() for line in captured.get().splitlines()]
    # Tables come with blank lines above and below; one between two of them is enough.
    kept = (line for line, before in zip(lines, ["", *lines], strict=False) if line or before)
    hand_out("\n".join(kept))


def _console() -> "Console":
    from rich.console import Console  # noqa: PLC0415 - not for --help

    return Console(width=None if sys.stdout.isatty() else _WIDTH_OF_FILES)


def new_table(
    *titles: str, texts: Sequence[str] = (), heading: str | None = None, header: bool = True
) -> "Table":
    """Make an empty table; columns are numbers, at the right, but for those named in `texts`."""
    from rich import box  # noqa: PLC0415 - not for --help
    from rich.table import Table  # noqa: PLC0415

    table = Table(
        title=heading, title_justify="left", title_style="bold",
        box=box.SIMPLE_HEAD if header else None,
        pad_edge=False, collapse_padding=True, show_header=header,
    )
    for title in titles:
        if title in texts:
            table.add_column(title, overflow="fold")
        else:
            table.add_column(title, justify="right", no_wrap=True)
    return table


def keep_whole(table: "Table", names: Iterable[str], share: float) -> None:
    """Break none of the names of the first column, if that takes no more than a share of a line."""
    table.columns[0].no_wrap = max(map(len, names), default=0) <= share * _console().width


def text(words: str, style: str = "") -> "Text":
    """Text as it is: square brackets are no markup in the names of files."""
    from rich.text import Text  # noqa: PLC0415 - not for --help

    return Text("".join(map(_shown, words)), style)


def size(count: float) -> str:
    """Bytes for people, in powers of a thousand."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < _KILO:
            return f"{count:.3g} {unit}"
        count /= _KILO
    return f"{count:.4g} TB"


def _shown(char: str) -> str:
    r"""Show a character that would move the cursor as an escape, such as \x1b."""
    return char if char.isprintable() or char == "\n" else ascii(char)[1:-1]
